"""JSON-RPC over HTTP: stock tools work, web pages do not."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from eth_account import Account
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import ContractCustomError, Web3RPCError

from opengradient.chain.abi import SETTLEMENT, contract
from opengradient.chain.engines.http import MAX_BODY_BYTES
from opengradient.core.digests import sha256
from tests.unit.chain.engines.served import served
from tests.unit.chain.world import BLOB, CHAIN_ID, World

SUBMITTER = Account.from_key(sha256(b"submitter"))


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    async with served(world.engine) as address:
        yield address


@pytest.fixture
async def web3(url: str) -> AsyncIterator[AsyncWeb3]:
    provider = AsyncHTTPProvider(url)
    yield AsyncWeb3(provider)
    await provider.disconnect()


def settlement_abi() -> list:
    from importlib.resources import files

    text = files("opengradient.chain.abi").joinpath("Settlement.json").read_text()
    return json.loads(text)["abi"]


async def test_stock_web3_reads_and_writes(world: World, web3: AsyncWeb3):
    assert await web3.eth.chain_id == CHAIN_ID
    assert (await web3.client_version).startswith("OpenGradientEmbedded/")
    address = web3.to_checksum_address(world.settlement.address)
    bound = web3.eth.contract(address=address, abi=settlement_abi())
    root = sha256(b"root")
    draft = await bound.functions.anchor(root, 1000, BLOB).build_transaction(
        {
            "from": SUBMITTER.address,
            "nonce": await web3.eth.get_transaction_count(SUBMITTER.address),
        }
    )
    signed = SUBMITTER.sign_transaction(draft)
    tx_hash = await web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = await web3.eth.wait_for_transaction_receipt(tx_hash)
    assert receipt["status"] == 1
    (event,) = bound.events.BatchAnchored().process_receipt(receipt)
    assert (event["args"]["root"], event["args"]["size"]) == (root, 1000)
    assert await bound.functions.isAnchored(root).call()
    assert (await bound.functions.batches(root).call())[1] == 1000
    logs = await bound.events.BatchAnchored().get_logs(from_block=0)
    assert [log["transactionHash"] for log in logs] == [tx_hash]
    block = await web3.eth.get_block("latest", full_transactions=True)
    assert block["transactions"][0]["hash"] == tx_hash
    assert (await web3.eth.get_transaction(tx_hash))["input"].to_0x_hex() == draft["data"]
    by_hash = await web3.eth.get_block(block["hash"])
    assert by_hash["number"] == block["number"]
    with pytest.raises(ContractCustomError):
        await bound.functions.anchor(root, 1, BLOB).call({"from": SUBMITTER.address})


async def test_stock_web3_asks_for_fees_and_state(world: World, web3: AsyncWeb3):
    history = await web3.eth.fee_history(2, "latest", [10, 90])
    assert len(history["reward"]) == 2
    assert await web3.eth.max_priority_fee > 0
    assert await web3.eth.gas_price > 0
    assert await web3.eth.get_balance(SUBMITTER.address) > 0
    code = await web3.eth.get_code(web3.to_checksum_address(world.registry.address))
    assert len(code) > 1000
    assert await web3.eth.accounts == []
    assert await web3.eth.syncing is False
    assert await web3.net.version == str(CHAIN_ID)
    with pytest.raises(Web3RPCError):
        await web3.eth.send_raw_transaction(b"\x02\x01")


async def test_stock_web3_batches(web3: AsyncWeb3):
    async with web3.batch_requests() as batch:
        batch.add(web3.eth.get_block(0))
        batch.add(web3.eth.get_block("latest"))
        first, last = await batch.async_execute()
    assert first["number"] == 0 < last["number"]


async def test_legacy_and_access_list_transactions(web3: AsyncWeb3):
    price = await web3.eth.gas_price
    for nonce, extra in enumerate(({}, {"accessList": [], "type": 1})):
        fields = {"to": "0x" + "11" * 20, "value": 1, "gas": 25_000, "gasPrice": 2 * price}
        draft = fields | {"nonce": nonce, "chainId": CHAIN_ID} | extra
        signed = SUBMITTER.sign_transaction(draft)
        tx_hash = await web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = await web3.eth.wait_for_transaction_receipt(tx_hash)
        assert (receipt["status"], receipt["type"]) == (1, 1 if extra else 0)
        assert (await web3.eth.get_transaction(tx_hash))["gasPrice"] == 2 * price


async def test_only_json_is_taken(url: str):
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
    async with httpx.AsyncClient() as client:
        for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
            headers = {} if kind is None else {"content-type": kind}
            assert (await client.post(url, content=body, headers=headers)).status_code == 415
        good = {"content-type": "application/json; charset=utf-8"}
        answer = await client.post(url, content=body, headers=good)
        assert answer.json()["result"] == hex(CHAIN_ID)
        assert (await client.get(url)).status_code == 405
        silent = b'{"jsonrpc":"2.0","method":"eth_chainId","params":[]}'
        assert (await client.post(url, content=silent, headers=good)).status_code == 204
        huge = b" " * (MAX_BODY_BYTES + 1)
        assert (await client.post(url, content=huge, headers=good)).status_code == 413


def test_the_artifact_is_what_web3_deploys():
    assert contract(SETTLEMENT).constructor[0].canonical == "address"
