"""A whole network in one process: full node with its ledger, registered proxy, its profile."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from opengradient.core.digests import keccak256
from opengradient.core.keys import MemorySigner
from opengradient.networks import Network
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import to_hex
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.measure import measure_node
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.full_node.__main__ import running as full_node
from reference_nodes.full_node.config import parse_arguments
from reference_nodes.full_node.network import load_facts
from reference_nodes.llm_proxy_node.node import PACKAGE
from tests.interaction.proxy import Node, proxy_node

_OPERATOR = bytes.fromhex("11" * 32)


@dataclass
class World:
    """What runs, and its profile: nodes are found in the registry alone."""

    node: Node
    network: Network
    full_node_url: str


@asynccontextmanager
async def world(folder: Path, **settings: Any) -> AsyncIterator[World]:
    """Run it."""
    root = SoftwareRoot.load_or_create(folder / "root", "test", now_ms=system_clock_ms())
    pcrs = measure_node(PACKAGE)
    measurement = keccak256(pcrs[0] + pcrs[1] + pcrs[2])
    policy = TrustPolicy(
        roots=(root.unsafe_trust(),), measurements=frozenset({to_hex(measurement)})
    )
    (folder / "policy.json").write_text(json.dumps(policy.to_json()))
    key = folder / "operator.key"
    key.write_text(_OPERATOR.hex())
    key.chmod(0o600)
    options = {
        "--data-dir": str(folder / "full"),
        "--policy": str(folder / "policy.json"),
        "--port": "0",
        "--workers": "0",
        "--batch-age-ms": "100",
        "--poll": "0.05",
        "--measurement": to_hex(measurement),
        "--fund": to_hex(MemorySigner(_OPERATOR).public_key.address),
    }
    config = parse_arguments([word for pair in options.items() for word in pair])
    async with full_node(config) as url:
        facts = load_facts(config.data_dir)
        async with proxy_node(
            folder / "node",
            software_root_dir=folder / "root",
            network_name="test",
            chain_id=facts.chain_id,
            settlement_contract=to_hex(facts.settlement),
            registry=to_hex(facts.registry),
            rpc_url=url + "/rpc",
            operator_key_file=key,
            full_nodes=(url,),
            **settings,
        ) as node:
            network = Network(
                name="test",
                chain_id=facts.chain_id,
                trust=policy,
                rpc_url=url + "/rpc",
                registry=facts.registry,
                settlement=facts.settlement,
                full_node_urls=(url,),
                confirmations=0,
                first_block=facts.first_block,
            )
            yield World(node, network, url)


async def until(condition: Any) -> Any:
    """Wait for an async function to give something true."""
    with anyio.fail_after(60):
        while not (result := await condition()):
            await anyio.lowlevel.checkpoint()
    return result
