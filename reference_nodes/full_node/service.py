"""What a full node does, without HTTP: takes receipts, settles them, proves it."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, final

import anyio
from anyio import to_thread

from opengradient.core.evidence import Evidence
from opengradient.core.merkle import BatchTree
from opengradient.core.settlement import InclusionProof, SettlementState
from opengradient.errors import OpenGradientError
from opengradient.transport.collateral import CollateralSource, NoCollateral
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes.full_node.anchorer import Anchorer, AnchorPolicy, Ledger
from reference_nodes.full_node.batcher import Batcher, BatchPolicy
from reference_nodes.full_node.blobs import BlobStore
from reference_nodes.full_node.checking import CheckSettings
from reference_nodes.full_node.evidence import EvidenceBook
from reference_nodes.full_node.records import (
    Backlog,
    BatchRow,
    BatchState,
    CheckedReceipt,
    KnownEvidence,
    ReceiptStatus,
    RefusedReceipt,
    Store,
)
from reference_nodes.full_node.verifier import Verifier

_TREES: Final = 32
"""Trees that are kept for further proofs: a few hundred kilobytes each."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one posted receipt.

    Attributes:
        digest: Its digest; None where it could not be read.
        state: Where it stands. REFUSED is final; QUEUED says: not taken now, post it again.
        code: Why it was not taken.
        message: The same in words.
    """

    digest: bytes | None
    state: SettlementState
    code: str | None = None
    message: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a receipt stands, with the proof once its batch is composed."""

    status: ReceiptStatus
    inclusion: InclusionProof | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What an operator wants to see: what waits, how much is on its way, what went wrong last."""

    backlog: Backlog
    open_batches: int
    last_error: OpenGradientError | None


@final
class FullNode:
    """The service. Requests are answered while `run` runs."""

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        ledger: Ledger,
        settings: CheckSettings,
        batches: BatchPolicy,
        anchors: AnchorPolicy,
        workers: int,
        collateral: CollateralSource | None = None,
        clock_ms: Clock = system_clock_ms,
    ) -> None:
        """Put the node together.

        Args:
            store: The durable memory.
            blobs: Where batch data goes.
            ledger: The contracts.
            settings: What receipts are judged by.
            batches: When a batch is closed.
            anchors: How batches are sent and watched.
            workers: Processes that verify; 0 verifies in this one.
            collateral: Where to ask for what vendors sign beside evidence; None asks nobody, and
                judges evidence with what came with it.
            clock_ms: Unix milliseconds.
        """
        self._store = store
        self._blobs = blobs
        self._clock_ms = clock_ms
        self._evidence = EvidenceBook(
            store, ledger.keys, settings.policy, collateral or NoCollateral()
        )
        self._verifier = Verifier(
            settings,
            evidence=self._evidence,
            keys=ledger.keys,
            workers=workers,
            clock_ms=clock_ms,
        )
        self.batcher: Batcher = Batcher(
            store,
            batches,
            submitter=ledger.sender.address,
            clock_ms=clock_ms,
            on_composed=self._anchor_soon,
        )
        self.anchorer: Anchorer = Anchorer(
            store,
            blobs,
            ledger,
            anchors,
            clock_ms=clock_ms,
            on_dissolved=self.batcher.wake,
        )
        self._trees: OrderedDict[bytes, BatchTree] = OrderedDict()

    def _anchor_soon(self) -> None:
        self.anchorer.wake()

    async def run(self) -> None:
        """Batch and anchor for ever; to be cancelled. What is open is taken up again at a start."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.batcher.run)
            tasks.start_soon(self.anchorer.run)

    async def submit(self, body: bytes) -> list[Answer]:
        """Take a request full of receipts.

        When this returns, every receipt that it calls accepted is durable and will settle.

        Raises:
            MalformedError: The body is not a request.
        """
        outcomes = await self._verifier.check(body)
        good = [item for item in outcomes if isinstance(item, CheckedReceipt)]
        states = await self._store.accept(good, now_ms=self._clock_ms()) if good else {}
        if good:
            self.batcher.wake()
        return [
            _refusal(item)
            if isinstance(item, RefusedReceipt)
            else Answer(digest=item.digest, state=states[item.digest])
            for item in outcomes
        ]

    async def add_evidence(self, evidence: Evidence) -> bytes:
        """Verify and keep evidence.

        Raises:
            VerificationError: It does not verify.
            UnsupportedError: It is of a kind that this release does not know.
        """
        return await self._evidence.add(evidence, now_ms=self._clock_ms())

    async def evidence(self, digest: bytes) -> KnownEvidence | None:
        """Evidence by its digest."""
        return await self._evidence.get(digest)

    async def settlement(self, digest: bytes) -> Standing | None:
        """Where a receipt stands; None if it was never accepted here."""
        status = await self._store.status(digest)
        if status is None:
            return None
        return Standing(status=status, inclusion=await self._prove(status))

    async def _prove(self, status: ReceiptStatus) -> InclusionProof | None:
        batch = status.batch
        if batch is None or batch.state == BatchState.INVALID:
            return None
        tree = await self._tree(batch.root)
        return InclusionProof(
            root=batch.root,
            size=batch.size,
            proof=tree.proof(status.leaf),
            blob_id=batch.blob_id,
            submitter=batch.submitter,
            anchor=batch.anchor,
        )

    async def _tree(self, root: bytes) -> BatchTree:
        tree = self._trees.get(root)
        if tree is None:
            leaves = await self._store.leaves_of(root)
            tree = self._trees[root] = await to_thread.run_sync(BatchTree, leaves)
            while len(self._trees) > _TREES:
                self._trees.popitem(last=False)
        else:
            self._trees.move_to_end(root)
        return tree

    async def batch(self, root: bytes) -> BatchRow | None:
        """A batch by its root."""
        return await self._store.batch(root)

    async def blob(self, blob_id: bytes) -> bytes | None:
        """Batch data by its content id.

        Raises:
            SettlementError: `settlement.blob`: it was damaged.
        """
        return await self._blobs.get(blob_id)

    async def health(self) -> Health:
        """How the node is."""
        return Health(
            backlog=await self._store.backlog(),
            open_batches=len(await self._store.open_batches()),
            last_error=self.anchorer.last_error,
        )


def _refusal(item: RefusedReceipt) -> Answer:
    state = SettlementState.QUEUED if item.retry else SettlementState.REFUSED
    return Answer(digest=item.digest, state=state, code=item.code, message=item.message)
