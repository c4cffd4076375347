"""Carries TCP in and out of an enclave that has nothing but vsock: ``python -m reference_nodes._kit.vsock_bridge``.

It moves bytes and reads none: TLS ends in the node on the way in, and at the provider on the way
out, so neither this process nor the parent instance sees what it carries.

    --serve 8443=127.0.0.1:8443        vsock port of the enclave to a TCP address in it
    --reach 127.0.0.2:443=3:8001       TCP address in the enclave to a vsock port of the parent
"""

import fcntl
import logging
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import anyio
import click

_log = logging.getLogger("opengradient.node")

Dial: TypeAlias = Callable[[], Awaitable[socket.socket]]

ANY_CID: Final = 0xFFFFFFFF
"""VMADDR_CID_ANY (linux/vm_sockets.h)."""

_PIECE: Final = 64 * 1024
_BACKLOG: Final = 512
_PAUSE_SECONDS: Final = 0.05
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1
_SERVE: Final = re.compile(r"(\d{1,10})=([0-9.]{7,15}):(\d{1,5})")
_REACH: Final = re.compile(r"([0-9.]{7,15}):(\d{1,5})=(\d{1,10}):(\d{1,10})")


def raise_loopback() -> None:
    """Bring ``lo`` up: an enclave starts without it.

    Raises:
        OSError: The kernel refused.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def listen(family: int, address: Any) -> socket.socket:
    """A listener that does not block."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    if family != socket.AF_VSOCK:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(_BACKLOG)
    listener.settimeout(0)
    return listener


def dialler(family: int, address: Any) -> Dial:
    """Connects to one address, again and again."""

    async def dial() -> socket.socket:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(0)
        try:
            connection.connect(address)
        except BlockingIOError:
            await anyio.wait_writable(connection)
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            connection.close()
            raise OSError(error, "the other side of the bridge does not answer")
        return connection

    return dial


async def bridge(listener: socket.socket, dial: Dial) -> None:
    """Carry every connection of a listener to what `dial` reaches, until cancelled."""
    async with anyio.create_task_group() as tasks:
        while True:
            await anyio.wait_readable(listener)
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            except OSError:  # out of descriptors: those that end give theirs back
                await anyio.sleep(_PAUSE_SECONDS)
                continue
            connection.settimeout(0)
            tasks.start_soon(_carry, connection, dial)


async def _carry(near: socket.socket, dial: Dial) -> None:
    """One connection, both ways; a failure of either side ends both."""
    with near:
        try:
            with await dial() as far:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_pump, near, far)
                    tasks.start_soon(_pump, far, near)
        except* OSError as broken:
            _log.debug("a bridged connection broke", extra={"reason": str(broken.exceptions[0])})


async def _pump(source: socket.socket, sink: socket.socket) -> None:
    while True:
        await anyio.wait_readable(source)
        try:
            data = source.recv(_PIECE)
        except BlockingIOError:
            continue
        if not data:
            sink.shutdown(socket.SHUT_WR)
            return
        view = memoryview(data)
        while view:
            try:
                view = view[sink.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(sink)


def parse_routes(
    serve: tuple[str, ...], reach: tuple[str, ...]
) -> list[tuple[tuple[int, Any], tuple[int, Any]]]:
    """Where to listen and where to lead, each as family and address.

    Raises:
        click.UsageError: A route is not of its form.
    """
    routes: list[tuple[tuple[int, Any], tuple[int, Any]]] = []
    for text in serve:
        found = _SERVE.fullmatch(text)
        if found is None:
            raise click.UsageError(f"--serve {text}: not PORT=ADDRESS:PORT")
        inside = (socket.AF_INET, (found[2], int(found[3])))
        routes.append(((socket.AF_VSOCK, (ANY_CID, int(found[1]))), inside))
    for text in reach:
        found = _REACH.fullmatch(text)
        if found is None:
            raise click.UsageError(f"--reach {text}: not ADDRESS:PORT=CID:PORT")
        outside = (socket.AF_VSOCK, (int(found[3]), int(found[4])))
        routes.append(((socket.AF_INET, (found[1], int(found[2]))), outside))
    return routes


async def _run(routes: list[tuple[tuple[int, Any], tuple[int, Any]]]) -> None:
    async with anyio.create_task_group() as tasks:
        for (family, address), target in routes:
            tasks.start_soon(bridge, listen(family, address), dialler(*target))


@click.command()
@click.option("--serve", multiple=True, help="VSOCK_PORT=ADDRESS:PORT (repeatable).")
@click.option("--reach", multiple=True, help="ADDRESS:PORT=CID:VSOCK_PORT (repeatable).")
@click.option("--loopback", is_flag=True, help="Bring the loopback interface up first.")
def main(*, serve: tuple[str, ...], reach: tuple[str, ...], loopback: bool) -> None:
    """Bridge TCP and vsock inside an enclave."""
    routes = parse_routes(serve, reach)
    if loopback:
        raise_loopback()
    anyio.run(_run, routes)


if __name__ == "__main__":
    main()
