"""Whole replies, in the shapes in which the providers send them."""

import json

import pytest

from opengradient.core.messages import Choice, ToolCall, Usage
from opengradient.core.modes import ReceiptKind
from opengradient.errors import ProtocolError
from reference_nodes.llm_proxy_node.backends import is_refusal
from tests.unit.llm_proxy_node.backends.support import PROVIDERS, backend

CHAT, COMPLETION, EMBEDDING = ReceiptKind.CHAT, ReceiptKind.COMPLETION, ReceiptKind.EMBEDDING

OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-2025-04-14",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hé",
                "refusal": None,
                "annotations": [],
                "a_new_field": 1,
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hé", "citations": None}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 4,
        "output_tokens": 10,
        "output_tokens_details": {"thinking_tokens": 3},
        "service_tier": "standard",
    },
}
GOOGLE = {
    "candidates": [
        {"content": {"parts": [{"text": "Hé"}], "role": "model"}, "finishReason": "STOP"}
    ],
    "usageMetadata": {
        "promptTokenCount": 17,
        "toolUsePromptTokenCount": 2,
        "cachedContentTokenCount": 4,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 3,
        "totalTokenCount": 29,
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}
USAGE = Usage(input_tokens=19, output_tokens=10, cached_input_tokens=4, reasoning_tokens=3)


def parse(provider, body, kind=CHAT):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return backend(provider).parse_reply(kind, data)


def broken(provider, body, kind=CHAT):
    with pytest.raises(ProtocolError) as caught:
        parse(provider, body, kind)
    assert caught.value.code == "provider.protocol"
    return caught.value.message


@pytest.mark.parametrize(
    ("provider", "body", "model", "identity"),
    [
        ("openai", OPENAI, "gpt-4.1-2025-04-14", "chatcmpl-1"),
        ("anthropic", ANTHROPIC, "claude-sonnet-4-5-20250929", "msg_1"),
        ("google", GOOGLE, "gemini-2.5-flash", "r1"),
    ],
)
def test_plain(provider, body, model, identity):
    reply = parse(provider, body)
    assert reply.model_served == model
    assert reply.provider_id == identity
    assert reply.choices == (Choice(text="Hé", finish_reason="stop"),)
    assert reply.usage == USAGE
    assert not reply.refused


def test_xai_counts_reasoning_apart():
    body = {**OPENAI, "usage": {**OPENAI["usage"], "completion_tokens": 7}}
    assert parse("xai", body).usage == USAGE
    assert parse("openai", body).usage.output_tokens == 7


def test_usage_may_be_absent():
    for body, path in ((OPENAI, "usage"), (GOOGLE, "usageMetadata")):
        provider = "local" if body is OPENAI else "google"
        assert parse(provider, {**body, path: None}).usage is None


def openai_message(finish_reason="stop", **message):
    choice = {"index": 0, "message": {"role": "assistant", **message}}
    return {**OPENAI, "choices": [{**choice, "finish_reason": finish_reason}]}


def test_everything_that_a_message_can_hold():
    logprobs = {"content": [{"token": "a", "logprob": -1.5}], "refusal": None}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    body = openai_message(
        "tool_calls",
        content="t",
        reasoning_content="r",
        tool_calls=[call],
        images=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
        annotations=[{"type": "url_citation"}],
    )
    body["choices"][0]["logprobs"] = logprobs
    assert parse("local", body).choices[0] == Choice(
        text="t",
        reasoning="r",
        tool_calls=(ToolCall(id="c", name="f", arguments='{"a": 1}'),),
        images=("data:image/png;base64,AA==",),
        annotations=[{"type": "url_citation"}],
        logprobs=logprobs,
        finish_reason="tool_calls",
    )
    assert parse("local", openai_message(reasoning="r")).choices[0].reasoning == "r"


def test_completion():
    choice = {"index": 0, "text": "t", "finish_reason": "length", "logprobs": None}
    body = {**OPENAI, "choices": [{**choice, "index": 1}, choice]}
    reply = parse("openai", body, COMPLETION)
    assert [one.index for one in reply.choices] == [0, 1]
    assert reply.choices[0] == Choice(text="t", finish_reason="length")
    del choice["text"]
    broken("openai", {**OPENAI, "choices": [choice]}, COMPLETION)


def test_embeddings():
    data = [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [0.5, -1]}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    body = {"object": "list", "data": data, "model": "e", "usage": usage}
    reply = parse("openai", body, EMBEDDING)
    assert reply.embeddings == ((0.5, -1.0), (2.0,))
    assert reply.usage == Usage(input_tokens=3)
    for bad in ([], [True], ["x"], None, [10**400]):
        broken("openai", {**body, "data": [{"index": 0, "embedding": bad}]}, EMBEDDING)
    broken("openai", {**body, "data": []}, EMBEDDING)
    broken("openai", {**body, "data": [data[0]]}, EMBEDDING)
    infinite = json.dumps({**body, "data": [data[1]]}).replace("0.5", "1e999").encode()
    broken("openai", infinite, EMBEDDING)


def test_google_embeddings():
    one = parse("google", {"embedding": {"values": [1, 0.5]}}, EMBEDDING)
    assert one.embeddings == ((1.0, 0.5),)
    assert one.model_served is None
    two = parse("google", {"embeddings": [{"values": [1]}, {"values": [2]}]}, EMBEDDING)
    assert two.embeddings == ((1.0,), (2.0,))
    broken("google", {}, EMBEDDING)
    broken("google", {"embedding": {}}, EMBEDDING)


def changed(body, path, value):
    """A copy of the body with one place changed, or removed where the value is ...."""
    copy = json.loads(json.dumps(body))
    place = copy
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
WITH_CALL = openai_message("tool_calls", tool_calls=[CALL])
CALL_AT = ["choices", 0, "message", "tool_calls", 0]


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [
        (OPENAI, ["model"], ...),
        (OPENAI, ["model"], 5),
        (OPENAI, ["choices"], ...),
        (OPENAI, ["choices"], []),
        (OPENAI, ["choices"], ["x"]),
        (OPENAI, ["choices", 0, "index"], ...),
        (OPENAI, ["choices", 0, "index"], True),
        (OPENAI, ["choices", 0, "index"], 1),
        (OPENAI, ["choices", 0, "message"], ...),
        (OPENAI, ["choices", 0, "message", "content"], 5),
        (OPENAI, ["choices", 0, "finish_reason"], ...),
        (OPENAI, ["choices", 0, "finish_reason"], None),
        (OPENAI, ["choices", 0, "finish_reason"], "cut"),
        (OPENAI, ["choices", 0, "finish_reason"], "error"),
        (OPENAI, ["choices", 0, "logprobs"], []),
        (OPENAI, ["choices", 0, "logprobs"], {"content": 5}),
        (OPENAI, ["usage", "prompt_tokens"], ...),
        (OPENAI, ["usage", "prompt_tokens"], -1),
        (OPENAI, ["usage", "completion_tokens"], "1"),
        (WITH_CALL, [*CALL_AT, "id"], ...),
        (WITH_CALL, [*CALL_AT, "function"], ...),
        (WITH_CALL, [*CALL_AT, "function", "name"], ...),
        (WITH_CALL, [*CALL_AT, "function", "arguments"], {}),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "xai", "local"])
def test_openai_required_fields(provider, body, path, value):
    parse(provider, body)
    broken(provider, changed(body, path, value))


def test_anthropic_blocks():
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"x": [1.5, "é"]}},
    ]
    reply = parse("anthropic", {**ANTHROPIC, "content": content, "stop_reason": "tool_use"})
    assert reply.choices == (
        Choice(
            text="ab",
            reasoning="hm",
            tool_calls=(ToolCall(id="t", name="f", arguments='{"x":[1.5,"é"]}'),),
            finish_reason="tool_calls",
        ),
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_anthropic_stop_reasons(reason, finish):
    reply = parse("anthropic", {**ANTHROPIC, "stop_reason": reason})
    assert reply.choices[0].finish_reason == finish
    assert reply.refused == (reason == "refusal")


def test_anthropic_refusal_with_explanation():
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    body = {**ANTHROPIC, "content": [], "stop_reason": "refusal", "stop_details": details}
    reply = parse("anthropic", body)
    assert reply.choices == (Choice(refusal="Not this.", finish_reason="content_filter"),)
    assert reply.refused


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["id"], ...),
        (["model"], ...),
        (["content"], ...),
        (["content", 0, "text"], ...),
        (["content", 0, "type"], "server_tool_use"),
        (["content", 0], {"type": "tool_use", "id": "t", "name": "f", "input": "{}"}),
        (["content", 0], {"type": "thinking"}),
        (["stop_reason"], None),
        (["stop_reason"], "pause_turn"),
        (["usage"], ...),
        (["usage", "input_tokens"], ...),
        (["usage", "output_tokens"], ...),
        (["usage", "cache_read_input_tokens"], -1),
    ],
)
def test_anthropic_required_fields(path, value):
    broken("anthropic", changed(ANTHROPIC, path, value))


def google(parts, finish="STOP", **more):
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, **more}
    return {**GOOGLE, "candidates": [candidate]}


def test_google_parts():
    parts = [
        {"text": "hm", "thought": True},
        {"text": "a"},
        {"text": "b", "thoughtSignature": "eA=="},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "eQ=="},
        {"functionCall": {"id": "own", "name": "g"}},
        {"thoughtSignature": "eg=="},
    ]
    assert parse("google", google(parts)).choices == (
        Choice(
            text="ab",
            reasoning="hm",
            images=("data:image/png;base64,AA==",),
            tool_calls=(
                ToolCall(id="call_0~eQ==", name="f", arguments='{"x":1}'),
                ToolCall(id="own", name="g", arguments="{}"),
            ),
            finish_reason="tool_calls",
        ),
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        *(
            (reason, "content_filter")
            for reason in (
                "SAFETY",
                "RECITATION",
                "LANGUAGE",
                "BLOCKLIST",
                "PROHIBITED_CONTENT",
                "SPII",
                "IMAGE_SAFETY",
                "IMAGE_PROHIBITED_CONTENT",
                "IMAGE_RECITATION",
            )
        ),
    ],
)
def test_google_finish_reasons(reason, finish):
    reply = parse("google", google([], reason, finishMessage="because"))
    assert reply.choices[0].finish_reason == finish
    assert reply.refused == (finish == "content_filter")
    assert reply.choices[0].refusal == ("because" if reply.refused else None)


@pytest.mark.parametrize("reason", ["OTHER", "MALFORMED_FUNCTION_CALL", "NO_IMAGE", "NEW_ONE"])
def test_google_failures_are_no_answers(reason):
    assert reason in broken("google", google([{"text": "a"}], reason))


def test_google_blocked_prompt():
    body = {**GOOGLE, "promptFeedback": {"blockReason": "SAFETY"}}
    del body["candidates"]
    reply = parse("google", body)
    assert reply.choices == (
        Choice(refusal="prompt blocked: SAFETY", finish_reason="content_filter"),
    )
    assert reply.refused


def test_google_logprobs_in_openais_shape():
    chosen = [{"token": "a", "tokenId": 5, "logProbability": -0.5}, {"token": "b"}]
    result = {"chosenCandidates": chosen, "topCandidates": [{"candidates": [chosen[0]]}]}
    reply = parse("google", google([{"text": "ab"}], logprobsResult=result))
    first = {"token": "a", "logprob": -0.5, "bytes": None}
    assert reply.choices[0].logprobs == {
        "content": [
            {**first, "top_logprobs": [first]},
            {"token": "b", "logprob": 0, "bytes": None, "top_logprobs": []},
        ]
    }
    bad = {"chosenCandidates": [{"token": "a", "logProbability": "x"}]}
    broken("google", google([{"text": "a"}], logprobsResult=bad))


@pytest.mark.parametrize(
    "body",
    [
        changed(GOOGLE, ["modelVersion"], ...),
        changed(GOOGLE, ["candidates"], ...),
        changed(GOOGLE, ["candidates", 0, "finishReason"], ...),
        changed(GOOGLE, ["candidates", 0, "index"], 1),
        changed(GOOGLE, ["candidates", 0, "index"], -1),
        changed(GOOGLE, ["usageMetadata", "promptTokenCount"], "x"),
        google([{"executableCode": {"code": "1"}}]),
        google([{"functionCall": {"args": {}}}]),
        google([{"functionCall": {"name": "f", "id": "a~b"}}]),
        google([{"inlineData": {"mimeType": "image/png"}}]),
        google([{"text": 5}]),
    ],
)
def test_google_required_fields(body):
    broken("google", body)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"a":',
        b"\xff\xfe",
        b'{"model": NaN}',
        b'{"model": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_json(provider, body):
    broken(provider, body)


def test_lone_surrogates_are_refused_and_pairs_are_not():
    whole = json.dumps(openai_message(content="\U0001f600")).encode()
    assert b"\\ud83d" in whole
    assert parse("openai", whole).choices[0].text == "\U0001f600"
    broken("openai", whole.replace(b"\\ude00", b""))


def test_numbers_too_large_for_json():
    body = json.dumps(openai_message(content="x", annotations=[{"a": 0.125}]))
    broken("openai", body.replace("0.125", "1e999").encode())
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 0.125}}
    body = json.dumps({**ANTHROPIC, "content": [block]})
    broken("anthropic", body.replace("0.125", "1e999").encode())


def test_what_counts_as_a_refusal():
    plain, filtered = Choice(text="a"), Choice(finish_reason="content_filter")
    assert not is_refusal(())
    assert not is_refusal((plain, filtered))
    assert is_refusal((Choice(refusal="no"), filtered))
