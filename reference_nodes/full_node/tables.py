"""The statements behind the store: functions over a connection, inside its transaction.

Each checks before its first write, because a transaction may be shared with others.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import Evidence
from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import Anchor, SettlementState
from opengradient.errors import OpenGradientError
from reference_nodes.full_node.records import (
    SETTLEMENT_STATES,
    Backlog,
    BatchRow,
    BatchState,
    CheckedReceipt,
    KnownEvidence,
    PendingReceipt,
    ReceiptStatus,
)

_BATCH = (
    "root, size, blob_id, submitter, state, created_at_ms, transaction_hash, anchor_chain, "
    "anchor_contract, anchor_transaction, anchor_block, anchor_block_hash, anchor_block_time"
)


def accept(
    db: sqlite3.Connection, receipts: Sequence[CheckedReceipt], now_ms: int
) -> dict[bytes, SettlementState]:
    """See `records.Store.accept`."""
    states: dict[bytes, SettlementState] = {}
    for item in receipts:
        cursor = db.execute(
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
            known = find_status(db, item.digest)
            states[item.digest] = known.state if known else SettlementState.ACCEPTED
    return states


def find_status(db: sqlite3.Connection, digest: bytes) -> ReceiptStatus | None:
    """See `records.Store.status`."""
    row = db.execute(
        "SELECT leaf, batch, refusal FROM receipts WHERE digest = ?", (digest,)
    ).fetchone()
    if row is None:
        return None
    leaf, root, refusal = row
    batch = None if root is None else find_batch(db, root)
    state, reason = SettlementState.ACCEPTED, None
    if refusal is not None:
        state, reason = SettlementState.REFUSED, refusal
    elif batch is not None:
        state = SETTLEMENT_STATES[batch.state]
        reason = "settlement.batch_invalid" if batch.state == BatchState.INVALID else None
    return ReceiptStatus(digest=digest, leaf=leaf, state=state, batch=batch, reason=reason)


def read_backlog(db: sqlite3.Connection) -> Backlog:
    """See `records.Store.backlog`."""
    rows = db.execute(
        "SELECT mode, count(*), min(accepted_at_ms) FROM receipts"
        " WHERE batch IS NULL AND refusal IS NULL GROUP BY mode"
    ).fetchall()
    counts = {mode: (count, oldest) for mode, count, oldest in rows}
    hashed, oldest = counts.get(int(SettlementMode.BATCH_HASHED), (0, None))
    full, _ = counts.get(int(SettlementMode.INDIVIDUAL_FULL), (0, None))
    return Backlog(hashed=hashed, full=full, oldest_hashed_ms=oldest)


def select_receipts(
    db: sqlite3.Connection, where: str, arguments: tuple[Any, ...]
) -> tuple[PendingReceipt, ...]:
    """Receipts by a condition that this package wrote."""
    rows = db.execute(
        f"SELECT digest, leaf, signed, bundle FROM receipts WHERE {where}",  # noqa: S608
        arguments,
    )
    return tuple(PendingReceipt(digest=d, leaf=f, signed=s, bundle=b) for d, f, s, b in rows)


def compose(db: sqlite3.Connection, batch: BatchRow, digests: Sequence[bytes]) -> None:
    """See `records.Store.compose`."""
    for digest in digests:
        waiting = db.execute(
            "SELECT 1 FROM receipts WHERE digest = ? AND batch IS NULL AND refusal IS NULL",
            (digest,),
        ).fetchone()
        if waiting is None:
            raise OpenGradientError("a receipt of the new batch does not wait for one")
    if not len(set(digests)) == len(digests) == batch.size:
        raise OpenGradientError("the size of the new batch is not the number of its receipts")
    if find_batch(db, batch.root) is not None:
        raise OpenGradientError("there is a batch with this root")
    db.execute(
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
    db.executemany(
        "UPDATE receipts SET batch = ? WHERE digest = ?",
        [(batch.root, digest) for digest in digests],
    )


def find_batch(db: sqlite3.Connection, root: bytes) -> BatchRow | None:
    """See `records.Store.batch`."""
    rows = select_batches(db, "root = ?", (root,))
    return rows[0] if rows else None


def select_batches(
    db: sqlite3.Connection, where: str, arguments: tuple[Any, ...] = ()
) -> tuple[BatchRow, ...]:
    """Batches by a condition that this package wrote."""
    rows = db.execute(f"SELECT {_BATCH} FROM batches WHERE {where}", arguments)  # noqa: S608
    return tuple(_read_batch(row) for row in rows)


def update_batch(db: sqlite3.Connection, batch: BatchRow, expected: BatchState) -> None:
    """See `records.Store.update_batch`."""
    known = find_batch(db, batch.root)
    if known is None or known.state != expected:
        raise OpenGradientError(f"the batch is not in the state {expected.value}")
    anchor = batch.anchor
    where: tuple[Any, ...] = (None,) * 6
    if anchor is not None:
        where = (
            anchor.chain_id,
            anchor.settlement_contract,
            anchor.transaction_hash,
            anchor.block_number,
            anchor.block_hash,
            anchor.block_time,
        )
    db.execute(
        "UPDATE batches SET state = ?, blob_id = ?, submitter = ?, transaction_hash = ?,"
        " anchor_chain = ?, anchor_contract = ?, anchor_transaction = ?, anchor_block = ?,"
        " anchor_block_hash = ?, anchor_block_time = ? WHERE root = ?",
        (
            batch.state.value,
            batch.blob_id,
            batch.submitter,
            batch.transaction_hash,
            *where,
            batch.root,
        ),
    )


def dissolve(
    db: sqlite3.Connection, root: bytes, refused_nodes: Sequence[bytes], code: str
) -> None:
    """See `records.Store.dissolve`."""
    known = find_batch(db, root)
    if known is None or known.state not in (BatchState.COMPOSED, BatchState.STORED):
        raise OpenGradientError("only a batch that was never sent can be dissolved")
    db.execute("UPDATE batches SET state = ? WHERE root = ?", (BatchState.DISSOLVED.value, root))
    db.executemany(
        "UPDATE receipts SET batch = NULL, refusal = ? WHERE batch = ? AND node_id = ?",
        [(code, root, node) for node in refused_nodes],
    )
    db.execute("UPDATE receipts SET batch = NULL WHERE batch = ?", (root,))


def column(db: sqlite3.Connection, query: str, root: bytes) -> tuple[bytes, ...]:
    """The first column of a query that this package wrote, over one batch."""
    return tuple(row[0] for row in db.execute(query, (root,)))


def put_evidence(db: sqlite3.Connection, known: KnownEvidence) -> None:
    """See `records.Store.put_evidence`."""
    evidence = known.evidence
    db.execute(
        "INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            evidence.digest(),
            evidence.kind,
            evidence.document,
            json.dumps({name: item.hex() for name, item in evidence.collateral.items}),
            known.judged_at_ms,
            evidence.runtime_data,
        ),
    )


def find_evidence(db: sqlite3.Connection, digest: bytes) -> KnownEvidence | None:
    """See `records.Store.evidence`."""
    row = db.execute(
        "SELECT kind, document, runtime_data, collateral, judged_at_ms FROM evidence "
        "WHERE digest = ?",
        (digest,),
    ).fetchone()
    if row is None:
        return None
    kind, document, runtime_data, collateral, judged_at_ms = row
    evidence = Evidence(
        kind=kind,
        document=document,
        runtime_data=runtime_data,
        collateral=Collateral.of(
            {name: bytes.fromhex(item) for name, item in json.loads(collateral).items()}
        ),
    )
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
