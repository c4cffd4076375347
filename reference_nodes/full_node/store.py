"""The store in one SQLite file: write-ahead log, synchronous=FULL, one connection, one thread."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, final

import anyio
from anyio import to_thread

from opengradient.core.evidence import Evidence
from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import Anchor, SettlementState
from opengradient.errors import ConfigurationError, OpenGradientError
from reference_nodes.full_node.records import (
    OPEN_STATES,
    SETTLEMENT_STATES,
    Backlog,
    BatchRow,
    BatchState,
    CheckedReceipt,
    KnownEvidence,
    PendingReceipt,
    ReceiptStatus,
)
from reference_nodes.full_node.schema import MIGRATIONS

_T = TypeVar("_T")
_BATCH = (
    "root, size, blob_id, submitter, state, created_at_ms, transaction_hash, anchor_chain, "
    "anchor_contract, anchor_transaction, anchor_block, anchor_block_hash, anchor_block_time"
)
_HIDDEN = ", ".join(f"'{state}'" for state in OPEN_STATES)


@final
class SqliteStore:
    """`records.Store` in one file. Calls run in a thread, one after the other."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, and bring its tables up to date.

        Raises:
            ConfigurationError: The file is of a newer release.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._limiter = anyio.CapacityLimiter(1)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._migrate()

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

    async def _run(self, work: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        def transaction() -> _T:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                result = work(*args, **kwargs)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            return result

        # A cancelled caller must not leave a half-run transaction behind for the next one.
        with anyio.CancelScope(shield=True):
            return await to_thread.run_sync(transaction, limiter=self._limiter)

    async def accept(
        self, receipts: Sequence[CheckedReceipt], *, now_ms: int
    ) -> dict[bytes, SettlementState]:
        """See `records.Store.accept`."""
        return await self._run(partial(self._accept, receipts, now_ms))

    def _accept(
        self, receipts: Sequence[CheckedReceipt], now_ms: int
    ) -> dict[bytes, SettlementState]:
        states: dict[bytes, SettlementState] = {}
        for item in receipts:
            cursor = self._db.execute(
                "INSERT INTO receipts (digest, leaf, node_id, mode, signed, bundle, accepted_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                (
                    item.digest,
                    item.leaf,
                    item.node_id,
                    item.mode,
                    item.signed,
                    item.bundle,
                    now_ms,
                ),
            )
            if cursor.rowcount:
                states[item.digest] = SettlementState.ACCEPTED
            elif item.digest not in states:
                known = self._status(item.digest)
                states[item.digest] = known.state if known else SettlementState.ACCEPTED
        return states

    async def status(self, digest: bytes) -> ReceiptStatus | None:
        """See `records.Store.status`."""
        return await self._run(self._status, digest)

    def _status(self, digest: bytes) -> ReceiptStatus | None:
        row = self._db.execute(
            "SELECT leaf, batch, refusal FROM receipts WHERE digest = ?", (digest,)
        ).fetchone()
        if row is None:
            return None
        leaf, root, refusal = row
        batch = None if root is None else self._batch(root)
        state, reason = SettlementState.ACCEPTED, None
        if refusal is not None:
            state, reason = SettlementState.REFUSED, refusal
        elif batch is not None:
            state = SETTLEMENT_STATES[batch.state]
            reason = "settlement.batch_invalid" if batch.state == BatchState.INVALID else None
        return ReceiptStatus(digest=digest, leaf=leaf, state=state, batch=batch, reason=reason)

    async def backlog(self) -> Backlog:
        """See `records.Store.backlog`."""
        return await self._run(self._backlog)

    def _backlog(self) -> Backlog:
        rows = self._db.execute(
            "SELECT mode, count(*), min(accepted_at_ms) FROM receipts"
            " WHERE batch IS NULL AND refusal IS NULL GROUP BY mode"
        ).fetchall()
        counts = {mode: (count, oldest) for mode, count, oldest in rows}
        hashed, oldest = counts.get(int(SettlementMode.BATCH_HASHED), (0, None))
        full, _ = counts.get(int(SettlementMode.INDIVIDUAL_FULL), (0, None))
        return Backlog(hashed=hashed, full=full, oldest_hashed_ms=oldest)

    async def pending(self, mode: SettlementMode, limit: int) -> tuple[PendingReceipt, ...]:
        """See `records.Store.pending`."""
        return await self._run(
            self._receipts,
            "mode = ? AND batch IS NULL AND refusal IS NULL ORDER BY seq LIMIT ?",
            (int(mode), limit),
        )

    def _receipts(self, where: str, arguments: tuple[Any, ...]) -> tuple[PendingReceipt, ...]:
        rows = self._db.execute(
            f"SELECT digest, leaf, signed, bundle FROM receipts WHERE {where}",  # noqa: S608
            arguments,
        )
        return tuple(PendingReceipt(digest=d, leaf=f, signed=s, bundle=b) for d, f, s, b in rows)

    async def compose(self, batch: BatchRow, digests: Sequence[bytes]) -> None:
        """See `records.Store.compose`."""
        await self._run(self._compose, batch, digests)

    def _compose(self, batch: BatchRow, digests: Sequence[bytes]) -> None:
        self._db.execute(
            "INSERT INTO batches (root, size, blob_id, submitter, state, created_at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                batch.root,
                batch.size,
                batch.blob_id,
                batch.submitter,
                batch.state.value,
                batch.created_at_ms,
            ),
        )
        cursor = self._db.executemany(
            "UPDATE receipts SET batch = ?"
            " WHERE digest = ? AND batch IS NULL AND refusal IS NULL",
            [(batch.root, digest) for digest in digests],
        )
        if not cursor.rowcount == len(digests) == batch.size:
            raise OpenGradientError("a receipt of the new batch does not wait for one")

    async def batch(self, root: bytes) -> BatchRow | None:
        """See `records.Store.batch`."""
        return await self._run(self._batch, root)

    def _batch(self, root: bytes) -> BatchRow | None:
        rows = self._batches("root = ?", (root,))
        return rows[0] if rows else None

    def _batches(self, where: str, arguments: tuple[Any, ...] = ()) -> tuple[BatchRow, ...]:
        rows = self._db.execute(f"SELECT {_BATCH} FROM batches WHERE {where}", arguments)  # noqa: S608
        return tuple(_read_batch(row) for row in rows)

    async def open_batches(self) -> tuple[BatchRow, ...]:
        """See `records.Store.open_batches`."""
        return await self._run(self._batches, f"state IN ({_HIDDEN}) ORDER BY seq")

    async def update_batch(self, batch: BatchRow, *, expected: BatchState) -> None:
        """See `records.Store.update_batch`."""
        await self._run(self._update_batch, batch, expected)

    def _update_batch(self, batch: BatchRow, expected: BatchState) -> None:
        anchor = batch.anchor
        where = (
            (None,) * 6
            if anchor is None
            else (
                anchor.chain_id,
                anchor.settlement_contract,
                anchor.transaction_hash,
                anchor.block_number,
                anchor.block_hash,
                anchor.block_time,
            )
        )
        cursor = self._db.execute(
            "UPDATE batches SET state = ?, blob_id = ?, submitter = ?, transaction_hash = ?,"
            " anchor_chain = ?, anchor_contract = ?, anchor_transaction = ?, anchor_block = ?,"
            " anchor_block_hash = ?, anchor_block_time = ? WHERE root = ? AND state = ?",
            (
                batch.state.value,
                batch.blob_id,
                batch.submitter,
                batch.transaction_hash,
                *where,
                batch.root,
                expected.value,
            ),
        )
        if cursor.rowcount != 1:
            raise OpenGradientError(f"the batch is not in the state {expected.value}")

    async def dissolve(self, root: bytes, refused_nodes: Sequence[bytes], *, code: str) -> None:
        """See `records.Store.dissolve`."""
        await self._run(self._dissolve, root, refused_nodes, code)

    def _dissolve(self, root: bytes, refused_nodes: Sequence[bytes], code: str) -> None:
        cursor = self._db.execute(
            "UPDATE batches SET state = ? WHERE root = ? AND transaction_hash IS NULL"
            " AND state IN ('composed', 'stored')",
            (BatchState.DISSOLVED.value, root),
        )
        if cursor.rowcount != 1:
            raise OpenGradientError("only a batch that was never sent can be dissolved")
        self._db.executemany(
            "UPDATE receipts SET batch = NULL, refusal = ? WHERE batch = ? AND node_id = ?",
            [(code, root, node) for node in refused_nodes],
        )
        self._db.execute("UPDATE receipts SET batch = NULL WHERE batch = ?", (root,))

    async def nodes_of(self, root: bytes) -> tuple[bytes, ...]:
        """See `records.Store.nodes_of`."""
        return await self._run(
            self._column, "SELECT DISTINCT node_id FROM receipts WHERE batch = ?", root
        )

    async def receipts_of(self, root: bytes) -> tuple[PendingReceipt, ...]:
        """See `records.Store.receipts_of`."""
        return await self._run(self._receipts, "batch = ? ORDER BY digest", (root,))

    async def leaves_of(self, root: bytes) -> tuple[bytes, ...]:
        """See `records.Store.leaves_of`."""
        return await self._run(self._column, "SELECT leaf FROM receipts WHERE batch = ?", root)

    def _column(self, query: str, root: bytes) -> tuple[bytes, ...]:
        return tuple(row[0] for row in self._db.execute(query, (root,)))

    async def put_evidence(self, known: KnownEvidence) -> None:
        """See `records.Store.put_evidence`."""
        await self._run(self._put_evidence, known)

    def _put_evidence(self, known: KnownEvidence) -> None:
        evidence = known.evidence
        self._db.execute(
            "INSERT INTO evidence VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                evidence.digest(),
                evidence.kind,
                evidence.document,
                json.dumps([item.hex() for item in evidence.collateral]),
                known.judged_at_ms,
            ),
        )

    async def evidence(self, digest: bytes) -> KnownEvidence | None:
        """See `records.Store.evidence`."""
        return await self._run(self._evidence, digest)

    def _evidence(self, digest: bytes) -> KnownEvidence | None:
        row = self._db.execute(
            "SELECT kind, document, collateral, judged_at_ms FROM evidence WHERE digest = ?",
            (digest,),
        ).fetchone()
        if row is None:
            return None
        kind, document, collateral, judged_at_ms = row
        items = tuple(bytes.fromhex(item) for item in json.loads(collateral))
        evidence = Evidence(kind=kind, document=document, collateral=items)
        return KnownEvidence(evidence=evidence, judged_at_ms=judged_at_ms)


def _read_batch(row: tuple[Any, ...]) -> BatchRow:
    root, size, blob_id, submitter, state, created_at_ms, transaction_hash, *where = row
    anchor = None
    if where[0] is not None:
        anchor = Anchor(
            chain_id=where[0],
            settlement_contract=where[1],
            transaction_hash=where[2],
            block_number=where[3],
            block_hash=where[4],
            block_time=where[5],
        )
    return BatchRow(
        root=root,
        size=size,
        blob_id=blob_id,
        submitter=submitter,
        state=BatchState(state),
        created_at_ms=created_at_ms,
        transaction_hash=transaction_hash,
        anchor=anchor,
    )
