"""Requests: what is known is checked, what is unknown is refused by name."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.modes import ReceiptKind
from opengradient.errors import ConfigurationError, UnsupportedParameterError
from opengradient.wire.openai_request import (
    CHAT_PATH,
    COMPLETION_PATH,
    EMBEDDING_PATH,
    parse_request,
)

PIXEL = "data:image/png;base64,iVBORw0KGgo="
MESSAGES = [{"role": "user", "content": "hi"}]


def parse(body, path=CHAT_PATH, max_bytes=100_000):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_request(raw, path, max_bytes=max_bytes)


FULL = {
    "model": "openai/gpt-4.1-mini",
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {
            "role": "user",
            "name": "u",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "content": "r", "tool_call_id": "c"},
    ],
    "temperature": 0.5,
    "top_p": 1,
    "n": 2,
    "seed": 7,
    "stop": ["a", "b"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "presence_penalty": -1,
    "frequency_penalty": 1.5,
    "logit_bias": {"50256": -100},
    "max_tokens": 5,
    "user": "u",
    "logprobs": True,
    "top_logprobs": 3,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "reasoning_effort": "low",
    "verbosity": "low",
    "modalities": ["text", "image"],
    "service_tier": "auto",
    "store": False,
    "metadata": {"a": "b"},
    "prediction": {},
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "web_search_options": {},
}


def test_every_known_parameter_is_taken():
    request = parse(FULL)
    assert request.kind == ReceiptKind.CHAT
    assert request.stream
    assert request.body == FULL
    assert request.committed_fields() == {"path": CHAT_PATH, "body": json.dumps(FULL).encode()}
    assert "messages" not in request.parameters()
    assert request.parameters()["seed"] == 7


@pytest.mark.parametrize("name", [key for key in FULL if key != "stream_options"])
def test_every_parameter_is_checked_for_type(name):
    with pytest.raises(UnsupportedParameterError) as caught:
        parse(FULL | {name: 5 if isinstance(FULL[name], str) or name == "stop" else "text"})
    assert caught.value.parameter.startswith(name)
    assert caught.value.code == "request.invalid"


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"foo": 1}, "foo"),
        ({"messages": [{"role": "user", "content": "a", "foo": 1}]}, "messages[0].foo"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "x": 1}}]},
            "tools[0].function.x",
        ),
        ({"stream_options": {"x": True}}, "stream_options.x"),
    ],
)
def test_unknown_parameters_are_refused_by_name(change, parameter):
    with pytest.raises(UnsupportedParameterError) as caught:
        parse({"model": "m", "messages": MESSAGES} | change)
    assert caught.value.parameter == parameter
    assert caught.value.code == "request.unsupported_parameter"


@pytest.mark.parametrize(
    ("messages", "parameter"),
    [
        ([], "messages"),
        ([1], "messages[0]"),
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": []}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "video"}]}], "messages[0].content[0].type"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([{"role": "user", "content": "\ud800"}], "messages[0].content"),
    ],
)
def test_bad_messages_are_named(messages, parameter):
    with pytest.raises(UnsupportedParameterError) as caught:
        parse({"model": "m", "messages": messages})
    assert caught.value.parameter == parameter


def test_images_must_come_with_their_bytes():
    part = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}
    with pytest.raises(UnsupportedParameterError) as caught:
        parse({"model": "m", "messages": [{"role": "user", "content": [part]}]})
    assert caught.value.parameter == "messages[0].content[0].image_url.url"
    assert "data: URI" in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": float("nan")},
        {"temperature": 2.1},
        {"temperature": True},
        {"max_tokens": 0},
        {"max_tokens": 1.0},
        {"n": 10**400},
        {"seed": 2**53},
        {"max_tokens": 1, "max_completion_tokens": 1},
        {"response_format": {"type": "json_schema"}},
    ],
    ids=repr,
)
def test_numbers_out_of_range_are_refused(change):
    with pytest.raises(ConfigurationError):
        parse({"model": "m", "messages": MESSAGES} | change)


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_required_members(missing):
    body = {"model": "m", "messages": MESSAGES}
    del body[missing]
    with pytest.raises(UnsupportedParameterError) as caught:
        parse(body)
    assert caught.value.parameter == missing


def test_completion_and_embedding():
    assert parse({"model": "m", "prompt": "p"}, COMPLETION_PATH).kind == ReceiptKind.COMPLETION
    assert parse({"model": "m", "input": ["a"]}, EMBEDDING_PATH).kind == ReceiptKind.EMBEDDING
    with pytest.raises(UnsupportedParameterError):
        parse({"model": "m", "input": [1]}, EMBEDDING_PATH)
    with pytest.raises(UnsupportedParameterError):
        parse({"model": "m", "prompt": "p", "messages": []}, COMPLETION_PATH)


def test_too_large_bodies_are_refused_before_parsing():
    with pytest.raises(ConfigurationError) as caught:
        parse(b"[" * 1000, max_bytes=999)
    assert caught.value.code == "request.too_large"


@given(st.binary(max_size=200))
def test_any_bytes_give_a_typed_error_or_a_request(raw):
    with contextlib.suppress(ConfigurationError):
        parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*FULL, "role", "content", "type", "text"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(list(FULL)), JSON, max_size=6))
def test_any_json_gives_a_typed_error_or_a_request(body):
    with contextlib.suppress(ConfigurationError):
        parse({"model": "m", "messages": MESSAGES} | body)


@pytest.mark.parametrize("role", [[], {}, [[]], None, 1])
def test_a_role_that_is_no_text(role):
    """Past bug: a list or an object as role was no typed error."""
    body = {"model": "m", "messages": [{"role": role, "content": "Hi"}]}
    with pytest.raises(ConfigurationError):
        parse_request(json.dumps(body).encode(), "/v1/chat/completions", max_bytes=1000)
