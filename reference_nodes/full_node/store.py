"""The store in one SQLite file, on the kit's journal: one fsync for all who wait together."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, final

from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import SettlementState
from reference_nodes._kit.journal import Journal
from reference_nodes.full_node import tables
from reference_nodes.full_node.records import (
    OPEN_STATES,
    Backlog,
    BatchRow,
    BatchState,
    CheckedReceipt,
    KnownEvidence,
    PendingReceipt,
    ReceiptStatus,
)
from reference_nodes.full_node.schema import MIGRATIONS

_P = ParamSpec("_P")
_T = TypeVar("_T")
_OPEN = "state IN (" + ", ".join(f"'{state}'" for state in OPEN_STATES) + ") ORDER BY seq"
_PENDING = "mode = ? AND batch IS NULL AND refusal IS NULL ORDER BY seq LIMIT ?"


@final
class SqliteStore:
    """`records.Store` in one file. Use it as an async context manager."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        self._journal = Journal(path, MIGRATIONS)

    async def __aenter__(self) -> Self:
        """Open or create the file, and bring its tables up to date.

        Raises:
            ConfigurationError: The file is in use, or is of a newer release.
        """
        await self._journal.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file. What was written stays."""
        await self._journal.__aexit__(kind, error, trace)

    async def _run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        return await self._journal.run(lambda db: work(db, *args, **kwargs))

    async def accept(
        self, receipts: Sequence[CheckedReceipt], *, now_ms: int
    ) -> dict[bytes, SettlementState]:
        """See `records.Store.accept`."""
        return await self._run(tables.accept, receipts, now_ms)

    async def status(self, digest: bytes) -> ReceiptStatus | None:
        """See `records.Store.status`."""
        return await self._run(tables.find_status, digest)

    async def backlog(self) -> Backlog:
        """See `records.Store.backlog`."""
        return await self._run(tables.read_backlog)

    async def pending(self, mode: SettlementMode, limit: int) -> tuple[PendingReceipt, ...]:
        """See `records.Store.pending`."""
        return await self._run(tables.select_receipts, _PENDING, (int(mode), limit))

    async def compose(self, batch: BatchRow, digests: Sequence[bytes]) -> None:
        """See `records.Store.compose`."""
        await self._run(tables.compose, batch, digests)

    async def batch(self, root: bytes) -> BatchRow | None:
        """See `records.Store.batch`."""
        return await self._run(tables.find_batch, root)

    async def open_batches(self) -> tuple[BatchRow, ...]:
        """See `records.Store.open_batches`."""
        return await self._run(tables.select_batches, _OPEN)

    async def update_batch(self, batch: BatchRow, *, expected: BatchState) -> None:
        """See `records.Store.update_batch`."""
        await self._run(tables.update_batch, batch, expected)

    async def dissolve(self, root: bytes, refused_nodes: Sequence[bytes], *, code: str) -> None:
        """See `records.Store.dissolve`."""
        await self._run(tables.dissolve, root, refused_nodes, code)

    async def nodes_of(self, root: bytes) -> tuple[bytes, ...]:
        """See `records.Store.nodes_of`."""
        return await self._run(
            tables.column, "SELECT DISTINCT node_id FROM receipts WHERE batch = ?", root
        )

    async def receipts_of(self, root: bytes) -> tuple[PendingReceipt, ...]:
        """See `records.Store.receipts_of`."""
        return await self._run(tables.select_receipts, "batch = ? ORDER BY digest", (root,))

    async def leaves_of(self, root: bytes) -> tuple[bytes, ...]:
        """See `records.Store.leaves_of`."""
        return await self._run(tables.column, "SELECT leaf FROM receipts WHERE batch = ?", root)

    async def put_evidence(self, known: KnownEvidence) -> None:
        """See `records.Store.put_evidence`."""
        await self._run(tables.put_evidence, known)

    async def evidence(self, digest: bytes) -> KnownEvidence | None:
        """See `records.Store.evidence`."""
        return await self._run(tables.find_evidence, digest)
