"""Everything the embedded ledger knows, in one SQLite file.

A block is one database transaction: the state's trie nodes, the header, the transactions, their
receipts and logs are there together or not at all, and they are on disk before the sender hears
of it. Trie nodes are found by their hash and never change, so every old state stays readable.
"""

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

from eth.db.backends.base import BaseDB

from opengradient.errors import ChainError

SCHEMA_VERSION: Final = b"1"
CACHED_NODES: Final = 20_000
"""Trie nodes kept in memory: at about 300 bytes each, some megabytes."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocks (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, block TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS transactions (
  hash BLOB PRIMARY KEY, number INTEGER NOT NULL, position INTEGER NOT NULL,
  body TEXT NOT NULL, receipt TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS transactions_by_block ON transactions (number, position);
CREATE TABLE IF NOT EXISTS logs (
  number INTEGER NOT NULL, position INTEGER NOT NULL, address BLOB NOT NULL,
  topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, log TEXT NOT NULL,
  PRIMARY KEY (number, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logs_by_topic ON logs (address, topic0, topic1, number);
CREATE TABLE IF NOT EXISTS pool (
  sender BLOB NOT NULL, nonce INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
  PRIMARY KEY (sender, nonce)) WITHOUT ROWID;
"""


@final
class Store(BaseDB):
    """A key-value database for py-evm, and the rows that JSON-RPC answers from."""

    def __init__(self, folder: Path | None) -> None:
        """Open the file in `folder`, or a database in memory if there is no folder.

        Raises:
            ChainError: Another process has it open (`chain.engine`), or it was made by another
                release (`chain.state`).
        """
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else str(folder / "ledger.sqlite")
        # One worker at a time uses the connection, but not always the same thread.
        self._sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._written: dict[bytes, bytes | None] | None = None
        self._cache: OrderedDict[bytes, bytes] = OrderedDict()
        try:
            # WAL needs FULL for a commit to be on disk when it returns (SQLite, "PRAGMA synchronous").
            for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                self._sql.execute(f"PRAGMA {pragma}")
            self._sql.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._sql.close()
            raise ChainError(
                f"the ledger's file {path} cannot be opened: {error}", code="chain.engine"
            ) from error
        if self.meta("schema") not in (None, SCHEMA_VERSION):
            raise ChainError("the ledger's file has another format", code="chain.state")

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is there together, on disk, or not at all."""
        self._sql.execute("BEGIN IMMEDIATE")
        self._written = {}
        try:
            yield
            self._flush(self._written)
            self._sql.execute("COMMIT")
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        finally:
            self._written = None

    def _flush(self, written: Mapping[bytes, bytes | None]) -> None:
        put = [(key, value) for key, value in written.items() if value is not None]
        gone = [(key,) for key, value in written.items() if value is None]
        self._sql.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", put)
        self._sql.executemany("DELETE FROM state WHERE key = ?", gone)
        for key, value in put:
            self._remember(key, value)
        for (key,) in gone:
            self._cache.pop(key, None)

    # --- py-evm's key-value database ---

    def __getitem__(self, key: bytes) -> bytes:
        if self._written is not None and key in self._written:
            value = self._written[key]
            if value is None:
                raise KeyError(key)
            return value
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        row = self._sql.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        self._remember(key, row[0])
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._overlay()[key] = value

    def __delitem__(self, key: bytes) -> None:
        self[key]
        self._overlay()[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def _overlay(self) -> dict[bytes, bytes | None]:
        if self._written is None:
            raise AssertionError("the ledger's state is written outside of a block")
        return self._written

    def _remember(self, key: bytes, value: bytes) -> None:
        self._cache[key] = value
        self._cache.move_to_end(key)
        if len(self._cache) > CACHED_NODES:
            self._cache.popitem(last=False)

    # --- settings ---

    def meta(self, name: str) -> bytes | None:
        """A setting."""
        row = self._sql.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def set_meta(self, name: str, value: bytes) -> None:
        """Keep a setting."""
        self._sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # --- blocks ---

    def add_block(
        self,
        number: int,
        block: Mapping[str, Any],
        transactions: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    ) -> None:
        """Add the JSON of a block, and of its transactions with their receipts."""
        row = (number, bytes.fromhex(block["hash"][2:]), json.dumps(block))
        self._sql.execute("INSERT INTO blocks VALUES (?, ?, ?)", row)
        for position, (body, receipt) in enumerate(transactions):
            key = bytes.fromhex(body["hash"][2:])
            values = (key, number, position, json.dumps(body), json.dumps(receipt))
            self._sql.execute("INSERT INTO transactions VALUES (?, ?, ?, ?, ?)", values)
            taken = (bytes.fromhex(body["from"][2:]), int(body["nonce"], 16))
            self._sql.execute("DELETE FROM pool WHERE sender = ? AND nonce = ?", taken)
            self._sql.executemany(
                "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [_log_row(number, log) for log in receipt["logs"]],
            )

    def cut(self, number: int) -> None:
        """Forget every block after `number`."""
        for table in ("blocks", "transactions", "logs"):
            self._sql.execute(f"DELETE FROM {table} WHERE number > ?", (number,))  # noqa: S608

    def block_at(self, number: int) -> dict[str, Any] | None:
        """A block's JSON by height."""
        return self._json("SELECT block FROM blocks WHERE number = ?", number)

    def block_by_hash(self, block_hash: bytes) -> dict[str, Any] | None:
        """A block's JSON by hash."""
        return self._json("SELECT block FROM blocks WHERE hash = ?", block_hash)

    def transaction_by_hash(self, transaction_hash: bytes) -> dict[str, Any] | None:
        """A mined transaction's JSON."""
        return self._json("SELECT body FROM transactions WHERE hash = ?", transaction_hash)

    def receipt(self, transaction_hash: bytes) -> dict[str, Any] | None:
        """A mined transaction's receipt as JSON."""
        return self._json("SELECT receipt FROM transactions WHERE hash = ?", transaction_hash)

    def transactions_of(self, number: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The JSON of a block's transactions and receipts, in order."""
        rows = self._sql.execute(
            "SELECT body, receipt FROM transactions WHERE number = ? ORDER BY position", (number,)
        )
        return [(json.loads(body), json.loads(receipt)) for body, receipt in rows]

    def _json(self, query: str, value: int | bytes) -> dict[str, Any] | None:
        row = self._sql.execute(query, (value,)).fetchone()
        if row is None:
            return None
        found: dict[str, Any] = json.loads(row[0])
        return found

    def logs(
        self,
        first: int,
        last: int,
        addresses: Sequence[bytes],
        topics: Sequence[Sequence[bytes]],
        limit: int,
    ) -> list[dict[str, Any]]:
        """Logs of the blocks `first` to `last`; an empty list of addresses or topics matches all."""
        where, values = ["number BETWEEN ? AND ?"], list[Any]((first, last))
        columns = ["address", "topic0", "topic1", "topic2", "topic3"]
        for column, wanted in zip(columns, [addresses, *topics], strict=False):
            if wanted:
                where.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values.extend(wanted)
        # A filter of n positions matches only logs with at least n topics.
        if topics:
            where.append(f"topic{len(topics) - 1} IS NOT NULL")
        query = (
            f"SELECT log FROM logs WHERE {' AND '.join(where)} ORDER BY number, position LIMIT ?"  # noqa: S608
        )
        return [json.loads(row[0]) for row in self._sql.execute(query, (*values, limit))]

    # --- the pool: acknowledged, not mined yet ---

    def pool_put(self, sender: bytes, nonce: int, transaction_hash: bytes, raw: bytes) -> None:
        """Keep a transaction, in the place of one with the same nonce."""
        row = (sender, nonce, transaction_hash, raw)
        self._sql.execute("INSERT OR REPLACE INTO pool VALUES (?, ?, ?, ?)", row)

    def pool_drop(self, transaction_hash: bytes) -> None:
        """Forget a transaction that can never be mined."""
        self._sql.execute("DELETE FROM pool WHERE hash = ?", (transaction_hash,))

    def pool_rows(self) -> list[bytes]:
        """The raw transactions, by sender and nonce."""
        return [row[0] for row in self._sql.execute("SELECT raw FROM pool ORDER BY sender, nonce")]


def _log_row(number: int, log: Mapping[str, Any]) -> tuple[Any, ...]:
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    padded = topics + [None] * (4 - len(topics))
    address = bytes.fromhex(log["address"][2:])
    return (number, int(log["logIndex"], 16), address, *padded, json.dumps(log))
