"""A lean HTTP/1.1 client for the way from a node to its providers.

`opengradient.transport` is the general client. A proxy holds a thousand streams at once, and
there httpx looks through its whole pool for every request; this client does the one thing that
a proxy needs, with the parser that uvicorn uses. Failures are raised as the same errors.

Not here on purpose: redirects, cookies, compression, proxies from the environment.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self, final
from urllib.parse import urlsplit

import anyio

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    ProtocolError,
)
from reference_nodes._kit._http_connection import Connection, Incoming, Origin, wait_for_more

IDLE_SECONDS: Final = 4.0
"""How long a connection waits to be used again: less than the 5 seconds after which uvicorn,
the most impatient of the common servers, closes it. A request must not meet that close."""

CONNECT_SECONDS: Final = 10.0
_REFUSED_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_BAD: Final = frozenset("\r\n\0")


@final
class ResponseStream:
    """An answer that is still coming. Iterate it once, or `read` it."""

    __slots__ = ("_connection", "_exchange", "headers", "status")

    def __init__(self, connection: Connection, exchange: Incoming) -> None:
        """Wrap an exchange whose head is there; made by `HttpClient.stream`."""
        self._connection = connection
        self._exchange = exchange
        self.status: int = exchange.status
        self.headers: Mapping[str, str] = exchange.headers

    def __aiter__(self) -> Self:
        """The pieces of the body, as they come."""
        return self

    async def __anext__(self) -> bytes:
        """Everything that came since the last piece.

        Raises:
            TransportError: The connection broke, fell silent, or the peer broke HTTP.
        """
        exchange = self._exchange
        while not exchange.pieces:
            if exchange.error is not None:
                raise exchange.error
            if exchange.done:
                raise StopAsyncIteration
            await wait_for_more(exchange)
        pieces, exchange.pieces, exchange.buffered = exchange.pieces, [], 0
        self._connection.resume()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read(self, max_bytes: int) -> bytes:
        """Read the rest.

        Raises:
            ProtocolError: Code ``transport.too_large``: more than `max_bytes`.
            TransportError: As in iteration.
        """
        body, size = [], 0
        async for piece in self:
            body.append(piece)
            size += len(piece)
            if size > max_bytes:
                raise ProtocolError(
                    f"the answer is larger than {max_bytes} bytes", code="transport.too_large"
                )
        return b"".join(body)


@final
class HttpClient:
    """Connections that are used again. Use it as an async context manager."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, connect_seconds: float = CONNECT_SECONDS
    ) -> None:
        """Set up; nothing is connected yet.

        Args:
            tls: What TLS trusts; None for the system's authorities, TLS 1.2 or later.
            connect_seconds: For a connection, TLS included.
        """
        if tls is None:
            tls = ssl.create_default_context()
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._tls = tls
        self._connect_seconds = connect_seconds
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()

    async def __aenter__(self) -> Self:
        """Nothing to do before the first request."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        for connections in (*self._idle.values(), self._busy):
            for connection in connections:
                connection.abort()
        self._idle.clear()

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes, timeout: float
    ) -> AsyncIterator[ResponseStream]:
        """Send a request and yield the answer once its head is there, whatever its status.

        Args:
            method: HTTP method.
            url: Absolute http(s) URL.
            headers: Headers to send, but those that frame the message.
            content: Body to send.
            timeout: Longest silence in seconds.

        Raises:
            ConnectError: Nothing was sent.
            TimedOutError: Silence.
            ProtocolError: The peer broke HTTP, or compressed although that was not asked for.
            TransportError: The connection broke.
        """
        origin, request = _encode(method, url, headers, content)
        connection = self._take(origin) or await self._connect(origin)
        self._busy.add(connection)
        try:
            exchange = connection.begin(request, timeout)
            while not exchange.status and exchange.error is None:
                await wait_for_more(exchange)
            if exchange.error is not None and not exchange.status:
                raise exchange.error
            if exchange.headers.get("content-encoding", "identity") != "identity":
                raise ProtocolError("the answer is compressed, which was not asked for")
            yield ResponseStream(connection, exchange)
        finally:
            self._busy.discard(connection)
            if connection.end():
                connection.idle_since = asyncio.get_running_loop().time()
                self._idle.setdefault(origin, []).append(connection)

    def _take(self, origin: Origin) -> Connection | None:
        """The connection that was used last: the others may age and go."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        connection = idle.pop()
        if connection.open and connection.idle_since >= oldest:
            return connection
        for stale in (connection, *idle):  # all others are older
            stale.abort()
        idle.clear()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            with anyio.fail_after(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(origin, loop),
                    origin.host,
                    origin.port,
                    ssl=self._tls if origin.tls else None,
                    server_hostname=origin.host if origin.tls else None,
                )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            raise ConnectError(f"no connection to {origin.host}: {error}") from error
        return connection


def _encode(
    method: str, url: str, headers: Mapping[str, str], content: bytes
) -> tuple[Origin, bytes]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ConfigurationError("a provider's URL must be an http(s) URL with a host")
    tls = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"host: {parts.netloc}", "accept-encoding: identity"]
    for name, value in headers.items():
        if name.lower() in _REFUSED_HEADERS or _BAD & set(name + value):
            raise ConfigurationError(f"the header {name!r} cannot be sent")
        lines.append(f"{name}: {value}")
    lines.append(f"content-length: {len(content)}\r\n\r\n")
    try:
        head = "\r\n".join(lines).encode("ascii")
    except UnicodeEncodeError as error:
        raise ConfigurationError("URLs and headers are ASCII") from error
    return Origin(tls, parts.hostname, parts.port or (443 if tls else 80)), head + content
