"""Sealed provider keys as JSON: the body of ``POST /v1/operator/keys``."""

from typing import Final

from opengradient.core.canonical import JsonObject, compact_json, parse_json_object
from opengradient.core.keys import Signature
from opengradient.core.sealed_keys import SEALED_VERSION, KeysHeader, SealedKeys
from opengradient.errors import UnsupportedError
from opengradient.wire.fields import members, natural, parse_base64, parse_hex, to_base64, to_hex

PATH: Final = "/v1/operator/keys"
MAX_BODY_BYTES: Final = 128 * 1024
_NAMES: Final = (
    "version",
    "nodeId",
    "evidenceDigest",
    "configDigest",
    "keyId",
    "sequence",
    "expiresAt",
    "enc",
    "ciphertext",
    "signature",
)


def encode_sealed_keys(sealed: SealedKeys) -> bytes:
    """Write the message."""
    header = sealed.header
    value: JsonObject = {
        "version": SEALED_VERSION,
        "nodeId": to_hex(header.node_id),
        "evidenceDigest": to_hex(header.evidence_digest),
        "configDigest": to_hex(header.config_digest),
        "keyId": header.key_id,
        "sequence": header.sequence,
        "expiresAt": header.expires_at_ms,
        "enc": to_base64(sealed.enc),
        "ciphertext": to_base64(sealed.ciphertext),
        "signature": to_hex(sealed.signature.encode()),
    }
    return compact_json(value)


def decode_sealed_keys(data: bytes) -> SealedKeys:
    """Read the message; nothing of it is checked yet.

    Raises:
        MalformedError: Codes ``format.*`` and ``keys.malformed``.
        UnsupportedError: A version that this release does not know.
    """
    value = parse_json_object(data, what="the sealed keys", max_bytes=MAX_BODY_BYTES)
    members(value, "the sealed keys", _NAMES)
    if value["version"] != SEALED_VERSION:
        raise UnsupportedError(f"sealed keys of version {value['version']!r}")
    return SealedKeys(
        header=KeysHeader(
            node_id=parse_hex(value["nodeId"], "nodeId", 32),
            evidence_digest=parse_hex(value["evidenceDigest"], "evidenceDigest", 32),
            config_digest=parse_hex(value["configDigest"], "configDigest", 32),
            key_id=natural(value["keyId"], "keyId"),
            sequence=natural(value["sequence"], "sequence"),
            expires_at_ms=natural(value["expiresAt"], "expiresAt"),
        ),
        enc=parse_base64(value["enc"], "enc"),
        ciphertext=parse_base64(value["ciphertext"], "ciphertext"),
        signature=Signature.parse(parse_hex(value["signature"], "signature", 65)),
    )
