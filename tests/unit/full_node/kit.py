"""A network for the tests of the full node: a real ledger in memory, a registered node, a clock."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from opengradient.chain.calls import RegistryCalls
from opengradient.chain.deploy import Deployment, deploy
from opengradient.chain.engines import EmbeddedLedger, EmbeddedSettings
from opengradient.chain.messages import Registration
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import SendPolicy, TransactionSender
from opengradient.chain.values import NodeKind
from opengradient.core.bundle import ReceiptBundle
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.modes import SettlementMode
from opengradient.core.receipts import ReceiptDomain, SignedReceipt, sign_receipt
from opengradient.core.settlement import SettlementState
from opengradient.errors import ChainError
from opengradient.transport.collateral import CollateralSource
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.receipts import encode_bundle, encode_signed
from reference_nodes.full_node.anchorer import AnchorPolicy, Ledger
from reference_nodes.full_node.assembly import connect
from reference_nodes.full_node.batcher import BatchPolicy
from reference_nodes.full_node.blobs import LocalBlobs
from reference_nodes.full_node.checking import CheckSettings
from reference_nodes.full_node.service import Answer, FullNode
from reference_nodes.full_node.store import SqliteStore
from tests.receipt_factory import NOW, SIGNER, SPKI, Exchange, evidence, policy

SUBMITTER = MemorySigner(sha256(b"submitter"))
OTHER = MemorySigner(sha256(b"another node key"))
MEASUREMENT = sha256(b"measurement")
LIMIT = 64 * 1024 * 1024


# Made here, outside of any event loop; the cache of `evidence` keeps them.
for _signer in (SIGNER, OTHER):
    evidence(Keyset(signing=_signer.public_key, tls_spki_sha256=SPKI))


@dataclass
class Clock:
    """The time of node and ledger."""

    now_ms: int = NOW

    def __call__(self) -> int:
        return self.now_ms


def keyset_of(signer: MemorySigner) -> Keyset:
    return Keyset(signing=signer.public_key, tls_spki_sha256=SPKI)


def evidence_of(signer: MemorySigner) -> Evidence:
    return evidence(keyset_of(signer))


def exchange(
    number: int,
    domain: ReceiptDomain,
    *,
    mode: SettlementMode = SettlementMode.BATCH_HASHED,
    signer: MemorySigner = SIGNER,
    **words: Any,
) -> Exchange:
    """An exchange whose receipt differs from that of every other number."""
    own = {
        "receipt_id": sha256(f"receipt {number}".encode()),
        "settlement_mode": mode,
        "sequence": number + 1 if number else 1,
        "previous_receipt": sha256(b"previous") if number else bytes(32),
    }
    return Exchange(words=own | words, domain=domain, signer=signer, evidence=evidence_of(signer))


def receipt(number: int, domain: ReceiptDomain, **words: Any) -> SignedReceipt:
    made = exchange(number, domain, **words)
    return sign_receipt(made.receipt(), domain, made.signer)


def item(signed: SignedReceipt, bundle: ReceiptBundle | None = None) -> dict[str, Any]:
    shown = None if bundle is None else json.loads(encode_bundle(bundle))
    return {"signed": encode_signed(signed), "bundle": shown}


def body(*items: Mapping[str, Any]) -> bytes:
    return json.dumps({"receipts": list(items)}).encode()


def body_of(*receipts: SignedReceipt) -> bytes:
    return body(*(item(signed) for signed in receipts))


@dataclass
class Switch:
    """A ledger that can be cut off and restarted: what an outage looks like from the node."""

    settings: EmbeddedSettings
    down: bool = False
    engine: EmbeddedLedger | None = None
    started: anyio.Event = field(default_factory=anyio.Event)
    stop: anyio.Event = field(default_factory=anyio.Event)

    async def host(self) -> None:
        """Run the engine, again after each stop; a new one knows what is in its folder only."""
        while True:
            async with EmbeddedLedger(self.settings) as engine:
                self.engine = engine
                self.started.set()
                await self.stop.wait()
                self.engine, self.stop, self.started = None, anyio.Event(), anyio.Event()

    async def restart(self) -> None:
        """End the engine and wait for the next one."""
        stopped = self.stop
        stopped.set()
        while self.stop is stopped:
            await anyio.lowlevel.checkpoint()
        await self.started.wait()

    async def post(self, content: bytes, /) -> bytes:
        if self.down or self.engine is None:
            raise ChainError("the ledger is down")
        return await self.engine.post(content)


@dataclass
class Network:
    """Everything a test needs of the outside world."""

    clock: Clock
    switch: Switch
    rpc: RpcClient
    sender: TransactionSender
    deployment: Deployment
    ledger: Ledger

    @property
    def domain(self) -> ReceiptDomain:
        return self.ledger.reader.domain

    @property
    def registry(self) -> RegistryCalls:
        return RegistryCalls(self.deployment.registry_domain)

    async def register(self, signer: MemorySigner) -> None:
        """Enter a node into the registry."""
        registration = Registration(
            owner=self.sender.address,
            payee=self.sender.address,
            kind=NodeKind.LLM_PROXY,
            endpoint="https://127.0.0.1:1",
            public_key=signer.public_key,
            keyset_digest=keyset_of(signer).digest(),
            evidence_digest=evidence_of(signer).digest(),
            measurement=MEASUREMENT,
            valid_from=self.clock.now_ms // 1000 - 3000,
            nonce=await self.ledger.keys._registry.registration_nonce(self.sender.address),
        )
        await self.sender.execute(self.registry.register(registration, signer))

    async def events(self) -> list[tuple[bytes, int, bytes]]:
        """Root, size and blob id of every BatchAnchored event, in order."""
        abi = self.ledger.reader._abi.events["BatchAnchored"]
        logs = await self.rpc.logs(self.deployment.settlement, (abi.topic,))
        decoded = [abi.decode(log.topics, log.data) for log in logs]
        return [(event["root"], event["size"], event["blobId"]) for event in decoded]

    async def dev(self, method: str, *params: Any) -> Any:
        return await self.rpc.request(method, *params)


@asynccontextmanager
async def network(folder: Path | None = None, **settings: Any) -> AsyncIterator[Network]:
    """A deployed network with one registered node, SIGNER."""
    clock = Clock()
    embedded = EmbeddedSettings(
        folder=folder,
        funded={SUBMITTER.public_key.address: 10**24},
        dev_methods=True,
        clock=lambda: clock.now_ms // 1000,
        **settings,
    )
    switch = Switch(embedded)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(switch.host)
        await switch.started.wait()
        rpc = RpcClient(switch.post, chain_id=embedded.chain_id)
        sender = TransactionSender(rpc, SUBMITTER, SendPolicy(poll_s=0.01))
        deployment = await deploy(sender, submitters=(sender.address,), measurements=(MEASUREMENT,))
        ledger = connect(rpc, sender, deployment, clock_ms=clock)
        made = Network(clock, switch, rpc, sender, deployment, ledger)
        await made.register(SIGNER)
        yield made
        tasks.cancel_scope.cancel()


QUICK = AnchorPolicy(
    confirmations=0, poll_s=0.01, first_backoff_s=0.01, max_backoff_s=0.05, in_flight=4
)


@asynccontextmanager
async def full_node(
    net: Network,
    folder: Path,
    *,
    batches: BatchPolicy | None = None,
    anchors: AnchorPolicy = QUICK,
    workers: int = 0,
    run: bool = True,
    known: bool = True,
    trust: TrustPolicy | None = None,
    collateral: CollateralSource | None = None,
) -> AsyncIterator[FullNode]:
    """A full node of the network; `run=False` leaves batching and anchoring to the test."""
    async with SqliteStore(folder / "full_node.sqlite") as store:
        node = FullNode(
            store=store,
            blobs=LocalBlobs(folder / "blobs"),
            ledger=net.ledger,
            settings=CheckSettings(
                domain=net.domain, policy=trust or policy(), max_body_bytes=LIMIT
            ),
            batches=batches or BatchPolicy(size=1000, max_age_ms=0),
            anchors=anchors,
            workers=workers,
            collateral=collateral,
            clock_ms=net.clock,
        )
        async with anyio.create_task_group() as tasks:
            if run:
                tasks.start_soon(node.run)
            if known:
                await node.add_evidence(evidence_of(SIGNER))
            yield node
            tasks.cancel_scope.cancel()


async def until(
    node: FullNode, digest: bytes, *states: SettlementState, seconds: float = 10
) -> None:
    """Wait until a receipt is in one of the states."""
    with anyio.fail_after(seconds):
        while True:
            standing = await node.settlement(digest)
            if standing is not None and standing.status.state in states:
                return
            await anyio.lowlevel.checkpoint()


def codes(answers: list[Answer]) -> list[str | None]:
    return [answer.code for answer in answers]
