"""The public network's hashes, checked against values built by hand from its description."""

import json

import pytest

from opengradient.core.digests import keccak256
from opengradient.core.legacy import (
    LegacyStatement,
    canonical_request,
    legacy_output,
    message_hash,
    output_hash,
    request_hash,
    tee_id,
)
from opengradient.core.messages import Choice, InferenceRequest, ToolCall
from opengradient.core.modes import ReceiptKind
from opengradient.errors import MalformedError

PNG = "data:image/png;base64,AAAA"


def test_request_is_written_as_python_does() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "h\u00e9"}], "top_p": 1}
    text = (
        '{"messages": [{"content": "h\\u00e9", "role": "user"}], "model": "m", "temperature": 0.0}'
    )
    assert request_hash(ReceiptKind.CHAT, body) == keccak256(text.encode())


@pytest.mark.parametrize(
    ("message", "reduced"),
    [
        ({"role": "system", "content": "s", "name": "n"}, {"role": "system", "content": "s"}),
        ({"role": "developer", "content": "s"}, {"role": "system", "content": "s"}),
        ({"role": "user", "content": "u", "name": "n"}, {"role": "user", "content": "u"}),
        (
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": PNG}},
                    {"type": "file", "file": {"file_data": PNG, "filename": "a.pdf"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url"},
                    {"type": "file", "filename": "a.pdf"},
                ],
            },
        ),
        ({"role": "assistant", "content": None}, {"role": "assistant", "content": ""}),
        (
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
            },
        ),
        (
            {"role": "tool", "content": "r", "tool_call_id": "c"},
            {"role": "tool", "content": "r", "tool_call_id": "c"},
        ),
        (
            {"role": "function", "content": "r", "name": "f"},
            {"role": "function", "content": "r", "name": "f"},
        ),
    ],
)
def test_messages_are_reduced(message: dict, reduced: dict) -> None:
    body = {"model": "m", "messages": [message]}
    assert canonical_request(ReceiptKind.CHAT, body)["messages"] == [reduced]


def test_options_are_covered_only_where_given() -> None:
    chat = {"model": "m", "messages": [], "temperature": 1, "max_tokens": 3, "stop": None, "n": 2}
    assert canonical_request(ReceiptKind.CHAT, chat) == {
        "model": "m",
        "messages": [],
        "temperature": 1.0,
        "max_tokens": 3,
    }
    assert json.dumps(canonical_request(ReceiptKind.CHAT, chat)["temperature"]) == "1.0"
    completion = {"model": "m", "prompt": "p", "stop": ["x"], "tools": [1]}
    assert canonical_request(ReceiptKind.COMPLETION, completion) == {
        "model": "m",
        "prompt": "p",
        "temperature": 0.0,
        "stop": ["x"],
    }


def test_there_is_no_form_for_embeddings() -> None:
    with pytest.raises(MalformedError):
        canonical_request(ReceiptKind.EMBEDDING, {"model": "m"})


def test_output_is_the_text_or_the_tool_calls_alone() -> None:
    call = ToolCall(id="c", name="f", arguments='{"a":1}')
    calls = Choice(text="beside", tool_calls=(call,))
    text = (
        '[{"function": {"arguments": "{\\"a\\":1}", "name": "f"}, "id": "c", "type": "function"}]'
    )
    assert legacy_output(calls) == text
    assert output_hash([Choice(text="t"), calls]) == keccak256(b"t")
    assert output_hash([Choice(images=("data:",))]) == output_hash([]) == keccak256(b"")


def test_message_and_name() -> None:
    expected = keccak256(b"r" * 32 + b"o" * 32 + (7).to_bytes(32, "big"))
    assert message_hash(b"r" * 32, b"o" * 32, 7) == expected
    request = InferenceRequest(
        kind=ReceiptKind.COMPLETION, model="m", body={"model": "m", "prompt": "p"}, raw=b"", path=""
    )
    statement = LegacyStatement.of(request, [Choice(text="t")], timestamp=7)
    assert statement.signed_message() == message_hash(statement.request, statement.output, 7)
    assert tee_id(b"der") == "0x" + keccak256(b"der").hex()
