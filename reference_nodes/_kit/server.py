"""Serves an ASGI application over a real socket: TLS, graceful shutdown, READY line."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias, final

import anyio
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opengradient.core.modes import ChannelKind
from opengradient.errors import ConfigurationError
from reference_nodes._kit.app import CHANNEL, Receive, Scope, Send
from reference_nodes._kit.tls import LiveTls, spki_of

AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAIN_SECONDS: Final = 20
"""How long running answers may take after SIGTERM before they are cut."""

BACKLOG: Final = 2048
_KEEP_ALIVE_SECONDS: Final = 75
_CANCEL_SECONDS: Final = 15


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Where to listen.

    Attributes:
        host: Address.
        port: 0 for any free one.
        drain_seconds: How long running answers may take at shutdown.
    """

    host: str = "127.0.0.1"
    port: int = 0
    drain_seconds: int = DRAIN_SECONDS


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: they would end the process before it is drained."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = anyio.Event()
        self.servers = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests say which TLS key protects their connection."""

    live_tls: ClassVar[LiveTls | None] = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Look which key the handshake proved."""
        super().connection_made(transport)
        self.access_log = False  # its lines join addresses and paths, whatever logging is set up to
        connection = transport.get_extra_info("ssl_object")
        self._spki = None if connection is None else spki_of(connection.context)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        if self._spki is not None:
            self.scope["extensions"] = {CHANNEL: {"channel": (ChannelKind.TLS, self._spki)}}

    def on_headers_complete(self) -> None:
        """Dispatch the request; the last one on this connection if its key was replaced."""
        super().on_headers_complete()
        live = self.live_tls
        if live is not None and self._spki is not None and not live.is_current(self._spki):
            self.cycle.keep_alive = False


@asynccontextmanager
async def serving(app: AsgiApp, bind: Bind, tls: LiveTls | None) -> AsyncIterator[str]:
    """Serve while the block runs, then drain.

    Args:
        app: The application.
        bind: Where to listen.
        tls: Key and certificate, replaceable; None for plain HTTP.

    Yields:
        The base URL.

    Raises:
        ConfigurationError: The address cannot be bound.
    """
    config = uvicorn.Config(
        app,
        http=type("NodeProtocol", (_Protocol,), {"live_tls": tls}),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=bind.drain_seconds,
        backlog=BACKLOG,
    )
    config.load()
    config.ssl = None if tls is None else tls.context
    listener = _listen(bind)
    server = _Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_serve, server, listener)
        try:
            await server.listening.wait()
            host, port = listener.getsockname()[:2]
            yield f"{'http' if tls is None else 'https'}://{host}:{port}"
        finally:
            server.should_exit = True


async def _serve(server: _Server, listener: socket.socket) -> None:
    try:
        await server.serve([listener])
    finally:  # uvicorn leaves them open where it is cancelled
        for accepting in server.servers:
            accepting.close()
        listener.close()
    # uvicorn cancels what exceeds its patience and does not wait for it; it is being signed.
    running = set(server.server_state.tasks)
    if running:
        await asyncio.wait(running, timeout=_CANCEL_SECONDS)


def _listen(bind: Bind) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in bind.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((bind.host, bind.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"cannot listen on {bind.host}:{bind.port}: {error}") from error
    listener.setblocking(False)  # noqa: FBT003
    return listener


async def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            return


def announce(url: str) -> None:
    """Tell whoever started this process that it serves."""
    print(f"READY {url}", flush=True)  # noqa: T201  (the one line on stdout)
