"""The few operations of HPKE that Oblivious HTTP needs. The only user of pyhpke, loaded late."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from opengradient.core.keyset import HpkeKey
from opengradient.errors import ChannelError

if TYPE_CHECKING:
    from pyhpke import CipherSuite

NONCE_BYTES: Final = 12
"""Nn of every AEAD here (RFC 9180 section 7.3)."""
TAG_BYTES: Final = 16
KEY_BYTES: Final = {0x0001: 16, 0x0002: 32, 0x0003: 32}
"""Nk by AEAD (RFC 9180 section 7.3)."""


class SealContext(Protocol):
    """An HPKE context of the sender."""

    def seal(self, pt: bytes, aad: bytes = b"") -> bytes:
        """Encrypt the next message."""
        ...

    def export(self, exporter_context: bytes, length: int) -> bytes:
        """Derive a secret."""
        ...


class OpenContext(Protocol):
    """An HPKE context of the recipient."""

    def open(self, ct: bytes, aad: bytes = b"") -> bytes:
        """Decrypt the next message."""
        ...

    def export(self, exporter_context: bytes, length: int) -> bytes:
        """Derive a secret."""
        ...


def sender(key: HpkeKey, info: bytes, ephemeral: bytes | None) -> tuple[bytes, SealContext]:
    """SetupBaseS (RFC 9180 section 5.1.1).

    Args:
        key: The recipient's key.
        info: What the context is bound to.
        ephemeral: Private key to use once, for test vectors; a new one if None.

    Returns:
        The encapsulated key and the context.

    Raises:
        ChannelError: Code ``channel.open``: the key is one of the few that no secret can be
            agreed with.
    """
    from pyhpke import KEMKey, KEMKeyPair  # noqa: PLC0415

    private = (
        X25519PrivateKey.generate()
        if ephemeral is None
        else X25519PrivateKey.from_private_bytes(ephemeral)
    )
    pair = KEMKeyPair(
        KEMKey.from_pyca_cryptography_key(private),
        KEMKey.from_pyca_cryptography_key(private.public_key()),
    )
    peer = KEMKey.from_pyca_cryptography_key(X25519PublicKey.from_public_bytes(key.public_key))
    try:
        return _suite(key).create_sender_context(peer, info, eks=pair)
    except ValueError as error:
        raise ChannelError("no secret can be agreed with the key") from error


def recipient(key: HpkeKey, private_key: bytes, enc: bytes, info: bytes) -> OpenContext:
    """SetupBaseR (RFC 9180 section 5.1.1).

    Args:
        key: The recipient's public key and algorithms.
        private_key: Its private half.
        enc: The encapsulated key.
        info: What the context is bound to.

    Raises:
        ChannelError: Code ``channel.open``: no secret can be agreed with that key.
    """
    from pyhpke import KEMKey  # noqa: PLC0415

    private = KEMKey.from_pyca_cryptography_key(X25519PrivateKey.from_private_bytes(private_key))
    try:
        return _suite(key).create_recipient_context(enc, private, info)
    except ValueError as error:
        raise ChannelError("no secret can be agreed with the encapsulated key") from error


def open_with(context: OpenContext, sealed: bytes, aad: bytes = b"") -> bytes:
    """Decrypt the next message of a context.

    Raises:
        ChannelError: Code ``channel.open``: it was not sealed for this context, at this place.
    """
    from pyhpke.exceptions import OpenError  # noqa: PLC0415

    try:
        return context.open(sealed, aad)
    except OpenError as error:
        raise ChannelError("not sealed to this key, or changed on its way") from error


@final
@dataclass(frozen=True, slots=True)
class ResponseKeys:
    """The key and nonce that protect a response (RFC 9458 section 4.4)."""

    aead: AESGCM | ChaCha20Poly1305
    nonce: bytes

    @classmethod
    def derive(
        cls, aead_id: int, *, secret: bytes, enc: bytes, response_nonce: bytes
    ) -> "ResponseKeys":
        """Derive them; HKDF-SHA256 is the only KDF of `HpkeKey`.

        Args:
            aead_id: RFC 9180 AEAD.
            secret: Exported from the HPKE context of the request.
            enc: The request's encapsulated key.
            response_nonce: What the response begins with.
        """
        extract = HMAC(enc + response_nonce, SHA256())  # RFC 5869 section 2.2
        extract.update(secret)
        prk = extract.finalize()
        key = HKDFExpand(SHA256(), KEY_BYTES[aead_id], b"key").derive(prk)
        nonce = HKDFExpand(SHA256(), NONCE_BYTES, b"nonce").derive(prk)
        return cls(ChaCha20Poly1305(key) if aead_id == 0x0003 else AESGCM(key), nonce)

    def seal(self, data: bytes, *, counter: int = 0, aad: bytes = b"") -> bytes:
        """Encrypt message number `counter`."""
        return self.aead.encrypt(self._nonce(counter), data, aad)

    def open(self, sealed: bytes, *, counter: int = 0, aad: bytes = b"") -> bytes:
        """Decrypt message number `counter`.

        Raises:
            ChannelError: Code ``channel.open``.
        """
        try:
            return self.aead.decrypt(self._nonce(counter), sealed, aad)
        except InvalidTag as error:
            raise ChannelError("the answer was not sealed for this request") from error

    def _nonce(self, counter: int) -> bytes:
        return (int.from_bytes(self.nonce, "big") ^ counter).to_bytes(NONCE_BYTES, "big")


def response_nonce_bytes(aead_id: int) -> int:
    """max(Nn, Nk) (RFC 9458 section 4.4)."""
    return max(NONCE_BYTES, KEY_BYTES[aead_id])


def _suite(key: HpkeKey) -> "CipherSuite":
    from pyhpke import AEADId, CipherSuite, KDFId, KEMId  # noqa: PLC0415

    return CipherSuite.new(KEMId(key.kem_id), KDFId(key.kdf_id), AEADId(key.aead_id))
