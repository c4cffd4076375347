"""Requests in OpenAI's format: strict, so that what is signed is what was understood."""

from typing import Any, Final

from opengradient.core.canonical import parse_json_object
from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.wire import _shape as s

CHAT_PATH: Final = "/v1/chat/completions"
COMPLETION_PATH: Final = "/v1/completions"
EMBEDDING_PATH: Final = "/v1/embeddings"
KIND_OF_PATH: Final = {
    CHAT_PATH: ReceiptKind.CHAT,
    COMPLETION_PATH: ReceiptKind.COMPLETION,
    EMBEDDING_PATH: ReceiptKind.EMBEDDING,
}


def _data_uri(value: Any, path: str) -> None:
    s.text(value, path)
    if not value.startswith("data:") or ";base64," not in value[:200]:
        raise s.fail(
            path,
            "must be a data: URI with base64, because a receipt binds the bytes of every "
            "attachment and nodes fetch nothing",
            code="request.unsupported_parameter",
        )


def _text_part(kind: str, field: str) -> s.Check:
    return s.record({"type": s.one_of(kind), field: s.text}, ("type", field))


_IMAGE_PART = s.record(
    {
        "type": s.one_of("image_url"),
        "image_url": s.record(
            {"url": _data_uri, "detail": s.one_of("auto", "low", "high")}, ("url",)
        ),
    },
    ("type", "image_url"),
)
_AUDIO_PART = s.record(
    {
        "type": s.one_of("input_audio"),
        "input_audio": s.record(
            {"data": s.text, "format": s.one_of("wav", "mp3")}, ("data", "format")
        ),
    },
    ("type", "input_audio"),
)
_FILE_PART = s.record(
    {
        "type": s.one_of("file"),
        "file": s.record({"file_data": _data_uri, "filename": s.text}, ("file_data",)),
    },
    ("type", "file"),
)
_PARTS: Final = {
    "text": _text_part("text", "text"),
    "refusal": _text_part("refusal", "refusal"),
    "image_url": _IMAGE_PART,
    "input_audio": _AUDIO_PART,
    "file": _FILE_PART,
}


def _part(*kinds: str) -> s.Check:
    def check(value: Any, path: str) -> None:
        s.json_object(value, path)
        kind = value.get("type")
        if kind not in kinds:
            raise s.fail(f"{path}.type", f"must be one of {', '.join(kinds)}")
        _PARTS[kind](value, path)

    return check


def _content(*kinds: str) -> s.Check:
    parts = s.list_of(_part(*kinds), least=1)

    def check(value: Any, path: str) -> None:
        (s.text if isinstance(value, str) else parts)(value, path)

    return check


_TOOL_CALL = s.record(
    {
        "id": s.text,
        "type": s.one_of("function"),
        "function": s.record({"name": s.text, "arguments": s.text}, ("name", "arguments")),
    },
    ("id", "type", "function"),
)
_TEXTS = _content("text")
_MESSAGES: Final = {
    "system": s.record({"role": s.text, "content": _TEXTS, "name": s.text}, ("content",)),
    "developer": s.record({"role": s.text, "content": _TEXTS, "name": s.text}, ("content",)),
    "user": s.record(
        {
            "role": s.text,
            "content": _content("text", "image_url", "input_audio", "file"),
            "name": s.text,
        },
        ("content",),
    ),
    "assistant": s.record(
        {
            "role": s.text,
            "content": s.nullable(_content("text", "refusal")),
            "name": s.text,
            "refusal": s.nullable(s.text),
            "tool_calls": s.list_of(_TOOL_CALL, least=1),
        }
    ),
    "tool": s.record(
        {"role": s.text, "content": _TEXTS, "tool_call_id": s.text}, ("content", "tool_call_id")
    ),
}


def _message(value: Any, path: str) -> None:
    s.json_object(value, path)
    role = value.get("role")
    check = _MESSAGES.get(role) if isinstance(role, str) else None
    if check is None:
        raise s.fail(f"{path}.role", f"must be one of {', '.join(_MESSAGES)}")
    check(value, path)


_FUNCTION = s.record(
    {
        "name": s.text,
        "description": s.text,
        "parameters": s.json_object,
        "strict": s.nullable(s.boolean),
    },
    ("name",),
)
_TOOL = s.record({"type": s.one_of("function"), "function": _FUNCTION}, ("type", "function"))
_TOOL_CHOICE = s.either(
    s.one_of("none", "auto", "required"),
    s.record(
        {"type": s.one_of("function"), "function": s.record({"name": s.text}, ("name",))},
        ("type", "function"),
    ),
)
_JSON_SCHEMA = s.record(
    {
        "name": s.text,
        "description": s.text,
        "schema": s.json_object,
        "strict": s.nullable(s.boolean),
    },
    ("name", "schema"),
)


def _response_format(value: Any, path: str) -> None:
    s.record(
        {"type": s.one_of("text", "json_object", "json_schema"), "json_schema": _JSON_SCHEMA},
        ("type", "json_schema") if _type_of(value) == "json_schema" else ("type",),
    )(value, path)


def _type_of(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else None


_STOP = s.nullable(s.either(s.list_of(s.text, most=16), s.text))
_TOKENS = s.integer(1, 10_000_000)
_SAMPLING: Final[dict[str, s.Check]] = {
    "model": s.text,
    "temperature": s.number(0, 2),
    "top_p": s.number(0, 1),
    "n": s.integer(1, 16),
    "seed": s.integer(-(2**53) + 1, 2**53 - 1),
    "stop": _STOP,
    "stream": s.boolean,
    "stream_options": s.nullable(s.record({"include_usage": s.boolean})),
    "presence_penalty": s.number(-2, 2),
    "frequency_penalty": s.number(-2, 2),
    "logit_bias": s.mapping_of(s.number(-100, 100)),
    "max_tokens": _TOKENS,
    "user": s.text,
}
_CHAT = s.record(
    {
        **_SAMPLING,
        "messages": s.list_of(_message, least=1),
        "max_completion_tokens": _TOKENS,
        "logprobs": s.boolean,
        "top_logprobs": s.integer(0, 20),
        "tools": s.list_of(_TOOL, least=1, most=512),
        "tool_choice": _TOOL_CHOICE,
        "parallel_tool_calls": s.boolean,
        "response_format": _response_format,
        "reasoning_effort": s.one_of("none", "minimal", "low", "medium", "high", "xhigh"),
        "verbosity": s.one_of("low", "medium", "high"),
        "modalities": s.list_of(s.one_of("text", "image"), least=1),
        "service_tier": s.one_of("auto", "default", "flex", "priority"),
        "store": s.boolean,
        "metadata": s.mapping_of(s.text),
        "prediction": s.json_object,
        "prompt_cache_key": s.text,
        "safety_identifier": s.text,
        "web_search_options": s.json_object,
    },
    ("model", "messages"),
)
_COMPLETION = s.record(
    {
        **_SAMPLING,
        "prompt": s.text,
        "suffix": s.text,
        "echo": s.boolean,
        "best_of": s.integer(1, 20),
        "logprobs": s.integer(0, 5),
    },
    ("model", "prompt"),
)
_EMBEDDING = s.record(
    {
        "model": s.text,
        "input": s.either(s.text, s.list_of(s.text, least=1, most=2048)),
        "dimensions": s.integer(1, 65_536),
        "encoding_format": s.one_of("float"),
        "user": s.text,
    },
    ("model", "input"),
)
_CHECKS: Final = {
    ReceiptKind.CHAT: _CHAT,
    ReceiptKind.COMPLETION: _COMPLETION,
    ReceiptKind.EMBEDDING: _EMBEDDING,
}


def parse_request(raw: bytes, path: str, *, max_bytes: int) -> InferenceRequest:
    """Read a request body strictly.

    Args:
        raw: The exact bytes of the body.
        path: The HTTP path; it decides the kind.
        max_bytes: Largest body that is read at all.

    Raises:
        ConfigurationError: Not JSON, or a parameter is wrong or unknown (then an
            UnsupportedParameterError that names it).
    """
    kind = KIND_OF_PATH[path]
    try:
        body = parse_json_object(raw, what="the request body", max_bytes=max_bytes)
    except MalformedError as error:
        too_large = error.code == "format.too_large"
        raise ConfigurationError(
            error.message, code="request.too_large" if too_large else "request.invalid"
        ) from error
    _CHECKS[kind](body, "")
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise s.fail("max_tokens", "cannot be given together with max_completion_tokens")
    return InferenceRequest(kind=kind, model=body["model"], body=body, raw=raw, path=path)
