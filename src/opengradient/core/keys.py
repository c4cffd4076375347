"""secp256k1 keys and signatures, in the one form we accept.

Signatures are ``r || s || v`` with low s (EIP-2) and v of 27 or 28, so each message has exactly
one valid signature per nonce and a twin with high s is refused.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, final

import coincurve

from opengradient.core.digests import keccak256
from opengradient.errors import MalformedError, SignatureError

CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""


@final
@dataclass(frozen=True, slots=True)
class Signature:
    """A recoverable secp256k1 signature.

    Attributes:
        r: 32 bytes, big-endian.
        s: 32 bytes, big-endian, at most half the curve order.
        v: 27 or 28.
    """

    r: bytes
    s: bytes
    v: int

    @classmethod
    def parse(cls, data: bytes) -> "Signature":
        """Read 65 bytes ``r || s || v``.

        Raises:
            MalformedError: Not 65 bytes.
            SignatureError: Not in canonical form.
        """
        if len(data) != 65:
            raise MalformedError("a signature has 65 bytes", expected=65, actual=len(data))
        signature = cls(data[:32], data[32:64], data[64])
        r, s = int.from_bytes(signature.r), int.from_bytes(signature.s)
        if not 0 < r < CURVE_ORDER or not 0 < s <= CURVE_ORDER // 2 or signature.v not in (27, 28):
            raise SignatureError(
                "the signature is not in canonical form", code="receipt.signature.malleable"
            )
        return signature

    def encode(self) -> bytes:
        """``r || s || v``, 65 bytes."""
        return self.r + self.s + bytes([self.v])

    def vs(self) -> bytes:
        """The EIP-2098 ``yParityAndS`` word."""
        return (int.from_bytes(self.s) | (self.v - 27) << 255).to_bytes(32)

    @classmethod
    def from_compact(cls, r: bytes, vs: bytes) -> "Signature":
        """Read the EIP-2098 form ``(r, vs)``."""
        word = int.from_bytes(vs)
        s = word & ((1 << 255) - 1)
        return cls.parse(r + s.to_bytes(32) + bytes([27 + (word >> 255)]))


@final
@dataclass(frozen=True, slots=True)
class PublicKey:
    """A secp256k1 public key, held as its 33 compressed bytes."""

    compressed: bytes

    @classmethod
    def parse(cls, data: bytes) -> "PublicKey":
        """Read 33 compressed bytes.

        Raises:
            MalformedError: Not a point of the curve in compressed form.
        """
        if len(data) != 33:
            raise MalformedError(
                "a compressed public key has 33 bytes", expected=33, actual=len(data)
            )
        _coincurve_key(data)
        return cls(bytes(data))

    @property
    def node_id(self) -> bytes:
        """keccak256 of the 64-byte uncompressed point; its last 20 bytes are the address."""
        return _node_id(self.compressed)

    @property
    def address(self) -> bytes:
        """The 20-byte Ethereum address."""
        return self.node_id[12:]

    def verify(self, digest: bytes, signature: Signature) -> None:
        """Check a signature over a 32-byte digest.

        Raises:
            SignatureError: It does not verify under this key.
        """
        recovered = recover(digest, signature)
        if recovered != self.compressed:
            raise SignatureError(
                "the signature is by another key",
                step="signature",
                expected=self.compressed.hex(),
                actual=recovered.hex(),
            )


@lru_cache(maxsize=256)
def _coincurve_key(compressed: bytes) -> coincurve.PublicKey:
    try:
        return coincurve.PublicKey(compressed)
    except ValueError as error:
        raise MalformedError("not a point of secp256k1", step="public key") from error


@lru_cache(maxsize=256)
def _node_id(compressed: bytes) -> bytes:
    return keccak256(_coincurve_key(compressed).format(compressed=False)[1:])


def recover(digest: bytes, signature: Signature) -> bytes:
    """Recover the compressed public key that signed `digest`.

    Raises:
        SignatureError: No key could have made this signature.
    """
    raw = signature.r + signature.s + bytes([signature.v - 27])
    try:
        point = coincurve.PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except Exception as error:  # coincurve raises bare Exception here
        raise SignatureError("no key can have made this signature", step="signature") from error
    return point.format(compressed=True)


class Signer(Protocol):
    """Whatever holds a secp256k1 key: in memory, in an enclave, in an HSM."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signs."""
        ...

    def sign(self, digest: bytes) -> Signature:
        """Sign a 32-byte digest with low s."""
        ...


@final
class MemorySigner:
    """A signer whose key lives in this process. The key is never shown by repr or str."""

    __slots__ = ("_key", "public_key")

    def __init__(self, secret: bytes) -> None:
        """Take a 32-byte secret scalar.

        Raises:
            MalformedError: Not a scalar of the curve.
        """
        if len(secret) != 32 or not 0 < int.from_bytes(secret) < CURVE_ORDER:
            raise MalformedError("a secp256k1 secret is a 32-byte scalar", step="secret key")
        self._key = coincurve.PrivateKey(secret)
        self.public_key = PublicKey(self._key.public_key.format(compressed=True))

    def sign(self, digest: bytes) -> Signature:
        """Sign a 32-byte digest; deterministic (RFC 6979), low s."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return Signature(raw[:32], raw[32:64], raw[64] + 27)
