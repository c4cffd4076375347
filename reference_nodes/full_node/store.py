"""The store in one SQLite file: write-ahead log, synchronous=FULL, one connection, one thread."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, final

import anyio
from anyio import to_thread

from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import SettlementState
from opengradient.errors import ConfigurationError
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
    """`records.Store` in one file. Calls run in a thread, one after the other."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, and bring its tables up to date.

        Raises:
            ConfigurationError: The file is in use, or is of a newer release.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._limiter = anyio.CapacityLimiter(1)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        try:
            # EXCLUSIVE keeps a second process out of the same file.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()
        except sqlite3.OperationalError as error:
            self._db.close()
            raise ConfigurationError(f"the store {path} cannot be opened: {error}") from error

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise ConfigurationError(
                f"the store has version {version}; this release knows {len(MIGRATIONS)}"
            )
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    def close(self) -> None:
        """Close the file. What was written stays."""
        self._db.close()

    async def _run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        def transaction() -> _T:
            # Commits where the work returns, rolls back where it raises. A cancelled caller waits
            # for the thread (anyio's default), so no half-run transaction is left behind.
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                return work(self._db, *args, **kwargs)

        return await to_thread.run_sync(transaction, limiter=self._limiter)

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
