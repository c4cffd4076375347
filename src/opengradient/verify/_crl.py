"""Certificate revocation lists on P-256: full, direct lists of one issuer (RFC 5280 section 5).

`open_crl` checks, each with its own code: the form (``dcap.crl.malformed``), the algorithm
(``dcap.crl.algorithm``), critical extensions (``dcap.crl.critical_extension``: delta and indirect
lists are refused by it), that the issuer may sign lists (``dcap.crl.key_usage``), its name
(``dcap.crl.issuer``) and key identifier (``dcap.crl.key_identifier``), the signature
(``dcap.crl.signature``) and the time (``dcap.crl.not_yet_valid``, ``dcap.crl.expired``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from opengradient.errors import CertificateChainError, MalformedError, SignatureError
from opengradient.verify._der import element
from opengradient.verify._x509 import Certificate, ChainProfile, Window, find_extension
from opengradient.verify.signatures import verify_ecdsa_der

_INTEGER, _SEQUENCE, _BIT_STRING = 0x02, 0x30, 0x03
_PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    UserWarning,
)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that passed every check of `open_crl`.

    Attributes:
        parsed: The list.
        window: When it may be used.
    """

    parsed: x509.CertificateRevocationList
    window: Window

    def lists(self, certificate: Certificate) -> bool:
        """Whether the certificate is on it, for whatever reason."""
        serial = certificate.parsed.serial_number
        return self.parsed.get_revoked_certificate_by_serial_number(serial) is not None


def open_crl(
    der: bytes, issuer: Certificate, *, profile: ChainProfile, now_ms: int, what: str
) -> RevocationList:
    """Read a list and check everything about it.

    Args:
        der: The list.
        issuer: Who must have signed it, a certificate that is trusted already.
        profile: The algorithm.
        now_ms: The time to check at, Unix milliseconds. A list is out of date from its
            nextUpdate on.
        what: What it is, for messages.

    Raises:
        MalformedError: Code ``dcap.crl.malformed``.
        CertificateChainError: See the module.
    """
    issuer_name = _outline(der, profile, what)
    try:
        parsed = x509.load_der_x509_crl(der)
        extensions = parsed.extensions
        start, end = parsed.last_update_utc, parsed.next_update_utc
        signature, signed = parsed.signature, parsed.tbs_certlist_bytes
    except _PARSE_ERRORS as error:
        raise _malformed(what, str(error)) from error
    if end is None:
        raise _malformed(what, "no nextUpdate")
    if any(extension.critical for extension in extensions):
        raise _refused("critical_extension", f"{what} has a critical extension")
    _check_issuer(extensions, issuer_name, issuer, what)
    try:
        verify_ecdsa_der(issuer.key, signature, signed, hash_type=profile.hash_type)
    except SignatureError as error:
        raise _refused("signature", f"{what} is not signed by its issuer") from error
    window = Window(from_ms=_ms(start), until_ms=_ms(end) - 1)
    _check_time(window, now_ms, what)
    return RevocationList(parsed, window)


def _outline(der: bytes, profile: ChainProfile, what: str) -> bytes:
    """Check the outermost shape; return the issuer's name, whole."""

    def refuse(why: str) -> MalformedError:
        return _malformed(what, why)

    start, end = element(der, 0, len(der), _SEQUENCE, refuse)
    tbs_start, tbs_end = element(der, start, end, _SEQUENCE, refuse)
    _, outer_end = element(der, tbs_end, end, _SEQUENCE, refuse)
    bits, bits_end = element(der, outer_end, end, _BIT_STRING, refuse)
    if end != len(der) or bits_end != end or der[bits : bits + 1] != b"\0":
        raise refuse("bytes after its end, or a signature that is not whole bytes")
    _, version_end = element(der, tbs_start, tbs_end, _INTEGER, refuse)
    _, inner_end = element(der, version_end, tbs_end, _SEQUENCE, refuse)
    _, issuer_end = element(der, inner_end, tbs_end, _SEQUENCE, refuse)
    if der[version_end:inner_end] != profile.algorithm or der[tbs_end:outer_end] != (
        profile.algorithm
    ):
        raise _refused("algorithm", f"{what} is not signed by {profile.name}")
    return der[inner_end:issuer_end]


def _check_issuer(
    extensions: x509.Extensions, issuer_name: bytes, issuer: Certificate, what: str
) -> None:
    usage = find_extension(issuer, x509.KeyUsage)
    if usage is None or not usage.value.crl_sign:
        raise _refused("key_usage", f"the issuer of {what} may not sign lists")
    if issuer_name != issuer.shape.subject:
        raise _refused("issuer", f"{what} is of another issuer")
    given = find_extension(issuer, x509.SubjectKeyIdentifier)
    try:
        wanted = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return
    if given and wanted.value.key_identifier not in (None, given.value.digest):
        raise _refused("key_identifier", f"{what} names another key of its issuer")


def _check_time(window: Window, now_ms: int, what: str) -> None:
    if now_ms < window.from_ms:
        raise CertificateChainError(
            f"{what} is not valid yet",
            code="dcap.crl.not_yet_valid",
            expected=f">= {window.from_ms} ms",
            actual=f"{now_ms} ms",
        )
    if now_ms > window.until_ms:
        raise CertificateChainError(
            f"{what} is out of date",
            code="dcap.crl.expired",
            expected=f"<= {window.until_ms} ms",
            actual=f"{now_ms} ms",
        )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _malformed(what: str, why: str) -> MalformedError:
    return MalformedError(f"{what} is no revocation list: {why}", code="dcap.crl.malformed")


def _refused(code: str, why: str) -> CertificateChainError:
    return CertificateChainError(why, code=f"dcap.crl.{code}")
