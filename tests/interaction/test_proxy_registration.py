"""The proxy's entry in the registry, on a real (embedded) ledger over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from opengradient.chain.deploy import Deployment, deploy
from opengradient.chain.engines import EmbeddedLedger, EmbeddedSettings, ledger_app
from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import TransactionSender
from opengradient.chain.values import NodeKind, NodeStatus
from opengradient.core.digests import keccak256
from opengradient.core.keys import MemorySigner
from opengradient.errors import ConfigurationError
from opengradient.verify.attestation import inspect_nitro
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.measure import measure_node
from reference_nodes._kit.registration import load_operator_key
from reference_nodes._kit.server import Bind, serving
from reference_nodes.llm_proxy_node.node import PACKAGE
from tests.interaction.proxy import proxy_node

pytest.importorskip("eth", reason="the embedded ledger needs py-evm")

OPERATOR = bytes.fromhex("11" * 32)


@dataclass
class World:
    rpc_url: str
    deployment: Deployment
    reader: NodeRegistryReader


@asynccontextmanager
async def ledger() -> AsyncIterator[World]:
    operator = MemorySigner(OPERATOR)
    funded = {operator.public_key.address: 10**21}
    pcrs = measure_node(PACKAGE)
    measurement = keccak256(pcrs[0] + pcrs[1] + pcrs[2])
    async with EmbeddedLedger(EmbeddedSettings(funded=funded)) as engine:
        rpc = RpcClient(engine.post, chain_id=engine.chain_id)
        deployment = await deploy(TransactionSender(rpc, operator), measurements=(measurement,))
        async with serving(ledger_app(engine), Bind(drain_seconds=0), None) as url:
            yield World(url, deployment, NodeRegistryReader(rpc, deployment.registry))


async def test_node_registers_shows_what_it_is_and_retires(tmp_path: Path) -> None:
    key_file = tmp_path / "operator.key"
    key_file.write_text(OPERATOR.hex())
    key_file.chmod(0o600)
    send, demands = anyio.create_memory_object_stream[None](1)
    async with send, demands, ledger() as world:
        async with proxy_node(
            tmp_path / "node",
            demands=demands,
            registry="0x" + world.deployment.registry.hex(),
            settlement_contract="0x" + world.deployment.settlement.hex(),
            rpc_url=world.rpc_url,
            operator_key_file=key_file,
        ) as node:
            with anyio.fail_after(60):
                while not (
                    records := await world.reader.list_active_nodes(
                        NodeKind.LLM_PROXY, now_ms=system_clock_ms()
                    )
                ):
                    await anyio.lowlevel.checkpoint()
            (record,) = records
            health = (await node.http.get(node.url + "/health")).json()
            assert "0x" + record.node_id.hex() == health["nodeId"]
            assert record.endpoint == node.url
            assert record.evidence_digest == node.standing.digest()
            shown = inspect_nitro(node.standing.document)
            assert "0x" + record.measurement.hex() == shown["measurement"]
            await send.send(None)  # new keys stand in the registry at once
            with anyio.fail_after(60):
                while (changed := await world.reader.get_node(record.node_id)) == record:
                    await anyio.lowlevel.checkpoint()
            assert changed.keyset_digest != record.keyset_digest
            old = await node.http.get(f"{node.url}/v1/evidence/{record.evidence_digest.hex()}")
            assert old.status_code == 200
        assert (await world.reader.get_node(record.node_id)).status == NodeStatus.RETIRED
        assert await world.reader.was_valid_at(record.node_id, record.valid_from_ms)


async def test_a_dead_ledger_does_not_hold_up_the_node(tmp_path: Path) -> None:
    key_file = tmp_path / "operator.key"
    key_file.write_text(OPERATOR.hex())
    key_file.chmod(0o600)
    async with proxy_node(
        tmp_path / "node",
        registry="0x" + "22" * 20,
        rpc_url="http://127.0.0.1:9",
        operator_key_file=key_file,
    ) as node:
        assert (await node.http.get(node.url + "/health")).json()["status"] == "ok"


def test_operator_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(OPERATOR.hex())
    path.chmod(0o644)
    with pytest.raises(ConfigurationError):
        load_operator_key(path)
    path.chmod(0o600)
    assert load_operator_key(path).public_key == MemorySigner(OPERATOR).public_key
    path.write_text("no key")
    with pytest.raises(ConfigurationError):
        load_operator_key(path)
