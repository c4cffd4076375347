"""HTTP requests: bounded in time and size, over pinned TLS, with every failure mapped.

Any status is returned, never raised; nothing is repeated here (`retry` has the policy).
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Final, Self, TypeAlias, final

import anyio
import httpx

from opengradient.errors import ProtocolError, TimedOutError, TransportError
from opengradient.transport._errors import mapped
from opengradient.transport.tls import TlsPin

_Trace: TypeAlias = Callable[[str, Mapping[str, object]], Awaitable[None]]

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""As large as the largest receipt file; an answer with images fits."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait.

    Attributes:
        connect: For a connection, TLS included.
        silence: Between two pieces of an answer, and for the first one.
        pool: For a free connection.
        total: For a whole request; streams have none.
    """

    connect: float = 10.0
    silence: float = 120.0
    pool: float = 30.0
    total: float = 600.0


@final
@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole answer, of any status.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; values of a repeated header joined by a comma.
        body: The bytes.
        peer_certificate: The peer's certificate in DER; None without TLS.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    peer_certificate: bytes | None = None


@final
class HttpStream:
    """An answer that is still coming. Iterate it once, or `read` it."""

    def __init__(self, response: httpx.Response, what: str) -> None:
        """Wrap an open response; made by `HttpTransport.stream`."""
        self._response = response
        self._what = what
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = _headers(response)
        self.peer_certificate: bytes | None = _peer_certificate(response)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes as they come.

        Raises:
            TransportError: The connection broke, fell silent, or the peer broke the protocol.
        """
        pieces = self._response.aiter_raw()
        while True:
            with mapped(self._what):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece

    async def read(self, max_bytes: int = MAX_RESPONSE_BYTES) -> bytes:
        """Read the rest.

        Raises:
            ProtocolError: Code ``transport.too_large``: more than `max_bytes`.
            TransportError: As in iteration.
        """
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > max_bytes:
                raise ProtocolError(
                    f"{self._what}: the answer is larger than {max_bytes} bytes",
                    code="transport.too_large",
                )
        return bytes(body)


@final
class HttpTransport:
    """A pool of connections under one pin. Use it as an async context manager."""

    def __init__(
        self,
        *,
        timeouts: Timeouts | None = None,
        pin: TlsPin | None = None,
        max_connections: int = 100,
        proxy: str | None = None,
    ) -> None:
        """Set up; nothing is connected yet.

        Args:
            timeouts: Seconds to wait.
            pin: What TLS trusts; None for the system's authorities (public RPC servers).
            max_connections: How many connections may be open at once.
            proxy: URL of an HTTP proxy. The environment's is not used.
        """
        self._timeouts = timeouts or Timeouts()
        self._client = httpx.AsyncClient(
            verify=_system_context() if pin is None else pin.context(),
            limits=httpx.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections
            ),
            timeout=httpx.Timeout(
                connect=self._timeouts.connect,
                read=self._timeouts.silence,
                write=self._timeouts.silence,
                pool=self._timeouts.pool,
            ),
            proxy=proxy,
            trust_env=False,
            follow_redirects=False,
            headers={"accept-encoding": "identity"},
        )

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
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        with anyio.CancelScope(shield=True):
            await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float | None = None,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> HttpResponse:
        """Send a request and read the whole answer, whatever its status.

        Args:
            method: HTTP method.
            url: Absolute URL.
            headers: Headers to send.
            content: Body to send.
            timeout: Seconds for all of it; None for `Timeouts.total`.
            max_bytes: Largest body that is read.

        Raises:
            ConnectError: Nothing was sent.
            TimedOutError: No whole answer in time; it may have been processed.
            ProtocolError: The peer broke HTTP, or sent too much.
            TransportError: The connection broke.
        """
        seconds = self._timeouts.total if timeout is None else timeout
        deadline = _Deadline(anyio.current_time() + seconds)
        with deadline.scope:
            async with self._open(
                method,
                url,
                headers=headers,
                content=content,
                limits=self._limits(seconds),
                trace=deadline.on_event,
            ) as stream:
                body = await stream.read(max_bytes)
            return HttpResponse(stream.status, stream.headers, body, stream.peer_certificate)
        raise TimedOutError(f"{method} {url}: no whole answer in {seconds:g} s")

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float | None = None,
    ) -> AsyncIterator[HttpStream]:
        """Send a request and yield the answer as it comes. Leaving early closes the connection.

        Args:
            method: HTTP method.
            url: Absolute URL.
            headers: Headers to send.
            content: Body to send.
            timeout: Longest silence in seconds; None for `Timeouts.silence`. For a bound on
                the whole stream use `anyio.fail_after`.

        Raises:
            ConnectError: Nothing was sent.
            TransportError: As in `request`.
        """
        silence = self._timeouts.silence if timeout is None else timeout
        limits = self._limits(silence)
        async with self._open(
            method, url, headers=headers, content=content, limits=limits
        ) as stream:
            yield stream

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None,
        content: bytes,
        limits: httpx.Timeout,
        trace: _Trace | None = None,
    ) -> AsyncIterator[HttpStream]:
        what = f"{method} {url}"
        with mapped(what):
            request = self._client.build_request(
                method,
                url,
                headers=dict(headers or {}),
                content=content or None,
                timeout=limits,
                extensions=None if trace is None else {"trace": trace},
            )
            response = await self._client.send(request, stream=True)
        try:
            encoding = response.headers.get("content-encoding", "identity")
            if encoding != "identity":
                raise ProtocolError(f"{what}: the answer is compressed, which was not asked for")
            yield HttpStream(response, what)
        finally:
            with anyio.CancelScope(shield=True):
                await _close(response)

    def _limits(self, silence: float) -> httpx.Timeout:
        known = self._timeouts
        return httpx.Timeout(
            connect=min(known.connect, silence),
            read=silence,
            write=silence,
            pool=min(known.pool, silence),
        )


@final
class _Deadline:
    """The end of a whole request, in force from its first byte on.

    Before that the limits for connecting apply, so that running out of time there is a
    ConnectError: nothing was sent, and another node may be asked.
    """

    def __init__(self, at: float) -> None:
        self._at = at
        self.scope = anyio.CancelScope()

    async def on_event(self, name: str, _info: Mapping[str, object]) -> None:
        """Take httpcore's trace events."""
        if name.endswith("send_request_headers.started"):
            self.scope.deadline = self._at


@cache
def _system_context() -> ssl.SSLContext:
    """One context for all: reading the authorities takes some twenty milliseconds."""
    return httpx.create_ssl_context()


async def _close(response: httpx.Response) -> None:
    try:
        with mapped("closing"):
            await response.aclose()
    except TransportError:
        return  # the answer was read or given up already; there is nobody left to tell


def _headers(response: httpx.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _peer_certificate(response: httpx.Response) -> bytes | None:
    network_stream = response.extensions.get("network_stream")
    tls = network_stream.get_extra_info("ssl_object") if network_stream is not None else None
    if not isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
        return None
    return tls.getpeercert(binary_form=True)
