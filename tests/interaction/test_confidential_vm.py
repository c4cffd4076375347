"""Nodes on TDX and SEV-SNP, from the kernel's interface to the ledger: registered, asked, settled,
and verified again without anybody. The hardware is forged; everything else is real."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import opengradient as og
from opengradient.core.keys import MemorySigner
from opengradient.errors import ConnectError
from opengradient.networks import Network
from opengradient.testing.simulators import ProviderSimulator
from opengradient.transport import HttpTransport
from opengradient.transport.collateral import CollateralSource, NoCollateral, VendorCollateral
from opengradient.verify.attestation import INSPECTORS, verify_evidence
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.batches import decode_batch
from opengradient.wire.fields import to_hex
from opengradient.wire.settlement import decode_evidence
from reference_nodes._kit import assembly
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes._kit.tsm import TsmEnclave
from reference_nodes.full_node.__main__ import running as full_node
from reference_nodes.full_node.config import parse_arguments
from reference_nodes.full_node.network import load_facts
from reference_nodes.llm_proxy_node import node as proxy
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from tests.interaction.network import until
from tests.interaction.sdk import HELLO, MODEL
from tests.net.vendor_services import VendorSimulator, vendor_services
from tests.tsm_kernel import ForgedSnp, ForgedTdx

pytest.importorskip("eth", reason="the embedded ledger needs py-evm")

_OPERATOR = bytes.fromhex("11" * 32)


@dataclass
class World:
    """What runs."""

    network: Network
    full_node_url: str
    node_url: str


@asynccontextmanager
async def world(
    folder: Path, machine: ForgedSnp | ForgedTdx, *options: str
) -> AsyncIterator[World]:
    policy = machine.policy()
    (folder / "policy.json").write_text(json.dumps(policy.to_json()))
    key = folder / "operator.key"
    key.write_text(_OPERATOR.hex())
    key.chmod(0o600)
    kind = TsmEnclave(machine.kernel()).kind
    measurement = INSPECTORS[kind](machine.sign(bytes(64))[0])["measurement"]
    fixed = {
        "--data-dir": str(folder / "full"),
        "--policy": str(folder / "policy.json"),
        "--port": "0",
        "--workers": "0",
        "--batch-age-ms": "100",
        "--poll": "0.05",
        "--measurement": measurement,
        "--fund": to_hex(MemorySigner(_OPERATOR).public_key.address),
    }
    config = parse_arguments([*(word for pair in fixed.items() for word in pair), *options])
    async with full_node(config) as url, ProviderSimulator.openai() as provider:
        facts = load_facts(config.data_dir)
        contracts = {
            "chain_id": facts.chain_id,
            "settlement_contract": to_hex(facts.settlement),
            "registry": to_hex(facts.registry),
            "rpc_url": url + "/rpc",
            "operator_key_file": key,
            "full_nodes": (url,),
        }
        settings = Settings.from_env(
            {},
            **DEMO_DEFAULTS
            | contracts
            | {"data_dir": folder / "node", "port": 0, "drain_seconds": 1},
        )
        providers = ProviderSettings.from_env(provider.environ())
        async with proxy.running(settings, providers) as node_url:
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
            yield World(network, url, node_url)


def vendor_of(amd_and_intel: VendorSimulator) -> VendorCollateral:
    return VendorCollateral(
        transports=lambda pin: HttpTransport(pin=pin),
        clock=system_clock_ms,
        services=amd_and_intel.services,
    )


async def alive(llm: og.LLM) -> bool:
    try:
        return bool(await llm.nodes())
    except ConnectError:
        return False


async def settled(net: World, machine: ForgedSnp | ForgedTdx, source: CollateralSource) -> None:
    """Settle one receipt of each mode, then check what the full node has, offline."""
    async with og.LLM(network=net.network, max_retries=0, collateral=source) as llm:
        await until(lambda: alive(llm))
        reply = await llm.chat(MODEL, HELLO)
        assert reply.verdict["enclave"].status == og.Status.PROVEN
        await reply.settlement.wait(60)
        assert reply.verdict["settlement"].status == og.Status.PROVEN
        full = await llm.chat(MODEL, HELLO, settlement_mode="individual")
        proof = await full.settlement.wait(60)
    named = reply.receipt.receipt.evidence_digest
    async with httpx.AsyncClient() as http:
        kept = (await http.get(f"{net.full_node_url}/v1/evidence/{to_hex(named)}")).json()
        blob = await http.get(f"{net.full_node_url}/v1/blobs/{to_hex(proof.blob_id)}")
    evidence = decode_evidence(kept["evidence"])
    assert sorted(name for name, _ in evidence.collateral.items) == sorted(machine.collateral())
    policy, at_ms = machine.policy(), kept["judgedAt"]
    assert verify_evidence(evidence, policy=policy, now_ms=at_ms).evidence_digest == named
    bundle = decode_batch(blob.content).bundle
    assert bundle is not None
    assert bundle.evidence is not None
    assert bundle.evidence.collateral
    verified = verify_receipt(bundle, policy=policy, now_ms=bundle.signed.receipt.finished_at + 1)
    assert verified.verdict["enclave"].status == og.Status.PROVEN


@pytest.mark.parametrize("forged", [ForgedSnp, ForgedTdx])
async def test_settled_with_what_the_vendor_gives(
    forged: type[ForgedSnp | ForgedTdx], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = forged(system_clock_ms())
    monkeypatch.setattr(assembly, "make_enclave", lambda *_: TsmEnclave(machine.kernel()))
    async with vendor_services() as vendor:
        vendor.answers = machine.answers()
        options = ("--amd-kds", vendor.url, "--intel-pcs", vendor.url, "--workers", "1")
        async with world(tmp_path, machine, *options) as net:
            await settled(net, machine, vendor_of(vendor))
            async with httpx.AsyncClient(verify=False) as http:
                legacy = f"{net.node_url}/enclave/attestation?nonce={'0b' * 20}"
                assert (await http.get(legacy)).status_code == 404


async def test_settled_with_what_the_node_delivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host gives its guest a whole table; neither full node nor client asks anybody."""
    machine = ForgedSnp(system_clock_ms(), host_gives=("vcek", "ask", "ark", "crl"))
    monkeypatch.setattr(assembly, "make_enclave", lambda *_: TsmEnclave(machine.kernel()))
    async with world(tmp_path, machine, "--offline-collateral") as net:
        await settled(net, machine, NoCollateral())
