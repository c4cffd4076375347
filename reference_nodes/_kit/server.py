"""Serves an ASGI application over a real socket: TLS, graceful shutdown, READY line."""

import asyncio
import os
import signal
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

import anyio
import uvicorn

from opengradient.errors import ConfigurationError
from reference_nodes._kit.app import Receive, Scope, Send
from reference_nodes._kit.identity import TlsCredentials

AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAIN_SECONDS: Final = 20
"""How long running answers may take after SIGTERM before they are cut."""

MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108  (what is made in it has mode 700)
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


def tls_context(credentials: TlsCredentials) -> ssl.SSLContext:
    """A server's TLS context.

    The ssl module reads keys from files only, so the key stands for a moment in a file that
    only this user can read, in memory where the system has a memory file system.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    memory = MEMORY_FOLDER
    folder = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="opengradient-", dir=folder) as name:
        path = Path(name) / "tls.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(credentials.key_pem + credentials.certificate_pem.encode())
        context.load_cert_chain(path)
    return context


@asynccontextmanager
async def serving(app: AsgiApp, bind: Bind, tls: TlsCredentials | None) -> AsyncIterator[str]:
    """Serve while the block runs, then drain.

    Args:
        app: The application.
        bind: Where to listen.
        tls: Key and certificate; None for plain HTTP.

    Yields:
        The base URL.

    Raises:
        ConfigurationError: The address cannot be bound.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
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
    config.ssl = None if tls is None else tls_context(tls)
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
