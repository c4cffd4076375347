"""Requests over real sockets: bounds, failures, streams."""

import anyio
import pytest

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    ProtocolError,
    TimedOutError,
    TransportError,
)
from opengradient.transport import HttpTransport, Timeouts
from tests.net.server import raw_server, reply


async def test_any_status_is_returned_with_lower_case_headers():
    async with raw_server(reply(418, b"tea", "X-Thing: A\r\n")) as server, HttpTransport() as http:
        answer = await http.request(
            "POST", server.url + "/p", headers={"X-A": "b"}, content=b"body"
        )
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (418, b"tea", "A")
    assert answer.peer_certificate is None
    assert server.requests[0].startswith(b"POST /p HTTP/1.1")
    assert server.requests[0].endswith(b"\r\n\r\nbody")
    assert b"accept-encoding: identity" in server.requests[0].lower()


async def test_a_redirect_is_not_followed():
    async with (
        raw_server(reply(307, b"", "location: http://127.0.0.1:1/\r\n")) as server,
        HttpTransport() as http,
    ):
        answer = await http.request("GET", server.url)
    assert answer.status == 307
    assert len(server.requests) == 1


async def test_nobody_listens():
    async with HttpTransport() as http:
        with pytest.raises(ConnectError) as caught:
            await http.request("GET", "http://127.0.0.1:1/")
    assert caught.value.code == "transport.connect"


async def test_a_bad_url_is_the_callers_mistake():
    async with HttpTransport() as http:
        with pytest.raises(ConfigurationError):
            await http.request("GET", "no-scheme")


async def test_silence_times_out_and_the_request_was_sent_once():
    async def silent(stream, request):
        await anyio.sleep_forever()

    async with raw_server(silent) as server, HttpTransport() as http:
        with pytest.raises(TimedOutError) as caught:
            await http.request("POST", server.url, content=b"x", timeout=0.05)
    assert caught.value.code == "transport.timeout"
    assert len(server.requests) == 1


async def test_an_answer_that_never_ends_does_not_outlast_the_total():
    async def endless(stream, request):
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nx")
        await anyio.sleep_forever()

    limits = Timeouts(total=0.1, silence=60)
    async with raw_server(endless) as server, HttpTransport(timeouts=limits) as http:
        with pytest.raises(TimedOutError):
            await http.request("GET", server.url)


async def test_a_cut_body_is_an_error():
    async def cut(stream, request):
        await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")

    async with raw_server(cut) as server, HttpTransport() as http:
        with pytest.raises(ProtocolError) as caught:
            await http.request("GET", server.url)
    assert caught.value.code == "transport.protocol"


async def test_a_closed_connection_without_answer_is_not_a_connect_error():
    async def close(stream, request):
        return

    async with raw_server(close) as server, HttpTransport() as http:
        with pytest.raises(TransportError) as caught:
            await http.request("POST", server.url, content=b"x")
    assert not isinstance(caught.value, ConnectError)
    assert len(server.requests) == 1


async def test_what_is_not_http_is_a_protocol_error():
    async def noise(stream, request):
        await stream.send(b"\x00\x01 noise\r\n\r\n")

    async with raw_server(noise) as server, HttpTransport() as http:
        with pytest.raises(ProtocolError):
            await http.request("GET", server.url)


async def test_too_large_an_answer_is_refused():
    async with raw_server(reply(200, b"x" * 1000)) as server, HttpTransport() as http:
        with pytest.raises(ProtocolError) as caught:
            await http.request("GET", server.url, max_bytes=999)
        assert caught.value.code == "transport.too_large"
        answer = await http.request("GET", server.url, max_bytes=1000)
    assert len(answer.body) == 1000


async def test_a_compressed_answer_is_refused():
    async with (
        raw_server(reply(200, b"x", "content-encoding: gzip\r\n")) as server,
        HttpTransport() as http,
    ):
        with pytest.raises(ProtocolError):
            await http.request("GET", server.url)


async def test_stream_yields_pieces_as_they_come_and_leaving_early_closes():
    closed = anyio.Event()
    second = anyio.Event()

    async def pieces(stream, request):
        await stream.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await second.wait()
        await stream.send(b"1\r\nb\r\n")
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
        closed.set()

    async with raw_server(pieces) as server, HttpTransport() as http:
        async with http.stream("GET", server.url) as stream:
            assert stream.status == 200
            seen = []
            async for piece in stream:
                seen.append(piece)
                second.set()
                if piece == b"b":
                    break
            assert seen == [b"a", b"b"]
        with anyio.fail_after(2):
            await closed.wait()


async def test_a_cut_stream_raises_in_the_iteration():
    async def cut(stream, request):
        await stream.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")

    async with (
        raw_server(cut) as server,
        HttpTransport() as http,
        http.stream("GET", server.url) as stream,
    ):
        with pytest.raises(ProtocolError):
            async for _ in stream:
                pass


async def test_a_stream_that_falls_silent_times_out():
    async def silent(stream, request):
        await stream.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await anyio.sleep_forever()

    async with (
        raw_server(silent) as server,
        HttpTransport() as http,
        http.stream("GET", server.url, timeout=0.05) as stream,
    ):
        with pytest.raises(TimedOutError):
            async for _ in stream:
                pass


async def test_the_environments_proxy_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with raw_server(reply()) as server, HttpTransport() as http:
        assert (await http.request("GET", server.url)).status == 200
