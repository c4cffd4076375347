import ssl

import anyio
import pytest

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    OpenGradientError,
    ProtocolError,
    TimedOutError,
    TransportError,
)
from reference_nodes._kit import _http_connection, http_client
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.credentials import make_tls_credentials
from reference_nodes._kit.http_client import HttpClient
from reference_nodes._kit.tls import tls_context
from tests.unit._kit.raw_server import RawServer, raw_server

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def fetch(
    client: HttpClient, server: RawServer, body: bytes = b"hi", timeout: float = 5
) -> tuple[int, dict[str, str], bytes]:
    async with client.stream(
        "POST", server.url + "/p?q=1", headers={"a": "b"}, content=body, timeout=timeout
    ) as stream:
        return stream.status, dict(stream.headers), await stream.read(1_000_000)


async def test_what_is_sent_and_what_comes_back() -> None:
    async with raw_server(OK) as server, HttpClient() as client:
        status, headers, body = await fetch(client, server)
    assert (status, headers, body) == (200, {"content-length": "2"}, b"ok")
    (request,) = server.received
    assert request.startswith(b"POST /p?q=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\na: b\r\n" in request
    assert b"\r\naccept-encoding: identity\r\n" in request
    assert request.endswith(b"\r\ncontent-length: 2\r\n\r\nhi")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end<close>", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, b"ok"),
    ],
)
async def test_every_framing(answer: bytes, body: bytes) -> None:
    async with raw_server(answer) as server, HttpClient() as client:
        status, headers, got = await fetch(client, server)
    assert got == body
    assert "link" not in headers
    assert status in {200, 204}


async def test_connections_serve_again() -> None:
    async with raw_server(OK, OK, OK) as server, HttpClient() as client:
        for _ in range(3):
            await fetch(client, server)
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_the_server_ends_is_not_used_again(answer: bytes) -> None:
    async with raw_server(answer, OK) as server, HttpClient() as client:
        await fetch(client, server)
        await fetch(client, server)
        assert server.connections == 2


async def test_an_idle_connection_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(OK, OK, OK) as server, HttpClient() as client:
        await fetch(client, server)
        monkeypatch.setattr(http_client, "IDLE_SECONDS", -1.0)
        await fetch(client, server)
        assert server.connections == 2


async def test_an_answer_that_is_not_read_to_its_end_costs_the_connection() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
    async with raw_server(half, OK) as server, HttpClient() as client:
        async with client.stream("POST", server.url, headers={}, content=b"", timeout=5) as stream:
            assert await anext(stream) == b"half"
        await fetch(client, server)
        assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "family"),
    [
        (b"<close>", TransportError),
        (b"HTTP/1.1 200 OK\r\ncontent-le<close>", TransportError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf<close>", ProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nab<close>", ProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n", ProtocolError),
        (b"nonsense\r\n\r\n", ProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", ProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", ProtocolError),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", ProtocolError),
    ],
)
async def test_broken_answers(answer: bytes, family: type[TransportError]) -> None:
    async with raw_server(answer, OK) as server, HttpClient() as client:
        with pytest.raises(TransportError) as caught:
            await fetch(client, server)
        assert type(caught.value) is family
        await fetch(client, server)
        assert server.connections == 2


async def test_compression_that_was_not_asked_for_is_refused() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"
    async with raw_server(answer) as server, HttpClient() as client:
        with pytest.raises(ProtocolError):
            await fetch(client, server)


async def test_too_large_answers_are_not_read() -> None:
    async with raw_server(OK) as server, HttpClient() as client:
        async with client.stream("GET", server.url, headers={}, content=b"", timeout=5) as stream:
            with pytest.raises(ProtocolError) as caught:
                await stream.read(1)
        assert caught.value.code == "transport.too_large"


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
async def test_silence_is_bounded(answer: bytes | None) -> None:
    async with raw_server(answer) as server, HttpClient() as client:
        with pytest.raises(TimedOutError):
            await fetch(client, server, timeout=0.05)


async def test_signs_of_life_extend_the_patience() -> None:
    async with raw_server() as server, HttpClient() as client:
        server.script = [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"]
        async with client.stream("GET", server.url, headers={}, content=b"", timeout=0.2) as stream:
            with pytest.raises(TimedOutError):
                await anext(stream)


async def test_nobody_there() -> None:
    async with raw_server() as server:
        url = server.url
    async with HttpClient() as client:
        with pytest.raises(ConnectError):
            async with client.stream("GET", url, headers={}, content=b"", timeout=1):
                pass


async def test_an_untrusted_certificate_is_no_connection() -> None:
    credentials = make_tls_credentials(now_ms=system_clock_ms())
    async with raw_server(OK, tls=tls_context(credentials)) as server:
        async with HttpClient() as client:
            with pytest.raises(ConnectError):
                await fetch(client, server)
        assert server.received == []


async def test_tls_to_a_trusted_server() -> None:
    credentials = make_tls_credentials(now_ms=system_clock_ms())
    trusted = ssl.create_default_context(cadata=credentials.certificate_pem)
    trusted.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    async with (
        raw_server(OK, tls=tls_context(credentials)) as server,
        HttpClient(tls=trusted) as client,
    ):
        server.url = server.url.replace("127.0.0.1", "localhost")
        assert (await fetch(client, server))[2] == b"ok"


async def test_a_name_that_the_certificate_does_not_have_is_refused() -> None:
    credentials = make_tls_credentials(now_ms=system_clock_ms())
    trusted = ssl.create_default_context(cadata=credentials.certificate_pem)
    trusted.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    async with (
        raw_server(OK, tls=tls_context(credentials)) as server,
        HttpClient(tls=trusted) as client,
    ):
        with pytest.raises(ConnectError):
            await fetch(client, server)


async def test_a_cancelled_request_closes_its_connection() -> None:
    async with raw_server(None, OK) as server, HttpClient() as client:
        with anyio.move_on_after(0.05):
            await fetch(client, server)
        await fetch(client, server)
        assert server.connections == 2


async def test_a_slow_reader_slows_the_server() -> None:
    size = 64 * 1024 * 1024
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    async with (
        raw_server(head + bytes(size)) as server,
        HttpClient() as client,
        client.stream("GET", server.url, headers={}, content=b"", timeout=5) as stream,
    ):
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
        largest, total = 0, 0
        async for piece in stream:
            largest, total = max(largest, len(piece)), total + len(piece)
    assert total == size
    assert largest < 4 * _http_connection.MAX_BUFFERED_BYTES


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://x/", {}),
        ("http:///x", {}),
        ("http://x/#f", {}),
        ("http://x/\u00e9", {}),
        ("http://x/", {"a": "b\r\nc: d"}),
        ("http://x/", {"a\n": "b"}),
        ("http://x/", {"a": "\u00e9"}),
        ("http://x/", {"Content-Length": "3"}),
        ("http://x/", {"transfer-encoding": "chunked"}),
        ("http://x/", {"host": "y"}),
    ],
)
async def test_what_cannot_be_sent(url: str, headers: dict[str, str]) -> None:
    async with HttpClient() as client:
        with pytest.raises(ConfigurationError):
            async with client.stream("GET", url, headers=headers, content=b"", timeout=1):
                pass


async def test_errors_hold_no_header() -> None:
    async with raw_server(b"<close>") as server, HttpClient() as client:
        with pytest.raises(OpenGradientError) as caught:
            async with client.stream(
                "GET",
                server.url,
                headers={"authorization": "Bearer secret-key"},
                content=b"",
                timeout=1,
            ):
                pass
        assert "secret-key" not in repr(caught.value) + str(caught.value.__context__)
