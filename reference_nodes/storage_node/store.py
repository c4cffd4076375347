"""Blobs in a folder, by their id, with the epochs until which they are kept.

A blob is durable before it is acknowledged: its bytes are written and synced under another name,
moved into place, and only then does the table name it. A file that the table does not name was
never acknowledged and is swept away at the next start.
"""

import errno
import os
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from opengradient.errors import StorageError
from opengradient.storage import BlobId

_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS blobs (
    blob_id BLOB PRIMARY KEY CHECK (length(blob_id) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    end_epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID"""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A blob that is kept.

    Attributes:
        size: Bytes.
        end_epoch: The epoch at whose start it may go.
        created: Whether it is new.
    """

    size: int
    end_epoch: int
    created: bool


@final
class BlobFolder:
    """A folder of blobs. One process owns it; calls block and come from one thread at a time."""

    def __init__(self, folder: Path, *, quota_bytes: int, epoch: Callable[[], int]) -> None:
        """Open or make the folder, and sweep what was never acknowledged.

        Args:
            folder: Where blobs and their table lie.
            quota_bytes: How many bytes of blobs are kept at most.
            epoch: The current storage epoch.

        Raises:
            StorageError: Code ``storage.disk``.
        """
        self._folder = folder
        self._quota = quota_bytes
        self._epoch = epoch
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / "blobs.sqlite", isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "locking_mode=EXCLUSIVE"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise _disk(error) from error
        self._sweep()

    def put(self, blob_id: BlobId, data: bytes, *, epochs: int) -> Entry:
        """Keep a blob; keeping it again can only make it stay longer.

        Raises:
            StorageError: Code ``storage.quota`` or ``storage.disk``; then nothing is kept of it.
        """
        end = self._epoch() + epochs
        known = self._find(blob_id)
        if known is not None and self._path(blob_id).exists():
            size, old_end = known
            end = max(end, old_end)
            self._record(blob_id, size, end)
            return Entry(size=size, end_epoch=end, created=False)
        self.collect()
        if self.used() + len(data) > self._quota:
            raise StorageError(f"the node keeps at most {self._quota} bytes", code="storage.quota")
        self._write(blob_id, data)
        self._record(blob_id, len(data), end)
        return Entry(size=len(data), end_epoch=end, created=True)

    def find(self, blob_id: BlobId) -> tuple[Path, int] | None:
        """File and size of a blob that is kept and whose time has not ended."""
        known = self._find(blob_id)
        if known is None or known[1] <= self._epoch():
            return None
        return self._path(blob_id), known[0]

    def used(self) -> int:
        """Bytes of all blobs."""
        return int(self._db.execute("SELECT coalesce(sum(size), 0) FROM blobs").fetchone()[0])

    def collect(self) -> int:
        """Let go of what has ended; say how many blobs."""
        ended = self._db.execute(
            "SELECT blob_id FROM blobs WHERE end_epoch <= ?", (self._epoch(),)
        ).fetchall()
        for (value,) in ended:
            self._db.execute("DELETE FROM blobs WHERE blob_id = ?", (value,))
            self._path(BlobId(value)).unlink(missing_ok=True)
        return len(ended)

    def close(self) -> None:
        """Close the table."""
        self._db.close()

    def _find(self, blob_id: BlobId) -> tuple[int, int] | None:
        row: tuple[int, int] | None = self._db.execute(
            "SELECT size, end_epoch FROM blobs WHERE blob_id = ?", (blob_id.value,)
        ).fetchone()
        return row

    def _record(self, blob_id: BlobId, size: int, end_epoch: int) -> None:
        try:
            self._db.execute(
                "INSERT INTO blobs VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET end_epoch = excluded.end_epoch",
                (blob_id.value, size, end_epoch),
            )
        except sqlite3.Error as error:
            raise _disk(error) from error

    def _path(self, blob_id: BlobId) -> Path:
        name = blob_id.value.hex()
        return self._folder / name[:2] / name

    def _write(self, blob_id: BlobId, data: bytes) -> None:
        path = self._path(blob_id)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(exist_ok=True)
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
            _sync_folder(self._folder)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _disk(error) from error

    def _sweep(self) -> None:
        for path in self._folder.glob("??/*"):
            name = path.name
            known = len(name) == 64 and self._find(BlobId(bytes.fromhex(name))) is not None
            if not known:
                path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk(error: OSError | sqlite3.Error) -> StorageError:
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    return StorageError(
        "the disk is full" if full else f"the folder cannot be written: {error}",
        code="storage.disk",
    )
