"""Every parameter that the node accepts, at every provider: translated, or refused by name.

The client's parameter never disappears: that is what "signed is not sent" means elsewhere.
"""

import inspect

import pytest

from opengradient.errors import UnsupportedParameterError
from opengradient.wire import openai_request
from opengradient.wire.openai_request import COMPLETION_PATH, EMBEDDING_PATH
from tests.unit.llm_proxy_node.backends.support import TOOL, backend, built, request

REFUSED = object()
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
CALLED = {"type": "function", "function": {"name": "f"}}


def config(**fields):
    return {"generationConfig": fields}


# name: (value, what Anthropic gets, what Google gets, whether xAI gets it as it is)
CHAT = {
    "temperature": (0.5, {"temperature": 0.5}, config(temperature=0.5), True),
    "top_p": (0.5, {"top_p": 0.5}, config(topP=0.5), True),
    "n": (2, REFUSED, config(candidateCount=2), True),
    "seed": (5, REFUSED, config(seed=5), True),
    "stop": ("x", {"stop_sequences": ["x"]}, config(stopSequences=["x"]), True),
    "stream": (True, {"stream": True}, {}, True),
    "stream_options": ({"include_usage": True}, {}, {}, True),
    "presence_penalty": (0.5, REFUSED, config(presencePenalty=0.5), True),
    "frequency_penalty": (0.5, REFUSED, config(frequencyPenalty=0.5), True),
    "logit_bias": ({"1": 5}, REFUSED, REFUSED, False),
    "max_tokens": (9, {"max_tokens": 9}, config(maxOutputTokens=9), True),
    "max_completion_tokens": (9, {"max_tokens": 9}, config(maxOutputTokens=9), True),
    "user": ("u", {"metadata": {"user_id": "u"}}, REFUSED, True),
    "logprobs": (True, REFUSED, config(responseLogprobs=True), True),
    "top_logprobs": (2, REFUSED, config(logprobs=2), True),
    "tools": (
        [TOOL],
        {"tools": [{"name": "f", "input_schema": {"type": "object"}}]},
        {
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "parametersJsonSchema": {"type": "object"}}
                    ]
                }
            ]
        },
        True,
    ),
    "tool_choice": (
        CALLED,
        {"tool_choice": {"type": "tool", "name": "f"}},
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}},
        True,
    ),
    "parallel_tool_calls": (
        False,
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        REFUSED,
        True,
    ),
    "response_format": (
        SCHEMA,
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        config(responseMimeType="application/json", responseJsonSchema={"type": "object"}),
        True,
    ),
    "reasoning_effort": (
        "low",
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        config(thinkingConfig={"thinkingLevel": "LOW"}),
        True,
    ),
    "verbosity": ("low", REFUSED, REFUSED, False),
    "modalities": (["text", "image"], REFUSED, config(responseModalities=["TEXT", "IMAGE"]), False),
    "service_tier": ("default", {"service_tier": "standard_only"}, REFUSED, False),
    "store": (True, REFUSED, REFUSED, False),
    "metadata": ({"a": "b"}, REFUSED, REFUSED, False),
    "prediction": ({"type": "content", "content": "x"}, REFUSED, REFUSED, False),
    "prompt_cache_key": ("k", REFUSED, REFUSED, False),
    "safety_identifier": ("s", REFUSED, REFUSED, False),
    "web_search_options": ({}, REFUSED, REFUSED, False),
}
COMPLETION = {
    "suffix": ("s", False),
    "echo": (True, True),
    "best_of": (2, False),
    "logprobs": (2, True),
    "seed": (1, True),
    "logit_bias": ({"1": 1}, False),
}
EMBEDDING = {
    "dimensions": (8, {"outputDimensionality": 8}),
    "encoding_format": ("float", {}),
    "user": ("u", REFUSED),
}


def check(provider, body, expected, path=openai_request.CHAT_PATH, name=""):
    if expected is REFUSED:
        with pytest.raises(UnsupportedParameterError) as caught:
            built(provider, body, path)
        assert caught.value.parameter == name
        assert caught.value.code == "request.unsupported_parameter"
        return
    got = built(provider, body, path)
    assert {key: got.get(key) for key in expected} == expected


@pytest.mark.parametrize("name", CHAT)
class TestChat:
    def test_openai(self, name):
        value = CHAT[name][0]
        expected = REFUSED if name == "modalities" else {name: value}
        check("openai", {name: value}, expected, name=name)

    def test_compatible(self, name):
        value = CHAT[name][0]
        check("local", {name: value}, {name: value})

    def test_xai(self, name):
        value, _, _, taken = CHAT[name]
        check("xai", {name: value}, {name: value} if taken else REFUSED, name=name)

    def test_anthropic(self, name):
        value, expected, _, _ = CHAT[name]
        check("anthropic", {name: value}, expected, name=name)

    def test_google(self, name):
        value, _, expected, _ = CHAT[name]
        check("google", {name: value}, expected, name=name)


def test_google_streams_by_its_url():
    url = backend("google").build(request({"stream": True}), "m").url
    assert url.endswith(":streamGenerateContent?alt=sse")


@pytest.mark.parametrize("name", COMPLETION)
def test_completion(name):
    value, xai = COMPLETION[name]
    body = {"prompt": "p", name: value}
    for provider in ("openai", "local"):
        check(provider, body, {name: value}, COMPLETION_PATH)
    check("xai", body, {name: value} if xai else REFUSED, COMPLETION_PATH, name)


@pytest.mark.parametrize("name", EMBEDDING)
def test_embedding(name):
    value, expected = EMBEDDING[name]
    body = {"input": "i", name: value}
    for provider in ("openai", "local"):
        check(provider, body, {name: value}, EMBEDDING_PATH)
    check("google", body, expected, EMBEDDING_PATH, name)


def known(check):
    return set(inspect.getclosurevars(check).nonlocals["fields"])


def test_the_tables_cover_what_the_node_accepts():
    assert known(openai_request._CHAT) == {*CHAT, "model", "messages"}
    assert known(openai_request._COMPLETION) <= {*CHAT, *COMPLETION, "model", "prompt"}
    assert known(openai_request._EMBEDDING) == {*EMBEDDING, "model", "input"}


@pytest.mark.parametrize(
    ("provider", "body", "parameter"),
    [
        ("anthropic", {"temperature": 1.5}, "temperature"),
        ("anthropic", {"service_tier": "flex"}, "service_tier"),
        ("anthropic", {"reasoning_effort": "minimal"}, "reasoning_effort"),
        ("anthropic", {"response_format": {"type": "json_object"}}, "response_format"),
        ("google", {"seed": 2**31}, "seed"),
        ("google", {"seed": -(2**31)}, "seed"),
        ("google", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("google", {"reasoning_effort": "xhigh"}, "reasoning_effort"),
        (
            "google",
            {"tools": [{**CALLED, "function": {"name": "f", "strict": True}}]},
            "tools[0].function.strict",
        ),
        ("xai", {"reasoning_effort": "xhigh"}, "reasoning_effort"),
    ],
)
def test_values_that_a_provider_does_not_have(provider, body, parameter):
    check(provider, body, REFUSED, name=parameter)


@pytest.mark.parametrize("provider", ["anthropic", "google"])
@pytest.mark.parametrize(
    ("more", "parameter"),
    [({"description": "d"}, "description"), ({"strict": False}, "strict")],
)
def test_schema_options(provider, more, parameter):
    schema = {"type": "json_schema", "json_schema": {**SCHEMA["json_schema"], **more}}
    name = f"response_format.json_schema.{parameter}"
    check(provider, {"response_format": schema}, REFUSED, name=name)


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("anthropic", {"n": 1}),
        ("anthropic", {"logprobs": False}),
        ("anthropic", {"store": False}),
        ("anthropic", {"presence_penalty": 0}),
        ("anthropic", {"frequency_penalty": 0.0}),
        ("anthropic", {"modalities": ["text"]}),
        ("anthropic", {"response_format": {"type": "text"}}),
        ("anthropic", {"stop": None}),
        ("google", {"parallel_tool_calls": True}),
        ("google", {"store": False}),
        ("google", {"response_format": {"type": "text"}}),
        ("google", {"stop": None}),
    ],
)
def test_values_that_say_what_the_provider_does_anyway(provider, body):
    assert built(provider, body) == built(provider, {})


def test_no_thinking():
    assert built("anthropic", {"reasoning_effort": "none"})["thinking"] == {"type": "disabled"}
    upstream = built("google", {"reasoning_effort": "none"}, model="gemini-2.5-flash")
    assert upstream["generationConfig"] == {"thinkingConfig": {"thinkingBudget": 0}}
