"""The embedded ledger as JSON-RPC: what it answers, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from opengradient.chain.engines import EmbeddedLedger, EmbeddedSettings
from opengradient.chain.rpc import RpcClient
from opengradient.chain.transactions import Transaction
from opengradient.core.digests import sha256
from opengradient.errors import ChainError
from tests.unit.chain.world import CHAIN_ID, STRANGER, World, key, open_world

PAYEE = b"\x77" * 20


def transfer(nonce: int, **changes: object) -> Transaction:
    transaction = Transaction(
        chain_id=CHAIN_ID,
        nonce=nonce,
        max_priority_fee=10**6,
        max_fee=10**10,
        gas=21_000,
        to=PAYEE,
        value=1,
    )
    return replace(transaction, **changes)


async def ask(world: World, body: object) -> object:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await world.engine.post(raw)
    return json.loads(answer) if answer else None


def request(method: object, *params: object, **changes: object) -> dict:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)} | changes


async def error(world: World, method: str, *params: object) -> dict:
    answer = await ask(world, request(method, *params))
    assert isinstance(answer, dict)
    return answer["error"]


async def result(world: World, method: str, *params: object) -> object:
    answer = await ask(world, request(method, *params))
    assert isinstance(answer, dict)
    assert "result" in answer, answer
    return answer["result"]


# --- JSON-RPC itself ---


async def test_requests_that_are_none(world: World):
    for body, code in (
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        ([request("eth_chainId")] * 1001, -32600),
        ({"id": 1, "method": "eth_chainId"}, -32600),
        (request(7), -32600),
        (request("eth_chainId", params={}), -32600),
        (request("eth_nothing"), -32601),
        (request("eth_getBalance"), -32602),
    ):
        answer = await ask(world, body)
        assert isinstance(answer, dict)
        assert answer["error"]["code"] == code


async def test_batches_and_notifications(world: World):
    batch = [request("eth_chainId", id=7), request("eth_nothing", id="x"), 5]
    notification = request("eth_chainId")
    del notification["id"]
    answers = await ask(world, [*batch, notification])
    assert isinstance(answers, list)
    assert [answer["id"] for answer in answers] == [7, "x", None]
    assert answers[0]["result"] == hex(CHAIN_ID)
    assert await ask(world, notification) is None
    assert await ask(world, [notification]) is None


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(
        [
            "eth_getBlockByNumber",
            "eth_getBlockByHash",
            "eth_call",
            "eth_estimateGas",
            "eth_getLogs",
            "eth_getBalance",
            "eth_getStorageAt",
            "eth_feeHistory",
            "eth_sendRawTransaction",
            "evm_revert",
            "eth_getTransactionReceipt",
            "eth_getTransactionCount",
            "eth_getCode",
        ]
    ),
    params=st.lists(
        st.one_of(
            st.none(),
            st.integers(-3, 3),
            st.booleans(),
            st.sampled_from(["0x", "0x0", "latest", "0x" + "11" * 20, "0x" + "22" * 32]),
            st.binary(max_size=40).map(lambda data: "0x" + data.hex()),
            st.dictionaries(
                st.sampled_from(["to", "from", "data", "topics", "blockHash", "value", "x"]),
                st.sampled_from(["0x", "0x1", [], None, "0x" + "11" * 20, [["0x"]]]),
                max_size=3,
            ),
        ),
        max_size=3,
    ),
)
@example(method="eth_feeHistory", params=[0, 0, 1])
async def test_any_parameters_get_an_answer(world: World, method: str, params: list):
    answer = await ask(world, request(method, *params))
    assert isinstance(answer, dict)
    assert ("result" in answer) != ("error" in answer)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_any_bytes_as_a_transaction_are_refused(world: World, data: st.DataObject):
    good = transfer(0).sign(STRANGER).raw
    raw = data.draw(
        st.one_of(
            st.binary(max_size=120),
            st.binary(max_size=20).map(lambda tail: b"\x02" + tail),
            st.integers(0, len(good) - 1).map(lambda cut: good[:cut]),
        )
    )
    assert (await error(world, "eth_sendRawTransaction", "0x" + raw.hex()))["code"] == -32000


# --- transactions ---


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chain_id": 1}, "invalid chain id"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"nonce": 2**64 - 2}, "nonce too high"),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
        ({"value": 10**24}, "insufficient funds"),
        ({"max_fee": 1, "max_priority_fee": 1}, "max fee per gas less than block base fee"),
    ],
)
async def test_transactions_that_cannot_be_mined(world: World, changes: dict, message: str):
    raw = transfer(**({"nonce": 0} | changes)).sign(STRANGER).raw
    assert message in (await error(world, "eth_sendRawTransaction", "0x" + raw.hex()))["message"]


async def test_a_transaction_is_mined_once(world: World):
    signed = transfer(0).sign(STRANGER)
    assert await world.rpc.send_raw(signed.raw) == signed.hash
    again = await error(world, "eth_sendRawTransaction", "0x" + signed.raw.hex())
    assert "already known" in again["message"]
    other = transfer(0, value=2).sign(STRANGER)
    low = await error(world, "eth_sendRawTransaction", "0x" + other.raw.hex())
    assert "nonce too low" in low["message"]
    assert await world.rpc.balance(PAYEE) == 1


async def test_later_nonces_wait_for_the_gap(world: World):
    for nonce in (2, 1):
        await world.rpc.send_raw(transfer(nonce).sign(STRANGER).raw)
    address = STRANGER.public_key.address
    assert await world.rpc.nonce(address, pending=True) == 0
    waiting = await result(
        world, "eth_getTransactionByHash", "0x" + transfer(2).sign(STRANGER).hash.hex()
    )
    assert isinstance(waiting, dict)
    assert waiting["blockHash"] is None
    await world.rpc.send_raw(transfer(0).sign(STRANGER).raw)
    assert await world.rpc.nonce(address) == 3


async def test_one_block_takes_all_that_wait(world: World):
    await result(world, "evm_setAutomine", False)
    height = await world.rpc.block_number()
    for nonce in range(3):
        await world.rpc.send_raw(transfer(nonce).sign(STRANGER).raw)
    assert await world.rpc.nonce(STRANGER.public_key.address, pending=True) == 3
    assert await world.rpc.block_number() == height
    await result(world, "evm_mine")
    block = await result(world, "eth_getBlockByNumber", "latest", True)
    assert isinstance(block, dict)
    assert [tx["nonce"] for tx in block["transactions"]] == ["0x0", "0x1", "0x2"]
    receipts = [
        await result(world, "eth_getTransactionReceipt", tx["hash"]) for tx in block["transactions"]
    ]
    assert [int(r["cumulativeGasUsed"], 16) for r in receipts] == [21_000, 42_000, 63_000]
    assert [int(r["gasUsed"], 16) for r in receipts] == [21_000] * 3


async def test_a_replacement_pays_a_tenth_more(world: World):
    await result(world, "evm_setAutomine", False)
    await world.rpc.send_raw(transfer(0).sign(STRANGER).raw)
    for fee, tip in ((11 * 10**9 - 1, 2 * 10**6), (11 * 10**9, 11 * 10**5 - 1)):
        cheap = transfer(0, max_fee=fee, max_priority_fee=tip).sign(STRANGER)
        answer = await error(world, "eth_sendRawTransaction", "0x" + cheap.raw.hex())
        assert "underpriced" in answer["message"]
    dear = transfer(0, value=5, max_fee=11 * 10**9, max_priority_fee=11 * 10**5).sign(STRANGER)
    await world.rpc.send_raw(dear.raw)
    await result(world, "evm_mine")
    assert await world.rpc.balance(PAYEE) == 5


async def test_a_replacement_leaves_nothing_behind(tmp_path: Path):
    async with open_world(folder=tmp_path) as world:
        await result(world, "evm_setAutomine", False)
        await world.rpc.send_raw(transfer(0).sign(STRANGER).raw)
        await result(world, "evm_setAutomine", True)
        dear = transfer(0, max_fee=2 * 10**10, max_priority_fee=10**7).sign(STRANGER)
        await world.rpc.send_raw(dear.raw)
        assert await world.rpc.balance(PAYEE) == 1
        settings = world.engine._settings
    async with EmbeddedLedger(settings) as engine:
        rpc = RpcClient(engine.post, chain_id=CHAIN_ID)
        old = "0x" + transfer(0).sign(STRANGER).hash.hex()
        assert await rpc.request("eth_getTransactionByHash", old) is None


async def test_what_can_no_longer_be_mined_is_dropped(world: World):
    """Two transactions that the account can pay only one of: the block is made without the other."""
    await result(world, "evm_setAutomine", False)
    half = 6 * 10**23
    for nonce in range(2):
        await world.rpc.send_raw(transfer(nonce, value=half).sign(STRANGER).raw)
    await result(world, "evm_mine")
    await result(world, "evm_mine")
    assert await world.rpc.balance(PAYEE) == half
    assert await world.rpc.nonce(STRANGER.public_key.address, pending=True) == 1


# --- calls, fees, logs ---


async def test_estimates_are_enough_and_repeatable(world: World):
    call = world.batches.anchor(root=sha256(b"r"), size=1000, blob_id=sha256(b"b"))
    sender = world.submitter.address
    estimates = {await world.rpc.estimate_gas(sender, call.to, call.data, 0) for _ in range(3)}
    assert len(estimates) == 1
    receipt = await world.submitter.execute(call)
    assert receipt.gas_used <= estimates.pop() <= receipt.gas_used * 102 // 100


async def test_old_states_stay_readable(world: World):
    heights = []
    for nonce in range(3):
        await world.rpc.send_raw(transfer(nonce).sign(STRANGER).raw)
        heights.append(await world.rpc.head())
    for number, block in enumerate(heights):
        for tag in (hex(block.number), {"blockHash": "0x" + block.hash.hex()}):
            assert await result(world, "eth_getBalance", "0x" + PAYEE.hex(), tag) == hex(number + 1)
    assert (await error(world, "eth_getBalance", "0x" + PAYEE.hex(), "0xffff"))["code"] == -32000


async def test_fee_history_has_one_more_base_fee(world: World):
    await world.rpc.send_raw(transfer(0, max_priority_fee=5 * 10**6).sign(STRANGER).raw)
    history = await result(world, "eth_feeHistory", "0x2", "latest", [50])
    assert isinstance(history, dict)
    assert len(history["baseFeePerGas"]) == 3
    assert history["reward"][-1] == [hex(5 * 10**6)]
    assert history["gasUsedRatio"][-1] == pytest.approx(21_000 / 30_000_000)
    assert (await error(world, "eth_feeHistory", "0x1", "latest", [101]))["code"] == -32602


async def test_log_filters(world: World):
    for number in range(3):
        await world.anchor(world.batch(key("n"), number))
    head = await world.rpc.block_number()
    event = world.settlement._abi.events["BatchAnchored"].topic
    where = world.settlement.address
    assert len(await world.rpc.logs(where, [event])) == 3
    assert len(await world.rpc.logs(where, [event], first=head)) == 1
    assert len(await world.rpc.logs(where, [event], last=head - 1)) == 2
    root = world.batch(key("n"), 1).tree.root
    assert len(await world.rpc.logs(where, [event, root])) == 1
    assert len(await world.rpc.logs(where, [None, root])) == 1
    assert await world.rpc.logs(where, [None, None, None, None]) == []
    assert await world.rpc.logs(world.registry.address, [event]) == []
    either = {"fromBlock": "0x0", "topics": [["0x" + event.hex(), "0x" + "00" * 32]]}
    assert len(await result(world, "eth_getLogs", either)) == 3
    block = (await world.rpc.head()).hash
    assert len(await result(world, "eth_getLogs", {"blockHash": "0x" + block.hex()})) == 1
    for wrong in (
        {"blockHash": "0x" + block.hex(), "fromBlock": "0x0"},
        {"unknown": 1},
        {"topics": [[], [], [], [], []]},
        {"address": "0x12"},
    ):
        assert (await error(world, "eth_getLogs", wrong))["code"] == -32602


async def test_time_moves_on_request_and_never_back(world: World):
    before = await world.rpc.head()
    await result(world, "evm_increaseTime", 100)
    await result(world, "evm_mine")
    after = await world.rpc.head()
    assert after.timestamp == before.timestamp + 100
    world.clock.now -= 1000
    await result(world, "evm_mine")
    assert (await world.rpc.head()).timestamp == after.timestamp


async def test_blocks_may_share_a_second(world: World):
    start = await world.rpc.head()
    for nonce in range(20):
        await world.rpc.send_raw(transfer(nonce).sign(STRANGER).raw)
    head = await world.rpc.head()
    assert (head.number, head.timestamp) == (start.number + 20, start.timestamp)


# --- reorganisations ---


async def test_a_revert_forgets_what_came_after(world: World):
    first = await result(world, "evm_snapshot")
    await world.rpc.send_raw(transfer(0).sign(STRANGER).raw)
    second = await result(world, "evm_snapshot")
    old = await world.rpc.head()
    assert await result(world, "evm_revert", first) is True
    assert await world.rpc.balance(PAYEE) == 0
    assert await world.rpc.block(old.hash) is None
    assert await world.rpc.transaction_receipt(transfer(0).sign(STRANGER).hash) is None
    assert await result(world, "evm_revert", second) is False
    assert await result(world, "evm_revert", first) is False
    await world.rpc.send_raw(transfer(0).sign(STRANGER).raw)
    new = await world.rpc.head()
    assert (new.number, new.parent_hash) == (old.number, old.parent_hash)
    assert await world.rpc.balance(PAYEE) == 1


async def test_dev_methods_exist_only_on_request():
    async with open_world(dev_methods=False) as world:
        assert (await error(world, "evm_mine"))["code"] == -32601


# --- its life ---


async def test_empty_blocks_advance_confirmations():
    async with open_world(block_interval_s=0.001) as world:
        height = await world.rpc.block_number()
        while await world.rpc.block_number() < height + 3:
            pass


async def test_a_closed_ledger_is_told():
    engine = EmbeddedLedger(EmbeddedSettings())
    with pytest.raises(ChainError) as caught:
        await RpcClient(engine.post, chain_id=CHAIN_ID).block_number()
    assert caught.value.code == "chain.engine"


async def test_a_folder_has_one_user(tmp_path: Path):
    settings = EmbeddedSettings(folder=tmp_path)
    async with EmbeddedLedger(settings):
        with pytest.raises(ChainError) as caught:
            async with EmbeddedLedger(settings):
                pass
    assert caught.value.code == "chain.engine"


@pytest.mark.parametrize("changes", [{"chain_id": 5}, {"funded": {PAYEE: 1}}])
async def test_a_folder_keeps_its_chain(tmp_path: Path, changes: dict):
    settings = EmbeddedSettings(folder=tmp_path)
    async with EmbeddedLedger(settings):
        pass
    with pytest.raises(ChainError) as caught:
        async with EmbeddedLedger(replace(settings, **changes)):
            pass
    assert caught.value.code == "chain.state"
    async with EmbeddedLedger(settings) as engine:
        assert await RpcClient(engine.post, chain_id=CHAIN_ID).block_number() == 0
