"""Google's Gemini API, v1beta."""

import re
from collections.abc import Iterator
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.testing.simulators._dialect import (
    Call,
    Refused,
    json_body,
    parsed,
    split_uri,
    sse,
    vector,
)
from opengradient.testing.simulators.recorded import RecordedRequest
from opengradient.testing.simulators.scenario import Scenario, ScriptedCall

_PATH: Final = re.compile(
    r"/v1beta/(?:models|tunedModels)/([\w.-]+):"
    r"(generateContent|streamGenerateContent|embedContent|batchEmbedContents)"
)
_FIELDS: Final = frozenset(
    [
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
        "safetySettings",
        "cachedContent",
        "store",
        "serviceTier",
    ]
)
_CONFIG: Final = frozenset(
    [
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "responseModalities",
        "candidateCount",
        "maxOutputTokens",
        "temperature",
        "topP",
        "topK",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "thinkingConfig",
        "imageConfig",
        "speechConfig",
        "mediaResolution",
    ]
)
_FINISH: Final = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
}
_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@final
class GoogleDialect:
    """Implements `Dialect`."""

    variable: Final = "GOOGLE"
    base_path: Final = ""

    def read(self, request: RecordedRequest, key: str) -> Call:
        """Check a request as the provider does."""
        match = _PATH.fullmatch(request.path)
        if request.method != "POST" or match is None:
            raise Refused(404, "The requested URL was not found on this server.")
        if request.headers.get("x-goog-api-key") != key:
            raise Refused(400, "API key not valid. Please pass a valid API key.", code=_BAD_KEY)
        model, method = match.groups()
        body = json_body(request)
        if model == "sim-unknown":
            raise Refused(404, "models/sim-unknown is not found for API version v1beta.")
        if method in {"embedContent", "batchEmbedContents"}:
            batch = method == "batchEmbedContents"
            _known(body, frozenset({"requests"} if batch else _ONE))
            return Call(
                kind="embedding",
                model=model,
                inputs=len(body["requests"]) if batch else 1,
                as_list=batch,
            )
        _known(body, _FIELDS)
        _known(body.get("generationConfig", {}), _CONFIG)
        if not body.get("contents"):
            raise Refused(400, "* GenerateContentRequest.contents: contents is not specified")
        stream = method == "streamGenerateContent"
        if stream and "alt=sse" not in request.target:
            raise Refused(501, "the simulator streams server-sent events only")
        return Call(
            kind="chat",
            model=model,
            stream=stream,
            choices=body.get("generationConfig", {}).get("candidateCount", 1),
            said="".join(part.get("text", "") for part in body["contents"][-1]["parts"]),
        )

    def whole(self, scenario: Scenario, call: Call) -> JsonObject:
        """The body of a plain answer."""
        if call.kind == "embedding":
            vectors = [{"values": vector(number)} for number in range(call.inputs)]
            return {"embeddings": vectors} if call.as_list else {"embedding": vectors[0]}
        if scenario.refusal is not None:
            return self._blocked(scenario, call)
        parts = [part for group in _groups(scenario, call) for part in group]
        candidates = [
            {**_candidate(index, parts), **_finish(scenario)} for index in range(call.choices)
        ]
        if scenario.logprobs:
            for candidate in candidates:
                candidate["logprobsResult"] = _logprobs(scenario)
        return {"candidates": candidates, **_tail(scenario, call)}

    def _blocked(self, scenario: Scenario, call: Call) -> JsonObject:
        feedback = {"blockReason": "SAFETY", "blockReasonMessage": scenario.refusal}
        return {"promptFeedback": feedback, **_tail(scenario, call)}

    def events(self, scenario: Scenario, call: Call) -> Iterator[bytes]:
        """The events of a stream; the protocol has no end marker."""
        if scenario.refusal is not None:
            yield sse(self._blocked(scenario, call))
            return
        groups = list(_groups(scenario, call)) or [[]]
        for number, parts in enumerate(groups):
            last = _finish(scenario) if number == len(groups) - 1 else {}
            candidates = [{**_candidate(index, parts), **last} for index in range(call.choices)]
            yield sse({"candidates": candidates, **_tail(scenario, call)})

    def error(
        self,
        status: int,
        message: str,
        code: str | None,
        parameter: str | None,
    ) -> JsonObject:
        """The body of an error."""
        error: JsonObject = {
            "code": status,
            "message": message,
            "status": _STATUSES.get(status, "UNKNOWN"),
        }
        if code is not None:
            error["details"] = [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code}
            ]
        if parameter is not None:
            violation = {"field": parameter, "description": message}
            kind = "type.googleapis.com/google.rpc.BadRequest"
            error["details"] = [{"@type": kind, "fieldViolations": [violation]}]
        return {"error": error}

    def error_event(self, scenario: Scenario) -> bytes:
        """An error within a stream."""
        return sse(self.error(503, scenario.message, scenario.code, None))


_BAD_KEY: Final = "API_KEY_INVALID"
_ONE: Final = frozenset({"model", "content", "taskType", "title", "outputDimensionality"})


def _known(body: JsonObject, fields: frozenset[str]) -> None:
    for name in body:
        if name not in fields:
            raise Refused(
                400,
                f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.',
                parameter=name,
            )


def _candidate(index: int, parts: list[JsonObject]) -> JsonObject:
    candidate: JsonObject = {"content": {"parts": parts, "role": "model"}}
    # Zero is the default and left out, as protobuf's JSON does.
    return {**candidate, "index": index} if index else candidate


def _finish(scenario: Scenario) -> JsonObject:
    return {"finishReason": _FINISH[scenario.finish_reason]}


def _tail(scenario: Scenario, call: Call) -> JsonObject:
    usage: dict[str, Any] = {
        "promptTokenCount": scenario.input_tokens,
        "candidatesTokenCount": scenario.output_tokens - scenario.reasoning_tokens,
        "totalTokenCount": scenario.input_tokens + scenario.output_tokens,
    }
    if scenario.cached_tokens:
        usage["cachedContentTokenCount"] = scenario.cached_tokens
    if scenario.reasoning_tokens:
        usage["thoughtsTokenCount"] = scenario.reasoning_tokens
    return {
        "usageMetadata": usage,
        "modelVersion": scenario.model or call.model,
        "responseId": "resp-sim",
    }


def _groups(scenario: Scenario, call: Call) -> Iterator[list[JsonObject]]:
    """The parts, in the groups in which they are streamed."""
    for piece in scenario.reasoning:
        yield [{"text": piece, "thought": True}]
    for piece in (call.said,) if scenario.echo else scenario.text:
        yield [{"text": piece}]
    for image in scenario.images:
        media_type, data = split_uri(image)
        yield [{"inlineData": {"mimeType": media_type, "data": data}}]
    for number, scripted in enumerate(scenario.tool_calls):
        yield [_call_part(number, scripted)]


def _call_part(number: int, scripted: ScriptedCall) -> JsonObject:
    call: JsonObject = {"name": scripted.name, "args": parsed(scripted.arguments)}
    # As Gemini 3 does, only the first of parallel calls carries a signature.
    signature = {"thoughtSignature": "c2lnbmF0dXJl"} if number == 0 else {}
    return {"functionCall": call, **signature}


def _logprobs(scenario: Scenario) -> JsonObject:
    chosen = [{"token": piece, "logProbability": -0.25} for piece in scenario.text]
    return {
        "topCandidates": [{"candidates": [token]} for token in chosen],
        "chosenCandidates": chosen,
    }
