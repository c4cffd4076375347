"""Replies, streams and errors of Anthropic's Messages API."""

from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import Choice, Delta, ToolCall, ToolCallDelta, Usage
from opengradient.wire.sse import Event
from reference_nodes.llm_proxy_node.backends._anthropic_request import LABEL
from reference_nodes.llm_proxy_node.backends._failures import (
    Told,
    error_object,
    failure,
    protocol_error,
    protocol_failure,
    text_of,
)
from reference_nodes.llm_proxy_node.backends._json import (
    ShapeError,
    count,
    dumps,
    load_object,
    maybe,
    need,
    objects,
)
from reference_nodes.llm_proxy_node.backends.base import ParsedReply, ProviderFailure

_FINISH_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_ERROR_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""https://platform.claude.com/docs/en/api/errors"""


def parse_usage(usage: JsonObject) -> Usage:
    """Usage; at Anthropic ``input_tokens`` does not hold what was read from or put into a cache.

    Raises:
        ShapeError: A count is missing or wrong.
    """
    need(usage, "input_tokens", int)
    need(usage, "output_tokens", int)
    cached = count(usage, "cache_read_input_tokens")
    details = maybe(usage, "output_tokens_details", dict) or {}
    return Usage(
        input_tokens=count(usage, "input_tokens")
        + count(usage, "cache_creation_input_tokens")
        + cached,
        output_tokens=count(usage, "output_tokens"),
        cached_input_tokens=cached,
        reasoning_tokens=count(details, "thinking_tokens"),
    )


def _finish_reason(reason: str) -> str:
    mapped = _FINISH_REASONS.get(reason)
    if mapped is None:
        raise ShapeError(f"the stop reason is {reason[:60]!r}")
    return mapped


def _refusal(stop: JsonObject) -> str | None:
    """The explanation of a refusal, where one is given."""
    return maybe(maybe(stop, "stop_details", dict) or {}, "explanation", str) or None


def parse_reply(body: bytes) -> ParsedReply:
    """Read a whole message.

    Raises:
        ProtocolError: Not what the protocol says.
    """
    try:
        return _reply(load_object(body))
    except ValueError as error:
        raise protocol_error(LABEL, str(error)) from None


def _reply(body: JsonObject) -> ParsedReply:
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    need(body, "content", list)
    for block in objects(body, "content"):
        match block.get("type"):
            case "text":
                text.append(need(block, "text", str))
            case "thinking":
                reasoning.append(need(block, "thinking", str))
            case "tool_use":
                calls.append(_tool_call(block))
            case "redacted_thinking":
                pass  # encrypted: there is nothing to show
            case other:
                raise ShapeError(f"a block has the unknown type {other!r}"[:100])
    choice = Choice(
        text="".join(text) or None,
        reasoning="".join(reasoning) or None,
        refusal=_refusal(body),
        tool_calls=tuple(calls),
        finish_reason=_finish_reason(need(body, "stop_reason", str)),
    )
    return ParsedReply(
        model_served=need(body, "model", str),
        choices=(choice,),
        usage=parse_usage(need(body, "usage", dict)),
        provider_id=need(body, "id", str),
    )


def _tool_call(block: JsonObject) -> ToolCall:
    return ToolCall(
        id=need(block, "id", str),
        name=need(block, "name", str),
        arguments=dumps(need(block, "input", dict)),
    )


def parse_error_body(body: bytes) -> Told:
    """What the bytes of an error body say; whatever they hold, it never raises."""
    value = error_object(body)
    return told(value.get("error")) if isinstance(value, dict) else Told()


def told(error: Any) -> Told:
    """What an ``error`` object says."""
    if not isinstance(error, dict):
        return Told()
    kind = text_of(error.get("type"))
    return Told(
        message=text_of(error.get("message")),
        code="model_not_found"
        if kind == "not_found_error" and text_of(error.get("message")).startswith("model")
        else kind,
    )


@final
@dataclass(slots=True)
class _Block:
    """An open content block. `call` is the number of its tool call, or -1."""

    kind: str
    call: int = -1
    whole_input: str = "{}"
    pieces: int = 0


_DELTAS: Final = {
    "text_delta": "text",
    "input_json_delta": "tool_use",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "citations_delta": "text",
}
"""Which kind of block each kind of delta belongs to."""


@final
class AnthropicStream:
    """Reads the events of one message."""

    __slots__ = (
        "_blocks",
        "_calls",
        "_counts",
        "_finished",
        "_key",
        "done",
        "error",
        "model_served",
        "provider_id",
        "system_fingerprint",
        "usage",
    )

    def __init__(self, key: str | None) -> None:
        """Begin one stream; `key` is kept out of messages."""
        self._key = key
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._counts: JsonObject = {}
        self._finished = False
        self.done = False
        self.error: ProviderFailure | None = None
        self.model_served: str | None = None
        self.usage: Usage | None = None
        self.system_fingerprint: str | None = None
        self.provider_id: str | None = None

    def feed(self, event: Event) -> list[Delta]:
        """Take one event; see `StreamParser`."""
        if self.done or self.error is not None:
            return []
        try:
            delta = self._read(load_object(event.data))
        except ValueError as error:
            self.error = protocol_failure(LABEL, str(error))
            return []
        return [] if delta is None else [delta]

    def _read(self, event: JsonObject) -> Delta | None:
        kind = event.get("type")
        if kind == "error":
            self._fail(event)
            return None
        if kind == "message_start":
            self._start(need(event, "message", dict))
            return None
        handler = _HANDLERS.get(text_of(kind))
        if handler is None:
            return None  # ping, and events that Anthropic announces it may add
        if self.model_served is None:
            raise ShapeError("the stream does not begin with message_start")
        return handler(self, event)

    def _fail(self, event: JsonObject) -> None:
        error = event.get("error")
        said = told(error)
        kind = text_of(error.get("type")) if isinstance(error, dict) else ""
        self.error = failure(LABEL, _ERROR_STATUSES.get(kind, 500), {}, said, self._key)

    def _start(self, message: JsonObject) -> None:
        if self.model_served is not None:
            raise ShapeError("a second message_start")
        self.model_served = need(message, "model", str)
        self.provider_id = need(message, "id", str)
        self._counts = need(message, "usage", dict)

    def _block_start(self, event: JsonObject) -> Delta | None:
        index = need(event, "index", int)
        given = need(event, "content_block", dict)
        kind = need(given, "type", str)
        if index in self._blocks or self._finished:
            raise ShapeError("a content block starts out of turn")
        block = self._blocks[index] = _Block(kind)
        match kind:
            case "text":
                text = maybe(given, "text", str)
                return Delta(text=text) if text else None
            case "thinking":
                thinking = maybe(given, "thinking", str)
                return Delta(reasoning=thinking) if thinking else None
            case "redacted_thinking":
                return None
            case "tool_use":
                block.call = self._calls
                self._calls += 1
                block.whole_input = dumps(maybe(given, "input", dict) or {})
                piece = ToolCallDelta(
                    index=block.call, id=need(given, "id", str), name=need(given, "name", str)
                )
                return Delta(tool_calls=(piece,))
            case _:
                raise ShapeError(f"a block has the unknown type {kind[:60]!r}")

    def _block_delta(self, event: JsonObject) -> Delta | None:
        delta = need(event, "delta", dict)
        kind = need(delta, "type", str)
        block = self._blocks.get(need(event, "index", int))
        if block is None or _DELTAS.get(kind) != block.kind:
            raise ShapeError(f"a {kind[:60]!r} does not belong to its block")
        if kind == "text_delta":
            return Delta(text=need(delta, "text", str))
        if kind == "thinking_delta":
            return Delta(reasoning=need(delta, "thinking", str))
        if kind == "input_json_delta":
            piece = need(delta, "partial_json", str)
            if piece:
                block.pieces += 1
                return Delta(tool_calls=(ToolCallDelta(index=block.call, arguments=piece),))
        return None  # signatures: not shown; citations: none were asked for

    def _block_stop(self, event: JsonObject) -> Delta | None:
        block = self._blocks.pop(need(event, "index", int), None)
        if block is None:
            raise ShapeError("a content block stops that did not start")
        if block.kind == "tool_use" and not block.pieces:
            # Without parameters no piece comes; the arguments must be JSON all the same.
            piece = ToolCallDelta(index=block.call, arguments=block.whole_input)
            return Delta(tool_calls=(piece,))
        return None

    def _message_delta(self, event: JsonObject) -> Delta | None:
        usage = maybe(event, "usage", dict) or {}
        self._counts = {
            **self._counts,
            **{name: value for name, value in usage.items() if value is not None},
        }
        self.usage = parse_usage(self._counts)
        delta = need(event, "delta", dict)
        reason = maybe(delta, "stop_reason", str)
        if reason is None:
            return None
        self._finished = True
        return Delta(finish_reason=_finish_reason(reason), refusal=_refusal(delta))

    def _message_stop(self, _event: JsonObject) -> None:
        if not self._finished or self._blocks:
            raise ShapeError("the message stops before it is finished")
        self.done = True


_HANDLERS: Final = {
    "content_block_start": AnthropicStream._block_start,  # noqa: SLF001 - its own table
    "content_block_delta": AnthropicStream._block_delta,  # noqa: SLF001
    "content_block_stop": AnthropicStream._block_stop,  # noqa: SLF001
    "message_delta": AnthropicStream._message_delta,  # noqa: SLF001
    "message_stop": AnthropicStream._message_stop,  # noqa: SLF001
}
