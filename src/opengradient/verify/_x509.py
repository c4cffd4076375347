"""Certificate chains of attestation formats: from a pinned root to the key of a leaf.

This is a profile of RFC 5280 path validation (section 6.1) for short chains of a known shape, not
a web PKI verifier: one signature algorithm, no name constraints or policies (they would have to
be critical, and a critical extension that is not listed here is refused), and no revocation
lists, because the leaf of the formats that use it lives for hours.

`verify_chain` checks, in this order, each failure with its own code:

1. the number of certificates (``x509.length``);
2. every certificate by itself: DER, version 3 (``x509.malformed``), serial number
   (``x509.serial``), algorithm (``x509.algorithm``), key (``x509.key``), critical extensions
   (``x509.critical_extension``);
3. every issuer: is a CA (``x509.ca``), may sign certificates (``x509.key_usage``), with room left
   in its path length (``x509.path_length``);
4. the leaf: is no CA (``x509.leaf_ca``), may sign data (``x509.leaf_key_usage``);
5. every link: names (``x509.name_chain``), key identifiers (``x509.key_identifier``), signature
   (``x509.signature``);
6. every certificate at the given time (``x509.not_yet_valid``, ``x509.expired``).

The root comes from the caller's policy, never from the evidence, so it needs no further check of
its own signature.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from opengradient.core.digests import sha256
from opengradient.errors import CertificateChainError, SignatureError
from opengradient.verify._der import CertificateOutline, malformed, outline
from opengradient.verify.signatures import HashType, verify_ecdsa_der

MAX_CERTIFICATES: Final = 8
"""Longest chain that is read; Nitro's has five."""

MAX_SERIAL_BYTES: Final = 20
"""RFC 5280 section 4.1.2.2, not counting the zero byte that keeps a number positive: genuine
Nitro certificates have twenty bytes and that one."""

PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UserWarning,  # what the parser warns of (odd names within extensions), where warnings raise
)
"""Everything that the certificate parser raises for bytes that are no certificate."""
_E = TypeVar("_E", bound=x509.ExtensionType)
_KNOWN_CRITICAL = frozenset(
    {x509.BasicConstraints.oid, x509.KeyUsage.oid}  # the two that this module evaluates
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainProfile:
    """The one signature algorithm that every certificate of a chain uses.

    Attributes:
        name: For messages.
        algorithm: DER of the AlgorithmIdentifier, whole.
        curve: Curve of every key.
        hash_type: Hash of every signature.
        leaf_constraints: Whether the leaf must say that it is no CA. A leaf that says nothing is
            none either (RFC 5280 section 4.2.1.9), and some devices' say nothing.
    """

    name: str
    algorithm: bytes
    curve: type[ec.EllipticCurve]
    hash_type: HashType
    leaf_constraints: bool = True


ECDSA_P384_SHA384: Final = ChainProfile(
    name="ECDSA with SHA-384 on P-384",
    algorithm=bytes.fromhex("300a06082a8648ce3d040303"),  # RFC 5758 section 3.2, no parameters
    curve=ec.SECP384R1,
    hash_type=SHA384,
)

ECDSA_P256_SHA256: Final = ChainProfile(
    name="ECDSA with SHA-256 on P-256",
    algorithm=bytes.fromhex("300a06082a8648ce3d040302"),  # RFC 5758 section 3.2, no parameters
    curve=ec.SECP256R1,
    hash_type=SHA256,
)

NVIDIA_DEVICE: Final = replace(
    ECDSA_P384_SHA384, name="ECDSA with SHA-384 on P-384, of a GPU", leaf_constraints=False
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that passed the checks of step 2.

    Attributes:
        shape: Its outermost fields.
        parsed: The parsed certificate.
        extensions: Its extensions.
        key: Its public key.
    """

    shape: CertificateOutline
    parsed: x509.Certificate
    extensions: x509.Extensions
    key: ec.EllipticCurvePublicKey

    def __str__(self) -> str:
        """The start of its SHA-256, for messages: its name is anybody's text."""
        return sha256(self.parsed.public_bytes(Encoding.DER)).hex()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When all certificates of a chain are valid, both ends included, in Unix milliseconds."""

    from_ms: int
    until_ms: int


def parse_certificate(der: bytes, profile: ChainProfile) -> Certificate:
    """Parse one certificate and check what can be checked without its neighbours (step 2).

    Args:
        der: The certificate.
        profile: The algorithm it must use.

    Raises:
        CertificateChainError: See step 2 of the module.
    """
    shape = outline(der)
    serial = int.from_bytes(shape.serial, signed=True)
    if not 0 < serial < 1 << 8 * MAX_SERIAL_BYTES:
        raise CertificateChainError(
            "a certificate's serial number is not positive or too long", code="x509.serial"
        )
    if shape.inner_algorithm != profile.algorithm or shape.outer_algorithm != profile.algorithm:
        raise CertificateChainError(
            f"a certificate is not signed by {profile.name}",
            code="x509.algorithm",
            expected=profile.algorithm.hex(),
            actual=shape.outer_algorithm.hex(),
        )
    try:
        parsed = x509.load_der_x509_certificate(der)
        extensions = parsed.extensions
        key = parsed.public_key()
    except PARSE_ERRORS as error:
        raise malformed(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, profile.curve):
        raise CertificateChainError("a certificate has a key of another kind", code="x509.key")
    for extension in extensions:
        if extension.critical and extension.oid not in _KNOWN_CRITICAL:
            raise CertificateChainError(
                f"unknown critical extension {extension.oid.dotted_string}",
                code="x509.critical_extension",
            )
    return Certificate(shape, parsed, extensions, key)


def verify_chain(
    root: bytes, presented: Sequence[Certificate], *, profile: ChainProfile, now_ms: int
) -> Window:
    """Check that the last certificate of ``presented`` descends from ``root`` at ``now_ms``.

    Args:
        root: DER of the trusted root, from the caller's policy.
        presented: The certificates below the root, issuer before subject, the leaf last, each
            from `parse_certificate` with the same profile.
        profile: The algorithm of the chain.
        now_ms: The time to check at, Unix milliseconds.

    Returns:
        When the whole chain is valid. The leaf's key may now be trusted.

    Raises:
        CertificateChainError: See the steps of the module.
    """
    chain = [parse_certificate(root, profile), *presented]
    if not 2 <= len(chain) <= MAX_CERTIFICATES:  # step 1
        raise CertificateChainError(
            f"a chain has 2 to {MAX_CERTIFICATES} certificates",
            code="x509.length",
            actual=len(chain),
        )
    for position, issuer in enumerate(chain[:-1]):
        _check_issuer(issuer, cas_below=len(chain) - 2 - position)  # step 3
    _check_leaf(chain[-1], profile)  # step 4
    for issuer, subject in pairwise(chain):
        check_link(issuer, subject, profile)  # step 5
    for certificate in chain:
        _check_validity(certificate, now_ms)  # step 6
    windows = [_validity(certificate) for certificate in chain]
    return Window(
        from_ms=max(start for start, _ in windows), until_ms=min(end for _, end in windows)
    )


def _check_issuer(issuer: Certificate, *, cas_below: int) -> None:
    constraints = find_extension(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.critical or not constraints.value.ca:
        raise CertificateChainError(f"an issuer is not a CA: {issuer}", code="x509.ca")
    usage = find_extension(issuer, x509.KeyUsage)
    if usage is None or not usage.value.key_cert_sign:
        raise CertificateChainError(
            f"an issuer may not sign certificates: {issuer}", code="x509.key_usage"
        )
    limit = constraints.value.path_length
    if limit is not None and cas_below > limit:
        raise CertificateChainError(
            f"more authorities below an issuer than it allows: {issuer}",
            code="x509.path_length",
            expected=f"<= {limit}",
            actual=cas_below,
        )


def _check_leaf(leaf: Certificate, profile: ChainProfile) -> None:
    constraints = find_extension(leaf, x509.BasicConstraints)
    if constraints.value.ca if constraints is not None else profile.leaf_constraints:
        raise CertificateChainError(f"the leaf may be a CA: {leaf}", code="x509.leaf_ca")
    usage = find_extension(leaf, x509.KeyUsage)
    if usage is None or not usage.value.digital_signature or usage.value.key_cert_sign:
        raise CertificateChainError(
            f"the leaf's key is not for signing data only: {leaf}", code="x509.leaf_key_usage"
        )


def check_link(issuer: Certificate, subject: Certificate, profile: ChainProfile) -> None:
    """Require that one certificate is issued by another (step 5 of the module).

    Raises:
        CertificateChainError: ``x509.name_chain``, ``x509.key_identifier`` or
            ``x509.signature``.
    """
    # As bytes: comparing parsed names would forgive differences in encoding.
    if subject.shape.issuer != issuer.shape.subject:
        raise CertificateChainError(
            f"a certificate names another issuer: {subject}",
            code="x509.name_chain",
            expected=issuer.shape.subject.hex(),
            actual=subject.shape.issuer.hex(),
        )
    wanted = find_extension(subject, x509.AuthorityKeyIdentifier)
    given = find_extension(issuer, x509.SubjectKeyIdentifier)
    if wanted and given and wanted.value.key_identifier not in (None, given.value.digest):
        raise CertificateChainError(
            f"a certificate names another key of its issuer: {subject}",
            code="x509.key_identifier",
        )
    try:
        verify_ecdsa_der(
            issuer.key,
            subject.parsed.signature,
            subject.parsed.tbs_certificate_bytes,
            hash_type=profile.hash_type,
        )
    except SignatureError as error:
        raise CertificateChainError(
            f"not signed by its issuer: {subject}", code="x509.signature"
        ) from error


def _check_validity(certificate: Certificate, now_ms: int) -> None:
    start, end = _validity(certificate)
    if now_ms < start:
        raise CertificateChainError(
            f"not valid yet: {certificate}",
            code="x509.not_yet_valid",
            expected=f">= {start} ms",
            actual=f"{now_ms} ms",
        )
    if now_ms > end:
        raise CertificateChainError(
            f"no longer valid: {certificate}",
            code="x509.expired",
            expected=f"<= {end} ms",
            actual=f"{now_ms} ms",
        )


def _validity(certificate: Certificate) -> tuple[int, int]:
    """NotBefore and notAfter, both inclusive (RFC 5280 section 4.1.2.5), in milliseconds."""
    parsed = certificate.parsed
    return (
        int(parsed.not_valid_before_utc.timestamp()) * 1000,
        int(parsed.not_valid_after_utc.timestamp()) * 1000,
    )


def find_extension(certificate: Certificate, kind: type[_E]) -> x509.Extension[_E] | None:
    """The certificate's extension of this kind; None where it has none."""
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
