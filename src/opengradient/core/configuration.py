"""A node's configuration, as its evidence binds it.

What an operator chooses changes what a node does: which providers it asks, where its receipts
settle, how much it takes. The measurement covers the code only; the keyset carries this digest,
so whatever binds the keys binds the configuration too (ADR 0007).
"""

from typing import Final

from opengradient.core.canonical import JsonObject, canonical_json
from opengradient.core.digests import Domain, tagged_sha256
from opengradient.errors import MalformedError, UnsupportedError

CONFIGURATION_VERSION: Final = "opengradient.node-configuration/1"
MAX_CONFIGURATION_BYTES: Final = 64 * 1024


def configuration_digest(document: JsonObject) -> bytes:
    """The digest that a keyset carries: tagged SHA-256 over the RFC 8785 encoding.

    Args:
        document: ``version``, ``node`` (its kind), ``release`` (of the software) and ``settings``.

    Raises:
        MalformedError: Code ``configuration.malformed``: not such a document, or too large.
        UnsupportedError: A version that this release does not know.
    """
    if document.get("version") != CONFIGURATION_VERSION:
        raise UnsupportedError(f"a node configuration of version {document.get('version')!r}")
    named = isinstance(document.get("node"), str) and isinstance(document.get("release"), str)
    fields = {"version", "node", "release", "settings"}
    if document.keys() != fields or not named or not isinstance(document["settings"], dict):
        raise _malformed("it has version, node, release and settings")
    encoded = canonical_json(document)
    if len(encoded) > MAX_CONFIGURATION_BYTES:
        raise _malformed(f"it is larger than {MAX_CONFIGURATION_BYTES} bytes")
    return tagged_sha256(Domain.CONFIGURATION, encoded)


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not a node configuration: {why}", code="configuration.malformed")
