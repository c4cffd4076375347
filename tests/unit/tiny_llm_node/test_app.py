import json

import anyio
import httpx
import pytest

from opengradient.errors import UnsupportedParameterError
from reference_nodes.tiny_llm_node.app import create_app
from reference_nodes.tiny_llm_node.requests import _refuse_long

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
EMBED = "/v1/embeddings"
ASK = {
    "model": "og/tiny",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
FILL = {"model": "og/tiny", "prompt": "The capital of France is"}
HOT = {"temperature": 2, "seed": 3, "top_p": 1, "max_tokens": 12}


def _events(response):
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.text.split("\n\n")
    assert blocks.pop() == ""
    assert blocks.pop() == "data: [DONE]"
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


async def _refused(http, path, body, status=400):
    response = await http.post(path, json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


async def test_chat_reply(http):
    response = await http.post(CHAT, json=ASK)
    assert response.status_code == 200
    reply = response.json()
    assert set(reply) == {
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "choices",
        "usage",
    }
    assert reply["id"].startswith("chatcmpl-")
    assert (reply["object"], reply["created"], reply["model"]) == (
        "chat.completion",
        1_700_000_000,
        "og/tiny",
    )
    (choice,) = reply["choices"]
    assert choice["message"] == {"role": "assistant", "content": choice["message"]["content"]}
    assert (choice["index"], choice["logprobs"], choice["finish_reason"]) == (0, None, "stop")
    usage = reply["usage"]
    assert usage["prompt_tokens"] > 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_text_reply(http):
    reply = (await http.post(TEXT, json=FILL | {"max_tokens": 5})).json()
    assert reply["object"] == "text_completion"
    assert reply["id"].startswith("cmpl-")
    (choice,) = reply["choices"]
    assert set(choice) == {"index", "text", "logprobs", "finish_reason"}


async def test_text_replies_have_sixteen_tokens_unless_asked(http):
    body = FILL | {"temperature": 2, "seed": 1, "prompt": "a b c"}
    assert (await http.post(TEXT, json=body)).json()["usage"]["completion_tokens"] <= 16


@pytest.mark.parametrize("extra", [{}, HOT, {"stop": ["is", "x"]}, {"max_completion_tokens": 2}])
async def test_chat_stream_equals_the_whole_reply(http, extra):
    whole = (await http.post(CHAT, json=ASK | extra)).json()
    events = _events(await http.post(CHAT, json=ASK | extra | {"stream": True}))
    first, *middle, last = events
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    text = "".join(event["choices"][0]["delta"]["content"] for event in middle)
    assert text == whole["choices"][0]["message"]["content"]
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert len({event["id"] for event in events}) == 1
    assert all("usage" not in event for event in events)


async def test_stream_usage_comes_last_and_only_on_request(http):
    body = ASK | {"stream": True, "stream_options": {"include_usage": True}}
    *events, last = _events(await http.post(CHAT, json=body))
    assert last["choices"] == []
    assert all(event["usage"] is None for event in events)
    assert last["usage"] == (await http.post(CHAT, json=ASK)).json()["usage"]


async def test_text_stream_equals_the_whole_reply(http):
    whole = (await http.post(TEXT, json=FILL | {"logprobs": 1})).json()["choices"][0]
    events = _events(await http.post(TEXT, json=FILL | {"logprobs": 1, "stream": True}))
    choices = [event["choices"][0] for event in events]
    assert "".join(choice["text"] for choice in choices) == whole["text"]
    assert choices[-1]["finish_reason"] == whole["finish_reason"]
    scored = [choice["logprobs"] for choice in choices if choice["logprobs"]]
    assert [offset for part in scored for offset in part["text_offset"]] == whole["logprobs"][
        "text_offset"
    ]


async def test_chat_logprobs(http):
    body = ASK | {"logprobs": True, "top_logprobs": 3}
    choice = (await http.post(CHAT, json=body)).json()["choices"][0]
    assert set(choice["logprobs"]) == {"content", "refusal"}
    content = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in content) == choice["message"]["content"]
    assert all(set(entry) == {"token", "logprob", "bytes", "top_logprobs"} for entry in content)
    assert all(bytes(entry["bytes"]).decode() == entry["token"] for entry in content)
    assert all(len(entry["top_logprobs"]) == 3 for entry in content)
    events = _events(await http.post(CHAT, json=body | {"stream": True}))
    streamed = [
        e for event in events for e in (event["choices"][0]["logprobs"] or {}).get("content", ())
    ]
    assert streamed == content


async def test_text_logprobs(http):
    choice = (await http.post(TEXT, json=FILL | {"logprobs": 2})).json()["choices"][0]
    scores = choice["logprobs"]
    assert set(scores) == {"tokens", "token_logprobs", "top_logprobs", "text_offset"}
    assert "".join(scores["tokens"]) == choice["text"]
    assert all(len(other) == 2 for other in scores["top_logprobs"])
    for token, offset in zip(scores["tokens"], scores["text_offset"], strict=True):
        assert choice["text"][offset:].startswith(token)


async def test_the_same_seed_gives_the_same_answer(http):
    texts = [(await http.post(CHAT, json=ASK | HOT)).json()["choices"][0] for _ in range(2)]
    assert texts[0] == texts[1]


async def test_text_parts_and_all_roles_are_read(http):
    parts = [
        {"type": "text", "text": "What is the capital"},
        {"type": "text", "text": "of France?"},
    ]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be polite."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": parts},
    ]
    one = (await http.post(CHAT, json=ASK | {"messages": messages})).json()
    assert (
        one["usage"]["prompt_tokens"]
        > (await http.post(CHAT, json=ASK)).json()["usage"]["prompt_tokens"]
    )


async def test_embeddings(http):
    body = {
        "model": "og/tiny",
        "input": ["a receipt", "an enclave"],
        "encoding_format": "float",
        "dimensions": 192,
    }
    reply = (await http.post(EMBED, json=body)).json()
    assert set(reply) == {"object", "data", "model", "usage"}
    assert [entry["index"] for entry in reply["data"]] == [0, 1]
    assert all(
        sum(x * x for x in entry["embedding"]) == pytest.approx(1, abs=1e-5)
        for entry in reply["data"]
    )
    alone = (await http.post(EMBED, json={"model": "og/tiny", "input": "an enclave"})).json()
    assert alone["data"][0]["embedding"] == reply["data"][1]["embedding"]
    assert reply["usage"]["prompt_tokens"] == reply["usage"]["total_tokens"] > 2


@pytest.mark.parametrize(
    "extra",
    [
        {"wisdom": 1},
        {"top_k": 4},
        {"n": 2},
        {"logit_bias": {"5": 1}},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"store": True},
    ],
)
async def test_parameters_that_the_model_lacks_are_refused_by_name(http, extra):
    error = await _refused(http, CHAT, ASK | extra)
    assert (error["param"], error["code"]) == (next(iter(extra)), "unsupported_parameter")
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (TEXT, FILL | {"echo": True}, "echo"),
        (TEXT, FILL | {"suffix": "x"}, "suffix"),
        (TEXT, FILL | {"best_of": 2}, "best_of"),
        (TEXT, FILL | {"messages": []}, "messages"),
        (EMBED, {"model": "og/tiny", "input": "x", "dimensions": 64}, "dimensions"),
        (EMBED, {"model": "og/tiny", "input": "x", "temperature": 0}, "temperature"),
    ],
)
async def test_other_kinds_refuse_too(http, path, body, param):
    assert (await _refused(http, path, body))["param"] == param


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "0"}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"max_tokens": 4, "max_completion_tokens": 4}, "max_tokens"),
    ],
)
async def test_bad_values_are_refused(http, extra, param):
    assert (await _refused(http, CHAT, ASK | extra))["param"] == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "tool", "content": "x", "tool_call_id": "1"}, "messages[0].role"),
        ({"role": "user", "content": "x", "name": "ada"}, "messages[0].name"),
        ({"role": "assistant", "content": None}, "messages[0].content"),
        (
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
                ],
            },
            "messages[0].content[0]",
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            "messages[0].content[0]",
        ),
    ],
)
async def test_messages_that_the_model_cannot_read_are_refused(http, message, param):
    assert (await _refused(http, CHAT, ASK | {"messages": [message]}))["param"] == param


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (CHAT, ASK | {"messages": [{"role": "user", "content": "why " * 600}]}, "messages"),
        (TEXT, FILL | {"prompt": "why " * 600}, "prompt"),
        (EMBED, {"model": "og/tiny", "input": ["x", "why " * 600]}, "input[1]"),
    ],
)
async def test_what_does_not_fit_the_context_is_refused(http, path, body, param):
    error = await _refused(http, path, body)
    assert (error["code"], error["param"]) == ("context_length_exceeded", param)


async def test_another_model_is_not_found(http):
    assert (await _refused(http, CHAT, ASK | {"model": "gpt-9"}, 404))["code"] == "model_not_found"


async def test_bad_bodies(http):
    headers = {"content-type": "application/json"}
    for content in (b"", b"{", b"[]", b'{"model":"og/tiny","model":"og/tiny"}', b"\xff"):
        response = await http.post(CHAT, content=content, headers=headers)
        assert (response.status_code, "error" in response.json()) == (400, True)
    assert (await http.post(CHAT, content=b" " * 20_001, headers=headers)).status_code == 413
    assert (
        await http.post(CHAT, content=b"{}", headers={"content-type": "text/plain"})
    ).status_code == 415


async def test_unknown_paths_and_methods_are_refused_in_the_same_shape(http):
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("GET", CHAT, 405),
        ("POST", "/health", 405),
    ):
        response = await http.request(method, path)
        assert (response.status_code, set(response.json())) == (status, {"error"})


async def test_models(http, model):
    listed = (await http.get("/v1/models")).json()
    entry = {
        "id": "og/tiny",
        "object": "model",
        "created": model.created,
        "owned_by": "opengradient",
    }
    assert listed == {"object": "list", "data": [entry]}
    assert (await http.get("/v1/models/og/tiny")).json() == entry
    assert (await http.get("/v1/models/other")).status_code == 404


async def test_health_names_the_weights(http, model):
    health = (await http.get("/health")).json()
    assert health["status"] == "ok"
    assert health["weights_sha256"] == model.digest
    assert health["callers"] == 0


async def test_a_full_node_says_so(http, service):
    with service._place(), service._place():
        assert (await _refused(http, CHAT, ASK, 503))["code"] == "node.overloaded"
        assert (await _refused(http, CHAT, ASK | {"stream": True}, 503))[
            "code"
        ] == "node.overloaded"
    assert (await http.post(CHAT, json=ASK)).status_code == 200


async def _leave(app, body):
    """Send a request and close the connection at once; return what the node sent."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "POST",
        "path": CHAT,
        "raw_path": CHAT.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(b"content-type", b"application/json")],
        "server": ("tiny", 80),
        "client": ("c", 1),
    }
    waiting = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
    sent = []

    async def receive():
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    with anyio.fail_after(20):
        await app(scope, receive, send)
    return sent


async def test_a_client_that_leaves_ends_the_work(app, service):
    sent = await _leave(app, ASK | {"temperature": 2, "seed": 1})
    assert sent[0]["status"] == 499
    assert service.callers == 0


async def test_a_client_that_leaves_ends_the_stream(app, service):
    sent = await _leave(app, ASK | {"stream": True})
    assert b"[DONE]" not in b"".join(message.get("body", b"") for message in sent)
    assert service.callers == 0


async def test_the_clock_is_the_callers(service, config):
    assert create_app(service, config).routes


def test_a_text_that_cannot_fit_is_refused_before_it_is_cut_into_tokens(tokenizer):
    with pytest.raises(UnsupportedParameterError) as caught:
        _refuse_long(["x" * 100, "é" * (256 * tokenizer.longest)], tokenizer, 512, "messages")
    assert (caught.value.code, caught.value.parameter) == ("request.too_long", "messages")
    _refuse_long(["x" * 512 * tokenizer.longest], tokenizer, 512, "messages")


async def test_a_defect_is_told_in_the_same_shape(service, config):
    def broken_clock():
        raise ZeroDivisionError

    transport = httpx.ASGITransport(
        app=create_app(service, config, now_ms=broken_clock), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as http:
        error = await _refused(http, CHAT, ASK, 500)
    assert error["code"] == "internal"
