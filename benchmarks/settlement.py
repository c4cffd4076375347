"""How fast a full node settles: run `python benchmarks/settlement.py [receipts] [workers]`.

The parts are measured one by one on one core, then the whole: requests of 1,000 receipts through
the service, from bytes to durably accepted, and from there to batches whose data is stored.
"""

import os
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio

from opengradient.chain.engines import EmbeddedLedger, EmbeddedSettings
from opengradient.core.canonical import compact_json, parse_json_object
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.merkle import BatchTree, settlement_leaf
from opengradient.core.receipts import Receipt, ReceiptDomain, SignedReceipt, sign_receipt
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.settlement import verify_for_settlement
from opengradient.wire.batches import canonical_signed, join_batch
from opengradient.wire.receipts import decode_signed, encode_signed
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.enclave import SoftwareEnclave
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.full_node.anchorer import AnchorPolicy, Ledger
from reference_nodes.full_node.batcher import BatchPolicy
from reference_nodes.full_node.blobs import LocalBlobs
from reference_nodes.full_node.checking import CheckSettings, check_body
from reference_nodes.full_node.records import CheckedReceipt, KnownEvidence
from reference_nodes.full_node.store import SqliteStore

T = TypeVar("T")
PER_REQUEST = 1000
SIGNER = MemorySigner(sha256(b"benchmark node"))
SPKI = sha256(b"tls")


def make(number: int, domain: ReceiptDomain, evidence: bytes, now: int) -> SignedReceipt:
    word = secrets.token_bytes
    receipt = Receipt(
        receipt_id=word(32), kind=1, verification_mode=2, settlement_mode=1,
        node_id=SIGNER.public_key.node_id, evidence_digest=evidence, channel_kind=1,
        channel_binding=SPKI, client_nonce=word(32), request_commitment=word(32),
        upstream_commitment=word(32), response_commitment=word(32), stream_root=word(32),
        stream_chunks=100, status=200, model_commitment=word(32), proof_kind=0,
        proof_soundness_bits=0, proof_digest=bytes(32), input_tokens=900, output_tokens=100,
        cached_input_tokens=0, price=0, payment_commitment=bytes(32), started_at=now - 900,
        first_token_at=now - 800, finished_at=now - 100, sequence=number + 2,
        previous_receipt=word(32),
    )  # fmt: skip
    return sign_receipt(receipt, domain, SIGNER)


def measure(name: str, count: int, work: Callable[[], T]) -> T:
    """Print the CPU time of the best of three runs."""
    best, result = float("inf"), None
    for _ in range(3):
        start = time.process_time()  # what others do on this machine does not count
        result = work()
        best = min(best, time.process_time() - start)
    show(name, count, best)
    return result  # type: ignore[return-value]


def show(name: str, count: int, seconds: float) -> None:
    print(f"{name:<46}{seconds / count * 1e6:>9.1f} us {count / seconds:>11,.0f} /s")


async def parts(bodies: list[bytes], settings: CheckSettings, known: KnownEvidence) -> None:
    body, now = bodies[0], system_clock_ms()
    verified = verify_evidence(known.evidence, policy=settings.policy, now_ms=now)
    print(f"\none receipt on one core ({len(body) / PER_REQUEST:,.0f} bytes as JSON)")
    value = measure("parse JSON strictly", PER_REQUEST, lambda: parse_json_object(body))
    items = [item["signed"] for item in value["receipts"]]
    signed = measure("decode", PER_REQUEST, lambda: [decode_signed(item) for item in items])

    def verify() -> list[bytes]:
        return [
            verify_for_settlement(
                item,
                verified_evidence=verified,
                policy=settings.policy,
                domain=settings.domain,
                now_ms=now,
            ).leaf
            for item in signed
        ]

    measure("digest (EIP-712)", PER_REQUEST, lambda: [item.digest for item in signed])
    measure("recover the signer", PER_REQUEST, lambda: [item.signer() for item in signed])
    leaves = measure("verify (digest, signer, all steps, leaf)", PER_REQUEST, verify)
    encoded = measure("encode (RFC 8785)", PER_REQUEST, lambda: list(map(canonical_signed, signed)))
    measure(
        "a worker: bytes in, verdicts out",
        PER_REQUEST,
        lambda: check_body(body, settings, now, [known]),
    )
    measure("batch: Merkle tree", PER_REQUEST, lambda: BatchTree(leaves).root)
    measure("batch: data and its id", PER_REQUEST, lambda: sha256(join_batch(encoded)))
    assert (
        settlement_leaf(signed[0].digest, signed[0].signature.r, signed[0].signature.vs())
        == leaves[0]
    )


async def store_alone(
    folder: Path, bodies: list[bytes], settings: CheckSettings, known: KnownEvidence
) -> None:
    now = system_clock_ms()
    requests = [
        [
            item
            for item in check_body(body, settings, now, [known])
            if isinstance(item, CheckedReceipt)
        ]
        for body in bodies
    ]
    async with SqliteStore(folder / "alone.sqlite") as store:
        start = time.perf_counter()
        for request in requests:
            await store.accept(request, now_ms=now)
        show(
            "store: accept (fsync per request)",
            len(bodies) * PER_REQUEST,
            time.perf_counter() - start,
        )
    blobs = LocalBlobs(folder / "alone-blobs")
    start = time.perf_counter()
    for body in bodies:
        await blobs.put(body)
    show("store: blob (fsync per batch)", len(bodies) * PER_REQUEST, time.perf_counter() - start)


def cpu() -> tuple[float, float]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime, time.perf_counter()


async def whole(folder: Path, bodies: list[bytes], net: "Setup", workers: int) -> None:
    node = net.node(folder, workers)
    async with node.store:
        service = node.service
        await service.add_evidence(net.evidence)
        await service.submit(bodies[0])  # starts the workers, loads the evidence
        rest = bodies[1:]
        count = len(rest) * PER_REQUEST
        limit = anyio.CapacityLimiter(max(1, workers) + 1)

        async def post(body: bytes) -> None:
            async with limit:
                answers = await service.submit(body)
                assert all(answer.code is None for answer in answers), answers[0]

        used, start = cpu()
        async with anyio.create_task_group() as tasks:
            for body in rest:
                tasks.start_soon(post, body)
        end_used, end = cpu()
        print(f"\nthe whole service, {workers} verifying process(es), {count:,} receipts")
        show("accepted durably", count, end - start)
        print(f"{'':<46}the main process used {(end_used - used) / (end - start):.0%} of a core")
        await service.batcher.compose_due()
        batches = await node.store.open_batches()
        for batch in batches:
            await service.anchorer.step(batch)
        show("batched and data stored, after acceptance", count, time.perf_counter() - end)
        show("accepted, batched and stored, in sequence", count, time.perf_counter() - start)
        stored = time.perf_counter()
        for batch in batches:
            row = await node.store.batch(batch.root)
            while row is not None and row.anchor is None:
                row = await service.anchorer.step(row)
        anchored = time.perf_counter() - stored
        print(
            f"{len(batches)} batches anchored on the embedded ledger: {anchored / len(batches) * 1e3:.0f} ms each"
        )


class Setup:
    """A network with a registered node."""

    def __init__(self, ledger: Ledger, policy: TrustPolicy, evidence: Evidence) -> None:
        self.ledger = ledger
        self.evidence = evidence
        self.settings = CheckSettings(
            domain=ledger.reader.domain, policy=policy, max_body_bytes=64 * 1024 * 1024
        )

    def node(self, folder: Path, workers: int) -> "Built":
        return Built(self, folder, workers)


class Built:
    """A full node whose batches are made when the benchmark says so."""

    def __init__(self, net: Setup, folder: Path, workers: int) -> None:
        from reference_nodes.full_node.service import FullNode

        self.store = SqliteStore(folder / f"whole-{workers}.sqlite")
        self.service = FullNode(
            store=self.store,
            blobs=LocalBlobs(folder / f"blobs-{workers}"),
            ledger=net.ledger,
            settings=net.settings,
            batches=BatchPolicy(size=1000, max_age_ms=0),
            anchors=AnchorPolicy(confirmations=0),
            workers=workers,
        )


async def set_up(engine: EmbeddedLedger, submitter: MemorySigner) -> Setup:
    from opengradient.chain.calls import RegistryCalls
    from opengradient.chain.deploy import deploy
    from opengradient.chain.messages import Registration
    from opengradient.chain.rpc import RpcClient
    from opengradient.chain.sender import SendPolicy, TransactionSender
    from opengradient.chain.values import NodeKind
    from reference_nodes.full_node.assembly import connect

    root = SoftwareRoot.create("benchmark", now_ms=system_clock_ms())
    policy = TrustPolicy(roots=(root.unsafe_trust(),), measurements=UnsafeAnyMeasurement())
    keyset = Keyset(signing=SIGNER.public_key, tls_spki_sha256=SPKI)
    pcrs = {index: bytes([index + 1]) * 48 for index in range(3)}
    evidence = await SoftwareEnclave(root, pcrs).attest(keyset=keyset)
    rpc = RpcClient(engine.post, chain_id=engine.chain_id)
    sender = TransactionSender(rpc, submitter, SendPolicy(poll_s=0.005))
    measurement = sha256(b"measurement")
    network = await deploy(sender, submitters=(sender.address,), measurements=(measurement,))
    registration = Registration(
        owner=sender.address, payee=sender.address, kind=NodeKind.LLM_PROXY, endpoint="https://x",
        public_key=SIGNER.public_key, keyset_digest=keyset.digest(),
        evidence_digest=evidence.digest(), measurement=measurement,
        valid_from=int(time.time()) - 60, nonce=0,
    )  # fmt: skip
    await sender.execute(RegistryCalls(network.registry_domain).register(registration, SIGNER))
    return Setup(connect(rpc, sender, network), policy, evidence)


async def main(receipts: int, workers: int) -> None:
    submitter = MemorySigner(sha256(b"benchmark submitter"))
    funded = {submitter.public_key.address: 10**24}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with EmbeddedLedger(EmbeddedSettings(folder=folder / "l", funded=funded)) as engine:
            net = await set_up(engine, submitter)
            now, digest = system_clock_ms(), net.evidence.digest()
            bodies = []
            for first in range(0, receipts, PER_REQUEST):
                made = (
                    make(number, net.settings.domain, digest, now)
                    for number in range(first, first + PER_REQUEST)
                )
                items = [{"signed": encode_signed(item), "bundle": None} for item in made]
                bodies.append(compact_json({"receipts": items}))
            known = KnownEvidence(evidence=net.evidence, judged_at_ms=now)
            load = f"load {os.getloadavg()[0]:.1f} before the start"
            print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {load}")
            await parts(bodies, net.settings, known)
            await store_alone(folder, bodies, net.settings, known)
            await whole(folder, bodies, net, workers)


if __name__ == "__main__":
    arguments = [int(value) for value in sys.argv[1:]]
    anyio.run(main, *(arguments + [20_000, 1][len(arguments) :]))
