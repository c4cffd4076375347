"""Each transaction happens once: lost answers, full pools, higher fees, reorganisations."""

import json
from dataclasses import replace

import anyio
import pytest

from opengradient.chain.calls import Call
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import Submission, TransactionSender
from opengradient.chain.transactions import Transaction
from opengradient.core.digests import sha256
from opengradient.errors import ChainError, RevertedError, TimedOutError
from tests.unit.chain.world import CHAIN_ID, FAST, STRANGER, World, key

PAYEE = b"\x77" * 20
NOTHING = Call(PAYEE, b"")


async def dev(world: World, method: str, *params: object) -> object:
    return await world.rpc.request(method, *params)


async def test_value_arrives_once(world: World):
    receipt = await world.stranger.execute(NOTHING, value=5)
    assert receipt.succeeded
    assert await world.rpc.balance(PAYEE) == 5


async def test_many_at_once_take_nonces_without_gaps(world: World):
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(lambda: world.stranger.execute(NOTHING, value=1))
    assert await world.rpc.balance(PAYEE) == 8
    assert await world.rpc.nonce(STRANGER.public_key.address) == 8


async def test_a_revert_is_told_before_anything_is_sent(world: World):
    call = world.batches.anchor(root=sha256(b"r"), size=1, blob_id=sha256(b"b"))
    with pytest.raises(RevertedError):
        await world.stranger.send(call)
    assert await world.rpc.nonce(STRANGER.public_key.address) == 0


async def test_a_revert_in_the_block_is_told_too(world: World):
    await dev(world, "evm_setAutomine", False)
    root = sha256(b"r")
    call = world.batches.anchor(root=root, size=1, blob_id=sha256(b"b"))
    first, second = await world.submitter.send(call), await world.submitter.send(call)
    await dev(world, "evm_mine")
    assert (await world.submitter.wait(first)).succeeded
    with pytest.raises(RevertedError) as caught:
        await world.submitter.wait(second)
    assert caught.value.reason == f"AlreadyAnchored(0x{root.hex()})"


async def test_handing_in_twice_changes_nothing(world: World):
    await dev(world, "evm_setAutomine", False)
    submission = await world.stranger.send(NOTHING, value=3)
    await world.stranger.broadcast(submission)
    await dev(world, "evm_mine")
    await world.stranger.broadcast(submission)
    await world.stranger.wait(submission)
    assert await world.rpc.balance(PAYEE) == 3


async def test_a_lost_answer_is_no_second_payment(world: World):
    """The ledger takes the transaction, but its answer does not arrive."""
    lost = 0

    async def lossy(body: bytes) -> bytes:
        nonlocal lost
        answer = await world.engine.post(body)
        if json.loads(body)["method"] == "eth_sendRawTransaction" and not lost:
            lost += 1
            raise TimedOutError("no answer")
        return answer

    sender = TransactionSender(RpcClient(lossy, chain_id=CHAIN_ID), STRANGER, FAST)
    rpc = sender.rpc
    transaction = Transaction(
        chain_id=CHAIN_ID,
        nonce=0,
        max_priority_fee=1,
        max_fee=10**10,
        gas=21_000,
        to=PAYEE,
        value=3,
    )
    submission = Submission([transaction.sign(STRANGER)])
    with pytest.raises(ChainError):
        await sender.broadcast(submission)
    await sender.broadcast(submission)
    await sender.wait(submission)
    assert (lost, await rpc.balance(PAYEE)) == (1, 3)


async def test_it_waits_for_confirmations(world: World):
    submission = await world.stranger.send(NOTHING)
    done = []

    async def wait() -> None:
        done.append(await world.stranger.wait(submission, confirmations=2))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert not done
        await dev(world, "evm_mine")
        await dev(world, "evm_mine")
    assert done[0].succeeded


async def test_not_confirmed_in_time(world: World):
    await dev(world, "evm_setAutomine", False)
    sender = world.sender(STRANGER, replace(FAST, timeout_s=0.05))
    submission = await sender.send(NOTHING)
    with pytest.raises(ChainError) as caught:
        await sender.wait(submission)
    assert caught.value.code == "chain.timeout"
    await dev(world, "evm_mine")
    assert (await sender.wait(submission)).succeeded


async def test_fees_rise_while_nothing_is_mined(world: World):
    await dev(world, "evm_setAutomine", False)
    sender = world.sender(STRANGER, replace(FAST, bump_after_s=0.0))
    submission = await sender.send(NOTHING, value=4)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sender.wait, submission)
        with anyio.fail_after(10):
            while len(submission.attempts) < 3:
                await anyio.lowlevel.checkpoint()
        await dev(world, "evm_mine")
    fees = [attempt.transaction.max_fee for attempt in submission.attempts]
    assert fees == sorted(set(fees))
    assert await world.rpc.balance(PAYEE) == 4
    assert await world.rpc.nonce(STRANGER.public_key.address) == 1


async def test_fees_have_a_ceiling(world: World):
    await dev(world, "evm_setAutomine", False)
    head = await world.rpc.head()
    policy = replace(FAST, bump_after_s=0.0, timeout_s=0.2, max_fee_per_gas=2 * head.base_fee)
    sender = world.sender(STRANGER, policy)
    submission = await sender.send(NOTHING)
    with pytest.raises(ChainError):
        await sender.wait(submission)
    assert all(a.transaction.max_fee <= 2 * head.base_fee for a in submission.attempts)


async def test_a_nonce_that_another_took_is_told(world: World):
    await dev(world, "evm_setAutomine", False)
    submission = await world.stranger.send(NOTHING)
    other = replace(
        submission.latest.transaction,
        max_fee=submission.latest.transaction.max_fee * 2,
        max_priority_fee=submission.latest.transaction.max_priority_fee * 2,
        value=9,
    ).sign(STRANGER)
    await world.rpc.send_raw(other.raw)
    await dev(world, "evm_mine")
    for attempt in (world.stranger.wait, world.stranger.broadcast):
        with pytest.raises(ChainError) as caught:
            await attempt(submission)
        assert caught.value.code == "chain.replaced"


async def test_a_reorganisation_is_noticed_and_mended(world: World):
    snapshot = await dev(world, "evm_snapshot")
    submission = await world.stranger.send(NOTHING, value=6)
    old = await world.rpc.transaction_receipt(submission.latest.hash)
    assert old is not None
    found = []

    async def wait() -> None:
        found.append(await world.stranger.wait(submission, confirmations=3))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await dev(world, "evm_revert", snapshot)
        await dev(world, "evm_mine")
        assert await world.rpc.balance(PAYEE) == 0
        with anyio.fail_after(10):
            while await world.rpc.balance(PAYEE) == 0:
                await anyio.lowlevel.checkpoint()
        for _ in range(3):
            await dev(world, "evm_mine")
    assert found[0].block_hash != old.block_hash
    assert found[0].succeeded
    assert await world.rpc.balance(PAYEE) == 6


async def test_after_a_reorganisation_the_count_is_the_ledgers(world: World):
    snapshot = await dev(world, "evm_snapshot")
    for _ in range(3):
        await world.stranger.execute(NOTHING)
    await dev(world, "evm_revert", snapshot)
    await world.stranger.execute(NOTHING)
    assert await world.rpc.nonce(STRANGER.public_key.address) == 1


async def test_an_account_without_funds_is_refused(world: World):
    with pytest.raises(ChainError) as caught:
        await world.sender(key("poor")).execute(NOTHING, value=1)
    assert caught.value.code == "chain.rejected"
