import anyio
import pytest

from opengradient.errors import NodeError
from reference_nodes._kit.app import ClientGoneError
from reference_nodes._kit.presence import while_present


async def test_work_is_returned_and_nobody_watches_any_more() -> None:
    ended = anyio.Event()

    async def gone() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async def work() -> int:
        await anyio.lowlevel.checkpoint()
        return 5

    assert await while_present(gone, work) == 5
    assert ended.is_set()


async def test_work_ends_when_the_client_leaves() -> None:
    left, stopped = anyio.Event(), anyio.Event()

    async def work() -> None:
        left.set()
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    with pytest.raises(ClientGoneError):
        await while_present(left.wait, work)
    assert stopped.is_set()


async def test_errors_come_out_as_they_are() -> None:
    async def work() -> None:
        raise NodeError("broken", status=500)

    with pytest.raises(NodeError, match="broken"):
        await while_present(anyio.sleep_forever, work)
