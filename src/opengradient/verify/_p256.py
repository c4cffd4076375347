"""Raw signatures on P-256: r and s of 32 bytes each, as Intel writes them."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from opengradient.errors import SignatureError
from opengradient.verify.signatures import verify_ecdsa_raw


def verifies(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    """Whether 64 bytes are a signature of the message.

    Both values of ``s`` verify: signature bytes must never serve as an identity.
    """
    try:
        verify_ecdsa_raw(key, signature, message, hash_type=SHA256)
    except SignatureError:
        return False
    return True


def load_point(raw: bytes) -> ec.EllipticCurvePublicKey | None:
    """The key at x and y of 32 bytes each; None where no such point is on the curve."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError:
        return None
