"""Receipts on their way to settlement: durable before a client sees them, settled exactly once.

The digest is the identity of a receipt here, at the full node and on the ledger, so that
delivering one twice changes nothing.
"""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, final

import anyio

from opengradient.core.canonical import compact_json, parse_json
from opengradient.core.evidence import Evidence
from opengradient.core.modes import SettlementMode
from opengradient.core.receipts import SignedReceipt
from opengradient.core.settlement import SettlementState
from opengradient.wire.receipts import encode_signed
from opengradient.wire.settlement import decode_evidence, encode_evidence
from reference_nodes._kit.journal import Journal

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS receipts (
        digest BLOB PRIMARY KEY, state TEXT NOT NULL, evidence BLOB NOT NULL,
        created_ms INTEGER NOT NULL, signed BLOB NOT NULL, bundle BLOB,
        code TEXT, message TEXT, updated_ms INTEGER NOT NULL,
        postponed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    """CREATE INDEX IF NOT EXISTS receipts_waiting ON receipts (postponed, created_ms)
        WHERE state = 'queued'""",
    "CREATE INDEX IF NOT EXISTS receipts_old ON receipts (updated_ms) WHERE state <> 'queued'",
    """CREATE TABLE IF NOT EXISTS evidence (
        digest BLOB PRIMARY KEY, evidence BLOB NOT NULL,
        created_ms INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS counters (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID""",
)

PRIVATE_COUNTER: Final = "private_inferences"
KEEP_SETTLED_MS: Final = 30 * 24 * 60 * 60 * 1000
"""A month: how long a delivered receipt stays here although the full node has it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """One receipt as it is stored.

    Attributes:
        digest: Its signing digest.
        signed: The receipt.
        bundle: The receipt file, for INDIVIDUAL_FULL only: it is going to be published.
        created_ms: Unix milliseconds.
    """

    digest: bytes
    signed: SignedReceipt
    bundle: bytes | None
    created_ms: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One receipt that is still to be delivered: digest, evidence it names, JSON of both parts."""

    digest: bytes
    evidence: bytes
    signed: bytes
    bundle: bytes | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a full node said about one receipt.

    Attributes:
        digest: Of the receipt.
        state: ACCEPTED, REFUSED, or QUEUED: not taken now, to be delivered again.
        code: Why it was refused.
        message: The same in words.
    """

    digest: bytes
    state: SettlementState
    code: str | None = None
    message: str | None = None


def insert(connection: sqlite3.Connection, entry: OutboxEntry) -> None:
    """Store one receipt; of a PRIVATE one, only that there was one."""
    receipt = entry.signed.receipt
    if receipt.settlement_mode == SettlementMode.PRIVATE:
        connection.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
            (PRIVATE_COUNTER,),
        )
        return
    connection.execute(
        "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?, 0)",
        (
            entry.digest,
            SettlementState.QUEUED.value,
            receipt.evidence_digest,
            entry.created_ms,
            compact_json(encode_signed(entry.signed)),
            entry.bundle,
            entry.created_ms,
        ),
    )


@final
class Outbox:
    """The queue of receipts in a node's journal."""

    def __init__(self, journal: Journal) -> None:
        """Stand on a journal that was made with `SCHEMA`."""
        self._journal = journal
        self._news = anyio.Event()

    async def commit(self, entry: OutboxEntry) -> None:
        """Store a receipt durably.

        Raises:
            OpenGradientError: Code ``node.storage``: it was not stored, so nobody may see it.
        """
        await self._journal.run(lambda connection: insert(connection, entry))
        self.announce()

    def announce(self) -> None:
        """Wake whoever waits in `news`."""
        self._news.set()

    async def news(self) -> None:
        """Wait until something was stored since the last call."""
        await self._news.wait()
        self._news = anyio.Event()

    async def waiting(self, limit: int) -> list[Waiting]:
        """The receipts to deliver next: those least often postponed, the oldest first."""
        rows = await self._journal.run(
            lambda connection: connection.execute(
                "SELECT digest, evidence, signed, bundle FROM receipts "
                "WHERE state = 'queued' ORDER BY postponed, created_ms LIMIT ?",
                (limit,),
            ).fetchall()
        )
        return [Waiting(digest=d, evidence=e, signed=s, bundle=b) for d, e, s, b in rows]

    async def postpone(self, digests: Collection[bytes]) -> None:
        """Let others go first, so that what no full node takes now holds nothing up."""
        if digests:
            await self._journal.run(
                lambda connection: connection.executemany(
                    "UPDATE receipts SET postponed = postponed + 1 WHERE digest = ?",
                    [(digest,) for digest in digests],
                )
            )

    async def settle(self, results: Sequence[Delivered], *, now_ms: int) -> None:
        """Note what a full node said, and forget what it has had for a month."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "UPDATE receipts SET state = ?, code = ?, message = ?, bundle = NULL, "
                "updated_ms = ? WHERE digest = ? AND state = 'queued'",
                [(r.state.value, r.code, r.message, now_ms, r.digest) for r in results],
            )
            connection.execute(
                "DELETE FROM receipts WHERE state = 'accepted' AND updated_ms < ?",
                (now_ms - KEEP_SETTLED_MS,),
            )

        await self._journal.run(work)

    async def state(self, digest: bytes) -> SettlementState | None:
        """Where a receipt stands; None where it is not known here."""
        row = await self._journal.run(
            lambda connection: connection.execute(
                "SELECT state FROM receipts WHERE digest = ?", (digest,)
            ).fetchone()
        )
        return None if row is None else SettlementState(row[0])

    async def counts(self) -> dict[str, int]:
        """How many receipts are in which state, and how many inferences were private."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            counted = dict(
                connection.execute("SELECT state, count(*) FROM receipts GROUP BY state").fetchall()
            )
            counted.update(connection.execute("SELECT name, value FROM counters").fetchall())
            return counted

        return await self._journal.run(work)

    async def keep_evidence(self, evidence: Evidence, *, now_ms: int) -> None:
        """Store evidence durably: receipts will name it for years."""
        row = (evidence.digest(), compact_json(encode_evidence(evidence)), now_ms)
        await self._journal.run(
            lambda connection: connection.execute(
                "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?)", row
            )
        )

    async def evidence(self, digest: bytes) -> Evidence | None:
        """Evidence by its digest; None where it was never this node's."""
        row = await self._journal.run(
            lambda connection: connection.execute(
                "SELECT evidence FROM evidence WHERE digest = ?", (digest,)
            ).fetchone()
        )
        return None if row is None else decode_evidence(parse_json(row[0]))
