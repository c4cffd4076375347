"""What the full node remembers, as values, and the interface of whatever remembers it."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, final

from opengradient.core.evidence import Evidence
from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import Anchor, SettlementState


class CheckedReceipt(NamedTuple):
    """A receipt that passed `verify_for_settlement`, as it goes from a worker to the store.

    A tuple, because a thousand at a time cross a process boundary.
    """

    digest: bytes
    leaf: bytes
    node_id: bytes
    evidence_digest: bytes
    mode: int
    finished_at_ms: int
    signed: bytes
    bundle: bytes | None


class RefusedReceipt(NamedTuple):
    """A receipt that did not pass, and why.

    `digest` is None where the item could not even be read. `retry` says that the same receipt
    may pass later; `evidence_digest` names evidence that was missing.
    """

    digest: bytes | None
    code: str
    message: str
    retry: bool
    evidence_digest: bytes | None = None


class BatchState(enum.StrEnum):
    """How far a batch has come; each state is durable before the next step begins.

    COMPOSED: its receipts are fixed. STORED: its data is in the blob store. SUBMITTED: a
    transaction may have been sent. ANCHORED: found on the ledger. FINAL: deep enough. INVALID: shown to the
    contract to be wrong. DISSOLVED: given up before anything was sent, because a key in it was
    revoked; its other receipts went to other batches.
    """

    COMPOSED = "composed"
    STORED = "stored"
    SUBMITTED = "submitted"
    ANCHORED = "anchored"
    FINAL = "final"
    INVALID = "invalid"
    DISSOLVED = "dissolved"


OPEN_STATES = (BatchState.COMPOSED, BatchState.STORED, BatchState.SUBMITTED, BatchState.ANCHORED)
"""The states in which the anchorer still has something to do."""

SETTLEMENT_STATES = {
    BatchState.COMPOSED: SettlementState.ACCEPTED,
    BatchState.STORED: SettlementState.BATCHED,
    BatchState.SUBMITTED: SettlementState.BATCHED,
    BatchState.ANCHORED: SettlementState.ANCHORED,
    BatchState.FINAL: SettlementState.FINAL,
    BatchState.INVALID: SettlementState.REFUSED,
}
"""What the state of its batch says about a receipt."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One batch.

    Attributes:
        root: Root of its tree.
        size: Receipts in it.
        blob_id: Content id of its data.
        submitter: The address that anchors or anchored it.
        state: How far it has come.
        created_at_ms: When it was composed, Unix milliseconds.
        transaction_hash: The last transaction that was sent for it.
        anchor: Where it was found on the ledger.
    """

    root: bytes
    size: int
    blob_id: bytes
    submitter: bytes
    state: BatchState
    created_at_ms: int
    transaction_hash: bytes | None = None
    anchor: Anchor | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReceipt:
    """A receipt that waits for its batch."""

    digest: bytes
    leaf: bytes
    signed: bytes
    bundle: bytes | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits for its batch: counts, and since when the oldest BATCH_HASHED one waits."""

    hashed: int
    full: int
    oldest_hashed_ms: int | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptStatus:
    """Where one receipt stands.

    Attributes:
        digest: Its signing digest.
        leaf: Its leaf.
        state: How far it has come.
        batch: Its batch, once it has one.
        reason: Code of why it will not settle.
    """

    digest: bytes
    leaf: bytes
    state: SettlementState
    batch: BatchRow | None
    reason: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvidence:
    """Evidence that was verified, and the time at which it was judged, Unix milliseconds."""

    evidence: Evidence
    judged_at_ms: int


class Store(Protocol):
    """The durable memory of a full node. Every method is one transaction.

    When a method returns, what it wrote survives the loss of the process and of power. Two
    invariants are the store's own: a digest is accepted once, and a receipt has at most one batch.
    """

    async def accept(
        self, receipts: Sequence[CheckedReceipt], *, now_ms: int
    ) -> dict[bytes, SettlementState]:
        """Keep receipts; those whose digest is known keep their first form. All states by digest."""
        ...

    async def status(self, digest: bytes) -> ReceiptStatus | None:
        """Where a receipt stands; None if it was never accepted."""
        ...

    async def backlog(self) -> Backlog:
        """What waits for its batch."""
        ...

    async def pending(self, mode: SettlementMode, limit: int) -> tuple[PendingReceipt, ...]:
        """The oldest receipts that wait for their batch."""
        ...

    async def compose(self, batch: BatchRow, digests: Sequence[bytes]) -> None:
        """Fix a batch: all its receipts must be waiting, or nothing is written."""
        ...

    async def batch(self, root: bytes) -> BatchRow | None:
        """One batch."""
        ...

    async def open_batches(self) -> tuple[BatchRow, ...]:
        """The batches with something left to do, oldest first."""
        ...

    async def update_batch(self, batch: BatchRow, *, expected: BatchState) -> None:
        """Write a batch's state, transaction and anchor, if it is in the expected state."""
        ...

    async def dissolve(self, root: bytes, refused_nodes: Sequence[bytes], *, code: str) -> None:
        """Give up a batch that was never sent: refuse these nodes' receipts, free the others."""
        ...

    async def nodes_of(self, root: bytes) -> tuple[bytes, ...]:
        """The nodes whose receipts are in a batch."""
        ...

    async def receipts_of(self, root: bytes) -> tuple[PendingReceipt, ...]:
        """A batch's receipts, ascending by digest."""
        ...

    async def leaves_of(self, root: bytes) -> tuple[bytes, ...]:
        """A batch's leaves."""
        ...

    async def put_evidence(self, known: KnownEvidence) -> None:
        """Keep evidence; the first time of judgement stays."""
        ...

    async def evidence(self, digest: bytes) -> KnownEvidence | None:
        """Evidence by its digest."""
        ...
