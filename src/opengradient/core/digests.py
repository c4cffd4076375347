"""Every hash the project takes, and the domains that keep them apart.

The only user of hashlib and keccak. A tagged hash is SHA-256 over ``SHA-256(tag) || parts``:
32 fixed bytes in front, so that bytes hashed for one purpose can never stand for another.
"""

import enum
import hashlib
import hmac
from typing import Any, Final

from Crypto.Hash import keccak

ZERO32: Final = bytes(32)


class Domain(enum.Enum):
    """The purposes for which something is hashed (spec clause 2.1)."""

    FIELD = "opengradient/receipt/field/v1"
    SECTION = "opengradient/receipt/section/v1"
    SALT = "opengradient/receipt/salt/v1"
    STREAM_SALT = "opengradient/receipt/stream-salt/v1"
    EVIDENCE = "opengradient/evidence/v1"
    KEYSET = "opengradient/keyset/v1"
    CONFIGURATION = "opengradient/node-configuration/v1"
    NONCE = "opengradient/request/nonce/v1"
    REPORT_NONCE = "opengradient/report-data/nonce/v1"
    MODEL = "opengradient/model/v1"
    HPKE_KEY = "opengradient/hpke-key/v1"


_PREFIXES: dict[Domain, Any] = {
    domain: hashlib.sha256(hashlib.sha256(domain.value.encode()).digest()) for domain in Domain
}


def tagged_sha256(domain: Domain, *parts: bytes) -> bytes:
    """Hash the concatenation of `parts` under a domain. The caller makes parts self-delimiting."""
    hasher = _PREFIXES[domain].copy()
    hasher.update(b"".join(parts))
    return bytes(hasher.digest())


def sha256(data: bytes) -> bytes:
    """Plain SHA-256, for content addresses and fingerprints."""
    return hashlib.sha256(data).digest()


def sha384(data: bytes) -> bytes:
    """Plain SHA-384, the hash of Nitro measurements."""
    return hashlib.sha384(data).digest()


def new_sha256() -> Any:
    """A SHA-256 object to feed piece by piece."""
    return hashlib.sha256()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256, used to derive one salt per field from a receipt's seed."""
    return hmac.digest(key, data, "sha256")


def equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (not SHA3-256)."""
    return keccak.new(digest_bits=256, data=data).digest()
