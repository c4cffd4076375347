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
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, cast, final
from urllib.parse import urlsplit

import anyio
import httptools

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    ProtocolError,
    TimedOutError,
    TransportError,
)

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BUFFERED_BYTES: Final = 1024 * 1024
"""Unread bytes at which a connection stops reading, so that a slow client slows its provider."""

IDLE_SECONDS: Final = 4.0
"""How long a connection waits to be used again: less than the 5 seconds after which uvicorn,
the most impatient of the common servers, closes it. A request must not meet that close."""

CONNECT_SECONDS: Final = 10.0
_REFUSED_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_BAD: Final = frozenset("\r\n\0")


@final
@dataclass(frozen=True, slots=True)
class _Origin:
    tls: bool
    host: str
    port: int


@final
class _Exchange:
    """One answer on its way in."""

    __slots__ = ("buffered", "done", "error", "headers", "pieces", "status", "waiter")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.buffered = 0
        self.done = False
        self.error: TransportError | None = None
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


@final
class _Connection(asyncio.Protocol):
    """One connection; serves one exchange at a time."""

    def __init__(self, origin: _Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.open = True
        self.reusable = True
        self.idle_since = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: _Exchange | None = None
        self._head_bytes = 0
        self._headers: dict[str, str] = {}
        self._paused = False
        self._silence = 0.0
        self._last_sign = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What the client calls.

    def begin(self, request: bytes, silence: float) -> _Exchange:
        exchange = self._exchange = _Exchange()
        self._headers, self._head_bytes = {}, 0
        self._silence, self._last_sign = silence, self._loop.time()
        self._timer = self._loop.call_later(silence, self._check_silence)
        if self._transport is not None:
            self._transport.write(request)
        return exchange

    def end(self) -> bool:
        """Finish with the exchange; say whether the connection can serve again."""
        exchange, self._exchange = self._exchange, None
        if self._timer is not None:
            self._timer.cancel()
        usable = exchange is not None and exchange.done and self.open and self.reusable
        if not usable:
            self.abort()
        return usable

    def abort(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        if self._paused and self._transport is not None and self.open:
            self._paused = False
            self._transport.resume_reading()

    def certificate(self) -> bytes | None:
        tls = self._transport.get_extra_info("ssl_object") if self._transport else None
        return None if tls is None else cast("bytes | None", tls.getpeercert(binary_form=True))

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:  # bytes that nobody asked for
            self.abort()
            return
        self._last_sign = self._loop.time()
        try:
            self._parser.feed_data(data)
        except (
            httptools.HttpParserError,
            httptools.HttpParserUpgrade,
            UnicodeDecodeError,
        ) as error:
            self._fail(ProtocolError(f"the provider broke HTTP: {error}"))
            return
        if exchange.buffered > MAX_BUFFERED_BYTES and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()
        exchange.wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        exchange = self._exchange
        if exchange is None or exchange.done:
            return
        if error is None and exchange.status and self._until_close(exchange):
            exchange.done = True
            exchange.wake()
        elif exchange.status:
            self._fail(ProtocolError("the connection ended in the middle of the answer"))
        else:
            self._fail(TransportError("the connection ended before the answer"))

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise httptools.HttpParserError("the head is too large")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        exchange = self._exchange
        if status < 200 or exchange is None:  # 100 Continue, 103 Early Hints
            self._headers = {}
            return
        exchange.status, exchange.headers = status, self._headers
        self.reusable = bool(self._parser.should_keep_alive())

    def on_body(self, piece: bytes) -> None:
        exchange = self._exchange
        if exchange is not None:
            exchange.pieces.append(piece)
            exchange.buffered += len(piece)

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.status:
            exchange.done = True

    # Within.

    def _until_close(self, exchange: _Exchange) -> bool:
        """Whether the answer's end is the connection's (RFC 9112 section 6.3, rule 8)."""
        return not exchange.headers.keys() & {"content-length", "transfer-encoding"}

    def _fail(self, error: TransportError) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.error is None and not exchange.done:
            exchange.error = error
            exchange.wake()
        self.abort()

    def _check_silence(self) -> None:
        exchange = self._exchange
        if exchange is None or exchange.done:
            return
        left = self._last_sign + self._silence - self._loop.time()
        if left <= 0 and not self._paused:
            self._fail(TimedOutError(f"the provider was silent for {self._silence:g} s"))
        else:
            again = left if left > 0 else self._silence
            self._timer = self._loop.call_later(again, self._check_silence)


@final
class ResponseStream:
    """An answer that is still coming. Iterate it once, or `read` it."""

    __slots__ = ("_connection", "_exchange", "headers", "status")

    def __init__(self, connection: _Connection, exchange: _Exchange) -> None:
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
            await _wait(exchange)
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


async def _wait(exchange: _Exchange) -> None:
    exchange.waiter = asyncio.get_running_loop().create_future()
    try:
        await exchange.waiter
    finally:
        exchange.waiter = None


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
        self._idle: dict[_Origin, list[_Connection]] = {}
        self._busy: set[_Connection] = set()

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
                await _wait(exchange)
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

    def _take(self, origin: _Origin) -> _Connection | None:
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

    async def _connect(self, origin: _Origin) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            with anyio.fail_after(self._connect_seconds):
                _, connection = await loop.create_connection(
                    lambda: _Connection(origin, loop),
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
) -> tuple[_Origin, bytes]:
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
    return _Origin(tls, parts.hostname, parts.port or (443 if tls else 80)), head + content
