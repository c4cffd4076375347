"""The tables of the store, as migrations: entry n leads from version n of the file to n + 1."""

from typing import Final

MIGRATIONS: Final = (
    (
        """CREATE TABLE evidence (
            digest BLOB PRIMARY KEY,
            kind TEXT NOT NULL,
            document BLOB NOT NULL,
            collateral TEXT NOT NULL,
            judged_at_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE batches (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            root BLOB NOT NULL UNIQUE CHECK (length(root) = 32),
            size INTEGER NOT NULL CHECK (size > 0),
            blob_id BLOB NOT NULL CHECK (length(blob_id) = 32),
            submitter BLOB NOT NULL CHECK (length(submitter) = 20),
            state TEXT NOT NULL,
            created_at_ms INTEGER NOT NULL,
            transaction_hash BLOB,
            anchor_chain INTEGER,
            anchor_contract BLOB,
            anchor_transaction BLOB,
            anchor_block INTEGER,
            anchor_block_hash BLOB,
            anchor_block_time INTEGER
        ) STRICT""",
        """CREATE INDEX open_batches ON batches (seq)
            WHERE state IN ('composed', 'stored', 'submitted', 'anchored')""",
        # One receipt has one batch because it has one row with one column for it.
        """CREATE TABLE receipts (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
            leaf BLOB NOT NULL CHECK (length(leaf) = 32),
            node_id BLOB NOT NULL,
            mode INTEGER NOT NULL,
            signed BLOB NOT NULL,
            bundle BLOB,
            accepted_at_ms INTEGER NOT NULL,
            batch BLOB REFERENCES batches (root),
            refusal TEXT,
            CHECK (batch IS NULL OR refusal IS NULL)
        ) STRICT""",
        """CREATE INDEX pending_receipts ON receipts (mode, seq)
            WHERE batch IS NULL AND refusal IS NULL""",
        "CREATE INDEX receipts_by_batch ON receipts (batch) WHERE batch IS NOT NULL",
    ),
    (
        "ALTER TABLE evidence ADD COLUMN runtime_data BLOB NOT NULL DEFAULT x''",
        "UPDATE evidence SET collateral = '{}' WHERE collateral = '[]'",
    ),
)
