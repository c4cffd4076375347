"""What was acknowledged is there after `kill -9`; a restart forgets nothing and takes no time."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opengradient.chain.engines import EmbeddedLedger
from opengradient.chain.rpc import RpcClient
from opengradient.errors import ChainError
from tests.support import ROOT
from tests.unit.chain.engines.persistent import PAYEE, SENDER, settings, transfer


def killed_writer(folder: Path, lines: int) -> list[tuple[int, bytes]]:
    """Run the writer until it acknowledged some, kill it without warning, and give those."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.unit.chain.engines.writer", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.readlines()
    complete = [line.split() for line in seen if line.endswith("\n")]
    return [(int(nonce), bytes.fromhex(accepted)) for nonce, accepted in complete]


async def test_acknowledged_transactions_survive_kill_9(tmp_path: Path):
    acknowledged: list[tuple[int, bytes]] = []
    for lines in (7, 12, 1):
        acknowledged += killed_writer(tmp_path, lines)
    async with EmbeddedLedger(settings(tmp_path)) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        assert [nonce for nonce, _ in acknowledged] == list(range(len(acknowledged)))
        for nonce, accepted in acknowledged:
            receipt = await rpc.transaction_receipt(accepted)
            assert receipt is not None
            assert (receipt.block_number, receipt.succeeded) == (nonce + 1, True)
        mined = await rpc.nonce(SENDER.public_key.address)
        assert len(acknowledged) <= mined == await rpc.balance(PAYEE)
        await check_links(rpc)
        await rpc.send_raw(transfer(mined).raw)
        assert await rpc.balance(PAYEE) == mined + 1


async def check_links(rpc: RpcClient) -> None:
    """Every block names its parent, down to the first."""
    block = await rpc.head()
    while block.number > 0:
        parent = await rpc.block(block.number - 1)
        assert parent is not None
        assert parent.hash == block.parent_hash
        block = parent


async def test_what_waits_for_a_block_survives_too(tmp_path: Path):
    async with EmbeddedLedger(settings(tmp_path)) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        for nonce in (1, 2):
            await rpc.send_raw(transfer(nonce).raw)
    async with EmbeddedLedger(settings(tmp_path)) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        assert await rpc.balance(PAYEE) == 0
        await rpc.send_raw(transfer(0).raw)
        assert await rpc.balance(PAYEE) == 3


async def test_what_could_be_mined_is_mined_at_the_start(tmp_path: Path):
    """A chain that was stopped while it did not mine at once, and is started mining at once."""
    async with EmbeddedLedger(settings(tmp_path, automine=False)) as engine:
        await RpcClient(engine.post, chain_id=31337).send_raw(transfer(0).raw)
    async with EmbeddedLedger(settings(tmp_path)) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        assert await rpc.balance(PAYEE) == 1


async def test_the_moved_clock_is_kept(tmp_path: Path):
    fixed = settings(tmp_path, dev_methods=True, clock=lambda: 1_790_000_000)
    async with EmbeddedLedger(fixed) as engine:
        await RpcClient(engine.post, chain_id=31337).request("evm_increaseTime", 500)
    async with EmbeddedLedger(fixed) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        await rpc.request("evm_mine")
        assert (await rpc.head()).timestamp == 1_790_000_500


async def test_a_rewound_chain_stays_rewound(tmp_path: Path):
    dev = settings(tmp_path, dev_methods=True)
    async with EmbeddedLedger(dev) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        snapshot = await rpc.request("evm_snapshot")
        await rpc.send_raw(transfer(0).raw)
        await rpc.request("evm_revert", snapshot)
    async with EmbeddedLedger(dev) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        assert (await rpc.block_number(), await rpc.balance(PAYEE)) == (0, 0)


@pytest.mark.slow
async def test_a_restart_takes_no_longer_after_a_thousand_blocks(tmp_path: Path):
    count = 1000
    async with EmbeddedLedger(settings(tmp_path)) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        for nonce in range(count):
            await rpc.send_raw(transfer(nonce).raw)
    start = time.perf_counter()
    async with EmbeddedLedger(settings(tmp_path)) as engine:
        rpc = RpcClient(engine.post, chain_id=31337)
        assert await rpc.balance(PAYEE) == count
        assert time.perf_counter() - start < 0.5


async def test_a_foreign_file_is_refused(tmp_path: Path):
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ChainError) as caught:
        async with EmbeddedLedger(settings(tmp_path)):
            pass
    assert caught.value.code == "chain.engine"
