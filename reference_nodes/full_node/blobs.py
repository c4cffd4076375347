"""Batch data by its content id: SHA-256 of the bytes."""

import errno
import os
import secrets
from pathlib import Path
from typing import Protocol, final

from anyio import to_thread

from opengradient.core.digests import sha256
from opengradient.errors import SettlementError


class BlobStore(Protocol):
    """Keeps blobs under their SHA-256. What `put` returned can be read after any crash."""

    async def put(self, data: bytes) -> bytes:
        """Keep a blob; keeping it twice is keeping it once.

        Returns:
            Its 32-byte id.
        """
        ...

    async def get(self, blob_id: bytes) -> bytes | None:
        """Read a blob; None if it was never kept here.

        Raises:
            SettlementError: `settlement.blob`: its bytes are no longer those of its id.
        """
        ...


@final
class LocalBlobs:
    """A folder of files that are named by their content."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def _path(self, blob_id: bytes) -> Path:
        name = blob_id.hex()
        return self._folder / name[:2] / name

    async def put(self, data: bytes) -> bytes:
        """See `BlobStore.put`."""
        blob_id = sha256(data)
        await to_thread.run_sync(self._write, self._path(blob_id), data)
        return blob_id

    async def get(self, blob_id: bytes) -> bytes | None:
        """See `BlobStore.get`."""
        data = await to_thread.run_sync(_read, self._path(blob_id))
        if data is not None and sha256(data) != blob_id:
            raise SettlementError(
                f"blob {blob_id.hex()} no longer has the bytes of its id", code="settlement.blob"
            )
        return data

    def _write(self, path: Path, data: bytes) -> None:
        if _read(path) == data:
            return
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        # The name is durable only when its folder is, and a new folder when its parent is.
        _sync_folder(path.parent)
        _sync_folder(self._folder)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync folders
            raise
    finally:
        os.close(descriptor)
