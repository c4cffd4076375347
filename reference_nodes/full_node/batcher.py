"""Puts accepted receipts into batches. A batch's receipts are fixed before anything is sent."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import anyio
from anyio import to_thread

from opengradient.core.batches import MAX_BATCH
from opengradient.core.digests import sha256
from opengradient.core.merkle import BatchTree
from opengradient.core.modes import SettlementMode
from opengradient.errors import ConfigurationError
from opengradient.wire.batches import join_batch
from reference_nodes._kit.clock import Clock
from reference_nodes.full_node.records import BatchRow, BatchState, PendingReceipt, Store

_log = logging.getLogger("opengradient.full_node")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """When a batch is closed.

    Attributes:
        size: Receipts in a full batch, at most 4096.
        max_age_ms: How long a receipt waits at most before a smaller batch is closed.
    """

    size: int = 1000
    max_age_ms: int = 10_000

    def __post_init__(self) -> None:
        """Refuse batches that could not be, and waiting that never ends."""
        if not 1 <= self.size <= MAX_BATCH or self.max_age_ms < 0:
            raise ConfigurationError(f"a batch has 1 to {MAX_BATCH} receipts and a finite age")


@final
class Batcher:
    """Closes batches by size and by age; an INDIVIDUAL_FULL receipt is a batch of its own."""

    def __init__(
        self,
        store: Store,
        policy: BatchPolicy,
        *,
        submitter: bytes,
        clock_ms: Clock,
        on_composed: Callable[[], None],
    ) -> None:
        """Compose batches of the receipts in `store`.

        Args:
            store: Where receipts wait.
            policy: When a batch is closed.
            submitter: The 20-byte address that will anchor them.
            clock_ms: Unix milliseconds.
            on_composed: Called after each new batch.
        """
        self._store = store
        self._policy = policy
        self._submitter = submitter
        self._clock_ms = clock_ms
        self._on_composed = on_composed
        self._changed = anyio.Event()

    def wake(self) -> None:
        """Say that receipts were accepted."""
        self._changed.set()

    async def run(self) -> None:
        """Compose for ever; to be cancelled."""
        while True:
            self._changed = anyio.Event()
            wait_ms = await self.compose_due()
            with anyio.move_on_after(None if wait_ms is None else wait_ms / 1000):
                await self._changed.wait()

    async def compose_due(self) -> int | None:
        """Compose every batch that is due.

        Returns:
            Milliseconds until the next one is due by its age; None if no receipt waits.
        """
        while True:
            backlog = await self._store.backlog()
            if backlog.full:
                await self._compose(SettlementMode.INDIVIDUAL_FULL, 1)
            elif backlog.oldest_hashed_ms is None:
                return None
            else:
                left = backlog.oldest_hashed_ms + self._policy.max_age_ms - self._clock_ms()
                if backlog.hashed < self._policy.size and left > 0:
                    return left
                await self._compose(SettlementMode.BATCH_HASHED, self._policy.size)

    async def _compose(self, mode: SettlementMode, limit: int) -> None:
        receipts = await self._store.pending(mode, limit)
        root, blob = await to_thread.run_sync(build, receipts)
        batch = BatchRow(
            root=root,
            size=len(receipts),
            blob_id=sha256(blob),
            submitter=self._submitter,
            state=BatchState.COMPOSED,
            created_at_ms=self._clock_ms(),
        )
        await self._store.compose(batch, [item.digest for item in receipts])
        _log.info("batch 0x%s composed: %d receipts, %s", root.hex(), batch.size, mode.name)
        self._on_composed()


def build(receipts: tuple[PendingReceipt, ...]) -> tuple[bytes, bytes]:
    """The root and the data of a batch; the same receipts give the same bytes in any order."""
    ordered = sorted(receipts, key=lambda item: item.digest)
    tree = BatchTree([item.leaf for item in ordered])
    return tree.root, join_batch([item.signed for item in ordered], ordered[0].bundle)
