"""A server that sends exactly the bytes it is told to, and notes the bytes it got."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.abc
from anyio.streams.tls import TLSListener


@dataclass
class RawServer:
    url: str = ""
    script: list[bytes | None] = field(default_factory=list)
    """One answer per request; None hangs. An answer that ends in b"<close>" closes after it."""
    received: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: int = 0

    async def handle(self, stream: anyio.abc.ByteStream) -> None:
        self.connections += 1
        try:
            async with stream:
                while True:
                    self.received.append(await _request(stream))
                    answer = self.script.pop(0)
                    if answer is None:
                        await stream.receive()
                        continue
                    await stream.send(answer.removesuffix(b"<close>"))
                    if answer.endswith(b"<close>"):
                        return
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        finally:
            self.closed += 1


async def _request(stream: anyio.abc.ByteStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def raw_server(
    *script: bytes | None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    server = RawServer(script=list(script))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    server.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    if tls is not None:
        listener = TLSListener(listener, tls, standard_compatible=False)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.handle)
        yield server
        tasks.cancel_scope.cancel()
