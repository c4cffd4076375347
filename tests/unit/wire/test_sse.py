"""The event decoder: any split of the bytes gives the same events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.errors import MalformedError
from opengradient.wire.sse import Event, EventDecoder, encode_event


def decode(*pieces: bytes) -> list[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event(b"a")]),
        (b"data:a\n\n", [Event(b"a")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event(b"a"), Event(b"b")]),
        (b"data: a\r\rdata: b\r\r:", [Event(b"a"), Event(b"b")]),
        (b"data: a\ndata: b\n\n", [Event(b"a\nb")]),
        (b": ping\n\ndata: a\n\n", [Event(b"a")]),
        (b"event: x\ndata: a\n\n", [Event(b"a", "x")]),
        (b"event: x\n\n", []),
        (b"id: 1\nretry: 2\ndata:  a\n\n", [Event(b" a")]),
        (b"data\n\n", [Event(b"")]),
        (b"data: a", []),
    ],
)
def test_what_streams_mean(stream, events):
    assert decode(stream) == events
    assert decode(*[bytes([byte]) for byte in stream]) == events


@given(st.lists(st.binary(max_size=30), max_size=8), st.data())
def test_any_split_gives_the_same(payloads, data):
    payloads = [payload.replace(b"\n", b"").replace(b"\r", b"") for payload in payloads]
    stream = b"".join(encode_event(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [event.data for event in decode(*pieces)] == payloads


def test_a_stream_cut_in_an_event_is_noticed():
    decoder = EventDecoder()
    assert list(decoder.feed(b"data: a\n\ndata: b")) == [Event(b"a")]
    assert decoder.pending
    assert list(decoder.feed(b"\n\n")) == [Event(b"b")]
    assert not decoder.pending


def test_an_endless_event_is_refused():
    decoder = EventDecoder(max_event_bytes=100)
    with pytest.raises(MalformedError) as caught:
        list(decoder.feed(b"data: " + b"x" * 200))
    assert caught.value.code == "format.too_large"
