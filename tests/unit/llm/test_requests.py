"""From arguments to bytes: only what was given, under the right names, checked first."""

import json

import pytest
from pydantic import BaseModel

import opengradient as og
from opengradient.core.modes import SettlementMode
from opengradient.errors import ConfigurationError, UnsupportedParameterError
from opengradient.llm.requests import (
    chat_call,
    completion_call,
    embedding_call,
)
from opengradient.nodes.calls import fields_of, headers_of, nonce_of

HELLO = [{"role": "user", "content": "Hi"}]


def body(call):
    return json.loads(call.request.raw)


def test_nothing_is_sent_that_was_not_given():
    assert body(chat_call("a/b", HELLO, {}, stream=False)) == {"model": "a/b", "messages": HELLO}
    assert body(chat_call("a/b", HELLO, {"temperature": None}, stream=True)) == {
        "model": "a/b",
        "messages": HELLO,
        "stream": True,
    }
    assert body(completion_call("a/b", "x", {"max_tokens": 3})) == {
        "model": "a/b",
        "prompt": "x",
        "max_tokens": 3,
    }
    assert body(embedding_call("a/b", ("x", "y"), {})) == {"model": "a/b", "input": ["x", "y"]}


def test_the_known_models_are_their_ids():
    call = chat_call(og.TEE_LLM.CLAUDE_HAIKU_4_5, HELLO, {}, stream=False)
    assert body(call)["model"] == "anthropic/claude-haiku-4-5"
    assert str(og.TEE_LLM.GPT_4_1_2025_04_14) == "openai/gpt-4.1-2025-04-14"
    assert len(og.TEE_LLM) == 48
    assert all(model.count("/") == 1 for model in og.TEE_LLM)


def test_published_names():
    options = {"stop_sequence": ("a", "b"), "x402_settlement_mode": "private", "web_search": True}
    call = chat_call("a/b", HELLO, options, stream=False)
    assert body(call)["stop"] == ["a", "b"]
    assert body(call)["web_search_options"] == {}
    assert call.settlement is og.x402SettlementMode.PRIVATE
    assert headers_of(call)["x-settlement-type"] == "private"
    assert "web_search" not in body(chat_call("a/b", HELLO, {"web_search": False}, stream=False))


@pytest.mark.parametrize("mode", og.x402SettlementMode)
def test_settlement_modes_have_the_numbers_of_receipts(mode):
    assert mode.number is SettlementMode[mode.name]
    call = chat_call("a/b", HELLO, {"settlement_mode": mode}, stream=False)
    assert headers_of(call)["x-settlement-type"] == mode.value


@pytest.mark.parametrize(
    "options",
    [
        {"stop": "a", "stop_sequence": "b"},
        {"settlement_mode": "private", "x402_settlement_mode": "private"},
        {"settlement_mode": "other"},
        {"idempotency_key": " a"},
        {"idempotency_key": "a" * 256},
        {"idempotency_key": 1},
        {"temperature": 3},
    ],
    ids=str,
)
def test_wrong_options(options):
    with pytest.raises(ConfigurationError):
        chat_call("a/b", HELLO, options, stream=False)


@pytest.mark.parametrize(("model", "messages"), [(1, HELLO), ("a", "text"), ("a", [])])
def test_wrong_arguments(model, messages):
    with pytest.raises(ConfigurationError):
        chat_call(model, messages, {}, stream=False)


def test_options_of_one_method_are_not_those_of_another():
    with pytest.raises(TypeError, match="best_of"):
        chat_call("a/b", HELLO, {"best_of": 1}, stream=False)
    with pytest.raises(TypeError, match="tools"):
        completion_call("a/b", "x", {"tools": []})
    with pytest.raises(TypeError, match="temperature"):
        embedding_call("a/b", "x", {"temperature": 0})


def test_an_address_of_an_image_is_refused_with_its_place():
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    with pytest.raises(UnsupportedParameterError) as caught:
        chat_call("a/b", [{"role": "user", "content": [part]}], {}, stream=False)
    assert caught.value.parameter == "messages[0].content[0].image_url.url"


def test_every_call_has_a_key_of_its_own_and_its_nonce_follows():
    first, second = (chat_call("a/b", HELLO, {}, stream=False) for _ in range(2))
    assert first.key != second.key
    assert nonce_of(first.key) != nonce_of(second.key)
    assert headers_of(first)["idempotency-key"] == first.key
    assert not first.own_key
    assert headers_of(first)["x-opengradient-nonce"] == nonce_of(first.key).hex()
    own = chat_call("a/b", HELLO, {"idempotency_key": "mine"}, stream=False)
    assert own.own_key
    assert fields_of(own)["idempotency_key"] == "mine"
    assert fields_of(own)["body"] == own.request.raw


class Inner(BaseModel):
    default: int = 1


class Outer(BaseModel):
    inner: Inner
    items: list[Inner] = []
    name: str | None = None


def test_pydantic_classes_become_strict_schemas():
    call = chat_call("a/b", HELLO, {"response_format": Outer}, stream=False)
    form = body(call)["response_format"]["json_schema"]
    assert form["name"] == "Outer"
    schema = form["schema"]
    assert schema["required"] == ["inner", "items", "name"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Inner"]["required"] == ["default"]
    assert "default" not in schema["$defs"]["Inner"]["properties"]["default"]


def test_response_format_has_its_schema_exactly_when_it_needs_one():
    schema = {"name": "x", "schema": {"type": "object"}}
    form = og.ResponseFormat("json_schema", schema)
    assert body(chat_call("a", HELLO, {"response_format": form}, stream=False))[
        "response_format"
    ] == {"type": "json_schema", "json_schema": schema}
    for wrong in (("json_schema", None), ("text", schema)):
        with pytest.raises(ConfigurationError):
            og.ResponseFormat(*wrong)
