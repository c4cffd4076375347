"""A ledger in memory with both contracts, nodes and batches: tests break one thing at a time."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from opengradient.chain.calls import BatchRef, Call, Leaf, RegistryCalls, SettlementCalls
from opengradient.chain.deploy import Deployment, deploy
from opengradient.chain.engines import EmbeddedLedger, EmbeddedSettings
from opengradient.chain.messages import Registration
from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import SendPolicy, TransactionSender
from opengradient.chain.settlement import SettlementReader
from opengradient.chain.values import NodeKind, TransactionReceipt
from opengradient.core.digests import ZERO32, sha256
from opengradient.core.keys import MemorySigner
from opengradient.core.merkle import BatchTree, settlement_leaf
from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode, VerificationMode
from opengradient.core.receipts import Receipt, SignedReceipt, sign_receipt
from opengradient.errors import RevertedError

START = 1_790_000_000
CHAIN_ID = 31337
MEASUREMENT = sha256(b"measurement")
BLOB = sha256(b"blob")
FAST = SendPolicy(poll_s=0.001, timeout_s=20)


def key(name: str) -> MemorySigner:
    return MemorySigner(sha256(name.encode()))


OWNER, SUBMITTER, OPERATOR, STRANGER = (
    key(name) for name in ("owner", "submitter", "operator", "stranger")
)


@dataclass
class Clock:
    now: int = START

    def __call__(self) -> int:
        return self.now


@dataclass
class Batch:
    """Signed receipts and the tree over them."""

    signed: Sequence[SignedReceipt]
    submitter: bytes = SUBMITTER.public_key.address
    blob_id: bytes = BLOB
    tree: BatchTree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = BatchTree([leaf_hash(one) for one in self.signed])

    @property
    def ref(self) -> BatchRef:
        return BatchRef(root=self.tree.root, blob_id=self.blob_id, submitter=self.submitter)

    def proof(self, number: int) -> tuple[bytes, ...]:
        return self.tree.proof(leaf_hash(self.signed[number]))

    def leaf(self, number: int) -> Leaf:
        one = self.signed[number]
        return Leaf(digest=one.digest, signature=one.signature, proof=self.proof(number))


def leaf_hash(signed: SignedReceipt) -> bytes:
    return settlement_leaf(signed.digest, signed.signature.r, signed.signature.vs())


class World:
    """Everything a test of the chain room needs."""

    def __init__(self, engine: EmbeddedLedger, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.rpc = RpcClient(engine.post, chain_id=CHAIN_ID)
        self.owner = self.sender(OWNER)
        self.submitter = self.sender(SUBMITTER)
        self.operator = self.sender(OPERATOR)
        self.stranger = self.sender(STRANGER)
        self.deployment: Deployment

    def sender(self, signer: MemorySigner, policy: SendPolicy = FAST) -> TransactionSender:
        return TransactionSender(self.rpc, signer, policy)

    async def deploy(self) -> None:
        self.deployment = await deploy(
            self.owner,
            submitters=(SUBMITTER.public_key.address,),
            measurements=(MEASUREMENT,),
        )
        self.registry = NodeRegistryReader(self.rpc, self.deployment.registry)
        self.settlement = SettlementReader(self.rpc, self.deployment.settlement)
        self.nodes = RegistryCalls(self.deployment.registry_domain)
        self.batches = SettlementCalls(self.deployment.settlement)

    async def refused(self, sender: TransactionSender, call: Call) -> str:
        """The reason for which a contract refuses a call."""
        with pytest.raises(RevertedError) as caught:
            await sender.execute(call)
        return caught.value.reason

    async def read(self, function: str, *args: object, at: str = "registry") -> object:
        reader = self.registry if at == "registry" else self.settlement
        return await reader._read(function, *args)

    def registration(self, node: MemorySigner, **changes: object) -> Registration:
        entry = Registration(
            owner=OPERATOR.public_key.address,
            payee=sha256(b"payee")[:20],
            kind=NodeKind.LLM_PROXY,
            endpoint="https://node.example",
            public_key=node.public_key,
            keyset_digest=sha256(b"keyset"),
            evidence_digest=sha256(b"evidence"),
            evidence_blob_id=sha256(b"evidence blob"),
            measurement=MEASUREMENT,
            valid_from=self.clock.now,
            nonce=0,
        )
        return replace(entry, **changes)

    async def register(self, node: MemorySigner, **changes: object) -> bytes:
        nonce = await self.registry.registration_nonce(OPERATOR.public_key.address)
        entry = self.registration(node, **({"nonce": nonce} | changes))
        await self.operator.execute(self.nodes.register(entry, node))
        return node.public_key.node_id

    def signed(self, node: MemorySigner, number: int = 0, **words: object) -> SignedReceipt:
        receipt = replace(blank_receipt(), receipt_id=sha256(number.to_bytes(8)))
        receipt = replace(
            receipt, node_id=node.public_key.node_id, finished_at=self.clock.now * 1000
        )
        return sign_receipt(replace(receipt, **words), self.settlement.domain, node)

    def batch(self, node: MemorySigner, *numbers: int) -> Batch:
        return Batch([self.signed(node, number) for number in numbers])

    async def anchor(self, batch: Batch, **changes: object) -> TransactionReceipt:
        values = {"root": batch.tree.root, "size": len(batch.signed), "blob_id": batch.blob_id}
        call = self.batches.anchor(**(values | changes))
        sender = self.submitter
        if batch.submitter != SUBMITTER.public_key.address:
            sender = self.operator
        return await sender.execute(call)


def blank_receipt() -> Receipt:
    names = Receipt.__dataclass_fields__
    values = {name: 0 if spec.type in (int, "int") else ZERO32 for name, spec in names.items()}
    known = {
        "kind": ReceiptKind.CHAT,
        "verification_mode": VerificationMode.TEE,
        "settlement_mode": SettlementMode.BATCH_HASHED,
        "channel_kind": ChannelKind.TLS,
    }
    return Receipt(**values | {name: int(value) for name, value in known.items()})


@contextlib.asynccontextmanager
async def open_world(**changes: object) -> AsyncIterator[World]:
    clock = Clock()
    people = (OWNER, SUBMITTER, OPERATOR, STRANGER)
    settings = EmbeddedSettings(
        funded={person.public_key.address: 10**24 for person in people},
        dev_methods=True,
        clock=clock,
    )
    async with EmbeddedLedger(replace(settings, **changes)) as engine:
        world = World(engine, clock)
        await world.deploy()
        yield world
