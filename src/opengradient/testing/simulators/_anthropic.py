"""Anthropic's Messages API."""

from collections.abc import Iterator
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.testing.simulators._dialect import (
    Call,
    Refused,
    json_body,
    parsed,
    sse,
)
from opengradient.testing.simulators.recorded import RecordedRequest
from opengradient.testing.simulators.scenario import Scenario

_FIELDS: Final = frozenset(
    [
        "model",
        "max_tokens",
        "messages",
        "system",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
        "tools",
        "tool_choice",
        "metadata",
        "service_tier",
        "thinking",
        "output_config",
        "cache_control",
        "container",
    ]
)
_STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@final
class AnthropicDialect:
    """Implements `Dialect`."""

    variable: Final = "ANTHROPIC"
    base_path: Final = ""

    def read(self, request: RecordedRequest, key: str) -> Call:
        """Check a request as the provider does."""
        if request.method != "POST" or request.path != "/v1/messages":
            raise Refused(404, "Not Found")
        if request.headers.get("x-api-key") != key:
            raise Refused(401, "invalid x-api-key")
        if request.headers.get("anthropic-version") != "2023-06-01":
            raise Refused(400, "anthropic-version: header is required")
        body = json_body(request)
        for name in ("model", "max_tokens", "messages"):
            if name not in body:
                raise Refused(400, f"{name}: Field required")
        for name in body:
            if name not in _FIELDS:
                raise Refused(400, f"{name}: Extra inputs are not permitted")
        _check_messages(body["messages"])
        if body["model"] == "sim-unknown":
            raise Refused(404, "model: sim-unknown")
        return Call(
            kind="chat",
            model=body["model"],
            stream=bool(body.get("stream")),
            said=_said(body["messages"][-1]["content"]),
        )

    def whole(self, scenario: Scenario, call: Call) -> JsonObject:
        """The body of a plain answer."""
        content: list[JsonObject] = []
        if scenario.reasoning:
            thinking = "".join(scenario.reasoning)
            content.append({"type": "thinking", "thinking": thinking, "signature": "c2ln"})
        text = call.said if scenario.echo else "".join(scenario.text)
        if text:
            content.append({"type": "text", "text": text, "citations": None})
        content.extend(
            {
                "type": "tool_use",
                "id": scripted.id,
                "name": scripted.name,
                "input": parsed(scripted.arguments),
            }
            for scripted in scenario.tool_calls
        )
        return {
            **_message(scenario, call),
            "content": content,
            **_stop(scenario),
            "usage": {**_usage(scenario), "output_tokens": scenario.output_tokens},
        }

    def events(self, scenario: Scenario, call: Call) -> Iterator[bytes]:
        """The events of a stream."""
        message = {
            **_message(scenario, call),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**_usage(scenario), "output_tokens": 1},
        }
        yield _event({"type": "message_start", "message": message})
        yield _event({"type": "ping"})
        for index, (block, deltas) in enumerate(_blocks(scenario, call)):
            yield _event({"type": "content_block_start", "index": index, "content_block": block})
            for delta in deltas:
                yield _event({"type": "content_block_delta", "index": index, "delta": delta})
            yield _event({"type": "content_block_stop", "index": index})
        usage = {"output_tokens": scenario.output_tokens}
        yield _event({"type": "message_delta", "delta": _stop(scenario), "usage": usage})
        yield _event({"type": "message_stop"})

    def error(
        self,
        status: int,
        message: str,
        code: str | None,
        parameter: str | None,  # noqa: ARG002 - Anthropic names it in the message
    ) -> JsonObject:
        """The body of an error."""
        kind = code or _ERRORS.get(status, "api_error")
        return {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": "req_sim",
        }

    def error_event(self, scenario: Scenario) -> bytes:
        """An error within a stream."""
        return _event(self.error(529, scenario.message, scenario.code, None))


def _event(data: JsonObject) -> bytes:
    return sse(data, data["type"])


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: at least one message is required")
    for number, message in enumerate(messages):
        if message.get("role") not in {"user", "assistant"}:
            raise Refused(400, f"messages.{number}.role: Input should be 'user' or 'assistant'")
        blocks = message.get("content")
        if blocks in ("", []) or blocks is None:
            raise Refused(400, f"messages.{number}: content must not be empty")
        for block in blocks if isinstance(blocks, list) else ():
            if block.get("type") == "text" and not block.get("text"):
                raise Refused(400, "messages: text content blocks must be non-empty")


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def _message(scenario: Scenario, call: Call) -> JsonObject:
    return {
        "id": "msg_sim",
        "type": "message",
        "role": "assistant",
        "model": scenario.model or call.model,
    }


def _stop(scenario: Scenario) -> JsonObject:
    stop: JsonObject = {
        "stop_reason": _STOP_REASONS[scenario.finish_reason],
        "stop_sequence": None,
    }
    if scenario.refusal is not None:
        stop["stop_details"] = {
            "type": "refusal",
            "category": None,
            "explanation": scenario.refusal,
        }
    return stop


def _usage(scenario: Scenario) -> JsonObject:
    usage: JsonObject = {
        "input_tokens": scenario.input_tokens - scenario.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": scenario.cached_tokens,
        "service_tier": "standard",
    }
    if scenario.reasoning_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": scenario.reasoning_tokens}
    return usage


def _blocks(scenario: Scenario, call: Call) -> Iterator[tuple[JsonObject, list[JsonObject]]]:
    if scenario.reasoning:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in scenario.reasoning]
        signature = {"type": "signature_delta", "signature": "c2ln"}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signature]
    pieces = (call.said,) if scenario.echo else scenario.text
    if pieces:
        yield (
            {"type": "text", "text": ""},
            [{"type": "text_delta", "text": piece} for piece in pieces],
        )
    for scripted in scenario.tool_calls:
        block = {"type": "tool_use", "id": scripted.id, "name": scripted.name, "input": {}}
        yield (
            block,
            [
                {"type": "input_json_delta", "partial_json": piece}
                for piece in ("", *scripted.pieces)
            ],
        )
