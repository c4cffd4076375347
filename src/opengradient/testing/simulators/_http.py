"""A small HTTP/1.1 server on asyncio, so that a simulator controls every byte and the socket.

An ASGI server could not close the socket within a chunk, never answer, or reach the rates that
benchmarks need on one core.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, TypeAlias, cast, final

from opengradient.testing.simulators.recorded import RecordedRequest

Handler: TypeAlias = Callable[["Exchange"], None]
"""Called when a request is whole. It answers at once, or starts a task that does."""


@final
class Exchange:
    """One request and the way to answer it."""

    __slots__ = ("_connection", "request")

    def __init__(self, connection: "_Connection", request: RecordedRequest) -> None:
        self._connection = connection
        self.request = request

    def write(self, data: bytes) -> None:
        """Send raw bytes."""
        self._connection.transport.write(data)

    def write_in_turns(self, pieces: Sequence[bytes]) -> None:
        """Send pieces, one per turn of the event loop, and finish."""
        self.write(pieces[0])
        if len(pieces) > 1:
            asyncio.get_running_loop().call_soon(self.write_in_turns, pieces[1:])
        else:
            self.finish()

    def finish(self) -> None:
        """Say that the answer is whole; the connection takes the next request."""
        self._connection.next()

    def cut(self) -> None:
        """Close the socket after what was written, however incomplete the answer is."""
        self._connection.transport.close()

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole answer."""
        self.write(head(status, {**headers, "content-length": str(len(body))}) + body)
        self.finish()


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The status line and the header fields of an answer."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    fields = {"date": formatdate(usegmt=True), **headers}
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body (RFC 9112 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


@final
class _Connection(asyncio.Protocol):
    """Parses requests one after the other; while one is answered, the next bytes wait."""

    def __init__(self, handler: Handler, connections: set["_Connection"]) -> None:
        import httptools  # noqa: PLC0415 - an optional dependency

        self._handler = handler
        self._connections = connections
        self._parser: Any = httptools.HttpRequestParser(self)
        self._error: type[Exception] = httptools.HttpParserError
        self._waiting: list[RecordedRequest] = []
        self._busy = False
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except self._error:
            self.transport.write(head(400, {"content-length": "0"}))
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._waiting.append(
            RecordedRequest(
                method=self._parser.get_method().decode("latin-1"),
                target=self._target.decode("latin-1"),
                headers=self._headers,
                body=b"".join(self._body),
            )
        )
        self._reset()
        if not self._busy:
            self.next()

    def next(self) -> None:
        """Answer the next waiting request, if there is one."""
        self._busy = bool(self._waiting)
        if self._busy:
            self._handler(Exchange(self, self._waiting.pop(0)))


@asynccontextmanager
async def serving(
    handler: Handler, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve on 127.0.0.1 while the context is open; yields the port.

    Args:
        handler: Answers the requests.
        port: The port, or 0 for any free one.
        tls: Serve TLS with this context.
    """
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(handler, connections), "127.0.0.1", port, ssl=tls, backlog=1024
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(connections):
            connection.transport.abort()
