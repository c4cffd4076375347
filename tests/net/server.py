"""A raw server on a real socket: what it does with a connection is a function."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from tests.net.certificates import Identity

Handler = Callable[[ByteStream, bytes], Awaitable[None]]


@dataclass
class RawServer:
    """Where it listens and what it read."""

    port: int
    tls: bool
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"


async def read_request(stream: ByteStream) -> bytes:
    """One request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def raw_server(
    handler: Handler, identity: Identity | None = None, folder: Path | None = None
) -> AsyncIterator[RawServer]:
    """Serve one request per connection with `handler(stream, request)`."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)
    server = RawServer(port, identity is not None)

    async def serve(stream: ByteStream) -> None:
        async with stream:
            try:
                request = await read_request(stream)
                server.requests.append(request)
                await handler(stream, request)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return
            except ssl.SSLError:
                return

    served: anyio.abc.Listener = listener
    if identity is not None:
        assert folder is not None
        cert, key = identity.write(folder, f"server-{port}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        served = TLSListener(listener, context, standard_compatible=False)
    async with served, anyio.create_task_group() as group:
        group.start_soon(served.serve, serve)
        yield server
        group.cancel_scope.cancel()


def reply(status: int = 200, body: bytes = b"ok", headers: str = "") -> Handler:
    """A handler that answers so."""

    async def handler(stream: ByteStream, request: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}connection: close\r\n\r\n"
        await stream.send(head.encode() + body)

    return handler
