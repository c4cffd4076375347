"""Blobs, settings, facts, pool: what stands under the service."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opengradient.chain.deploy import Deployment
from opengradient.core.canonical import compact_json
from opengradient.core.digests import sha256
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    SettlementError,
)
from reference_nodes.full_node import network as facts_room
from reference_nodes.full_node.assembly import load_policy
from reference_nodes.full_node.batcher import BatchPolicy, build
from reference_nodes.full_node.blobs import LocalBlobs
from reference_nodes.full_node.config import parse_arguments
from reference_nodes.full_node.network import Genesis
from reference_nodes.full_node.records import PendingReceipt
from reference_nodes.full_node.store import SqliteStore
from tests.receipt_factory import policy
from tests.unit.full_node.kit import body_of, full_node, network, receipt

ARGUMENTS = ["--data-dir", "d", "--policy", "p"]


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def damage(folder: Path, blob_id: bytes) -> None:
    (path,) = folder.rglob(blob_id.hex())
    path.write_bytes(path.read_bytes()[:-1])


# --- blobs ---


async def test_blobs_are_named_by_their_content(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob_id = await blobs.put(b"data")
    assert blob_id == sha256(b"data")
    assert await blobs.put(b"data") == blob_id
    assert await LocalBlobs(tmp_path).get(blob_id) == b"data"
    assert await blobs.get(sha256(b"other")) is None
    assert files(tmp_path) == [blob_id.hex()]


async def test_a_changed_blob_is_refused_and_healed_by_the_next_put(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blob_id = await blobs.put(b"data")
    damage(tmp_path, blob_id)
    with pytest.raises(SettlementError) as caught:
        await blobs.get(blob_id)
    assert caught.value.code == "settlement.blob"
    await blobs.put(b"data")
    assert await blobs.get(blob_id) == b"data"


# --- batches ---


def test_the_same_receipts_give_the_same_batch_in_any_order() -> None:
    items = tuple(
        PendingReceipt(
            digest=sha256(bytes([n])), leaf=sha256(b"leaf" + bytes([n])), signed=b"1", bundle=None
        )
        for n in range(9)
    )
    assert build(items) == build(items[::-1])


@pytest.mark.parametrize("policy", [{"size": 0}, {"size": 4097}, {"max_age_ms": -1}])
def test_impossible_batches_are_refused(policy: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        BatchPolicy(**policy)


# --- the store ---


async def test_a_second_process_is_kept_out_of_the_store(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "s"):
        with pytest.raises(ConfigurationError):
            await SqliteStore(tmp_path / "s").__aenter__()


async def test_a_damaged_composition_is_not_published(tmp_path: Path) -> None:
    """A batch whose receipts in the store are no longer those of its root goes nowhere."""
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        await node.submit(body_of(receipt(1, net.domain)))
        await node.batcher.compose_due()
        (batch,) = await node._store.open_batches()
        other = receipt(2, net.domain)
        await node._store._journal.run(
            lambda db: db.execute("UPDATE receipts SET leaf = ?", (sha256(other.digest),)).rowcount
        )
        with pytest.raises(SettlementError) as caught:
            await node.anchorer.step(batch)
        assert caught.value.code == "settlement.batch_data"


# --- verification in processes ---


async def test_processes_verify_like_this_one(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False, workers=1) as node:
        good, bad = receipt(1, net.domain), receipt(2, net.domain)
        bad = replace(bad, signature=good.signature)
        answers = await node.submit(body_of(good, bad))
        assert [answer.state for answer in answers] == ["accepted", "refused"]
        assert answers[1].code == "receipt.signature"
        with pytest.raises(MalformedError) as caught:
            await node.submit(b"{")
        assert caught.value.code == "format.malformed"


# --- settings and facts ---


def test_settings_come_from_the_command_line() -> None:
    config = parse_arguments([*ARGUMENTS, "--engine", "rpc:https://rpc.example", "--chain-id", "7"])
    assert (config.engine, config.rpc_url, config.chain_id) == ("rpc", "https://rpc.example", 7)
    assert config.anchors.confirmations == 12
    config = parse_arguments([*ARGUMENTS, "--fund", "0x" + "11" * 20, "--confirmations", "3"])
    assert (config.engine, config.funded) == ("embedded", (b"\x11" * 20,))
    assert config.anchors.confirmations == 3
    assert parse_arguments(ARGUMENTS).anchors.confirmations == 0


@pytest.mark.parametrize(
    "more",
    [
        ["--engine", "geth"],
        ["--engine", "rpc:"],
        ["--engine", "rpc:ftp://x"],
        ["--fund", "0x11"],
        ["--measurement", "zz"],
        ["--batch-size", "5000"],
    ],
)
def test_settings_that_no_node_can_run_with_are_refused(more: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        parse_arguments([*ARGUMENTS, *more])


def test_the_submitter_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    key = facts_room.load_or_create_key(tmp_path)
    assert facts_room.load_or_create_key(tmp_path).public_key == key.public_key
    path = tmp_path / facts_room.KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(ConfigurationError):
        facts_room.load_or_create_key(tmp_path)
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(ConfigurationError):
        facts_room.load_or_create_key(tmp_path)


def test_the_genesis_is_that_of_the_first_start(tmp_path: Path) -> None:
    first = Genesis(chain_id=5, funded=(b"\1" * 20,))
    assert facts_room.load_or_create_genesis(tmp_path, first) == first
    other = Genesis(chain_id=6, funded=())
    assert facts_room.load_or_create_genesis(tmp_path, other) == first


def test_facts_go_round_and_other_versions_are_refused(tmp_path: Path) -> None:
    assert facts_room.load_facts(tmp_path) is None
    made = Deployment(chain_id=5, registry=b"\1" * 20, settlement=b"\2" * 20, first_block=9)
    facts_room.save_facts(tmp_path, made, submitter=b"\3" * 20)
    assert facts_room.load_facts(tmp_path) == made
    path = tmp_path / facts_room.FACTS_FILE
    value = json.loads(path.read_bytes())
    path.write_bytes(compact_json(value | {"version": "x"}))
    with pytest.raises(ConfigurationError):
        facts_room.load_facts(tmp_path)
    path.write_bytes(compact_json(value | {"more": 1}))
    with pytest.raises(MalformedError):
        facts_room.load_facts(tmp_path)
    assert files(tmp_path) == [facts_room.FACTS_FILE]


def test_a_policy_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    with pytest.raises(ConfigurationError):
        load_policy(path)
    path.write_bytes(compact_json(policy().to_json()))
    assert load_policy(path).roots == policy().roots
    path.write_bytes(b"{}")
    with pytest.raises(MalformedError):
        load_policy(path)
