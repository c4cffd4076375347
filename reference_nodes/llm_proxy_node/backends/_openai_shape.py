"""Replies, streams and errors in OpenAI's shape: shared by all providers that speak it."""

from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import Choice, Delta, ToolCall, ToolCallDelta, Usage
from opengradient.core.modes import ReceiptKind
from opengradient.wire.sse import DONE, Event
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
    loads,
    maybe,
    need,
    numbers,
    objects,
)
from reference_nodes.llm_proxy_node.backends.base import ParsedReply, ProviderFailure

_NOT_FINISHED: Final = frozenset({"", "cut", "error"})
"""``cut`` is what the node itself says of a broken stream; ``error`` is no way to finish."""


def parse_usage(value: JsonObject | None, *, reasoning_apart: bool = False) -> Usage | None:
    """Usage in OpenAI's shape.

    Args:
        value: The ``usage`` object.
        reasoning_apart: The provider counts reasoning beside the completion tokens (xAI), not
            within them (OpenAI).

    Raises:
        ShapeError: A count is missing or wrong.
    """
    if value is None:
        return None
    reasoning = count(maybe(value, "completion_tokens_details", dict) or {}, "reasoning_tokens")
    cached = count(maybe(value, "prompt_tokens_details", dict) or {}, "cached_tokens")
    need(value, "prompt_tokens", int)
    return Usage(
        input_tokens=count(value, "prompt_tokens"),
        # Embeddings have no completion tokens.
        output_tokens=count(value, "completion_tokens") + (reasoning if reasoning_apart else 0),
        cached_input_tokens=cached,
        reasoning_tokens=reasoning,
    )


def _finish_reason(value: Any) -> str:
    if not isinstance(value, str) or value in _NOT_FINISHED:
        raise ShapeError(f"finish_reason is {value!r}"[:100])
    return value


def _logprobs(choice: JsonObject) -> JsonObject | None:
    value = maybe(choice, "logprobs", dict)
    if value is not None and not all(item is None or type(item) is list for item in value.values()):
        raise ShapeError("logprobs holds something other than lists")
    dumps(value)
    return value


def _annotations(message: JsonObject) -> list[Any] | None:
    value = maybe(message, "annotations", list)
    if value:
        dumps(value)
    return value or None


def _images(message: JsonObject) -> tuple[str, ...]:
    return tuple(
        need(need(image, "image_url", dict), "url", str) for image in objects(message, "images")
    )


def _reasoning(message: JsonObject) -> str | None:
    # DeepSeek, xAI and vLLM say reasoning_content; OpenRouter and newer vLLM say reasoning.
    return maybe(message, "reasoning_content", str) or maybe(message, "reasoning", str) or None


def _tool_call(call: JsonObject) -> ToolCall:
    function = need(call, "function", dict)
    return ToolCall(
        id=need(call, "id", str),
        name=need(function, "name", str),
        arguments=need(function, "arguments", str),
    )


def _choice(choice: JsonObject, kind: ReceiptKind) -> Choice:
    index = need(choice, "index", int)
    finish_reason = _finish_reason(choice.get("finish_reason"))
    if kind == ReceiptKind.COMPLETION:
        return Choice(
            index=index,
            text=need(choice, "text", str) or None,
            finish_reason=finish_reason,
            logprobs=_logprobs(choice),
        )
    message = need(choice, "message", dict)
    return Choice(
        index=index,
        text=maybe(message, "content", str) or None,
        reasoning=_reasoning(message),
        refusal=maybe(message, "refusal", str) or None,
        tool_calls=tuple(_tool_call(call) for call in objects(message, "tool_calls")),
        images=_images(message),
        finish_reason=finish_reason,
        logprobs=_logprobs(choice),
        annotations=_annotations(message),
    )


def _numbered(items: list[JsonObject], what: str) -> list[JsonObject]:
    ordered = sorted(items, key=lambda item: need(item, "index", int))
    if not ordered or [item["index"] for item in ordered] != list(range(len(ordered))):
        raise ShapeError(f"the {what} are not numbered from 0")
    return ordered


def _reply(body: JsonObject, kind: ReceiptKind, *, reasoning_apart: bool) -> ParsedReply:
    choices: tuple[Choice, ...] = ()
    embeddings: tuple[tuple[float, ...], ...] = ()
    if kind == ReceiptKind.EMBEDDING:
        items = _numbered(objects(body, "data"), "embeddings")
        embeddings = tuple(numbers(item.get("embedding")) for item in items)
    else:
        items = _numbered(objects(body, "choices"), "choices")
        choices = tuple(_choice(item, kind) for item in items)
    return ParsedReply(
        model_served=need(body, "model", str),
        choices=choices,
        embeddings=embeddings,
        usage=parse_usage(maybe(body, "usage", dict), reasoning_apart=reasoning_apart),
        system_fingerprint=maybe(body, "system_fingerprint", str),
        provider_id=maybe(body, "id", str),
    )


def parse_reply(
    label: str, body: bytes, kind: ReceiptKind, *, reasoning_apart: bool = False
) -> ParsedReply:
    """Read a whole reply.

    Raises:
        ProtocolError: Not what the protocol says; names the provider by `label`.
    """
    try:
        return _reply(load_object(body), kind, reasoning_apart=reasoning_apart)
    except ValueError as error:
        raise protocol_error(label, str(error)) from None


def told(body: Any) -> Told:
    """What an error body says: OpenAI's object, xAI's pair of strings, or FastAPI's detail."""
    if not isinstance(body, dict):
        return Told()
    error = body.get("error")
    if isinstance(error, dict):
        message, code = text_of(error.get("message")), error.get("code") or error.get("type")
    else:
        message = text_of(error) or text_of(body.get("message")) or text_of(body.get("detail"))
        code = body.get("code")
    return Told(
        message=message,
        code=text_of(code),
        parameter=text_of(error.get("param")) or None if isinstance(error, dict) else None,
        # xAI answers 400, not 401, to a wrong key.
        bad_key=code == "invalid_api_key" or message.startswith("Incorrect API key"),
    )


def _status_within(error: Any, code: str) -> int:
    """The HTTP status that an error inside a stream stands for."""
    number = error.get("code") if isinstance(error, dict) else None
    if isinstance(number, int) and 400 <= number <= 599:
        return number
    if "rate_limit" in code or code == "insufficient_quota":
        return 429
    return 400 if code == "invalid_request_error" else 500


def parse_error_body(body: bytes) -> Told:
    """What the bytes of an error body say; whatever they hold, it never raises."""
    return told(error_object(body))


@final
class OpenAIStream:
    """Reads a stream of ``chat.completion.chunk`` or ``text_completion`` objects."""

    __slots__ = (
        "_finished",
        "_key",
        "_kind",
        "_label",
        "_reasoning_apart",
        "_started",
        "done",
        "error",
        "model_served",
        "provider_id",
        "system_fingerprint",
        "usage",
    )

    def __init__(
        self, label: str, kind: ReceiptKind, *, key: str | None, reasoning_apart: bool = False
    ) -> None:
        """Begin one stream.

        Args:
            label: The provider's name, for messages.
            kind: CHAT or COMPLETION.
            key: Our key there, to be kept out of messages.
            reasoning_apart: See `parse_usage`.
        """
        self._label = label
        self._kind = kind
        self._key = key
        self._reasoning_apart = reasoning_apart
        self._started: set[int] = set()
        self._finished: set[int] = set()
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
            if event.data == DONE:
                self._end()
                return []
            return self._chunk(loads(event.data))
        except (ValueError, RecursionError) as error:
            self.error = protocol_failure(self._label, str(error))
            return []

    def _end(self) -> None:
        if not self._finished or self._started - self._finished:
            raise ShapeError("the stream ended without a finish reason")
        if self.model_served is None:
            raise ShapeError("the stream never named the model")
        self.done = True

    def _chunk(self, chunk: Any) -> list[Delta]:
        if type(chunk) is not dict:
            raise ShapeError("a chunk is not an object")
        choices = chunk.get("choices")
        if type(choices) is not list or "error" in chunk:
            return self._no_choices(chunk)
        if chunk.get("model") != self.model_served:
            self._head(chunk)
        usage = chunk.get("usage")
        if usage is not None:
            self.usage = parse_usage(
                need(chunk, "usage", dict), reasoning_apart=self._reasoning_apart
            )
        read = self._chat if self._kind == ReceiptKind.CHAT else self._completion
        deltas = []
        for choice in choices:
            delta = read(choice)
            if delta is not None:
                deltas.append(delta)
        return deltas

    def _no_choices(self, chunk: JsonObject) -> list[Delta]:
        error = chunk.get("error")
        if error is None:
            raise ShapeError("a chunk has no choices")
        said = told(chunk)
        status = _status_within(error, said.code)
        self.error = failure(self._label, status, {}, said, self._key)
        return []

    def _head(self, chunk: JsonObject) -> None:
        model = maybe(chunk, "model", str)
        if not model:
            return
        if self.model_served is not None:
            raise ShapeError("the model changed within the stream")
        self.model_served = model
        self.provider_id = maybe(chunk, "id", str)
        self.system_fingerprint = maybe(chunk, "system_fingerprint", str)

    def _index(self, choice: Any) -> int:
        index = choice.get("index") if type(choice) is dict else None
        if type(index) is not int or index < 0:
            raise ShapeError("a choice has no index")
        return index

    def _completion(self, choice: Any) -> Delta | None:
        index = self._index(choice)
        self._started.add(index)
        reason = choice.get("finish_reason")
        if reason is not None:
            self._finished.add(index)
            reason = _finish_reason(reason)
        delta = Delta(
            index=index,
            text=need(choice, "text", str) or None,
            finish_reason=reason,
            logprobs=_logprobs(choice),
        )
        return None if delta.empty and reason is None else delta

    def _chat(self, choice: Any) -> Delta | None:
        index = self._index(choice)
        self._started.add(index)
        delta = choice.get("delta")
        if type(delta) is not dict:
            raise ShapeError("a choice has no delta")
        reason = choice.get("finish_reason")
        if len(delta) == 1 and reason is None and choice.get("logprobs") is None:
            text = delta.get("content")
            if type(text) is str:  # Nearly every chunk ends here.
                return Delta(index=index, text=text) if text else None
        if reason is not None:
            self._finished.add(index)
            reason = _finish_reason(reason)
        whole = Delta(
            index=index,
            text=maybe(delta, "content", str) or None,
            reasoning=_reasoning(delta),
            refusal=maybe(delta, "refusal", str) or None,
            tool_calls=tuple(_call_piece(call) for call in objects(delta, "tool_calls")),
            images=_images(delta),
            finish_reason=reason,
            logprobs=_logprobs(choice),
            annotations=_annotations(delta),
        )
        return None if whole.empty and reason is None else whole


def _call_piece(call: JsonObject) -> ToolCallDelta:
    function = maybe(call, "function", dict) or {}
    return ToolCallDelta(
        index=need(call, "index", int),
        id=maybe(call, "id", str) or None,
        name=maybe(function, "name", str) or None,
        arguments=maybe(function, "arguments", str) or "",
    )
