"""Requests and replies of language models, independent of any provider's wire format.

`Reply.committed_fields` is the one place that says which parts of an answer are bound, each
typed and named, so that a text answer can never pass for a tool call (clause 3.6).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from opengradient.core.canonical import JsonObject
from opengradient.core.commitments import FieldValue
from opengradient.core.modes import ReceiptKind


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRequest:
    """A validated request.

    Attributes:
        kind: CHAT, COMPLETION or EMBEDDING.
        model: Model as the client named it.
        body: The whole JSON object, validated; only known parameters.
        raw: The exact bytes as they arrived.
        path: The HTTP path, for example ``/v1/chat/completions``.
    """

    kind: ReceiptKind
    model: str
    body: JsonObject
    raw: bytes
    path: str

    @property
    def stream(self) -> bool:
        """Whether the client asked for a stream."""
        return bool(self.body.get("stream"))

    def parameters(self) -> JsonObject:
        """Everything but the model, the content and the framing."""
        framing = {"model", "messages", "prompt", "input", "stream", "stream_options"}
        return {name: value for name, value in self.body.items() if name not in framing}

    def committed_fields(self) -> dict[str, FieldValue]:
        """What a receipt binds of the request: its path and its exact bytes."""
        return {"path": self.path, "body": self.raw}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model asks for.

    Attributes:
        id: The call's id.
        name: The function's name.
        arguments: JSON text, exactly as the model wrote it.
    """

    id: str
    name: str
    arguments: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer.

    Attributes:
        index: Its number, from 0.
        text: What the model wrote; None if it wrote nothing.
        reasoning: What it shows of its reasoning.
        refusal: Its refusal, where the provider marks one.
        tool_calls: The calls it asks for.
        images: Images as ``data:`` URIs.
        finish_reason: stop, length, tool_calls, content_filter, or ``cut`` for a broken stream.
        logprobs: Token log probabilities as JSON in OpenAI's shape.
        annotations: Citations as JSON in OpenAI's shape.
    """

    index: int = 0
    text: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[str, ...] = ()
    finish_reason: str = "stop"
    logprobs: Any = None
    annotations: Any = None

    def committed_fields(self) -> dict[str, FieldValue]:
        """The parts that are there, each under its own name."""
        at = f"choice.{self.index}."
        parts: dict[str, FieldValue] = {at + "finish_reason": self.finish_reason}
        for name in ("text", "reasoning", "refusal", "logprobs", "annotations"):
            value = getattr(self, name)
            if value is not None:
                parts[at + name] = value
        if self.tool_calls:
            parts[at + "tool_calls"] = [
                {"id": call.id, "name": call.name, "arguments": call.arguments}
                for call in self.tool_calls
            ]
        for number, image in enumerate(self.images):
            parts[f"{at}image.{number}"] = image
        return parts


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer.

    Attributes:
        id: The answer's id, given by the node.
        created: Unix seconds.
        model: Model that the provider says it served.
        kind: CHAT, COMPLETION, EMBEDDING, or REFUSAL.
        choices: The answers.
        usage: Tokens, where the provider counted.
        embeddings: One vector per input, for EMBEDDING.
        system_fingerprint: The provider's, where it gives one.
    """

    id: str
    created: int
    model: str
    kind: ReceiptKind
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    embeddings: tuple[tuple[float, ...], ...] = ()
    system_fingerprint: str | None = None

    def committed_fields(self) -> dict[str, FieldValue]:
        """What a receipt binds of the answer: every part of it."""
        parts: dict[str, FieldValue] = {
            "id": self.id,
            "created": self.created,
            "model": self.model,
        }
        if self.system_fingerprint is not None:
            parts["system_fingerprint"] = self.system_fingerprint
        if self.usage is not None:
            parts["usage"] = {
                "input_tokens": self.usage.input_tokens,
                "output_tokens": self.usage.output_tokens,
                "cached_input_tokens": self.usage.cached_input_tokens,
                "reasoning_tokens": self.usage.reasoning_tokens,
            }
        for choice in self.choices:
            parts.update(choice.committed_fields())
        for number, vector in enumerate(self.embeddings):
            parts[f"embedding.{number}"] = struct.pack(f"<{len(vector)}d", *vector)
        return parts


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """A failure that is signed like any other answer.

    Attributes:
        status: HTTP status.
        code: Our stable error code.
        message: What happened; never holds a provider's key.
        parameter: The parameter at fault, where there is one.
        provider_status: The provider's own status, where it answered.
        retry_after: Seconds, where the provider asked to wait.
    """

    status: int
    code: str
    message: str
    parameter: str | None = None
    provider_status: int | None = None
    retry_after: float | None = None

    def as_json(self) -> JsonObject:
        """The OpenAI-shaped ``error`` object."""
        return {
            "message": self.message,
            "type": _ERROR_TYPES.get(self.status, "api_error"),
            "code": self.code,
            "param": self.parameter,
            "provider_status": self.provider_status,
            "retry_after": self.retry_after,
        }

    def committed_fields(self) -> dict[str, FieldValue]:
        """What a receipt binds of a failure: the whole error object."""
        return {"error": self.as_json()}


_ERROR_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of a tool call; `index` says of which."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of one choice of a stream. `finish_reason` ends the choice."""

    index: int = 0
    text: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    images: tuple[str, ...] = ()
    finish_reason: str | None = None
    logprobs: Any = None
    annotations: Any = None

    @property
    def empty(self) -> bool:
        """Whether nothing of it needs to be shown."""
        return (
            self.text is None
            and self.reasoning is None
            and self.refusal is None
            and self.logprobs is None
            and self.annotations is None
            and not self.tool_calls
            and not self.images
        )


@final
@dataclass(slots=True)
class _OpenToolCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@final
@dataclass(slots=True)
class ChoiceAccumulator:
    """Puts one choice together from its deltas. Node and client use this same one."""

    index: int
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    _calls: dict[int, _OpenToolCall] = field(default_factory=dict)
    _logprobs: dict[str, list[Any]] = field(default_factory=dict)
    _annotations: list[Any] = field(default_factory=list)

    def add(self, delta: Delta) -> None:
        """Take the next piece."""
        if delta.text:
            self.text.append(delta.text)
        if delta.reasoning is not None:
            self.reasoning.append(delta.reasoning)
        if delta.refusal is not None:
            self.refusal.append(delta.refusal)
        for piece in delta.tool_calls:
            call = self._calls.setdefault(piece.index, _OpenToolCall())
            call.id = piece.id or call.id
            call.name = piece.name or call.name
            call.arguments.append(piece.arguments)
        self.images.extend(delta.images)
        if delta.logprobs is not None:
            for name, values in delta.logprobs.items():
                self._logprobs.setdefault(name, []).extend(values or ())
        if delta.annotations is not None:
            self._annotations.extend(delta.annotations)
        if delta.finish_reason is not None:
            self.finish_reason = delta.finish_reason

    def choice(self) -> Choice:
        """The choice so far; its finish reason is ``cut`` while none came."""
        return Choice(
            index=self.index,
            text="".join(self.text) if self.text else None,
            reasoning="".join(self.reasoning) if self.reasoning else None,
            refusal="".join(self.refusal) if self.refusal else None,
            tool_calls=tuple(
                ToolCall(id=call.id, name=call.name, arguments="".join(call.arguments))
                for _, call in sorted(self._calls.items())
            ),
            images=tuple(self.images),
            finish_reason=self.finish_reason or "cut",
            logprobs=self._logprobs or None,
            annotations=self._annotations or None,
        )


@final
@dataclass(slots=True)
class StreamAccumulator:
    """Puts the choices of a stream together."""

    _choices: dict[int, ChoiceAccumulator] = field(default_factory=dict)

    def add(self, delta: Delta) -> None:
        """Take the next piece of any choice."""
        choice = self._choices.get(delta.index)
        if choice is None:
            choice = self._choices[delta.index] = ChoiceAccumulator(delta.index)
        choice.add(delta)

    def choices(self) -> tuple[Choice, ...]:
        """All choices so far, in order."""
        return tuple(self._choices[index].choice() for index in sorted(self._choices))
