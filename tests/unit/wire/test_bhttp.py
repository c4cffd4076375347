"""Binary HTTP: RFC 9292's examples, both framings, truncation, padding, and every refusal."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.errors import MalformedError
from opengradient.wire.bhttp import (
    CONNECTION_FIELDS,
    MAX_HEAD_BYTES,
    BinaryRequest,
    BinaryResponse,
    Content,
    MessageDecoder,
    RequestHead,
    ResponseEncoder,
    ResponseHead,
    Trailers,
    can_have_size,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    least_size,
    pad,
)
from opengradient.wire.varint import encode_varint, size_of_varint, value_of_varint, varint_size
from tests.support import vectors

HEAD = RequestHead(
    method="POST",
    scheme="https",
    authority="node.example",
    path="/v1/chat/completions?x=1",
    headers=(("content-type", "application/json"), ("x", "")),
)
REQUEST = BinaryRequest(head=HEAD, content=b"hello", trailers=(("t", "1"),))
RESPONSE = BinaryResponse(
    head=ResponseHead(status=200, headers=(("server", "x"),)),
    content=b"Hello World!",
    trailers=(("trailer", "text"),),
    informational=(ResponseHead(status=103, headers=(("link", "</a>"),)),),
)
EMPTY = RequestHead(method="GET", scheme="https", authority="", path="/")


def refused(code, function, *args, **kwargs):
    with pytest.raises(MalformedError) as caught:
        function(*args, **kwargs)
    assert caught.value.code == code


def examples():
    listed = json.loads((vectors("ohttp") / "rfc9292_examples.json").read_text())
    return [bytes.fromhex(item["hex"]) for item in listed if item["kind"] == "hex-dump"]


CURL = (
    ("user-agent", "curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"),
    ("host", "www.example.com"),
    ("accept-language", "en, mi"),
)


def test_rfc9292_examples_of_a_request():
    known, indeterminate, *_ = examples()
    head = RequestHead(method="GET", scheme="https", authority="", path="/hello.txt", headers=CURL)
    expected = BinaryRequest(head=head)
    assert decode_request(known) == expected
    assert decode_request(indeterminate) == expected
    assert encode_request(expected) == known
    # The indeterminate-length example is padded.
    assert pad(encode_request(expected, known_length=False), len(indeterminate)) == indeterminate


def test_rfc9292_examples_of_a_response():
    *_, interim, chunked = examples()
    response = decode_response(interim)
    assert [head.status for head in response.informational] == [102, 103]
    assert response.informational[0].headers == (("running", '"sleep 15"'),)
    assert response.head.status == 200
    assert response.head.headers[-1] == ("content-type", "text/plain")
    assert response.content == b"Hello World! My content includes a trailing CRLF.\r\n"
    assert encode_response(response, known_length=False) == interim
    trailing = decode_response(chunked)
    assert trailing.content == b"This content contains CRLF.\r\n"
    assert trailing.trailers == (("trailer", "text"),)
    assert encode_response(trailing) == chunked


@pytest.mark.parametrize("known", [True, False])
def test_round_trip(known):
    assert decode_request(encode_request(REQUEST, known_length=known)) == REQUEST
    assert decode_response(encode_response(RESPONSE, known_length=known)) == RESPONSE


@pytest.mark.parametrize("known", [True, False])
def test_every_byte_by_itself_gives_the_same_parts(known):
    data = encode_response(RESPONSE, known_length=known)
    decoder = MessageDecoder(request=False, max_content_bytes=100)
    parts = [part for at in range(len(data)) for part in decoder.feed(data[at : at + 1])]
    parts += decoder.finish()
    assert parts[0] == RESPONSE.informational[0]
    assert parts[1] == RESPONSE.head
    assert b"".join(part.data for part in parts[2:-1]) == RESPONSE.content
    assert parts[-1] == Trailers(RESPONSE.trailers)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("message", "encode", "decode"),
    [(REQUEST, encode_request, decode_request), (RESPONSE, encode_response, decode_response)],
)
def test_cut_in_its_middle_is_refused_at_every_byte(known, message, encode, decode):
    data = encode(message, known_length=known)
    for cut in range(len(data)):
        error = None
        try:
            decoded = decode(data[:cut])
        except MalformedError as caught:
            error = caught
        else:  # where a section begins, what follows may be missing: it counts as empty
            assert decoded.head == message.head or decoded.head.headers == ()
            assert decoded.trailers == ()
        assert error is None or error.code == "channel.bhttp_truncated"


def test_only_what_is_empty_may_be_left_out():
    request = BinaryRequest(head=EMPTY)
    full = encode_request(request)
    assert full.endswith(b"\0\0\0")
    for missing in range(4):
        assert decode_request(full[: len(full) - missing]) == request
    # An informational response is no end: the final one must follow, and its own head be whole.
    refused("channel.bhttp_truncated", decode_response, bytes.fromhex("014066"))
    refused("channel.bhttp_truncated", decode_response, bytes.fromhex("01406600"))
    assert decode_response(bytes.fromhex("0140c8")).head == ResponseHead(status=200)
    # Content of indeterminate length that was begun has an end.
    refused("channel.bhttp_truncated", decode_response, bytes.fromhex("0340c8000161"))


def test_padding_is_zeros():
    data = pad(encode_request(REQUEST), 512)
    assert len(data) == 512
    assert decode_request(data) == REQUEST
    refused("channel.bhttp_padding", decode_request, data[:-1] + b"\x01")


def test_varints_of_any_length_are_read_and_the_shortest_written():
    for value, hexadecimal in (
        (37, "25"),
        (15293, "7bbd"),
        (494878333, "9d7f3e7d"),
        (151288809941952652, "c2197c5eff14e88c"),
    ):  # RFC 9000 appendix A.1
        assert encode_varint(value).hex() == hexadecimal
        assert value_of_varint(bytes.fromhex(hexadecimal)) == value
        assert size_of_varint(bytes.fromhex(hexadecimal)[0]) == len(hexadecimal) // 2
    assert encode_varint(37, size=2).hex() == "4025"
    long_form = (
        bytes.fromhex("c000000000000001" + "c0000000000000c8" + "4000" + "80000003") + b"abc"
    )
    assert decode_response(long_form).content == b"abc"
    refused("channel.varint", encode_varint, 2**62)
    refused("channel.varint", encode_varint, -1)
    refused("channel.varint", encode_varint, 64, size=1)
    refused("channel.varint", encode_varint, 1, size=3)
    assert varint_size(2**62 - 1) == 8


@pytest.mark.parametrize(
    "fields",
    [
        (("Upper", "x"),),
        (("", "x"),),
        (("sp ace", "x"),),
        (("colon:", "x"),),
        (("a", "line\nbreak"),),
        (("a", "line\rbreak"),),
        (("a", "nul\0"),),
        (("a", " led"),),
        (("a", "trailed\t"),),
        (("a", "\u0100"),),
        ((":method", "GET"),),
        ((":status", "200"),),
        (("a", "b"), (":protocol", "x")),
    ],
)
def test_fields_that_http_does_not_carry(fields):
    refused("channel.bhttp_field", RequestHead, method="GET", scheme="", authority="", path="/",
            headers=fields)  # fmt: skip
    refused("channel.bhttp_field", ResponseHead, status=200, headers=fields)


def test_pseudo_fields_of_extensions_come_first_and_not_in_trailers():
    fields = ((":protocol", "websocket"), ("a", "b"))
    assert ResponseHead(status=200, headers=fields).headers == fields
    broken = BinaryResponse(head=ResponseHead(status=200), trailers=((":protocol", "x"),))
    refused("channel.bhttp_field", encode_response, broken)
    line = b"\x09:protocol\x01x"
    refused("channel.bhttp_field", decode_response, b"\x01\x40\xc8\0\0" + bytes([len(line)]) + line)


def test_connection_fields_are_read_and_not_written():
    message = BinaryResponse(head=ResponseHead(status=200, headers=(("connection", "close"),)))
    refused("channel.bhttp_field", encode_response, message)
    line = b"\x0aconnection\x05close"
    assert decode_response(b"\x01\x40\xc8" + bytes([len(line)]) + line) == message


@pytest.mark.parametrize(
    "data",
    [
        "04",  # framing of nothing
        "01",  # a response
        "0004474554200568747470730001",  # a method with a blank
        "00034745540368740a00012f",  # a line break in the scheme
        "0003474554056874747073000120",  # a blank as path
        "0003474554056874747073000180",  # not ASCII
        "00000568747470730001" + "2f",  # no method
        "0003474554056874747073" + "00012f" + "03" + "016102" + "61",  # a line passes its section
        "0003474554056874747073" + "00012f" + "03" + "016141",  # a length passes its section
        "0003474554056874747073" + "00012f" + "02" + "0161",  # a line without a value
    ],
)
def test_requests_that_are_invalid(data):
    with pytest.raises(MalformedError) as caught:
        decode_request(bytes.fromhex(data) + b"\0\0")
    assert caught.value.code in ("channel.bhttp", "channel.bhttp_field")


def test_statuses():
    refused("channel.bhttp", ResponseHead, status=99)
    refused("channel.bhttp", ResponseHead, status=600)
    refused("channel.bhttp", decode_response, bytes.fromhex("014258" + "00"))
    refused("channel.bhttp", decode_response, bytes.fromhex("013200"))
    refused("channel.bhttp", decode_request, bytes.fromhex("0140c8"))
    swapped = BinaryResponse(head=ResponseHead(status=103))
    refused("channel.bhttp", encode_response, swapped)
    refused("channel.bhttp", decode_response, bytes.fromhex("01" + "406600" * 17 + "40c800"))
    decode_response(bytes.fromhex("01" + "406600" * 16 + "40c800"))


def test_bounds():
    large = ResponseHead(status=200, headers=(("a", "x" * MAX_HEAD_BYTES),))
    refused("channel.bhttp_too_large", encode_response, BinaryResponse(head=large))
    declared = b"\x01\x40\xc8" + encode_varint(MAX_HEAD_BYTES)
    decoder = MessageDecoder(request=False, max_content_bytes=4)
    refused("channel.bhttp_too_large", decoder.feed, declared)
    many = b"\x03\x40\xc8" + b"\x01a\x00" * MAX_HEAD_BYTES
    refused("channel.bhttp_too_large", decode_response, many)
    response = BinaryResponse(head=ResponseHead(status=200), content=b"12345")
    for known in (True, False):
        data = encode_response(response, known_length=known)
        assert decode_response(data, max_content_bytes=5).content == b"12345"
        refused("channel.bhttp_too_large", decode_response, data, max_content_bytes=4)


def test_a_bomb_is_refused_at_its_length():
    decoder = MessageDecoder(request=False, max_content_bytes=1000)
    refused("channel.bhttp_too_large", decoder.feed, b"\x01\x40\xc8\x00" + encode_varint(2**40))


def test_a_stream_is_read_as_it_comes():
    encoder = ResponseEncoder()
    decoder = MessageDecoder(request=False, max_content_bytes=1000)
    early = ResponseHead(status=103)
    assert decoder.feed(encoder.head(early)) == [early]
    head = ResponseHead(status=200, headers=(("content-type", "text/event-stream"),))
    assert decoder.feed(encoder.head(head)) == [head]
    assert decoder.feed(encoder.content(b"data: 1\n\n")) == [Content(b"data: 1\n\n")]
    assert encoder.content(b"") == b""
    assert decoder.feed(encoder.content(b"data: 2\n\n", size=70)) == [Content(b"data: 2\n\n")]
    assert decoder.feed(encoder.end((("t", "x"),)) + bytes(50)) == [Trailers((("t", "x"),))]
    assert decoder.finish() == []


@pytest.mark.parametrize("content", [1, 2, 7, 57, 63, 64, 300, 8000])
def test_a_piece_is_stretched_to_the_size_that_is_wanted(content):
    data = (bytes(range(256)) * 32)[:content]
    reached = 0
    for size in range(least_size(content) + 700):
        encoded = ResponseEncoder().content(data, size=size)
        assert (len(encoded) == size) == can_have_size(content, size), size
        assert len(encoded) >= least_size(content)
        assert decode_response(b"\x03\x40\xc8\x00" + encoded + b"\x00").content == data
        reached += len(encoded) == size
    assert reached >= min(700, 7 * content - 3)
    # Beyond reach it is as long as can be; below it is the shortest form.
    assert len(ResponseEncoder().content(data, size=9 * content + 1000)) == 9 * content
    assert len(ResponseEncoder().content(data, size=1)) == least_size(content)


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20).filter(
    lambda text: not text.strip("\x85\xa0") or "\x7f" not in text
)
FIELDS = st.lists(
    st.tuples(TOKENS.filter(lambda name: name not in CONNECTION_FIELDS), VALUES), max_size=5
).map(tuple)


@given(FIELDS, st.binary(max_size=300), FIELDS, st.booleans(), st.integers(0, 64))
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read(headers, content, trailers, known, padding):
    message = BinaryRequest(
        head=RequestHead(
            method="POST", scheme="https", authority="a.example", path="/", headers=headers
        ),
        content=content,
        trailers=trailers,
    )
    encoded = encode_request(message, known_length=known) + bytes(padding)
    assert decode_request(encoded) == message


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_a_message_or_our_error(data, request):
    decode = decode_request if request else decode_response
    for candidate in (data, (b"\x02" if request else b"\x03\x40\xc8") + data):
        code = "channel.bhttp"
        try:
            decode(candidate)
        except MalformedError as error:
            code = error.code
        assert code.startswith("channel.bhttp")
