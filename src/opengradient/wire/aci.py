"""ACI receipts as files: the bare document, or our bundle of it with what it is checked against."""

from typing import Any, Final

from opengradient.core.aci import AciBundle, AciReceipt, AciReport, AciSession
from opengradient.core.aci.fields import API_VERSION, bare_hex
from opengradient.core.aci.statement import NONCE_BYTES
from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.core.collateral import Collateral
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.wire.fields import members, parse_base64

BUNDLE_VERSION: Final = "opengradient.aci-bundle/1"
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
_BUNDLE_PREFIX: Final = "opengradient.aci-bundle/"
_MAX_SESSIONS: Final = 16


def claims_aci(value: JsonObject) -> bool:
    """Say whether a parsed file is an ACI receipt or a bundle with one, of whatever version."""
    named = value.get("version")
    if isinstance(named, str):
        return named.startswith(_BUNDLE_PREFIX)
    stated = value.get("api_version")
    return isinstance(stated, str) and stated.startswith(API_VERSION.partition("/")[0] + "/")


def decode_aci(source: bytes | JsonObject) -> AciBundle:
    """Read a bare receipt document or a bundle; nothing is verified yet.

    Raises:
        UnsupportedError: Code ``aci.version``.
        MalformedError: Not a receipt or bundle; ``format.*`` and ``aci.*`` codes.
    """
    value = (
        parse_json_object(source, what="the receipt file", max_bytes=MAX_FILE_BYTES)
        if isinstance(source, bytes)
        else source
    )
    if "version" not in value:
        return AciBundle(receipt=AciReceipt.parse(value))
    if value["version"] != BUNDLE_VERSION:
        raise UnsupportedError(
            f"a bundle of version {value['version']!r}; this release reads {BUNDLE_VERSION!r}",
            code="aci.version",
        )
    members(
        value,
        "the bundle",
        ("version", "receipt"),
        ("report", "nonce", "collateral", "sessions", "request", "response"),
    )
    return AciBundle(
        receipt=AciReceipt.parse(value["receipt"]),
        report=_optional(value, "report", AciReport.parse),
        nonce=_optional(value, "nonce", _nonce),
        collateral=_optional(value, "collateral", _collateral) or Collateral(),
        sessions=_optional(value, "sessions", _sessions) or (),
        request=_optional(value, "request", lambda item: parse_base64(item, "request")),
        response=_optional(value, "response", lambda item: parse_base64(item, "response")),
    )


def _optional(value: JsonObject, name: str, read: Any) -> Any:
    item = value.get(name)
    return None if item is None else read(item)


def _nonce(value: Any) -> bytes:
    return bare_hex(value, "nonce", "format.malformed", NONCE_BYTES)


def _collateral(value: Any) -> Collateral:
    if not isinstance(value, dict):
        raise MalformedError("collateral must be an object")
    return Collateral.of(
        {name: parse_base64(item, f"collateral.{name}") for name, item in value.items()}
    )


def _sessions(value: Any) -> tuple[AciSession, ...]:
    if not isinstance(value, list) or len(value) > _MAX_SESSIONS:
        raise MalformedError(f"sessions must be a list of at most {_MAX_SESSIONS}")
    return tuple(map(AciSession.parse, value))
