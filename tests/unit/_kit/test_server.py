import socket

import anyio
import pytest

from opengradient.errors import ConfigurationError
from reference_nodes._kit.app import App, Request, Response
from reference_nodes._kit.server import Bind, serving


async def hello(_request: Request) -> Response:
    return Response.json({"hello": True})


APP = App({"/": {"GET": hello}})


def free_again(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) != 0


async def test_serves_while_the_block_runs() -> None:
    async with serving(APP, Bind(drain_seconds=0), None) as url:
        assert url.startswith("http://127.0.0.1:")
        assert not free_again(url)
    assert free_again(url)


async def test_a_block_that_fails_frees_the_port() -> None:
    url = ""
    with pytest.raises(ExceptionGroup):
        async with serving(APP, Bind(drain_seconds=0), None) as url:
            raise ValueError
    assert free_again(url)


async def test_a_cancelled_block_frees_the_port() -> None:
    url = ""
    with anyio.CancelScope() as scope:
        async with serving(APP, Bind(drain_seconds=0), None) as url:
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert free_again(url)


async def test_an_address_in_use_is_named() -> None:
    async with serving(APP, Bind(drain_seconds=0), None) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(ConfigurationError, match=str(port)):
            async with serving(APP, Bind(port=port), None):
                pass
