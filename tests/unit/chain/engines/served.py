"""Serves an engine on a real socket for the length of a test."""

import contextlib
import socket
from collections.abc import AsyncIterator

import anyio
import uvicorn

from opengradient.chain.engines import LedgerEngine, ledger_app


@contextlib.asynccontextmanager
async def served(engine: LedgerEngine) -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(ledger_app(engine), log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            while not server.started:
                await anyio.lowlevel.checkpoint()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True
