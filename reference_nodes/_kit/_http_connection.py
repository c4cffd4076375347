"""One HTTP/1.1 connection to a provider: bytes in, parsed answers out. Used by `http_client`."""

import asyncio
from dataclasses import dataclass
from typing import Final, cast, final

import httptools

from opengradient.errors import ProtocolError, TimedOutError, TransportError

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BUFFERED_BYTES: Final = 1024 * 1024
"""Unread bytes at which a connection stops reading, so that a slow client slows its provider."""


@final
@dataclass(frozen=True, slots=True)
class Origin:
    tls: bool
    host: str
    port: int


@final
class Incoming:
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
class Connection(asyncio.Protocol):
    """One connection; serves one exchange at a time."""

    def __init__(self, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.open = True
        self.reusable = True
        self.idle_since = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Incoming | None = None
        self._head_bytes = 0
        self._headers: dict[str, str] = {}
        self._paused = False
        self._silence = 0.0
        self._last_sign = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What the client calls.

    def begin(self, request: bytes, silence: float) -> Incoming:
        exchange = self._exchange = Incoming()
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

    def _until_close(self, exchange: Incoming) -> bool:
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


async def wait_for_more(exchange: Incoming) -> None:
    exchange.waiter = asyncio.get_running_loop().create_future()
    try:
        await exchange.waiter
    finally:
        exchange.waiter = None
