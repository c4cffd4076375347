"""The JSON-RPC client believes nothing that is not well-formed."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.chain.rpc import MAX_ANSWER_BYTES, RpcClient
from opengradient.core.digests import keccak256
from opengradient.errors import ChainError, ConfigurationError, ConnectError, RevertedError
from tests.unit.chain.world import CHAIN_ID, World


def scripted(*results: object) -> RpcClient:
    """A client whose peer answers the chain id and then what the test says."""
    answers = iter([hex(CHAIN_ID), *results])

    async def post(body: bytes) -> bytes:
        result = next(answers)
        if isinstance(result, bytes):
            return result
        if isinstance(result, Exception):
            raise result
        number = json.loads(body)["id"]
        if isinstance(result, dict) and "code" in result:
            return json.dumps({"jsonrpc": "2.0", "id": number, "error": result}).encode()
        return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()

    return RpcClient(post, chain_id=CHAIN_ID)


async def test_another_chain_is_refused(world: World):
    client = RpcClient(world.engine.post, chain_id=1)
    with pytest.raises(ChainError) as caught:
        await client.block_number()
    assert caught.value.code == "chain.wrong_chain"


async def test_a_silent_ledger_is_unreachable():
    with pytest.raises(ChainError) as caught:
        await scripted(ConnectError("no")).block_number()
    assert caught.value.code == "chain.unreachable"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"id": 2, "result": "0x1"}',
        b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"}',
        b'{"jsonrpc": "2.0", "id": null, "result": "0x1"}',
        b'{"jsonrpc": "2.0", "id": 2}',
        b'{"jsonrpc": "2.0", "id": 2, "result": "0x1", "error": {}}',
        b'{"jsonrpc": "2.0", "id": 2, "error": "no"}',
        b" " * (MAX_ANSWER_BYTES + 1),
        "1",
        "0x",
        1,
        None,
    ],
    ids=range(14),
)
async def test_malformed_answers(answer: object):
    with pytest.raises(ChainError) as caught:
        await scripted(answer).block_number()
    assert caught.value.code == "chain.malformed"


async def test_a_refusal_keeps_its_reason():
    with pytest.raises(ChainError) as caught:
        await scripted({"code": -32000, "message": "nonce too low"}).send_raw(b"\x02")
    assert caught.value.code == "chain.rejected"
    assert "nonce too low" in caught.value.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": 3, "message": "execution reverted", "data": "0x"}, ""),
        ({"code": -32000, "message": "execution reverted"}, ""),
        (
            {"code": 3, "message": "x", "data": "0x" + keccak256(b"EmptyBatch()")[:4].hex()},
            "EmptyBatch()",
        ),
    ],
)
async def test_reverts(error: dict, reason: str):
    with pytest.raises(RevertedError) as caught:
        await scripted(error).call(b"\x01" * 20, b"")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("block", {}),
        ("block", {"number": "0x1", "hash": "0x12", "parentHash": "0x12", "timestamp": "0x1"}),
        ("block", []),
        ("head", None),
        ("logs", {}),
        ("logs", [{}]),
        ("logs", [{"topics": 1}]),
        ("transaction_receipt", {"logs": None}),
        ("transaction_receipt", {"logs": []}),
        ("send_raw", "0x12"),
        ("code", "0x1"),
    ],
)
async def test_malformed_values(method: str, result: object):
    client = scripted(result)
    calls = {
        "block": lambda: client.block(1),
        "head": client.head,
        "logs": lambda: client.logs(b"\x01" * 20, []),
        "transaction_receipt": lambda: client.transaction_receipt(b"\x01" * 32),
        "send_raw": lambda: client.send_raw(b"\x02"),
        "code": lambda: client.code(b"\x01" * 20),
    }
    with pytest.raises(ChainError) as caught:
        await calls[method]()
    assert caught.value.code == "chain.malformed"


@given(st.recursive(st.none() | st.text(max_size=9) | st.integers(), st.lists, max_leaves=5))
async def test_any_value_gives_a_chain_error_or_a_number(value: object):
    if isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{1,64}", value):
        assert await scripted(value).block_number() == int(value, 16)
        return
    with pytest.raises(ChainError) as caught:
        await scripted(value).block_number()
    assert caught.value.code == "chain.malformed"


async def test_blocks_by_number_tag_and_hash(world: World):
    head = await world.rpc.head()
    assert await world.rpc.block(head.hash) == head == await world.rpc.block(head.number)
    assert await world.rpc.block(head.number + 1) is None
    parent = await world.rpc.block(head.number - 1)
    assert parent is not None
    assert parent.hash == head.parent_hash
    assert await world.rpc.code(world.registry.address)
    assert await world.rpc.code(b"\x09" * 20) == b""
    selector = keccak256(b"owner()")[:4]
    answer = await world.rpc.call(world.registry.address, selector, at=head.hash)
    assert answer[12:] == world.owner.address
    assert await world.rpc.call(world.registry.address, selector, at=0) == b""
    with pytest.raises(ConfigurationError):
        await world.rpc.logs(world.registry.address, [], first=head.hash)
