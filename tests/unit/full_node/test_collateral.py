"""Evidence of TDX and SEV-SNP at the full node: from whom it gets collateral, and what it keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import SettlementState
from opengradient.errors import (
    ChainError,
    MalformedError,
    OpenGradientError,
    SettlementError,
    TransportError,
)
from opengradient.transport.collateral import CollateralEntry
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.batches import decode_batch
from reference_nodes._kit.tsm import TsmEnclave
from reference_nodes.full_node.config import parse_arguments
from reference_nodes.full_node.service import FullNode
from tests.receipt_factory import NOW, SIGNER, Exchange
from tests.tsm_kernel import MINUTE, ForgedSnp, ForgedTdx
from tests.unit.full_node.kit import (
    OTHER,
    Network,
    body,
    body_of,
    codes,
    exchange,
    full_node,
    item,
    keyset_of,
    network,
    until,
)

LATER = NOW + 30 * MINUTE
MACHINES = [ForgedSnp(NOW), ForgedTdx(NOW, issued_ms=LATER)]
"""The TDX machine's collateral is newer than every receipt here, as Intel's is that is asked late."""


@dataclass
class Vendor:
    """`CollateralSource` that has a machine's collateral, or nothing."""

    items: dict[str, bytes]
    up: bool = True
    asked: list[Evidence] = field(default_factory=list)
    gate: anyio.Event | None = None

    async def complete(self, evidence: Evidence) -> Evidence:
        self.asked.append(evidence)
        if self.gate is not None:
            await self.gate.wait()
        if not self.up:
            raise TransportError("down", code="collateral.unavailable")
        return replace(evidence, collateral=Collateral.of(self.items))

    def entries(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:
        return ()


async def evidence_by(machine: ForgedSnp | ForgedTdx, signer: MemorySigner = SIGNER) -> Evidence:
    return await TsmEnclave(machine.kernel()).attest(keyset=keyset_of(signer))


@dataclass
class Bench:
    """A network at a time after its receipts, and a full node that trusts one machine's vendor."""

    net: Network
    node: FullNode
    vendor: Vendor
    evidence: Evidence


@asynccontextmanager
async def bench(
    machine: ForgedSnp | ForgedTdx, folder: Path, *, offline: bool = False
) -> AsyncIterator[Bench]:
    vendor = Vendor(machine.collateral())
    source = None if offline else vendor
    async with network() as net:
        settings = {"known": False, "trust": machine.policy(), "collateral": source}
        async with full_node(net, folder, **settings) as node:
            net.clock.now_ms = LATER + 5 * MINUTE
            yield Bench(net, node, vendor, await evidence_by(machine))


def made(bench: Bench, mode: SettlementMode = SettlementMode.BATCH_HASHED) -> Exchange:
    return replace(exchange(0, bench.net.domain, mode=mode), evidence=bench.evidence)


async def refused(bench: Bench, evidence: Evidence, error: type[OpenGradientError]) -> str:
    with pytest.raises(error) as caught:
        await bench.node.add_evidence(evidence)
    assert await bench.node.evidence(evidence.digest()) is None
    return caught.value.code


@pytest.mark.parametrize("machine", MACHINES)
async def test_the_vendor_is_asked_and_its_answer_kept(
    machine: ForgedSnp | ForgedTdx, tmp_path: Path
) -> None:
    async with bench(machine, tmp_path) as at:
        digest = await at.node.add_evidence(at.evidence)
        assert digest == at.evidence.digest()
        signed = made(at).attached().signed
        (answer,) = await at.node.submit(body_of(signed))
        assert answer.code is None
        await until(at.node, signed.digest, SettlementState.FINAL)
        known = await at.node.evidence(digest)
        assert known is not None
        assert known.evidence.collateral == Collateral.of(machine.collateral())
        verify_evidence(known.evidence, policy=machine.policy(), now_ms=known.judged_at_ms)
        await at.node.add_evidence(at.evidence)
        assert len(at.vendor.asked) == 1


@pytest.mark.parametrize("machine", MACHINES)
async def test_what_the_node_delivers_serves_without_the_vendor(
    machine: ForgedSnp | ForgedTdx, tmp_path: Path
) -> None:
    async with bench(machine, tmp_path, offline=True) as at:
        assert await refused(at, at.evidence, MalformedError) == "collateral.missing"
        whole = replace(at.evidence, collateral=Collateral.of(machine.collateral()))
        await at.node.add_evidence(whole)
        signed = made(at).attached().signed
        assert codes(await at.node.submit(body_of(signed))) == [None]
        await until(at.node, signed.digest, SettlementState.FINAL)


async def test_a_published_receipt_verifies_without_anybody(tmp_path: Path) -> None:
    machine = ForgedSnp(NOW)
    async with bench(machine, tmp_path) as at:
        await at.node.add_evidence(at.evidence)
        made_of = made(at, SettlementMode.INDIVIDUAL_FULL)
        bundle = made_of.bundle()
        junk = replace(at.evidence, collateral=Collateral.of({"junk": b"x" * 1000}))
        answers = await at.node.submit(body(item(bundle.signed, replace(bundle, evidence=junk))))
        assert codes(answers) == [None]
        await until(at.node, bundle.signed.digest, SettlementState.FINAL)
        standing = await at.node.settlement(bundle.signed.digest)
        assert standing is not None
        assert standing.inclusion is not None
        blob = await at.node.blob(standing.inclusion.blob_id)
        known = await at.node.evidence(at.evidence.digest())
    assert blob is not None
    assert known is not None
    published = decode_batch(blob).bundle
    assert published is not None
    assert published.evidence == known.evidence
    verify_receipt(published, policy=machine.policy(), now_ms=known.judged_at_ms)


async def test_the_vendor_is_asked_for_registered_nodes_only(tmp_path: Path) -> None:
    machine = ForgedSnp(NOW)
    async with bench(machine, tmp_path) as at:
        theirs = await evidence_by(machine, OTHER)
        assert await refused(at, theirs, SettlementError) == "settlement.unknown_node"
        await at.node.add_evidence(replace(theirs, collateral=Collateral.of(machine.collateral())))
        at.net.switch.down = True
        with pytest.raises(ChainError):
            await at.node.add_evidence(at.evidence)
        assert at.vendor.asked == []
        at.net.switch.down = False
        await at.node.add_evidence(at.evidence)
        assert len(at.vendor.asked) == 1


async def test_a_vendor_that_is_down_only_delays(tmp_path: Path) -> None:
    async with bench(ForgedSnp(NOW), tmp_path) as at:
        at.vendor.up = False
        assert await refused(at, at.evidence, TransportError) == "collateral.unavailable"
        at.vendor.up = True
        await at.node.add_evidence(at.evidence)


async def test_vendors_are_not_flooded(tmp_path: Path) -> None:
    machine = ForgedSnp(NOW)
    async with bench(machine, tmp_path) as at, anyio.create_task_group() as tasks:
        at.vendor.gate = anyio.Event()
        await at.net.ledger.keys.accepted([SIGNER.public_key.node_id])
        own = TsmEnclave(machine.kernel())
        for number in range(6):
            made = await own.attest(keyset=keyset_of(SIGNER), nonce=bytes([number]) * 16)
            tasks.start_soon(at.node.add_evidence, made)
        asking = at.node._evidence._asking
        with anyio.fail_after(10):
            while asking.statistics().tasks_waiting < 2:
                await anyio.lowlevel.checkpoint()
        assert len(at.vendor.asked) == 4
        at.vendor.gate.set()


async def test_no_keyset_no_question(tmp_path: Path) -> None:
    async with bench(ForgedSnp(NOW), tmp_path) as at:
        bare = replace(at.evidence, runtime_data=b"")
        assert await refused(at, bare, MalformedError) == "collateral.missing"
        assert at.vendor.asked == []


def test_where_collateral_comes_from() -> None:
    base = ["--data-dir", "d", "--policy", "p"]
    vendors = parse_arguments(base).collateral
    assert vendors is not None
    assert vendors.amd_kds == "https://kdsintf.amd.com"
    mirrors = parse_arguments([*base, "--intel-pcs", "http://p/x/", "--amd-kds", "http://a"])
    assert mirrors.collateral is not None
    assert mirrors.collateral.intel_root_crl == "http://p/x/sgx/certification/v4/rootcacrl"
    assert (mirrors.collateral.intel_pcs, mirrors.collateral.amd_kds) == ("http://p/x/", "http://a")
    assert parse_arguments([*base, "--offline-collateral"]).collateral is None
    for wrong in (["--amd-kds", "ftp://a"], ["--offline-collateral", "--amd-kds", "http://a"]):
        with pytest.raises(OpenGradientError):
            parse_arguments([*base, *wrong])
