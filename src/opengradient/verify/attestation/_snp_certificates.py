"""AMD's certificates, each by itself: form, algorithm, key, extensions.

The profile is AMD publication 57230: signatures by RSASSA-PSS with SHA-384, MGF1 with SHA-384 and
a salt of 48 bytes, below keys of RSA-4096; the leaf's key is on P-384. Genuine VCEKs have serial
number 0, so the library's parser is asked for keys and for nothing else.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key

from opengradient.errors import CertificateChainError, SignatureError
from opengradient.verify._der import malformed
from opengradient.verify._tbs import (
    BASIC_CONSTRAINTS,
    BIT_STRING,
    BOOLEAN,
    KEY_USAGE,
    SEQUENCE,
    CertificateFields,
    Signed,
    only,
    read_certificate,
    unsigned,
)
from opengradient.verify.signatures import verify_rsa_pss

MAX_CERTIFICATE_BYTES: Final = 4096
"""AMD's have at most some 1,700 bytes."""


def _pss(*, null: bytes, trailer: bytes) -> bytes:
    """The AlgorithmIdentifier of RSASSA-PSS (RFC 4055 section 3.1) with AMD's parameters."""

    def tagged(tag: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return bytes((tag, len(body))) + body

    sha384 = tagged(0x30, bytes.fromhex("0609608648016503040202"), null)
    mgf1 = tagged(0x30, bytes.fromhex("06092a864886f70d010108"), sha384)
    salt = bytes.fromhex("a203020130")
    parameters = tagged(0x30, tagged(0xA0, sha384), tagged(0xA1, mgf1), salt, trailer)
    return tagged(0x30, bytes.fromhex("06092a864886f70d01010a"), parameters)


PSS_ALGORITHMS: Final = frozenset(
    _pss(null=null, trailer=trailer)
    for null in (b"\x05\x00", b"")
    for trailer in (bytes.fromhex("a303020101"), b"")
)
"""SHA-384, MGF1 with SHA-384, 48 bytes of salt: AMD's certificates spell the default trailer field
out, DER leaves it away; the hashes have NULL for parameters or none (RFC 4055 section 2.1: both
are to be read). Nothing else is accepted."""

_RSA_BITS, _RSA_EXPONENT = 4096, 65537
_MAX_SERIAL_BYTES = 20
DIGITAL_SIGNATURE: Final = 0x80
KEY_CERT_SIGN: Final = 0x04
CRL_SIGN: Final = 0x02
_KNOWN_CRITICAL = frozenset({BASIC_CONSTRAINTS, KEY_USAGE})


def read_amd_certificate(der: bytes) -> CertificateFields:
    """Read one certificate and check what can be checked without its neighbours.

    Raises:
        CertificateChainError: ``x509.malformed``, ``x509.algorithm``, ``x509.serial`` or
            ``x509.critical_extension``.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise malformed("larger than any of AMD's")
    fields = read_certificate(der)
    check_algorithm(fields.signed, "x509.algorithm")
    if fields.serial < 0 or fields.serial_bytes > _MAX_SERIAL_BYTES:
        raise CertificateChainError("a serial number is negative or too long", code="x509.serial")
    for oid, extension in fields.signed.extensions.items():
        if extension.critical and oid not in _KNOWN_CRITICAL:
            raise CertificateChainError(
                f"unknown critical extension {oid.hex()}", code="x509.critical_extension"
            )
    return fields


def check_algorithm(signed: Signed, code: str) -> None:
    """Require AMD's one algorithm, named alike inside and outside.

    Raises:
        CertificateChainError: With the given code.
    """
    same = signed.inner_algorithm == signed.outer_algorithm
    if not same or signed.outer_algorithm not in PSS_ALGORITHMS:
        raise CertificateChainError(
            "not signed by RSASSA-PSS with SHA-384 and a salt of 48 bytes",
            code=code,
            actual=signed.outer_algorithm.hex(),
        )


def leaf_key(leaf: CertificateFields) -> ec.EllipticCurvePublicKey:
    """The key that signs reports.

    Raises:
        CertificateChainError: ``x509.malformed`` or ``x509.key``.
    """
    key = _load(leaf)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise CertificateChainError("the leaf's key is not on P-384", code="x509.key")
    return key


def signed_by(issuer: CertificateFields, signed: Signed) -> bool:
    """Whether the issuer's key made this signature.

    Raises:
        CertificateChainError: ``x509.malformed`` or ``x509.key`` for the issuer's key.
    """
    key = _load(issuer)
    if (
        not isinstance(key, rsa.RSAPublicKey)
        or key.key_size != _RSA_BITS
        or key.public_numbers().e != _RSA_EXPONENT
    ):
        raise CertificateChainError("an issuer's key is not AMD's RSA-4096", code="x509.key")
    try:
        verify_rsa_pss(
            key,
            signed.signature,
            signed.tbs,
            hash_type=SHA384,
            salt_bytes=SHA384.digest_size,
        )
    except SignatureError:
        return False
    return True


def _load(fields: CertificateFields) -> object:
    try:
        return load_der_public_key(fields.spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise malformed("a key that cannot be read") from error


def constraints(fields: CertificateFields) -> tuple[bool, int | None]:
    """Whether basicConstraints say CA, and the path length they allow.

    Raises:
        CertificateChainError: ``x509.malformed``.
    """
    extension = fields.signed.extensions.get(BASIC_CONSTRAINTS)
    if extension is None:
        return False, None
    content = only(extension.value, SEQUENCE)
    ca = content[:3] == bytes((BOOLEAN, 1, 0xFF))
    rest = content[3:] if ca else content
    return ca, unsigned(rest) if rest else None


def usage(fields: CertificateFields) -> int:
    """The first eight bits of keyUsage; none without the extension.

    Raises:
        CertificateChainError: ``x509.malformed``.
    """
    extension = fields.signed.extensions.get(KEY_USAGE)
    if extension is None:
        return 0
    return int.from_bytes(only(extension.value, BIT_STRING)[1:2])
