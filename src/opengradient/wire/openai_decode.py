"""A node's replies, stream chunks and errors, read from OpenAI's format.

Unknown fields are refused: whatever a client shows has been bound by the receipt.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import (
    Choice,
    Delta,
    ErrorReply,
    Reply,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from opengradient.core.modes import ReceiptKind
from opengradient.errors import CODES, MalformedError, UnsupportedParameterError
from opengradient.wire import _shape as s

_COUNT = s.integer(0, 2**53 - 1)
_USAGE = s.record(
    {
        "prompt_tokens": _COUNT,
        "completion_tokens": _COUNT,
        "total_tokens": _COUNT,
        "prompt_tokens_details": s.record({"cached_tokens": _COUNT}, ("cached_tokens",)),
        "completion_tokens_details": s.record({"reasoning_tokens": _COUNT}, ("reasoning_tokens",)),
    },
    (
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    ),
)
_CALL = s.record(
    {
        "id": s.text,
        "type": s.one_of("function"),
        "function": s.record({"name": s.text, "arguments": s.text}, ("name", "arguments")),
    },
    ("id", "type", "function"),
)
_IMAGE = s.record(
    {"type": s.one_of("image_url"), "image_url": s.record({"url": s.text}, ("url",))},
    ("type", "image_url"),
)
_PARTS: Final[Mapping[str, s.Check]] = {
    "content": s.nullable(s.text),
    "reasoning_content": s.text,
    "refusal": s.text,
    "images": s.list_of(_IMAGE, least=1),
    "annotations": s.list_of(s.anything),
}
_CHOICE: Final[Mapping[str, s.Check]] = {
    "index": s.integer(0, 127),
    "finish_reason": s.nullable(s.text),
    "logprobs": s.nullable(s.json_object),
}
_HEAD: Final[Mapping[str, s.Check]] = {
    "id": s.text,
    "created": _COUNT,
    "model": s.text,
    "usage": _USAGE,
    "system_fingerprint": s.text,
}
_REPLY_SHAPES: Final = {
    ReceiptKind.CHAT: s.record(
        {
            **_HEAD,
            "object": s.one_of("chat.completion"),
            "choices": s.list_of(
                s.record(
                    {
                        **_CHOICE,
                        "finish_reason": s.text,
                        "message": s.record(
                            {
                                **_PARTS,
                                "role": s.one_of("assistant"),
                                "tool_calls": s.list_of(_CALL, least=1),
                            },
                            ("role", "content"),
                        ),
                    },
                    ("index", "finish_reason", "message"),
                )
            ),
        },
        ("id", "created", "model", "object", "choices"),
    ),
    ReceiptKind.COMPLETION: s.record(
        {
            **_HEAD,
            "object": s.one_of("text_completion"),
            "choices": s.list_of(
                s.record(
                    {**_CHOICE, "finish_reason": s.text, "text": s.text},
                    ("index", "finish_reason", "text"),
                )
            ),
        },
        ("id", "created", "model", "object", "choices"),
    ),
    ReceiptKind.EMBEDDING: s.record(
        {
            **_HEAD,
            "object": s.one_of("list"),
            "data": s.list_of(
                s.record(
                    {
                        "object": s.one_of("embedding"),
                        "index": s.integer(0, 1_000_000),
                        "embedding": s.list_of(s.number(-1e308, 1e308), least=1, most=65_536),
                    },
                    ("object", "index", "embedding"),
                )
            ),
        },
        ("id", "created", "model", "object", "data"),
    ),
}


def _checked(check: s.Check, value: Any, what: str) -> None:
    try:
        check(value, what)
    except UnsupportedParameterError as error:
        raise MalformedError(error.message, code=_MALFORMED[error.code], step=what) from error


_MALFORMED: Final = {
    "request.invalid": "format.malformed",
    "request.unsupported_parameter": "format.unknown_field",
}


def decode_usage(value: JsonObject | None) -> Usage | None:
    """Usage from a node's reply, already checked for shape."""
    if value is None:
        return None
    usage = Usage(
        input_tokens=value["prompt_tokens"],
        output_tokens=value["completion_tokens"],
        cached_input_tokens=value["prompt_tokens_details"]["cached_tokens"],
        reasoning_tokens=value["completion_tokens_details"]["reasoning_tokens"],
    )
    if value["total_tokens"] != usage.total_tokens:
        raise MalformedError("usage.total_tokens is not the sum", step="reply")
    return usage


def _decode_choice(value: JsonObject, kind: ReceiptKind) -> Choice:
    if kind == ReceiptKind.COMPLETION:
        return Choice(
            index=value["index"],
            text=value["text"] or None,
            finish_reason=value["finish_reason"],
            logprobs=value.get("logprobs"),
        )
    message = value["message"]
    return Choice(
        index=value["index"],
        text=message["content"],
        reasoning=message.get("reasoning_content"),
        refusal=message.get("refusal"),
        tool_calls=tuple(
            ToolCall(
                id=call["id"],
                name=call["function"]["name"],
                arguments=call["function"]["arguments"],
            )
            for call in message.get("tool_calls", ())
        ),
        images=tuple(image["image_url"]["url"] for image in message.get("images", ())),
        finish_reason=value["finish_reason"],
        logprobs=value.get("logprobs"),
        annotations=message.get("annotations"),
    )


def decode_reply(body: JsonObject, kind: ReceiptKind) -> Reply:
    """Read a node's reply, without its receipt and legacy members.

    Raises:
        MalformedError: It has a field that we do not know, lacks one, or has a wrong type.
    """
    _checked(_REPLY_SHAPES[kind], body, "reply")
    choices = tuple(_decode_choice(choice, kind) for choice in body.get("choices", ()))
    if [choice.index for choice in choices] != list(range(len(choices))):
        raise MalformedError("the choices are not numbered in order", step="reply")
    vectors: list[JsonObject] = body.get("data") or []
    if [item["index"] for item in vectors] != list(range(len(vectors))):
        raise MalformedError("the embeddings are not numbered in order", step="reply")
    return Reply(
        id=body["id"],
        created=body["created"],
        model=body["model"],
        kind=kind,
        choices=choices,
        usage=decode_usage(body.get("usage")),
        embeddings=tuple(tuple(float(number) for number in item["embedding"]) for item in vectors),
        system_fingerprint=body.get("system_fingerprint"),
    )


_CALL_DELTA = s.record(
    {
        "index": s.integer(0, 1023),
        "id": s.text,
        "type": s.one_of("function"),
        "function": s.record({"name": s.text, "arguments": s.text}),
    },
    ("index", "function"),
)
_CHUNK_SHAPES: Final = {
    ReceiptKind.CHAT: s.record(
        {
            **_HEAD,
            "object": s.one_of("chat.completion.chunk"),
            "choices": s.list_of(
                s.record(
                    {
                        **_CHOICE,
                        "delta": s.record({**_PARTS, "tool_calls": s.list_of(_CALL_DELTA)}),
                    },
                    ("index", "delta", "finish_reason"),
                )
            ),
        },
        ("id", "object", "created", "model", "choices"),
    ),
    ReceiptKind.COMPLETION: s.record(
        {
            **_HEAD,
            "object": s.one_of("text_completion"),
            "choices": s.list_of(
                s.record({**_CHOICE, "text": s.text}, ("index", "text", "finish_reason"))
            ),
        },
        ("id", "object", "created", "model", "choices"),
    ),
}


def decode_chunk(body: JsonObject, kind: ReceiptKind) -> list[Delta]:
    """Read one frame of a stream, without its receipt and legacy members.

    Raises:
        MalformedError: It has a field that we do not know, lacks one, or has a wrong type.
    """
    _checked(_CHUNK_SHAPES[kind], body, "chunk")
    deltas = []
    for choice in body["choices"]:
        delta: JsonObject = (
            {"content": choice["text"] or None} if "text" in choice else choice["delta"]
        )
        deltas.append(
            Delta(
                index=choice["index"],
                text=delta.get("content"),
                reasoning=delta.get("reasoning_content"),
                refusal=delta.get("refusal"),
                tool_calls=tuple(
                    ToolCallDelta(
                        index=call["index"],
                        id=call.get("id"),
                        name=call["function"].get("name"),
                        arguments=call["function"].get("arguments", ""),
                    )
                    for call in delta.get("tool_calls", ())
                ),
                images=tuple(image["image_url"]["url"] for image in delta.get("images", ())),
                finish_reason=choice["finish_reason"],
                logprobs=choice.get("logprobs"),
                annotations=delta.get("annotations"),
            )
        )
    return deltas


_ERROR = s.record(
    {
        "message": s.text,
        "type": s.text,
        "code": s.text,
        "param": s.nullable(s.text),
        "provider_status": s.nullable(s.integer(100, 999)),
        "retry_after": s.nullable(s.number(0, 1e9)),
    },
    ("message", "type", "code", "param", "provider_status", "retry_after"),
)


def decode_error(body: Any, status: int) -> ErrorReply:
    """Read a node's ``error`` object.

    Raises:
        MalformedError: Not the shape that our nodes send.
    """
    _checked(s.record({"error": _ERROR}, ("error",)), body, "error")
    error = body["error"]
    code = error["code"]
    if code not in CODES or not re.fullmatch(r"[a-z0-9_.]{1,80}", code):
        raise MalformedError("the node's error has an unknown code", step="error", actual=code)
    reply = ErrorReply(
        status=status,
        code=code,
        message=error["message"],
        parameter=error["param"],
        provider_status=error["provider_status"],
        retry_after=error["retry_after"],
    )
    if reply.as_json()["type"] != error["type"]:
        raise MalformedError("the node's error has another type than its status", step="error")
    return reply
