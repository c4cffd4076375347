"""The engines that talk to a chain outside of this process."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from opengradient.chain.calls import Call
from opengradient.chain.deploy import deploy
from opengradient.chain.engines import (
    ENGINES,
    AnvilLedger,
    AnvilSettings,
    EmbeddedLedger,
    LedgerEngine,
    RpcLedger,
)
from opengradient.chain.rpc import Post, RpcClient
from opengradient.chain.sender import TransactionSender
from opengradient.chain.settlement import SettlementReader
from opengradient.core.digests import sha256
from opengradient.errors import ChainError, ConnectError
from tests.unit.chain.engines.served import served
from tests.unit.chain.world import CHAIN_ID, FAST, OWNER, World, open_world

ANVIL = os.environ.get("OPENGRADIENT_ANVIL", "anvil")
needs_anvil = pytest.mark.skipif(
    shutil.which(ANVIL) is None, reason="anvil is not on PATH (or name it in OPENGRADIENT_ANVIL)"
)
FUNDED = {OWNER.public_key.address: 10**24}

Connect = Callable[[str], Post]


@pytest.fixture
async def connect(anyio_backend: str) -> AsyncIterator[Connect]:
    """What opengradient.transport gives; here in its simplest form."""
    async with httpx.AsyncClient() as client:

        def to(url: str) -> Post:
            async def post(body: bytes) -> bytes:
                headers = {"content-type": "application/json"}
                try:
                    return (await client.post(url, content=body, headers=headers)).content
                except httpx.TransportError as error:
                    raise ConnectError(str(error)) from error

            return post

        yield to


async def settle(engine: LedgerEngine) -> tuple[SettlementReader, bytes]:
    """Deploy, authorise and anchor: the whole way, on any engine."""
    sender = TransactionSender(RpcClient(engine.post, chain_id=engine.chain_id), OWNER, FAST)
    deployment = await deploy(sender, submitters=(sender.address,))
    reader = SettlementReader(sender.rpc, deployment.settlement, first_block=deployment.first_block)
    from opengradient.chain.calls import SettlementCalls

    root = sha256(b"root")
    calls = SettlementCalls(deployment.settlement)
    await sender.execute(calls.anchor(root=root, size=3, blob_id=sha256(b"blob")))
    return reader, root


def test_every_engine_is_in_the_table():
    assert set(ENGINES.values()) == {EmbeddedLedger, AnvilLedger, RpcLedger}


async def test_rpc_settles_over_http(world: World, connect: Connect):
    async with served(world.engine) as url, RpcLedger(connect(url), chain_id=CHAIN_ID) as engine:
        reader, root = await settle(engine)
        record = await reader.batch(root)
    assert record is not None
    assert record.size == 3


async def test_rpc_refuses_another_chain(connect: Connect):
    async with open_world() as world, served(world.engine) as url:
        with pytest.raises(ChainError) as caught:
            async with RpcLedger(connect(url), chain_id=8453):
                pass
    assert caught.value.code == "chain.wrong_chain"


async def test_anvil_that_is_not_there(connect: Connect):
    with pytest.raises(ChainError) as caught:
        async with AnvilLedger(AnvilSettings(program="no-such-anvil"), connect):
            pass
    assert caught.value.code == "chain.engine"


async def test_a_program_that_ends_at_once_is_told(connect: Connect):
    with pytest.raises(ChainError) as caught:
        async with AnvilLedger(AnvilSettings(program="false"), connect):
            pass
    assert caught.value.code == "chain.engine"


async def test_anvil_that_does_not_run(connect: Connect):
    with pytest.raises(ChainError) as caught:
        await AnvilLedger(AnvilSettings(), connect).post(b"")
    assert caught.value.code == "chain.engine"


@needs_anvil
async def test_anvil_settles_and_remembers(tmp_path: Path, connect: Connect):
    settings = AnvilSettings(folder=tmp_path, funded=FUNDED, program=ANVIL)
    async with AnvilLedger(settings, connect) as engine:
        reader, root = await settle(engine)
        before = await reader.batch(root)
    async with AnvilLedger(settings, connect) as engine:
        rpc = RpcClient(engine.post, chain_id=CHAIN_ID)
        again = SettlementReader(rpc, reader.address)
        assert await again.is_anchored(root)
        assert before is not None
        sender = TransactionSender(rpc, OWNER, FAST)
        await sender.execute(Call(b"\x01" * 20, b""), value=1)


@needs_anvil
async def test_anvil_and_embedded_agree_on_gas(connect: Connect):
    used = []
    async with AnvilLedger(AnvilSettings(funded=FUNDED, program=ANVIL), connect) as engine:
        used.append(await gas_of_settling(engine))
    async with open_world() as world:
        used.append(await gas_of_settling(world.engine))
    assert used[0] == used[1]


async def gas_of_settling(engine: LedgerEngine) -> list[int]:
    reader, root = await settle(engine)
    rpc = RpcClient(engine.post, chain_id=CHAIN_ID)
    head = await rpc.block_number()
    gas = []
    for number in range(head - 3, head + 1):
        block = await rpc.request("eth_getBlockByNumber", hex(number), False)
        gas.append(int(block["gasUsed"], 16))
    assert await reader.is_anchored(root)
    return gas
