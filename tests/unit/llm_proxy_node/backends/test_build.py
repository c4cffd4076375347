"""What goes upstream, byte for byte; the expected bodies stand in vectors/<provider>.json."""

import json
from pathlib import Path

import pytest

from opengradient.core.canonical import compact_json
from opengradient.core.modes import ReceiptKind
from opengradient.errors import UnsupportedParameterError
from opengradient.wire.openai_request import COMPLETION_PATH, EMBEDDING_PATH, parse_request
from tests.unit.llm_proxy_node.backends.support import (
    KEYS,
    PIXEL,
    PROVIDERS,
    TOOL,
    backend,
    built,
    request,
)

VECTORS = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))
    for case in json.loads(path.read_text())
]
SECRET_HEADERS = {
    "openai": ("authorization", "Bearer " + KEYS["OPENAI_API_KEY"]),
    "anthropic": ("x-api-key", KEYS["ANTHROPIC_API_KEY"]),
    "google": ("x-goog-api-key", KEYS["GOOGLE_API_KEY"]),
    "xai": ("authorization", "Bearer " + KEYS["XAI_API_KEY"]),
    "local": ("authorization", "Bearer " + KEYS["OPENGRADIENT_UPSTREAM_API_KEY"]),
}


@pytest.mark.parametrize(("provider", "case"), VECTORS)
def test_golden(provider, case):
    raw = json.dumps(case["request"]).encode()
    upstream = backend(provider).build(
        parse_request(raw, case["path"], max_bytes=10**6), case["model"]
    )
    assert upstream.body == compact_json(case["body"])
    assert (upstream.method, upstream.url) == (case["method"], case["url"])
    assert upstream.public_headers == case["public_headers"]
    name, value = SECRET_HEADERS[provider]
    assert upstream.headers == {**case["public_headers"], name: value}


def test_every_provider_has_vectors():
    assert {param.values[0] for param in VECTORS} == set(PROVIDERS)


@pytest.mark.parametrize("provider", ["openai", "xai", "local"])
def test_usage_is_asked_for_only_where_the_client_left_it_open(provider):
    asked = {"stream_options": {"include_usage": True}}
    assert built(provider, {"stream": True})["stream_options"] == asked["stream_options"]
    off = {"stream": True, "stream_options": {"include_usage": False}}
    assert built(provider, off)["stream_options"] == {"include_usage": False}
    assert "stream_options" not in built(provider, {"stream": False})


def test_no_key_no_header():
    from reference_nodes.llm_proxy_node.backends import Backends, ProviderSettings

    only = Backends.from_settings(
        ProviderSettings.from_env({"OPENGRADIENT_UPSTREAM_URL": "http://model.internal:8000/v1/"})
    )
    upstream = only.resolve("any")[0].build(request({}), "any")
    assert "authorization" not in upstream.headers
    assert upstream.url == "http://model.internal:8000/v1/chat/completions"


@pytest.mark.parametrize(
    ("provider", "kinds"),
    [
        ("openai", {ReceiptKind.CHAT, ReceiptKind.COMPLETION, ReceiptKind.EMBEDDING}),
        ("anthropic", {ReceiptKind.CHAT}),
        ("google", {ReceiptKind.CHAT, ReceiptKind.EMBEDDING}),
        ("xai", {ReceiptKind.CHAT, ReceiptKind.COMPLETION}),
        ("local", {ReceiptKind.CHAT, ReceiptKind.COMPLETION, ReceiptKind.EMBEDDING}),
    ],
)
def test_kinds(provider, kinds):
    bodies = {
        ReceiptKind.COMPLETION: ({"prompt": "p"}, COMPLETION_PATH),
        ReceiptKind.EMBEDDING: ({"input": "i"}, EMBEDDING_PATH),
    }
    assert {kind for kind in ReceiptKind if backend(provider).supports(kind)} == kinds
    for kind, (body, path) in bodies.items():
        if kind in kinds:
            built(provider, body, path)
        else:
            with pytest.raises(UnsupportedParameterError) as caught:
                built(provider, body, path)
            assert caught.value.parameter == "model"


def chat(content, **more):
    return {"messages": [{"role": "user", "content": content, **more}]}


IMAGE = {"type": "image_url", "image_url": {"url": PIXEL}}


def file(uri, **more):
    return chat([{"type": "file", "file": {"file_data": uri, **more}}])


AUDIO = chat([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}])
LATE = {
    "messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "now obey"}],
}
BAD_CALL = {
    "messages": [
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1"}}
            ],
        }
    ]
}
DETAIL = chat([{"type": "image_url", "image_url": {"url": PIXEL, "detail": "high"}}])
FIRST = "messages[0].content[0]"
PDF = "data:application/pdf;base64,AA=="


@pytest.mark.parametrize("provider", ["anthropic", "google"])
@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (LATE, "messages[1].role"),
        (chat("x", name="bob"), "messages[0].name"),
        (DETAIL, f"{FIRST}.image_url.detail"),
        (
            chat([{"type": "image_url", "image_url": {"url": PDF}}]),
            f"{FIRST}.image_url.url",
        ),
        (
            chat([{"type": "image_url", "image_url": {"url": "data:;base64,AA=="}}]),
            f"{FIRST}.image_url.url",
        ),
        (file("data:text/plain;charset=x;base64,AA=="), f"{FIRST}.file.file_data"),
        (BAD_CALL, "messages[0].tool_calls[0].function.arguments"),
    ],
)
def test_content_that_cannot_be_translated_is_refused_by_name(provider, body, parameter):
    with pytest.raises(UnsupportedParameterError) as caught:
        built(provider, body)
    assert caught.value.parameter == parameter
    assert caught.value.code == "request.unsupported_parameter"


@pytest.mark.parametrize(
    ("provider", "body", "parameter"),
    [
        ("xai", AUDIO, f"{FIRST}.input_audio"),
        ("xai", file(PDF), f"{FIRST}.file"),
        ("anthropic", AUDIO, f"{FIRST}.input_audio"),
        ("anthropic", file("data:image/gif;base64,AA=="), f"{FIRST}.file.file_data"),
        ("anthropic", file("data:text/plain;base64,/w=="), f"{FIRST}.file.file_data"),
        ("anthropic", file("data:text/plain;base64,%"), f"{FIRST}.file.file_data"),
        ("google", file(PDF, filename="a.pdf"), f"{FIRST}.file.filename"),
        (
            "google",
            {"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]},
            "messages[0].tool_call_id",
        ),
    ],
)
def test_content_of_one_provider(provider, body, parameter):
    with pytest.raises(UnsupportedParameterError) as caught:
        built(provider, body)
    assert caught.value.parameter == parameter


def test_google_takes_audio_and_files():
    parts = built("google", AUDIO)["contents"][0]["parts"]
    assert parts == [{"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}]


@pytest.mark.parametrize("model", ["a/b", "../files", "x?key=1", "m:generateContent", "a b", ""])
def test_a_model_name_never_leads_to_another_url(model):
    with pytest.raises(UnsupportedParameterError) as caught:
        backend("google").build(request({}), model)
    assert caught.value.parameter == "model"


def test_tuned_models_keep_their_collection():
    url = backend("google").build(request({}), "tunedModels/mine-1").url
    assert url.endswith("/v1beta/tunedModels/mine-1:generateContent")


def test_parallel_tool_calls_at_anthropic():
    alone = built("anthropic", {"tools": [TOOL], "parallel_tool_calls": False})
    assert alone["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    none = built(
        "anthropic", {"tools": [TOOL], "parallel_tool_calls": False, "tool_choice": "none"}
    )
    assert none["tool_choice"] == {"type": "none"}
    assert "tool_choice" not in built("anthropic", {"tools": [TOOL], "parallel_tool_calls": True})


def test_a_signature_survives_the_way_through_the_client():
    message = {
        "role": "assistant",
        "tool_calls": [
            {"id": "a~x/+=", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
    }
    answer = {"role": "tool", "tool_call_id": "a~x/+=", "content": "1"}
    contents = built("google", {"messages": [message, answer]})["contents"]
    assert contents[0]["parts"][0]["thoughtSignature"] == "x/+="
    assert contents[0]["parts"][0]["functionCall"]["id"] == "a"
    assert contents[1]["parts"][0]["functionResponse"]["id"] == "a"


@pytest.mark.parametrize("provider", ["openai", "xai", "local"])
def test_json_mode_adds_no_message(provider):
    body = {"response_format": {"type": "json_object"}}
    assert built(provider, body) == {**json.loads(request(body).raw), "model": "m"}


def test_json_mode_at_google_adds_no_message():
    body = {"response_format": {"type": "json_object"}}
    assert built("google", body) == {
        **built("google", {}),
        "generationConfig": {"responseMimeType": "application/json"},
    }


def test_earlier_answers_at_anthropic():
    said = [
        {"role": "assistant", "content": "plain"},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": "b", "refusal": "c"},
    ]
    contents = [
        message["content"] for message in built("anthropic", {"messages": said})["messages"]
    ]
    assert contents == [
        "plain",
        [{"type": "text", "text": "a"}],
        [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}],
    ]
