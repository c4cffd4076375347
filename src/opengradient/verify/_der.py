"""A strict look at the outside of an X.509 certificate in DER, before a library parses it.

It answers the questions that a general parser leaves open: is the serial number what RFC 5280
asks for, do both algorithm fields name exactly the one algorithm we accept (with no parameters
smuggled in), does the certificate end where the input ends. Names are only ever compared, so they
are taken as bytes and never interpreted.
"""

from collections.abc import Callable
from dataclasses import dataclass

from opengradient.errors import CertificateChainError, VerificationError

_INTEGER, _SEQUENCE, _BIT_STRING, _VERSION = 0x02, 0x30, 0x03, 0xA0


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateOutline:
    """The outermost fields of a certificate (RFC 5280 section 4.1).

    Attributes:
        serial: Content of the serial number, as encoded.
        inner_algorithm: The AlgorithmIdentifier inside the signed part, whole.
        outer_algorithm: The AlgorithmIdentifier beside the signature, whole.
        issuer: The issuer's name, whole.
        subject: The subject's name, whole.
    """

    serial: bytes
    inner_algorithm: bytes
    outer_algorithm: bytes
    issuer: bytes
    subject: bytes


def outline(der: bytes) -> CertificateOutline:
    """Read the outline of one certificate.

    Raises:
        CertificateChainError: With code ``x509.malformed``.
    """
    start, end = element(der, 0, len(der), _SEQUENCE)
    if end != len(der):
        raise malformed("bytes after its end")
    tbs_start, tbs_end = element(der, start, end, _SEQUENCE)
    _, outer_end = element(der, tbs_end, end, _SEQUENCE)
    signature_start, signature_end = element(der, outer_end, end, _BIT_STRING)
    if signature_end != end:
        raise malformed("fields after its signature")
    # The parser forgives unused bits in the signature, which would give a certificate twins.
    if der[signature_start : signature_start + 1] != b"\0":
        raise malformed("a signature that is not whole bytes")
    _, version_end = element(der, tbs_start, tbs_end, _VERSION)
    serial_start, serial_end = element(der, version_end, tbs_end, _INTEGER)
    _, inner_end = element(der, serial_end, tbs_end, _SEQUENCE)
    _, issuer_end = element(der, inner_end, tbs_end, _SEQUENCE)
    _, validity_end = element(der, issuer_end, tbs_end, _SEQUENCE)
    _, subject_end = element(der, validity_end, tbs_end, _SEQUENCE)
    return CertificateOutline(
        serial=der[serial_start:serial_end],
        inner_algorithm=der[serial_end:inner_end],
        outer_algorithm=der[tbs_end:outer_end],
        issuer=der[inner_end:issuer_end],
        subject=der[validity_end:subject_end],
    )


def malformed(why: str) -> CertificateChainError:
    """The error for a certificate that is not strict DER."""
    return CertificateChainError(f"a certificate is not strict DER: {why}", code="x509.malformed")


def element(
    data: bytes,
    offset: int,
    limit: int,
    tag: int,
    refuse: Callable[[str], VerificationError] = malformed,
) -> tuple[int, int]:
    """Find the element at ``offset``.

    Lengths must be definite and as short as possible (X.690 sections 10.1 and 8.1.3).

    Args:
        data: The whole encoding.
        offset: Where the element starts.
        limit: Where its parent ends.
        tag: The tag it must have.
        refuse: Makes the error from what is wrong.

    Returns:
        Where its content starts and ends.

    Raises:
        VerificationError: From `refuse`; by default `malformed`.
    """
    if offset + 2 > limit or data[offset] != tag:
        raise refuse(f"no element with tag {tag:#04x} at byte {offset}")
    length = data[offset + 1]
    start = offset + 2
    if length >= 0x80:
        size = length & 0x7F
        if size not in (1, 2) or start + size > limit:
            raise refuse("an indefinite or absurd length")
        length = int.from_bytes(data[start : start + size])
        start += size
        if length < (0x80 if size == 1 else 0x100):
            raise refuse("a length written longer than needed")
    if start + length > limit:
        raise refuse("an element that runs past its parent")
    return start, start + length
