"""Takes batches to the ledger: composed, stored, submitted, anchored, final.

Each state is durable before the next step. Whatever is lost on the way (this process, the
ledger, a block), the next look at the ledger tells where a batch really is: the contract takes a
root once, so sending again can at worst cost the fee of a reverted transaction.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from opengradient.chain.calls import SettlementCalls
from opengradient.chain.sender import TransactionSender
from opengradient.chain.settlement import SettlementReader
from opengradient.chain.values import BatchRecord, BatchStatus
from opengradient.errors import (
    ChainError,
    NotFinalError,
    OpenGradientError,
    SettlementError,
)
from reference_nodes._kit.clock import Clock
from reference_nodes.full_node.batcher import build
from reference_nodes.full_node.blobs import BlobStore
from reference_nodes.full_node.keys import KeyBook
from reference_nodes.full_node.records import BatchRow, BatchState, Store

_log = logging.getLogger("opengradient.full_node")

_UNSENT: Final = frozenset({BatchState.COMPOSED, BatchState.STORED, BatchState.SUBMITTED})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPolicy:
    """How batches are sent and watched.

    Attributes:
        confirmations: Blocks that must lie on the anchor before it is final.
        poll_s: Seconds between two looks at anchors that are not final yet.
        first_backoff_s: Seconds before the first repetition after a failure; doubled each time,
        max_backoff_s: up to this.
        in_flight: Batches that are sent at the same time.
    """

    confirmations: int = 12
    poll_s: float = 1.0
    first_backoff_s: float = 0.25
    max_backoff_s: float = 30.0
    in_flight: int = 8


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The settlement contract, read and written."""

    reader: SettlementReader
    calls: SettlementCalls
    sender: TransactionSender
    keys: KeyBook


@final
class Anchorer:
    """Drives every batch to its final state."""

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        ledger: Ledger,
        policy: AnchorPolicy,
        *,
        clock_ms: Clock,
        on_dissolved: Callable[[], None],
    ) -> None:
        """Anchor the batches of `store`.

        Args:
            store: Where batches and their states are.
            blobs: Where batch data goes.
            ledger: The contract.
            policy: How to send and watch.
            clock_ms: Unix milliseconds.
            on_dissolved: Called when receipts were freed for another batch.
        """
        self._store = store
        self._blobs = blobs
        self._ledger = ledger
        self._policy = policy
        self._clock_ms = clock_ms
        self._on_dissolved = on_dissolved
        self._changed = anyio.Event()
        self._driven: set[bytes] = set()
        self._slots = anyio.CapacityLimiter(policy.in_flight)
        self.last_error: OpenGradientError | None = None

    def wake(self) -> None:
        """Say that a batch was composed."""
        self._changed.set()

    async def run(self) -> None:
        """Anchor for ever; to be cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                self._changed = anyio.Event()
                waiting = await self._look(tasks)
                with anyio.move_on_after(self._policy.poll_s if waiting else None):
                    await self._changed.wait()

    async def _look(self, tasks: TaskGroup) -> bool:
        """Start what is not driven yet and watch what is anchored; True while some is open."""
        batches = await self._store.open_batches()
        anchored = []
        for batch in batches:
            if batch.state in _UNSENT and batch.root not in self._driven:
                self._driven.add(batch.root)
                tasks.start_soon(self._drive, batch)
            elif batch.state == BatchState.ANCHORED:
                anchored.append(batch)
        try:
            await self._watch(anchored)
        except OpenGradientError as error:
            self._note(error, "watching anchors")
        return bool(anchored)

    def _note(self, error: OpenGradientError, what: str) -> None:
        self.last_error = error
        _log.warning("%s: %s: %s", what, error.code, error.message)

    # --- until it is anchored ---

    async def _drive(self, batch: BatchRow) -> None:
        backoff = self._policy.first_backoff_s
        async with self._slots:
            while batch.state in _UNSENT:
                try:
                    batch = await self.step(batch)
                    backoff = self._policy.first_backoff_s
                except OpenGradientError as error:
                    self._note(error, f"batch 0x{batch.root.hex()} ({batch.state})")
                    await anyio.sleep(backoff)
                    backoff = min(2 * backoff, self._policy.max_backoff_s)
                    # A step that failed may have written before it did.
                    batch = await self._store.batch(batch.root) or batch
        self._driven.discard(batch.root)
        self.wake()

    async def step(self, batch: BatchRow) -> BatchRow:
        """One step of a batch that is not anchored yet; returns it in its new state."""
        if batch.state == BatchState.COMPOSED:
            return await self._keep_data(batch)
        if batch.state == BatchState.STORED:
            if await self._dissolve_revoked(batch):
                return replace(batch, state=BatchState.DISSOLVED)
            # Written before anything is sent: from here on the batch can no longer be given up.
            return await self._write(batch, state=BatchState.SUBMITTED)
        record = await self._ledger.reader.batch(batch.root)
        if record is None:
            batch = await self._send(batch)
            record = await self._ledger.reader.batch(batch.root)
        if record is None:
            raise NotFinalError("the batch is not on the ledger yet")
        return await self._found(batch, record)

    async def _keep_data(self, batch: BatchRow) -> BatchRow:
        receipts = await self._store.receipts_of(batch.root)
        root, blob = await to_thread.run_sync(build, receipts)
        blob_id = await self._blobs.put(blob)
        if (root, blob_id) != (batch.root, batch.blob_id):
            raise SettlementError(
                "the receipts of a batch are no longer those it was composed of",
                code="settlement.batch_data",
            )
        return await self._write(batch, state=BatchState.STORED)

    async def _dissolve_revoked(self, batch: BatchRow) -> bool:
        """Ask the ledger once more before a batch is sent, and give it up if a key was revoked.

        A receipt was checked when it came in; if that is long ago, the contract may by now take
        it for a fault of its submitter.
        """
        keys = await self._ledger.keys.current(await self._store.nodes_of(batch.root))
        if any(key is None for key in keys.values()):
            raise SettlementError(
                "the registry no longer knows a node that it knew", code="settlement.unknown_node"
            )
        refused = [node_id for node_id, key in keys.items() if key is not None and key.revoked]
        if not refused:
            return False
        await self._store.dissolve(batch.root, refused, code="settlement.key_revoked")
        _log.warning("batch 0x%s dissolved: a key in it was revoked", batch.root.hex())
        self._on_dissolved()
        return True

    async def _send(self, batch: BatchRow) -> BatchRow:
        sender = self._ledger.sender
        call = self._ledger.calls.anchor(root=batch.root, size=batch.size, blob_id=batch.blob_id)
        submission = await sender.send(call)
        batch = await self._write(batch, transaction_hash=submission.latest.hash)
        await sender.wait(submission, confirmations=0)
        return batch

    async def _found(self, batch: BatchRow, record: BatchRecord) -> BatchRow:
        """Note where the ledger has the batch. Whoever anchored it: a root is anchored once."""
        valid = record.status == BatchStatus.ANCHORED
        if not valid:
            _log.error("batch 0x%s was shown to the contract to be wrong", batch.root.hex())
        return await self._write(
            batch,
            state=BatchState.ANCHORED if valid else BatchState.INVALID,
            anchor=record.anchor,
            blob_id=record.blob_id,
            submitter=record.submitter,
        )

    async def _write(self, batch: BatchRow, **changes: object) -> BatchRow:
        changed = replace(batch, **changes)  # type: ignore[arg-type]
        await self._store.update_batch(changed, expected=batch.state)
        if changed.state != batch.state:
            _log.info("batch 0x%s is %s", batch.root.hex(), changed.state)
        return changed

    # --- until it is final ---

    async def _watch(self, batches: list[BatchRow]) -> None:
        """Look at each block that anchors batches, once."""
        blocks: dict[bytes, list[BatchRow]] = {}
        for batch in batches:
            if batch.anchor is not None:
                blocks.setdefault(batch.anchor.block_hash, []).append(batch)
        for group in blocks.values():
            await self._watch_block(group)

    async def _watch_block(self, group: list[BatchRow]) -> None:
        anchor = group[0].anchor
        if anchor is None:
            return
        try:
            await self._ledger.reader.check_final(anchor, confirmations=self._policy.confirmations)
        except NotFinalError:
            return
        except ChainError as error:
            if error.code != "chain.reorganised":
                raise
            for batch in group:
                await self._after_reorganisation(batch)
            return
        for batch in group:
            await self._finish(batch)

    async def _finish(self, batch: BatchRow) -> None:
        record = await self._ledger.reader.batch(batch.root)
        if record is None or record.anchor != batch.anchor:
            await self._after_reorganisation(batch)
        elif record.status == BatchStatus.ANCHORED:
            await self._write(batch, state=BatchState.FINAL)
        else:
            await self._found(batch, record)

    async def _after_reorganisation(self, batch: BatchRow) -> None:
        """Find the batch's new block, or send it again: the same root, the same data."""
        _log.warning("the block that anchored batch 0x%s is gone", batch.root.hex())
        record = await self._ledger.reader.batch(batch.root)
        if record is not None:
            await self._found(batch, record)
            return
        await self._write(batch, state=BatchState.SUBMITTED, anchor=None)
        self.wake()
