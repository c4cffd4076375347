"""Provider keys on their way from an operator into an enclave (docs/spec/sealed-keys.md).

Two locks, because they keep out different people. HPKE to the attested key: nobody but that
enclave reads them. The operator's EIP-712 signature: nobody but the operator that the attested
configuration names can put keys in, however well he reaches the node.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.core.digests import ZERO32, keccak256
from opengradient.core.keys import PublicKey, Signature, recover
from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import MalformedError

KEYS_VERSION: Final = "opengradient.provider-keys/1"
SEALED_VERSION: Final = "opengradient.sealed-keys/1"
MAX_LIFE_MS: Final = 10 * 60 * 1000
"""How far in the future a message may expire, at most."""

MAX_SEALED_BYTES: Final = 64 * 1024
_PAD_BYTES: Final = 1024
"""Plaintexts are padded to a multiple, so that the lengths of keys do not show."""

_LABEL: Final = b"opengradient/provider-keys/v1"
_DOMAIN_NAME: Final = "OpenGradient Provider Keys"
_DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
TYPE_STRING: Final = (
    "SealedKeys(bytes32 nodeId,bytes32 evidenceDigest,bytes32 configDigest,uint8 keyId,"
    "uint64 sequence,uint64 expiresAt,bytes32 sealedHash)"
)
_PROVIDER: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_KEY: Final = re.compile(r"[!-~]{1,1024}")
_MAX_PROVIDERS: Final = 16


@final
@dataclass(frozen=True, slots=True)
class ProviderKeys:
    """The keys, by provider; never shown by repr.

    Attributes:
        keys: Name of a provider to its key.
    """

    keys: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no key; the message never holds one.

        Raises:
            MalformedError: Code ``keys.malformed``.
        """
        if not 0 < len(self.keys) <= _MAX_PROVIDERS:
            raise _malformed(f"one to {_MAX_PROVIDERS} providers")
        for name, key in self.keys.items():
            if not _PROVIDER.fullmatch(name):
                raise _malformed("a provider's name is a lower-case word")
            if not _KEY.fullmatch(key):
                raise _malformed(f"the key for {name} is printable ASCII without spaces")
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))

    @classmethod
    def of(cls, value: Any) -> "ProviderKeys":
        """Take a parsed JSON object of names and keys.

        Raises:
            MalformedError: Code ``keys.malformed``.
        """
        if not isinstance(value, dict) or not all(isinstance(i, str) for i in value.values()):
            raise _malformed("an object of names and keys")
        return cls(value)

    def encode(self) -> bytes:
        """RFC 8785 JSON, then spaces up to a multiple of 1,024 bytes."""
        data = canonical_json({"version": KEYS_VERSION, "keys": dict(self.keys)})
        return data.ljust(-(-len(data) // _PAD_BYTES) * _PAD_BYTES)

    @classmethod
    def parse(cls, data: bytes) -> "ProviderKeys":
        """Read what `encode` writes, and nothing else.

        Raises:
            MalformedError: Code ``keys.malformed`` or ``format.*``.
        """
        raw = parse_json_object(data, what="the provider keys", max_bytes=MAX_SEALED_BYTES)
        if raw.keys() != {"version", "keys"} or raw["version"] != KEYS_VERSION:
            raise _malformed(f"an object of version {KEYS_VERSION} with keys")
        keys = cls.of(raw["keys"])
        if keys.encode() != data:
            raise _malformed("a second spelling")
        return keys


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeysHeader:
    """What the sealed keys are bound to; all of it goes into HPKE's info and the signature.

    Attributes:
        node_id: The node that they are for.
        evidence_digest: The evidence that the operator verified before it sealed them.
        config_digest: The attested configuration; zero where there is none.
        key_id: The HPKE key that they are sealed to.
        sequence: Greater than that of every message before.
        expires_at_ms: Until when the node takes them, Unix milliseconds.
    """

    node_id: bytes
    evidence_digest: bytes
    config_digest: bytes
    key_id: int
    sequence: int
    expires_at_ms: int

    def __post_init__(self) -> None:
        """Refuse words out of range.

        Raises:
            MalformedError: Code ``keys.malformed``.
        """
        words = (self.node_id, self.evidence_digest, self.config_digest)
        if any(len(word) != 32 for word in words):
            raise _malformed("digests have 32 bytes")
        if not 0 <= self.key_id <= 255:
            raise _malformed("an HPKE key id has one byte")
        if not all(0 <= number < 2**53 for number in (self.sequence, self.expires_at_ms)):
            raise _malformed("sequence and expiry are whole numbers below 2**53")

    def info(self) -> bytes:
        """HPKE's info (RFC 9180 section 5.1): separates this use of the key from every other."""
        return b"".join(
            (
                _LABEL,
                b"\0",
                self.node_id,
                self.evidence_digest,
                self.config_digest,
                bytes([self.key_id]),
                self.sequence.to_bytes(8),
                self.expires_at_ms.to_bytes(8),
            )
        )

    def signing_digest(self, domain: ReceiptDomain, sealed: bytes) -> bytes:
        """What the operator signs: an EIP-712 struct on the node's network.

        Args:
            domain: Where the node's receipts belong.
            sealed: Encapsulated key and ciphertext.
        """
        separator = keccak256(
            keccak256(_DOMAIN_TYPE.encode())
            + keccak256(_DOMAIN_NAME.encode())
            + keccak256(b"1")
            + domain.chain_id.to_bytes(32)
            + domain.settlement_contract.rjust(32, b"\0")
        )
        struct = keccak256(
            keccak256(TYPE_STRING.encode())
            + self.node_id
            + self.evidence_digest
            + self.config_digest
            + self.key_id.to_bytes(32)
            + self.sequence.to_bytes(32)
            + self.expires_at_ms.to_bytes(32)
            + keccak256(sealed)
        )
        return keccak256(b"\x19\x01" + separator + struct)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKeys:
    """A sealed message; nothing of it is secret.

    Attributes:
        header: What it is bound to.
        enc: HPKE's encapsulated key, 32 bytes.
        ciphertext: The sealed `ProviderKeys`.
        signature: The operator's.
    """

    header: KeysHeader
    enc: bytes
    ciphertext: bytes
    signature: Signature

    def __post_init__(self) -> None:
        """Refuse sizes that nothing genuine has.

        Raises:
            MalformedError: Code ``keys.malformed``.
        """
        if len(self.enc) != 32 or not 16 < len(self.ciphertext) <= MAX_SEALED_BYTES:
            raise _malformed("an encapsulated key of 32 bytes and a ciphertext")

    def signer(self, domain: ReceiptDomain) -> bytes:
        """Recover the 20-byte address that signed.

        Raises:
            SignatureError: No key can have made the signature.
        """
        digest = self.header.signing_digest(domain, self.enc + self.ciphertext)
        return PublicKey(recover(digest, self.signature)).address


NO_CONFIGURATION: Final = ZERO32


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not provider keys: {why}", code="keys.malformed")
