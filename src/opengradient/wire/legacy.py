"""The ``tee_*`` fields and answers of nodes that speak only them.

Fields are read strictly; the bodies are another's format, so unknown members are not refused,
but nothing of them is shown.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.canonical import JsonObject
from opengradient.core.legacy import OhttpStatement, TeeFields
from opengradient.core.messages import Choice, Delta, ToolCall, ToolCallDelta, Usage
from opengradient.errors import MalformedError
from opengradient.wire.fields import natural, parse_base64
from opengradient.wire.openai_reply import LEGACY_FIELDS

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"0x[0-9a-f]{64}")
_KEY: Final = re.compile(r"(?:0x)?(?:[0-9a-f]{2})+")
_OHTTP_NUMBERS: Final = ("key_id", "kem_id", "kdf_id", "aead_id")


def decode_tee_fields(body: Mapping[str, Any]) -> TeeFields | None:
    """Take the fields from an answer; None where it has none of them.

    Raises:
        MalformedError: Some are missing, or one is not in its form.
    """
    given = [name for name in LEGACY_FIELDS if name in body]
    if not given:
        return None
    if len(given) != len(LEGACY_FIELDS):
        raise MalformedError("some tee_* fields are missing", step="tee fields", actual=given)
    identifier = body["tee_id"]
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
        raise MalformedError("tee_id must be 0x and 64 hex digits", step="tee fields")
    return TeeFields(
        signature=parse_base64(body["tee_signature"], "tee_signature"),
        request=_hash(body["tee_request_hash"], "tee_request_hash"),
        output=_hash(body["tee_output_hash"], "tee_output_hash"),
        timestamp=natural(body["tee_timestamp"], "tee_timestamp"),
        tee_id=identifier,
    )


def decode_ohttp_statement(value: Any) -> OhttpStatement:
    """Read the answer to ``GET /v1/ohttp/config``; nothing of it is checked yet.

    Raises:
        MalformedError: A member is missing, or not in its form.
    """
    body = _object(value)
    identifier = body.get("tee_id")
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier):
        raise MalformedError("tee_id must be 0x and 64 hex digits", step="ohttp config")
    public_key = body.get("public_key")
    if not isinstance(public_key, str) or not _KEY.fullmatch(public_key):
        raise MalformedError("public_key must be hex", step="ohttp config")
    return OhttpStatement(
        **{name: natural(body.get(name), name) for name in _OHTTP_NUMBERS},
        public_key=bytes.fromhex(public_key.removeprefix("0x")),
        key_config=parse_base64(body.get("key_config"), "key_config"),
        tee_id=bytes.fromhex(identifier[2:]),
        signature=parse_base64(body.get("signature"), "signature"),
    )


def _hash(value: Any, what: str) -> bytes:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise MalformedError(f"{what} must be 64 hex digits", step="tee fields")
    return bytes.fromhex(value)


def decode_legacy_choices(body: JsonObject) -> tuple[Choice, ...]:
    """Read the choices of a whole answer."""
    return tuple(_choice(_object(item), index) for index, item in enumerate(_list(body, "choices")))


def _choice(value: JsonObject, index: int) -> Choice:
    message = value.get("message")
    if message is None:
        return Choice(index=index, text=_text(value, "text"), finish_reason=_reason(value))
    message = _object(message)
    return Choice(
        index=index,
        text=_text(message, "content"),
        tool_calls=tuple(
            ToolCall(
                id=_text(call, "id") or "",
                name=_text(_object(call.get("function")), "name") or "",
                arguments=_text(_object(call.get("function")), "arguments") or "",
            )
            for call in map(_object, message.get("tool_calls") or ())
        ),
        finish_reason=_reason(value),
    )


def decode_legacy_deltas(body: JsonObject) -> list[Delta]:
    """Read one frame of a stream."""
    return [_delta(_object(item), index) for index, item in enumerate(_list(body, "choices"))]


def _delta(value: JsonObject, position: int) -> Delta:
    delta = _object(value.get("delta") or {"content": value.get("text")})
    reason = value.get("finish_reason")
    return Delta(
        index=natural(value.get("index", position), "index"),
        text=_text(delta, "content") or None,
        tool_calls=tuple(
            ToolCallDelta(
                index=natural(call.get("index", number), "tool_calls.index"),
                id=_text(call, "id"),
                name=_text(_object(call.get("function")), "name"),
                arguments=_text(_object(call.get("function")), "arguments") or "",
            )
            for number, call in enumerate(map(_object, delta.get("tool_calls") or ()))
        ),
        finish_reason=reason if isinstance(reason, str) else None,
    )


def decode_legacy_usage(body: JsonObject) -> Usage | None:
    """Read the usage, which nobody signed."""
    usage = body.get("usage")
    if usage is None:
        return None
    counted = _object(usage)
    return Usage(
        input_tokens=natural(counted.get("prompt_tokens", 0), "usage.prompt_tokens"),
        output_tokens=natural(counted.get("completion_tokens", 0), "usage.completion_tokens"),
    )


def _object(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise MalformedError("an answer in the legacy format has another shape", step="reply")
    return value


def _list(value: JsonObject, name: str) -> list[Any]:
    items = value.get(name, [])
    if not isinstance(items, list):
        raise MalformedError(f"{name} must be a list", step="reply")
    return items


def _text(value: JsonObject, name: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise MalformedError(f"{name} must be text", step="reply")
    return text


def _reason(value: JsonObject) -> str:
    return _text(value, "finish_reason") or "stop"
