"""The signature algorithms that evidence and old formats use, one function each.

A caller fixes the algorithm and its parameters; nothing of them is ever read from the message, the
key or a certificate. Receipts are signed with secp256k1 in a form of its own, see
`opengradient.core.keys`. `docs/spec/crypto.md` lists who uses what, and which of the Wycheproof
cases labelled "acceptable" are accepted; `tests/unit/verify/test_wycheproof.py` runs them.
"""

from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from opengradient.errors import SignatureError

HashType: TypeAlias = type[SHA256] | type[SHA384] | type[SHA512]

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""Below, a key can be factored; above, one check costs more than a message is worth. The public
network's precompile has the same bounds."""

_ORDERS: Final = {
    "secp256r1": int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16),
    "secp384r1": int(
        "ffffffffffffffffffffffffffffffffffffffffffffffff"
        "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        16,
    ),
}
"""Orders of P-256 and P-384 (SP 800-186 sections 3.2.1.3 and 3.2.1.4)."""

ED25519_KEY_BYTES: Final = 32
ED25519_SIGNATURE_BYTES: Final = 64


def verify_ecdsa_der(
    key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, *, hash_type: HashType
) -> None:
    """Check an ECDSA signature in DER, as certificates and revocation lists carry it.

    Args:
        key: On P-256 or P-384; the caller has checked which.
        signature: ``SEQUENCE { r, s }``, strict DER.
        message: What was signed.
        hash_type: The hash.

    Raises:
        SignatureError: Code ``signature.invalid``.
    """
    try:
        key.verify(signature, message, ec.ECDSA(hash_type()))
    except InvalidSignature as error:
        raise _invalid("ECDSA") from error


def verify_ecdsa_raw(
    key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes, *, hash_type: HashType
) -> None:
    """Check an ECDSA signature ``r || s`` (IEEE P1363), as COSE and quotes carry it.

    Both values of ``s`` verify, so the signature must never serve as an identity.

    Args:
        key: On P-256 or P-384; the caller has checked which.
        signature: r and s, big-endian, each as long as the curve's order.
        message: What was signed.
        hash_type: The hash.

    Raises:
        SignatureError: ``signature.key`` for another curve, ``signature.form`` for another
            length, ``signature.range`` for r or s that is zero or not below the curve's order,
            ``signature.invalid`` otherwise.
    """
    order = _ORDERS.get(key.curve.name)
    if order is None:
        raise SignatureError("a key of another curve", code="signature.key", actual=key.curve.name)
    half = (order.bit_length() + 7) // 8
    if len(signature) != 2 * half:
        raise SignatureError(
            "the signature is not r || s",
            code="signature.form",
            expected=2 * half,
            actual=len(signature),
        )
    r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
    if not 0 < r < order or not 0 < s < order:
        raise SignatureError("r or s is out of range", code="signature.range")
    verify_ecdsa_der(key, encode_dss_signature(r, s), message, hash_type=hash_type)


def verify_rsa_pss(
    key: rsa.RSAPublicKey, signature: bytes, message: bytes, *, hash_type: HashType, salt_bytes: int
) -> None:
    """Check an RSASSA-PSS signature (RFC 8017 section 8.1) with MGF1 over the same hash.

    Args:
        key: Of 2048 to 8192 bits.
        signature: As long as the modulus.
        message: What was signed.
        hash_type: Hash of the message and of MGF1.
        salt_bytes: Exact length of the salt.

    Raises:
        SignatureError: ``signature.key`` for a key of another size, else ``signature.invalid``.
    """
    _check_rsa_size(key)
    scheme = padding.PSS(mgf=padding.MGF1(hash_type()), salt_length=salt_bytes)
    _verify_rsa(key, signature, message, scheme, hash_type())


def verify_rsa_pkcs1(
    key: rsa.RSAPublicKey, signature: bytes, message: bytes, *, hash_type: HashType
) -> None:
    """Check an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2), as JWTs with RS256 carry it.

    Args:
        key: Of 2048 to 8192 bits.
        signature: As long as the modulus.
        message: What was signed.
        hash_type: The hash.

    Raises:
        SignatureError: ``signature.key`` for a key of another size, else ``signature.invalid``.
    """
    _check_rsa_size(key)
    _verify_rsa(key, signature, message, padding.PKCS1v15(), hash_type())


def verify_ed25519(key: bytes, signature: bytes, message: bytes) -> None:
    """Check an Ed25519 signature (RFC 8032 section 5.1.7).

    Args:
        key: 32 bytes.
        signature: 64 bytes.
        message: What was signed.

    Raises:
        SignatureError: ``signature.form`` where key or signature have another length,
            ``signature.invalid`` otherwise.
    """
    if len(key) != ED25519_KEY_BYTES or len(signature) != ED25519_SIGNATURE_BYTES:
        raise SignatureError(
            "an Ed25519 key has 32 bytes and a signature 64", code="signature.form"
        )
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature as error:
        raise _invalid("Ed25519") from error


def _check_rsa_size(key: rsa.RSAPublicKey) -> None:
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise SignatureError(
            f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits",
            code="signature.key",
            actual=key.key_size,
        )


def _verify_rsa(
    key: rsa.RSAPublicKey,
    signature: bytes,
    message: bytes,
    scheme: padding.PSS | padding.PKCS1v15,
    algorithm: HashAlgorithm,
) -> None:
    try:
        key.verify(signature, message, scheme, algorithm)
    except InvalidSignature as error:
        raise _invalid("RSA") from error


def _invalid(name: str) -> SignatureError:
    return SignatureError(f"the {name} signature does not verify", code="signature.invalid")
