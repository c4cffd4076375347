"""Files signed by several keys, the signatures beside them: release manifests, revocation lists.

What is signed is DSSE's pre-authentication encoding (github.com/secure-systems-lab/dsse,
protocol.md, version 1) of the file's type and bytes, so that a signature of one type of file is
none of another, and tools that write DSSE envelopes can make these signatures.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.errors import MalformedError, UnsupportedError

SIGNATURES_VERSION: Final = "opengradient.signatures/1"
MAX_SIGNATURES: Final = 32
_MAX_BYTES: Final = 16 * 1024
_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


def signing_bytes(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a key signs: ``DSSEv1``, and type and payload, each behind its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeySignature:
    """One signature.

    Attributes:
        key: The Ed25519 public key that is said to have made it, 32 bytes.
        signature: 64 bytes (RFC 8032).
    """

    key: bytes
    signature: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """The signatures of one file; nothing of them is checked yet.

    Attributes:
        payload_type: Type of the file that they sign.
        items: By key, each key once, in the order of the keys.
    """

    payload_type: str
    items: tuple[KeySignature, ...]

    def __post_init__(self) -> None:
        """Refuse a key twice, and what is absurdly many."""
        keys = [item.key for item in self.items]
        if keys != sorted(set(keys)) or len(keys) > MAX_SIGNATURES:
            raise _malformed(f"each key stands once, in order, at most {MAX_SIGNATURES} of them")

    def added(self, item: KeySignature) -> "Signatures":
        """These, and this one in the place of an earlier one by the same key."""
        others = [other for other in self.items if other.key != item.key]
        items = tuple(sorted([*others, item], key=lambda each: each.key))
        return Signatures(payload_type=self.payload_type, items=items)

    def encode(self) -> bytes:
        """RFC 8785 JSON."""
        return canonical_json(
            {
                "version": SIGNATURES_VERSION,
                "type": self.payload_type,
                "signatures": [
                    {"key": item.key.hex(), "signature": item.signature.hex()}
                    for item in self.items
                ],
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> "Signatures":
        """Read what `encode` writes, in whatever JSON spelling.

        Raises:
            MalformedError: Code ``releases.signatures``, or ``format.*`` for what is no JSON.
            UnsupportedError: Another version.
        """
        raw = parse_json_object(data, what="the signatures", max_bytes=_MAX_BYTES)
        if raw.get("version") != SIGNATURES_VERSION:
            raise UnsupportedError(f"signatures of version {raw.get('version')!r}")
        if raw.keys() != {"version", "type", "signatures"}:
            raise _malformed("the fields are version, type and signatures")
        if not isinstance(raw["type"], str) or not isinstance(raw["signatures"], list):
            raise _malformed("type is text and signatures a list")
        return cls(payload_type=raw["type"], items=tuple(map(_item, raw["signatures"])))


def _item(raw: Any) -> KeySignature:
    if not isinstance(raw, dict) or raw.keys() != {"key", "signature"}:
        raise _malformed("a signature has exactly a key and a signature")
    key, signature = raw["key"], raw["signature"]
    if not (isinstance(key, str) and _KEY.fullmatch(key)):
        raise _malformed("a key is 64 lower-case hex digits")
    if not (isinstance(signature, str) and _SIGNATURE.fullmatch(signature)):
        raise _malformed("a signature is 128 lower-case hex digits")
    return KeySignature(key=bytes.fromhex(key), signature=bytes.fromhex(signature))


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not a file of signatures: {why}", code="releases.signatures")
