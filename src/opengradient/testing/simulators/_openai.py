"""OpenAI's protocol, with xAI's differences, and as other servers speak it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.testing.simulators._dialect import (
    Call,
    Kind,
    Refused,
    json_body,
    sse,
    vector,
    wanted,
)
from opengradient.testing.simulators.recorded import RecordedRequest
from opengradient.testing.simulators.scenario import Scenario, ScriptedCall

_PATHS: Final[dict[str, Kind]] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completion",
    "/v1/embeddings": "embedding",
}
_SHARED: Final = [
    "model",
    "temperature",
    "top_p",
    "n",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "max_tokens",
    "user",
    "logprobs",
]
_FIELDS: Final[dict[Kind, frozenset[str]]] = {
    "chat": frozenset(
        [
            *_SHARED,
            *[
                "messages",
                "max_completion_tokens",
                "top_logprobs",
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "response_format",
                "reasoning_effort",
                "verbosity",
                "modalities",
                "audio",
                "service_tier",
                "store",
                "metadata",
                "prediction",
                "prompt_cache_key",
                "prompt_cache_retention",
                "safety_identifier",
                "web_search_options",
                "functions",
                "function_call",
            ],
        ]
    ),
    "completion": frozenset([*_SHARED, "prompt", "suffix", "echo", "best_of"]),
    "embedding": frozenset(["model", "input", "dimensions", "encoding_format", "user"]),
}
_REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {
    "chat": ("model", "messages"),
    "completion": ("model", "prompt"),
    "embedding": ("model", "input"),
}
_XAI_REFUSES: Final = frozenset({"logit_bias", "modalities", "store", "metadata", "prediction"})
_CODES: Final = {
    401: "invalid_api_key",
    404: "model_not_found",
    429: "rate_limit_exceeded",
}
_TYPES: Final = {401: "invalid_request_error", 429: "requests"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIDialect:
    """OpenAI, or a server like it. Implements `Dialect`.

    Attributes:
        variable: The beginning of its environment variables.
        xai: Whether it has xAI's differences.
        strict: Whether it refuses unknown fields.
        base_path: What its base URL has after the origin.
    """

    variable: str
    xai: bool = False
    strict: bool = True
    base_path: str = "/v1"

    def read(self, request: RecordedRequest, key: str) -> Call:
        """Check a request as the provider does."""
        kind = _PATHS.get(request.path)
        if kind is None or request.method != "POST":
            raise Refused(404, f"Invalid URL ({request.method} {request.path})", code="not_found")
        self._authenticate(request.headers.get("authorization", ""), key)
        body = json_body(request)
        wanted(body, _REQUIRED[kind])
        self._known(body, kind)
        if body["model"] == "sim-unknown":
            raise Refused(
                404,
                "The model `sim-unknown` does not exist or you do not have access to it.",
                code="model_not_found",
            )
        if "stream_options" in body and not body.get("stream"):
            raise Refused(
                400,
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                parameter="stream_options",
            )
        return _call(body, kind)

    def _authenticate(self, given: str, key: str) -> None:
        if given == f"Bearer {key}":
            return
        masked = given.removeprefix("Bearer ")[:4] + "****" + given[-4:]
        if self.xai:
            raise Refused(400, f"Incorrect API key provided: {masked}.")
        raise Refused(401, f"Incorrect API key provided: {masked}.", code="invalid_api_key")

    def _known(self, body: JsonObject, kind: Kind) -> None:
        for name in body:
            if (self.strict and name not in _FIELDS[kind]) or (self.xai and name in _XAI_REFUSES):
                raise Refused(
                    400,
                    f"Unknown parameter: '{name}'.",
                    code="unknown_parameter",
                    parameter=name,
                )

    def whole(self, scenario: Scenario, call: Call) -> JsonObject:
        """The body of a plain answer."""
        if call.kind == "embedding":
            return {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": number, "embedding": vector(number)}
                    for number in range(call.inputs)
                ],
                "model": scenario.model or call.model,
                "usage": {
                    "prompt_tokens": scenario.input_tokens,
                    "total_tokens": scenario.input_tokens,
                },
            }
        choices = [_whole_choice(scenario, call, index) for index in range(call.choices)]
        return {
            **self._frame(scenario, call, chunk=False),
            "choices": choices,
            "usage": self._usage(scenario),
        }

    def _frame(self, scenario: Scenario, call: Call, *, chunk: bool) -> JsonObject:
        kinds = {"chat": "chat.completion", "completion": "text_completion"}
        kind = kinds[call.kind] + (".chunk" if chunk and call.kind == "chat" else "")
        return {
            "id": "chatcmpl-sim",
            "object": kind,
            "created": 1_760_000_000,
            "model": scenario.model or call.model,
            "system_fingerprint": "fp_sim",
        }

    def _usage(self, scenario: Scenario) -> JsonObject:
        output = scenario.output_tokens - (scenario.reasoning_tokens if self.xai else 0)
        return {
            "prompt_tokens": scenario.input_tokens,
            "completion_tokens": output,
            "total_tokens": scenario.input_tokens + scenario.output_tokens,
            "prompt_tokens_details": {"cached_tokens": scenario.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": scenario.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def events(self, scenario: Scenario, call: Call) -> Iterator[bytes]:
        """The events of a stream."""
        frame = self._frame(scenario, call, chunk=True)
        for index in range(call.choices):
            for choice in _choices(scenario, call, index):
                yield sse({**frame, "choices": [choice]})
        if call.usage:
            yield sse({**frame, "choices": [], "usage": self._usage(scenario)})
        yield b"data: [DONE]\n\n"

    def error(
        self, status: int, message: str, code: str | None, parameter: str | None
    ) -> JsonObject:
        """The body of an error."""
        if self.xai:
            return {"code": code or "Client specified an invalid argument", "error": message}
        kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        return {
            "error": {
                "message": message,
                "type": kind,
                "param": parameter,
                "code": code or _CODES.get(status),
            }
        }

    def error_event(self, scenario: Scenario) -> bytes:
        """An error within a stream."""
        return sse(
            {
                "error": {
                    "message": scenario.message,
                    "type": "server_error",
                    "code": scenario.code,
                    "param": None,
                }
            }
        )


def _call(body: JsonObject, kind: Kind) -> Call:
    texts = body.get("input", "")
    return Call(
        kind=kind,
        model=body["model"],
        stream=bool(body.get("stream")),
        choices=body.get("n") or 1,
        usage=bool((body.get("stream_options") or {}).get("include_usage")),
        inputs=len(texts) if isinstance(texts, list) else 1,
        said=_said(body) if kind != "embedding" else "",
    )


def _said(body: JsonObject) -> str:
    if "prompt" in body:
        return str(body["prompt"])
    content: Any = body["messages"][-1].get("content") if body["messages"] else ""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def _pieces(scenario: Scenario, call: Call) -> tuple[str, ...]:
    return (call.said,) if scenario.echo else scenario.text


def _whole_choice(scenario: Scenario, call: Call, index: int) -> JsonObject:
    pieces = _pieces(scenario, call)
    text = "".join(pieces)
    common = {
        "index": index,
        "logprobs": _logprobs(pieces) if scenario.logprobs else None,
        "finish_reason": scenario.finish_reason,
    }
    if call.kind == "completion":
        return {**common, "text": text}
    message: JsonObject = {
        "role": "assistant",
        "content": text or None,
        "refusal": scenario.refusal,
        "annotations": [],
    }
    if scenario.reasoning:
        message["reasoning_content"] = "".join(scenario.reasoning)
    if scenario.tool_calls:
        message["tool_calls"] = [
            {
                "id": call_.id,
                "type": "function",
                "function": {"name": call_.name, "arguments": call_.arguments or "{}"},
            }
            for call_ in scenario.tool_calls
        ]
    if scenario.images:
        message["images"] = _images(scenario.images)
    return {**common, "message": message}


def _images(images: Iterable[str]) -> list[JsonObject]:
    return [{"type": "image_url", "image_url": {"url": image}} for image in images]


def _logprobs(pieces: Iterable[str]) -> JsonObject:
    return {
        "content": [
            {"token": piece, "logprob": -0.25, "bytes": list(piece.encode()), "top_logprobs": []}
            for piece in pieces
        ],
        "refusal": None,
    }


def _choices(scenario: Scenario, call: Call, index: int) -> Iterator[JsonObject]:
    if call.kind == "completion":
        for piece in _pieces(scenario, call):
            yield {"index": index, "text": piece, "logprobs": None, "finish_reason": None}
        yield {
            "index": index,
            "text": "",
            "logprobs": None,
            "finish_reason": scenario.finish_reason,
        }
        return
    for delta, logprobs in _deltas(scenario, call):
        yield {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
    yield {
        "index": index,
        "delta": {},
        "logprobs": None,
        "finish_reason": scenario.finish_reason,
    }


def _deltas(scenario: Scenario, call: Call) -> Iterator[tuple[JsonObject, JsonObject | None]]:
    yield {"role": "assistant", "content": "", "refusal": None}, None
    for piece in scenario.reasoning:
        yield {"reasoning_content": piece}, None
    for piece in _pieces(scenario, call):
        yield {"content": piece}, _logprobs((piece,)) if scenario.logprobs else None
    if scenario.refusal is not None:
        yield {"refusal": scenario.refusal}, None
    for image in scenario.images:
        yield {"images": _images((image,))}, None
    for number, scripted in enumerate(scenario.tool_calls):
        for part in _call_pieces(number, scripted):
            yield {"tool_calls": [part]}, None


def _call_pieces(number: int, call: ScriptedCall) -> Iterator[JsonObject]:
    yield {
        "index": number,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": ""},
    }
    for piece in call.pieces or ("{}",):
        yield {"index": number, "function": {"arguments": piece}}
