"""Replies, streams and errors of the Gemini API."""

import math
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import (
    Choice,
    Delta,
    StreamAccumulator,
    ToolCallDelta,
    Usage,
)
from opengradient.core.modes import ReceiptKind
from opengradient.wire.sse import Event
from reference_nodes.llm_proxy_node.backends._failures import (
    Told,
    duration,
    error_object,
    failure,
    protocol_error,
    protocol_failure,
    text_of,
)
from reference_nodes.llm_proxy_node.backends._google_request import LABEL, SIGNATURE_MARK
from reference_nodes.llm_proxy_node.backends._json import (
    ShapeError,
    count,
    dumps,
    load_object,
    maybe,
    need,
    numbers,
    objects,
)
from reference_nodes.llm_proxy_node.backends.base import ParsedReply, ProviderFailure

_FILTERED: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
_FINISH_REASONS: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
}
"""Other reasons (OTHER, MALFORMED_FUNCTION_CALL, NO_IMAGE, ...) mean that the model failed:
https://ai.google.dev/api/generate-content#FinishReason"""


def parse_usage(usage: JsonObject | None) -> Usage | None:
    """Usage; Gemini leaves zeros out, and counts thoughts beside the candidates.

    Raises:
        ShapeError: A count is wrong.
    """
    if usage is None:
        return None
    thoughts = count(usage, "thoughtsTokenCount")
    return Usage(
        input_tokens=count(usage, "promptTokenCount") + count(usage, "toolUsePromptTokenCount"),
        output_tokens=count(usage, "candidatesTokenCount") + thoughts,
        cached_input_tokens=count(usage, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
    )


def _logprobs(candidate: JsonObject) -> JsonObject | None:
    result = maybe(candidate, "logprobsResult", dict)
    if result is None:
        return None
    tops = objects(result, "topCandidates")
    chosen = objects(result, "chosenCandidates")
    return {
        "content": [
            {
                **_token(token),
                "top_logprobs": [_token(top) for top in objects(tops[at], "candidates")]
                if at < len(tops)
                else [],
            }
            for at, token in enumerate(chosen)
        ]
    }


def _token(token: JsonObject) -> JsonObject:
    logprob = token.get("logProbability", 0)
    if type(logprob) not in (int, float) or not math.isfinite(logprob):
        raise ShapeError("a log probability is not a finite number")
    return {"token": need(token, "token", str), "logprob": logprob, "bytes": None}


@final
@dataclass(slots=True)
class _Candidate:
    """What is known of one candidate: how many calls it has made, and whether it ended."""

    calls: int = 0
    finished: bool = False


@final
class GoogleStream:
    """Reads a sequence of ``GenerateContentResponse``: the events of a stream, or one reply.

    The protocol has no last event: a stream is whole when its body ends after every candidate
    has finished.
    """

    __slots__ = (
        "_calls",
        "_candidates",
        "_key",
        "error",
        "model_served",
        "provider_id",
        "system_fingerprint",
        "usage",
    )

    def __init__(self, key: str | None) -> None:
        """Begin one stream; `key` is kept out of messages."""
        self._key = key
        self._candidates: dict[int, _Candidate] = {}
        self._calls = 0
        self.error: ProviderFailure | None = None
        self.model_served: str | None = None
        self.usage: Usage | None = None
        self.system_fingerprint: str | None = None
        self.provider_id: str | None = None

    @property
    def done(self) -> bool:
        """Whether every candidate that began has finished."""
        candidates = self._candidates.values()
        return bool(candidates) and all(candidate.finished for candidate in candidates)

    def feed(self, event: Event) -> list[Delta]:
        """Take one event; see `StreamParser`."""
        if self.error is not None:
            return []
        try:
            body = load_object(event.data)
            if "error" in body:
                self.error = failure(LABEL, _status(body), {}, told(body), self._key)
                return []
            return self.read(body)
        except ValueError as error:
            self.error = protocol_failure(LABEL, str(error))
            return []

    def read(self, body: JsonObject) -> list[Delta]:
        """Take one parsed response.

        Raises:
            ShapeError: Not what the protocol says.
        """
        model = need(body, "modelVersion", str)
        if self.model_served not in {None, model}:
            raise ShapeError("the model changed within the stream")
        self.model_served = model
        self.provider_id = maybe(body, "responseId", str) or self.provider_id
        self.usage = parse_usage(maybe(body, "usageMetadata", dict)) or self.usage
        feedback = maybe(body, "promptFeedback", dict) or {}
        blocked = maybe(feedback, "blockReason", str)
        if blocked is not None:
            self._candidates[0] = _Candidate(finished=True)
            reason = maybe(feedback, "blockReasonMessage", str) or f"prompt blocked: {blocked}"
            return [Delta(refusal=reason, finish_reason="content_filter")]
        return [
            delta
            for candidate in objects(body, "candidates")
            if (delta := self._candidate(candidate)) is not None
        ]

    def _candidate(self, candidate: JsonObject) -> Delta | None:
        index = count(candidate, "index")
        state = self._candidates.setdefault(index, _Candidate())
        parts = objects(maybe(candidate, "content", dict) or {}, "parts")
        text: list[str] = []
        reasoning: list[str] = []
        images: list[str] = []
        calls: list[ToolCallDelta] = []
        for part in parts:
            if "functionCall" in part:
                calls.append(self._call(part, state))
            elif "inlineData" in part:
                images.append(_data_uri(need(part, "inlineData", dict)))
            elif "text" in part:
                (reasoning if part.get("thought") else text).append(need(part, "text", str))
            elif "thoughtSignature" not in part:
                raise ShapeError(f"a part of an unknown kind: {', '.join(sorted(part))[:60]}")
        finish_reason, refusal = self._finish(candidate, state)
        delta = Delta(
            index=index,
            text="".join(text) or None,
            reasoning="".join(reasoning) or None,
            refusal=refusal,
            tool_calls=tuple(calls),
            images=tuple(images),
            finish_reason=finish_reason,
            logprobs=_logprobs(candidate),
        )
        return None if delta.empty and finish_reason is None else delta

    def _call(self, part: JsonObject, state: _Candidate) -> ToolCallDelta:
        call = need(part, "functionCall", dict)
        call_id = maybe(call, "id", str) or f"call_{self._calls}"
        if SIGNATURE_MARK in call_id:
            raise ShapeError("a call's id cannot be given on")
        signature = maybe(part, "thoughtSignature", str)
        piece = ToolCallDelta(
            index=state.calls,
            id=call_id if signature is None else call_id + SIGNATURE_MARK + signature,
            name=need(call, "name", str),
            arguments=dumps(maybe(call, "args", dict) or {}),
        )
        self._calls += 1
        state.calls += 1
        return piece

    def _finish(self, candidate: JsonObject, state: _Candidate) -> tuple[str | None, str | None]:
        reason = maybe(candidate, "finishReason", str)
        if reason is None:
            return None, None
        mapped = _FINISH_REASONS.get(reason)
        if mapped is None:
            raise ShapeError(f"the model failed with {reason[:60]}")
        state.finished = True
        if mapped == "content_filter":
            return mapped, maybe(candidate, "finishMessage", str)
        return ("tool_calls" if state.calls and mapped == "stop" else mapped), None


def _data_uri(blob: JsonObject) -> str:
    return f"data:{need(blob, 'mimeType', str)};base64,{need(blob, 'data', str)}"


def parse_reply(kind: ReceiptKind, body: bytes) -> ParsedReply:
    """Read a whole reply.

    Raises:
        ProtocolError: Not what the protocol says.
    """
    try:
        value = load_object(body)
        return _embeddings(value) if kind == ReceiptKind.EMBEDDING else _generated(value)
    except ValueError as error:
        raise protocol_error(LABEL, str(error)) from None


def _generated(body: JsonObject) -> ParsedReply:
    stream = GoogleStream(None)
    whole = StreamAccumulator()
    for delta in stream.read(body):
        whole.add(delta)
    choices: tuple[Choice, ...] = whole.choices()
    if not stream.done or [choice.index for choice in choices] != list(range(len(choices))):
        raise ShapeError("a candidate is missing or has no finish reason")
    return ParsedReply(
        model_served=stream.model_served,
        choices=choices,
        usage=stream.usage,
        provider_id=stream.provider_id,
    )


def _embeddings(body: JsonObject) -> ParsedReply:
    one = maybe(body, "embedding", dict)
    embeddings = objects(body, "embeddings") if one is None else [one]
    if not embeddings:
        raise ShapeError("there is no embedding")
    return ParsedReply(
        model_served=None,
        embeddings=tuple(numbers(embedding.get("values")) for embedding in embeddings),
        usage=parse_usage(maybe(body, "usageMetadata", dict)),
    )


def parse_error_body(body: bytes) -> Told:
    """What the bytes of an error body say; whatever they hold, it never raises."""
    value = error_object(body)
    # streamGenerateContent answers with a list when it fails before the stream begins.
    return told(value[0] if isinstance(value, list) and value else value)


def _status(body: JsonObject) -> int:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else 500


def told(body: Any) -> Told:
    """What an error body says (google.rpc.Status with ErrorInfo, RetryInfo, BadRequest)."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Told()
    details = error.get("details")
    given = [item for item in details if isinstance(item, dict)] if type(details) is list else []
    violations = [
        violation
        for item in given
        if isinstance(item.get("fieldViolations"), list)
        for violation in item["fieldViolations"]
        if isinstance(violation, dict)
    ]
    delays = [duration(text_of(item.get("retryDelay"))) for item in given if "retryDelay" in item]
    return Told(
        message=text_of(error.get("message")),
        code=text_of(error.get("status")),
        parameter=text_of(violations[0].get("field")) or None if violations else None,
        # Google answers 400, not 401, to a wrong key.
        bad_key=any(text_of(item.get("reason")).startswith("API_KEY_") for item in given),
        retry_after=delays[0] if delays else None,
    )
