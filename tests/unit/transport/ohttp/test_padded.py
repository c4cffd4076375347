"""What the lengths of sealed messages tell: next to nothing."""

import pytest

from opengradient.errors import ChannelError, MalformedError, ProtocolError
from opengradient.transport.ohttp import (
    AnswerOpener,
    AnswerSealer,
    GatewayKey,
    open_sealed_request,
    padded_size,
    seal_answer,
    seal_request,
)
from opengradient.wire.bhttp import (
    BinaryRequest,
    BinaryResponse,
    Content,
    RequestHead,
    ResponseHead,
    Trailers,
)
from opengradient.wire.varint import size_of_varint, value_of_varint

KEY = GatewayKey.of(bytes(range(32)), key_id=7)
HEAD = ResponseHead(status=200, headers=(("content-type", "text/event-stream"),))
TAG = 16


def request(content=b""):
    head = RequestHead(method="POST", scheme="https", authority="", path="/v1/chat/completions")
    return BinaryRequest(head=head, content=content)


def opened(content=b"question"):
    sealed, mine = seal_request(KEY.public, request(content))
    _, theirs = open_sealed_request(sealed, {7: KEY})
    return mine, theirs


def chunk_sizes(sealed):
    """Sizes of the plaintexts of a chunked answer."""
    at, sizes = 32, []
    while True:
        width = size_of_varint(sealed[at])
        length = value_of_varint(sealed[at : at + width])
        at += width
        if not length:
            return [*sizes, len(sealed) - at - TAG]
        sizes.append(length - TAG)
        at += length


def test_sizes():
    assert [padded_size(size) for size in (0, 1, 1024, 1025, 3000, 2**20)] == [
        1024, 1024, 1024, 2048, 4096, 2**20,
    ]  # fmt: skip
    assert padded_size(2**20 + 1) == 2**20 + 2**16
    for size in range(2**20 + 1, 2**23, 99_991):
        padded = padded_size(size)
        assert size <= padded <= size * 17 // 16
        assert padded % (1 << (padded.bit_length() - 6)) == 0


def test_requests_of_like_size_look_alike():
    sizes = {len(seal_request(KEY.public, request(b"x" * n))[0]) for n in range(0, 900, 37)}
    assert len(sizes) == 1
    sealed, _ = seal_request(KEY.public, request(b"x" * 100_000))
    read, _ = open_sealed_request(sealed, {7: KEY})
    assert read == request(b"x" * 100_000)


def test_whole_answers_of_like_size_look_alike():
    sizes = set()
    for size in range(0, 900, 37):
        mine, theirs = opened()
        sealed = seal_answer(theirs, BinaryResponse(head=HEAD, content=b"y" * size))
        sizes.add(len(sealed))
        reader = AnswerOpener(mine)
        parts = reader.feed(sealed) + reader.finish()
        assert b"".join(p.data for p in parts if isinstance(p, Content)) == b"y" * size
    assert len(sizes) == 1


def test_a_stream_is_read_as_it_comes_and_its_chunks_have_few_sizes():
    mine, theirs = opened()
    sealer, reader = AnswerSealer(theirs, HEAD), AnswerOpener(mine)
    wire = b""
    for at, word in enumerate([b"a" * 150, b"b" * 177, b"c" * 400, b"d" * 600, b"[DONE]"]):
        sealed = sealer.content(word)
        wire += sealed
        assert reader.feed(sealed) == [*([HEAD] if at == 0 else []), Content(word)]
    end = sealer.end((("t", "x"),))
    assert reader.feed(end) + reader.finish() == [Trailers((("t", "x"),))]
    assert chunk_sizes(wire + end) == [512, 512, 512, 1024, 32, 512]


@pytest.mark.parametrize("size", range(1, 2000, 7))
def test_every_piece_becomes_a_power_of_two(size):
    mine, theirs = opened()
    sealer = AnswerSealer(theirs, HEAD)
    first = sealer.content(b"x" * 200)
    wire = first + sealer.content(b"y" * size) + sealer.end()
    for length in chunk_sizes(wire):
        assert length & (length - 1) == 0
    reader = AnswerOpener(mine)
    parts = reader.feed(wire) + reader.finish()
    assert b"".join(p.data for p in parts if isinstance(p, Content)) == b"x" * 200 + b"y" * size


def test_large_pieces_are_cut():
    mine, theirs = opened()
    sealer = AnswerSealer(theirs, HEAD)
    wire = sealer.content(b"z" * 50_000) + sealer.end()
    assert max(chunk_sizes(wire)) == 16 * 1024
    reader = AnswerOpener(mine)
    assert reader.feed(wire)[1] == Content(b"z" * 50_000)
    reader.finish()


def test_an_answer_without_content_has_its_head():
    mine, theirs = opened()
    reader = AnswerOpener(mine)
    wire = AnswerSealer(theirs, HEAD).end()
    assert reader.feed(wire) + reader.finish() == [HEAD, Trailers(())]
    assert chunk_sizes(wire) == [512]


def test_a_head_that_is_too_large():
    _, theirs = opened()
    large = ResponseHead(status=200, headers=(("a", "x" * 8192),))
    with pytest.raises(MalformedError) as caught:
        AnswerSealer(theirs, large)
    assert caught.value.code == "channel.bhttp_too_large"


def test_an_answer_that_ends_early_has_no_end():
    mine, theirs = opened()
    sealer = AnswerSealer(theirs, HEAD)
    wire = sealer.content(b"x" * 200) + sealer.end()
    for cut in range(0, len(wire), 11):
        reader = AnswerOpener(mine)
        reader.feed(wire[:cut])
        with pytest.raises((ProtocolError, ChannelError)):
            reader.finish()
