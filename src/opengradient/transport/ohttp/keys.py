"""Key configurations of Oblivious HTTP (RFC 9458 section 3), and the private half of one."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self, final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from opengradient.core.keyset import AEADS, KDF_HKDF_SHA256, KEM_X25519, HpkeKey
from opengradient.errors import MalformedError, UnsupportedError

KEYS_MEDIA_TYPE: Final = "application/ohttp-keys"
PUBLIC_KEY_BYTES: Final = 32
"""Npk and Nenc of DHKEM(X25519, HKDF-SHA256) (RFC 9180 section 7.1)."""

_FIXED: Final = 1 + 2 + PUBLIC_KEY_BYTES + 2


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConfig:
    """One key, and the algorithms that may be used with it.

    Attributes:
        key_id: 0 to 255.
        public_key: X25519 key.
        algorithms: Pairs of KDF and AEAD, RFC 9180 identifiers, best first.
    """

    key_id: int
    public_key: bytes
    algorithms: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuse what has no encoding."""
        if not 0 <= self.key_id <= 255 or len(self.public_key) != PUBLIC_KEY_BYTES:
            raise _malformed("it has an id of one byte and 32 bytes of X25519 key")
        if not self.algorithms or len(self.algorithms) > 65535 // 4:
            raise _malformed("it lists no algorithms, or too many")

    @classmethod
    def of(cls, key: HpkeKey) -> Self:
        """The configuration of one attested key."""
        return cls(
            key_id=key.key_id, public_key=key.public_key, algorithms=((key.kdf_id, key.aead_id),)
        )

    def encode(self) -> bytes:
        """The encoding of section 3.1."""
        algorithms = b"".join(_two(kdf) + _two(aead) for kdf, aead in self.algorithms)
        return b"".join(
            (
                bytes([self.key_id]),
                _two(KEM_X25519),
                self.public_key,
                _two(len(algorithms)),
                algorithms,
            )
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one configuration, which is all of `data`.

        Raises:
            MalformedError: Code ``channel.key_config``.
            UnsupportedError: Code ``channel.key_suite``: another KEM than X25519.
        """
        if len(data) < 3:
            raise _malformed("it ends early")
        kem_id = int.from_bytes(data[1:3], "big")
        if kem_id != KEM_X25519:
            raise UnsupportedError(f"a key for KEM {kem_id:#06x}", code="channel.key_suite")
        listed = int.from_bytes(data[_FIXED - 2 : _FIXED], "big")
        if listed % 4 or len(data) != _FIXED + listed:
            raise _malformed("its lengths do not fit")
        pairs = [
            (int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big"))
            for at in range(_FIXED, len(data), 4)
        ]
        return cls(key_id=data[0], public_key=data[3 : _FIXED - 2], algorithms=tuple(pairs))

    def select(self) -> HpkeKey:
        """The key with the first algorithms that are known here.

        Raises:
            UnsupportedError: Code ``channel.key_suite``: none is.
        """
        for kdf, aead in self.algorithms:
            if kdf == KDF_HKDF_SHA256 and aead in AEADS:
                return HpkeKey(key_id=self.key_id, public_key=self.public_key, aead_id=aead)
        raise UnsupportedError("no algorithms that are known here", code="channel.key_suite")


def encode_key_configs(configs: tuple[KeyConfig, ...]) -> bytes:
    """The content of ``application/ohttp-keys`` (section 3.2)."""
    encoded = [config.encode() for config in configs]
    return b"".join(_two(len(item)) + item for item in encoded)


def parse_key_configs(data: bytes) -> tuple[KeyConfig, ...]:
    """Read ``application/ohttp-keys``; configurations with another KEM are passed over.

    Raises:
        MalformedError: Code ``channel.key_config``: any of it is not well-formed, or none is there.
    """
    configs: list[KeyConfig] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            raise _malformed("the list ends early")
        with suppress(UnsupportedError):  # section 3: a client picks one that it supports
            configs.append(KeyConfig.parse(data[at + 2 : end]))
        at = end
    if not configs:
        raise _malformed("the list has no key that is known here")
    return tuple(configs)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayKey:
    """A key pair that requests are sealed to.

    Attributes:
        public: What the evidence binds.
        private_key: The X25519 key in bytes; it never leaves the enclave.
    """

    public: HpkeKey
    private_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse halves that do not belong together."""
        if X25519PrivateKey.from_private_bytes(
            self.private_key
        ).public_key().public_bytes_raw() != (self.public.public_key):
            raise _malformed("the public key is not that of the private key")

    @classmethod
    def generate(cls, *, key_id: int, aead_id: int = 0x0003) -> Self:
        """Make a new key.

        Args:
            key_id: 0 to 255; another than that of the keys it replaces.
            aead_id: RFC 9180 AEAD; ChaCha20-Poly1305 by default.
        """
        return cls.of(X25519PrivateKey.generate().private_bytes_raw(), key_id, aead_id)

    @classmethod
    def of(cls, private_key: bytes, key_id: int, aead_id: int = 0x0003) -> Self:
        """The pair of a private key of 32 bytes."""
        public = X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()
        return cls(
            public=HpkeKey(key_id=key_id, public_key=public, aead_id=aead_id),
            private_key=private_key,
        )


def _two(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not a key configuration: {why}", code="channel.key_config")
