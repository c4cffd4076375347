"""A TCP proxy that notes every byte that crosses it, both ways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio
import anyio.abc


@dataclass
class Wiretap:
    """What crossed.

    Attributes:
        url: Where to connect instead.
        forth: Bytes from whoever connects, in order of their arrival.
        back: Bytes to it.
    """

    url: str = ""
    forth: bytearray = field(default_factory=bytearray)
    back: bytearray = field(default_factory=bytearray)

    @property
    def everything(self) -> bytes:
        """Both ways."""
        return bytes(self.forth) + bytes(self.back)


@asynccontextmanager
async def wiretap(target: str) -> AsyncIterator[Wiretap]:
    """Put a wiretap in front of a server."""
    parts = urlsplit(target)
    tap = Wiretap()

    async def pump(
        source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream, notes: bytearray
    ) -> None:
        try:
            async for data in source:
                notes.extend(data)
                await sink.send(data)
            await sink.send_eof()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            await sink.aclose()

    async def handle(client: anyio.abc.SocketStream) -> None:
        server = await anyio.connect_tcp(parts.hostname or "", parts.port or 0)
        async with client, server, anyio.create_task_group() as tasks:
            tasks.start_soon(pump, client, server, tap.forth)
            await pump(server, client, tap.back)
            tasks.cancel_scope.cancel()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    tap.url = f"{parts.scheme}://127.0.0.1:{port}"
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        yield tap
        tasks.cancel_scope.cancel()
