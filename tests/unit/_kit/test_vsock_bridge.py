"""The bridge carries bytes both ways; TCP stands in for vsock, which this kernel may lack."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import click
import pytest
from anyio.abc import SocketStream

from reference_nodes._kit.vsock_bridge import ANY_CID, bridge, dialler, listen, parse_routes


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """A server that gives back in capitals what it got, and ends when its client does."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            async for data in stream:
                await stream.send(data.upper())

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(anyio.abc.SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def bridged(target: int) -> AsyncIterator[int]:
    with listen(socket.AF_INET, ("127.0.0.1", 0)) as near:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bridge, near, dialler(socket.AF_INET, ("127.0.0.1", target)))
            yield near.getsockname()[1]
            tasks.cancel_scope.cancel()


async def test_both_ways_large_and_half_closed() -> None:
    sent = b"abc" * 200_000
    async with echoing() as target, bridged(target) as port:
        with anyio.fail_after(10):
            async with await anyio.connect_tcp("127.0.0.1", port) as client:
                got = bytearray()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.send, sent)
                    while len(got) < len(sent):
                        got += await client.receive()
                assert bytes(got) == sent.upper()
                await client.send_eof()
                with pytest.raises(anyio.EndOfStream):
                    await client.receive()


async def test_one_broken_connection_does_not_end_the_bridge() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = unused.getsockname()[1]
        async with bridged(dead) as port:
            for _ in range(2):
                with anyio.fail_after(10):
                    async with await anyio.connect_tcp("127.0.0.1", port) as client:
                        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                            await client.receive()


def test_routes() -> None:
    routes = parse_routes(("8443=127.0.0.1:8443",), ("127.0.0.2:443=3:8001",))
    assert routes == [
        ((socket.AF_VSOCK, (ANY_CID, 8443)), (socket.AF_INET, ("127.0.0.1", 8443))),
        ((socket.AF_INET, ("127.0.0.2", 443)), (socket.AF_VSOCK, (3, 8001))),
    ]
    for serve, reach in ((("x",), ()), ((), ("127.0.0.2:443",))):
        with pytest.raises(click.UsageError):
            parse_routes(serve, reach)
