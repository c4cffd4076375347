"""A node on SEV-SNP, from AMD's service to the receipt file: its hardware is forged under a root
of our own, everything else is real."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import opengradient as og
from opengradient.core.evidence import SNP
from opengradient.errors import TransportError, VerificationError
from opengradient.networks import Network
from opengradient.testing.simulators import ProviderSimulator
from opengradient.transport import HttpTransport
from opengradient.transport.collateral import VendorCollateral
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.releases import verify_releases, verify_revocations
from reference_nodes._kit import assembly
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes._kit.tsm import TsmEnclave
from reference_nodes.llm_proxy_node import node as proxy
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from tests.interaction.sdk import CHAT, HELLO, MODEL, Tamper, read
from tests.net.vendor_services import VendorSimulator, vendor_services
from tests.tsm_kernel import DAY, LINE, ForgedSnp
from tests.unit.verify import releases_factory as make
from tests.vectors.evidence.snp_forge import report_body

PRODUCT = "amd-sev-snp/Genoa"


@dataclass
class World:
    """A node, AMD's service, and how a client of theirs is set up."""

    url: str
    amd: VendorSimulator
    provider: ProviderSimulator
    network: Network
    folder: Path

    @asynccontextmanager
    async def client(self, **settings: Any) -> AsyncIterator[og.LLM]:
        source = VendorCollateral(
            transports=lambda pin: HttpTransport(pin=pin),
            clock=system_clock_ms,
            services=self.amd.services,
            folder=self.folder / "collateral",
        )
        chosen = {"network": self.network, "max_retries": 0, "collateral": source, **settings}
        async with og.LLM(**chosen) as llm:
            yield llm


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    now = system_clock_ms()
    machine = ForgedSnp(now)
    monkeypatch.setattr(assembly, "make_enclave", lambda *_: TsmEnclave(machine.kernel()))
    settings = Settings.from_env(
        {},
        **DEMO_DEFAULTS
        | {"data_dir": tmp_path, "port": 0, "drain_seconds": 1, "legacy_signatures": False},
    )
    async with vendor_services() as amd, ProviderSimulator.openai() as provider:
        amd.answers = machine.answers()
        async with proxy.running(settings, ProviderSettings.from_env(provider.environ())) as url:
            network = Network(
                name="test",
                chain_id=settings.domain.chain_id,
                settlement=settings.domain.settlement_contract,
                trust=machine.policy(),
                node_urls=(url,),
            )
            yield World(url, amd, provider, network, tmp_path)


async def refused(llm: og.LLM, *, stream: bool = False) -> str:
    with pytest.raises(VerificationError) as caught:
        await (read(llm) if stream else llm.chat(MODEL, HELLO))
    return caught.value.code


async def test_asked_verified_kept_and_verified_offline(world: World) -> None:
    async with world.client() as llm:
        reply = await llm.chat(MODEL, HELLO)
        (view,) = await llm.nodes()
    assert len(world.amd.asked) == 3
    assert reply.verdict["enclave"].status == og.Status.PROVEN
    assert reply.verdict["enclave"].source == "amd-sev-snp, root 'our own ARK'"
    assert reply.verdict["collateral_fetched"].detail == "fetched 0 min ago"
    assert abs(view.collateral_fetched_at_ms - system_clock_ms()) < 60_000
    path = reply.receipt.save(world.folder / "receipt.json")
    kept = json.loads(path.read_bytes())["evidence"]["collateral"]
    assert sorted(kept) == ["ask", "crl", "vcek"]
    world.amd.mode = "down"
    verdict = og.verify(path, network=world.network)
    assert verdict["enclave"].status == og.Status.PROVEN
    assert verdict["response"].status == og.Status.PROVEN


async def test_without_the_vendor_no_prompt_leaves(world: World) -> None:
    world.amd.mode = "down"
    async with world.client() as llm:
        with pytest.raises(TransportError) as caught:
            await llm.chat(MODEL, HELLO)
    assert caught.value.code in {"collateral.unavailable", "transport.no_node"}
    assert world.provider.requests == []


async def test_what_was_kept_serves_while_the_vendor_is_down(world: World) -> None:
    async with world.client() as llm:
        await llm.chat(MODEL, HELLO)
    world.amd.mode = "down"
    async with world.client() as llm:
        assert (await llm.chat(MODEL, HELLO)).text


def revoked(world: World) -> TrustPolicy:
    now = system_clock_ms()
    entry = {"id": PRODUCT, "reason": "keys extracted"}
    value = make.revocations(
        issued_at=now, expires_at=now + DAY, revoked=make.revoked(products=[entry])
    )
    checked = verify_revocations(*make.signed(value), keys=make.KEYS, threshold=2, now_ms=now)
    return world.network.trust.with_revocations(checked)


async def test_a_product_line_revoked_between_two_calls(world: World) -> None:
    async with world.client() as llm:
        assert (await llm.chat(MODEL, HELLO)).text
        asked = len(world.provider.requests)
        llm.use_policy(revoked(world))
        assert await refused(llm) == "attestation.revoked_product"
        assert await refused(llm, stream=True) == "attestation.revoked_product"
    assert len(world.provider.requests) == asked


@pytest.mark.parametrize("stream", [False, True])
async def test_a_product_line_revoked_during_a_call(world: World, stream: bool) -> None:
    tamper = Tamper()
    async with world.client(transports=tamper) as llm:
        after = revoked(world)

        def meanwhile(passed: Any) -> Any:
            llm.use_policy(after)
            return passed

        tamper.json[CHAT] = tamper.frames = meanwhile
        assert await refused(llm, stream=stream) == "attestation.revoked_product"
    assert world.provider.requests != []


async def test_a_product_line_revoked_in_the_manifest(world: World) -> None:
    now = system_clock_ms()
    body = report_body(LINE, 3, "vcek", bytes(64))
    registers = {"MEASUREMENT": body[0x90:0xC0].hex()}
    files = make.manifest(
        issued_at=now,
        expires_at=now + DAY,
        releases=[make.release(measurements=[make.measured(SNP, registers)])],
    )
    entry = {"id": PRODUCT, "reason": "keys extracted"}
    settings: dict[str, Any] = {"keys": make.KEYS, "threshold": 2, "now_ms": now}
    good = verify_releases(*make.signed(files), **settings)
    files["revoked"] = make.revoked(products=[entry])
    bad = verify_releases(*make.signed(files), **settings)
    async with world.client(policy=replace(world.network.trust, measurements=good)) as llm:
        claim = (await llm.chat(MODEL, HELLO)).verdict["code"]
        assert claim.status == og.Status.PROVEN
        assert claim.source.startswith("release llm-proxy 1.4.0 in signed manifest 7: https://")
        llm.use_policy(replace(world.network.trust, measurements=bad))
        assert await refused(llm) == "releases.revoked_product"
