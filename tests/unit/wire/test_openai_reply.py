"""Replies: what goes out comes in again, and nothing unknown with it."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.messages import (
    Choice,
    Delta,
    ErrorReply,
    Reply,
    StreamAccumulator,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from opengradient.core.modes import ReceiptKind
from opengradient.errors import MalformedError
from opengradient.wire.openai_decode import decode_chunk, decode_error, decode_reply
from opengradient.wire.openai_reply import encode_chunk, encode_final_frame, encode_reply

CALL = ToolCall(id="c1", name="f", arguments='{"a": 1}')
CHAT = Reply(
    id="chatcmpl-1",
    created=1,
    model="m",
    kind=ReceiptKind.CHAT,
    choices=(
        Choice(
            index=0, text="hello", reasoning="r", annotations=[{"a": 1}], logprobs={"content": []}
        ),
        Choice(index=1, tool_calls=(CALL,), text="", finish_reason="tool_calls"),
        Choice(index=2, refusal="no", images=("data:image/png;base64,AA==",)),
    ),
    usage=Usage(input_tokens=5, output_tokens=7, cached_input_tokens=2, reasoning_tokens=1),
    system_fingerprint="fp",
)
COMPLETION = Reply(
    id="c", created=1, model="m", kind=ReceiptKind.COMPLETION, choices=(Choice(text="x"),)
)
EMBEDDING = Reply(
    id="e", created=1, model="m", kind=ReceiptKind.EMBEDDING, embeddings=((0.1, -2.0), (1.0, 3.5))
)


@pytest.mark.parametrize("reply", [CHAT, COMPLETION, EMBEDDING], ids=lambda r: r.kind.name)
def test_round_trip(reply):
    wire = json.loads(json.dumps(encode_reply(reply)))
    assert decode_reply(wire, reply.kind) == reply


def paths(value, at=()):
    if isinstance(value, dict):
        yield at
        for name, item in value.items():
            yield from paths(item, (*at, name))
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from paths(item, (*at, number))


@pytest.mark.parametrize("reply", [CHAT, COMPLETION, EMBEDDING], ids=lambda r: r.kind.name)
def test_an_unknown_field_anywhere_is_refused(reply):
    wire = encode_reply(reply)
    free = {"annotations", "logprobs"}
    for path in paths(wire):
        if free & set(path):
            continue
        forged = copy.deepcopy(wire)
        node = forged
        for step in path:
            node = node[step]
        node["injected"] = "x"
        with pytest.raises(MalformedError) as caught:
            decode_reply(forged, reply.kind)
        assert caught.value.code == "format.unknown_field"


def test_every_part_is_committed_under_its_own_name():
    fields = CHAT.committed_fields()
    assert fields["choice.0.text"] == "hello"
    assert fields["choice.1.tool_calls"] == [{"id": "c1", "name": "f", "arguments": '{"a": 1}'}]
    assert fields["choice.1.text"] == ""
    assert fields["choice.2.image.0"].startswith("data:")
    assert fields["usage"]["cached_input_tokens"] == 2
    names = {name.rsplit(".", 1)[-1] for name in fields}
    assert {"id", "created", "model", "reasoning", "refusal", "finish_reason", "logprobs"} <= names
    assert len(EMBEDDING.committed_fields()["embedding.0"]) == 16


def test_usage_must_add_up():
    wire = encode_reply(CHAT)
    wire["usage"]["total_tokens"] += 1
    with pytest.raises(MalformedError):
        decode_reply(wire, ReceiptKind.CHAT)


@pytest.mark.parametrize("indices", [(1,), (0, 0), (1, 0)])
def test_choices_are_numbered_in_order(indices):
    wire = encode_reply(CHAT)
    wire["choices"] = [wire["choices"][0] | {"index": index} for index in indices]
    with pytest.raises(MalformedError):
        decode_reply(wire, ReceiptKind.CHAT)


DELTAS = st.lists(
    st.builds(
        Delta,
        index=st.integers(0, 1),
        text=st.none() | st.text(max_size=4),
        reasoning=st.none() | st.text(max_size=3),
        tool_calls=st.lists(
            st.builds(
                ToolCallDelta,
                index=st.integers(0, 1),
                id=st.none() | st.just("c"),
                name=st.none() | st.just("f"),
                arguments=st.text(max_size=3),
            ),
            max_size=2,
        ).map(tuple),
    ),
    max_size=12,
)


@given(DELTAS)
def test_node_and_client_put_the_same_stream_together(deltas):
    node, client = StreamAccumulator(), StreamAccumulator()
    for delta in deltas:
        node.add(delta)
        chunk = encode_chunk(delta, reply_id="i", created=1, model="m", kind=ReceiptKind.CHAT)
        for decoded in decode_chunk(json.loads(chunk), ReceiptKind.CHAT):
            client.add(decoded)
    assert client.choices() == node.choices()


def test_the_final_frame_ends_every_choice():
    deltas = decode_chunk(encode_final_frame(CHAT), ReceiptKind.CHAT)
    assert [delta.finish_reason for delta in deltas] == ["stop", "tool_calls", "stop"]
    assert all(delta.empty for delta in deltas)


def test_a_choice_without_an_end_is_cut():
    stream = StreamAccumulator()
    stream.add(Delta(text="a"))
    assert stream.choices()[0].finish_reason == "cut"
    stream.add(Delta(finish_reason="length"))
    assert stream.choices()[0].finish_reason == "length"


ERROR = ErrorReply(status=429, code="node.rate_limited", message="slow", retry_after=1.5)


def test_errors_round_trip():
    wire = json.loads(json.dumps({"error": ERROR.as_json()}))
    assert decode_error(wire, 429) == ERROR
    assert ERROR.committed_fields()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize(
    "change",
    [{"code": "nonsense"}, {"type": "other"}, {"x": 1}, {"message": 1}, {"retry_after": -1}],
)
def test_errors_of_another_shape_are_refused(change):
    with pytest.raises(MalformedError):
        decode_error({"error": ERROR.as_json() | change}, 429)
