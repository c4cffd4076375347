"""Walrus' HTTP API: store a blob, read it, read a part of it."""

import re
from functools import partial
from typing import Any, Final, final

import anyio
from anyio import to_thread

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import ErrorReply
from opengradient.errors import ConfigurationError, NotFoundError, StorageError
from opengradient.storage import BlobId, compute_blob_id
from reference_nodes._kit.app import App, Request, Response
from reference_nodes.storage_node.store import BlobFolder, Entry

BYTES: Final = b"application/octet-stream"
MAX_EPOCHS: Final = 53
"""Walrus mainnet sells at most so many epochs at a time."""

_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?")
_NUMBER: Final = re.compile(r"\d{1,15}")
_FLAGS: Final = ("permanent", "deletable", "force")
_STATUS: Final = {"storage.quota": 507, "storage.disk": 507, "storage.not_found": 404}


@final
class StorageRoutes:
    """The handlers over one folder."""

    def __init__(self, store: BlobFolder, *, n_shards: int, max_blob_bytes: int) -> None:
        """Take the folder.

        Args:
            store: Keeps the blobs.
            n_shards: The network's number of shards; part of every id.
            max_blob_bytes: Largest blob.
        """
        self._store = store
        self._n_shards = n_shards
        self._max_bytes = max_blob_bytes
        self._one = anyio.Lock()
        self._hashing = anyio.CapacityLimiter(2)

    def app(self) -> App:
        """The whole application."""
        return App(
            {
                "/health": {"GET": self.health},
                "/v1/blobs": {"PUT": self.put},
                "/v1/blobs/": {"GET": self.get, "HEAD": self.get},
            }
        )

    async def health(self, request: Request) -> Response:
        """Whether the node serves, and how full it is."""
        request.query()
        async with self._one:
            used = await to_thread.run_sync(self._store.used)
        return Response.json({"status": "ok", "nShards": self._n_shards, "usedBytes": used})

    async def put(self, request: Request) -> Response:
        """``PUT /v1/blobs?epochs=N``."""
        query = request.query("epochs", *_FLAGS)
        epochs = query.get("epochs", "1")
        if not _NUMBER.fullmatch(epochs) or not 1 <= int(epochs) <= MAX_EPOCHS:
            raise _invalid(f"epochs must be from 1 to {MAX_EPOCHS}")
        if any(query.get(name, "true") not in {"true", "false"} for name in _FLAGS):
            raise _invalid("flags are true or false")
        data = await request.body(self._max_bytes)
        blob_id = await to_thread.run_sync(
            partial(compute_blob_id, data, n_shards=self._n_shards), limiter=self._hashing
        )
        try:
            async with self._one:
                entry = await to_thread.run_sync(
                    partial(self._store.put, blob_id, data, epochs=int(epochs))
                )
        except StorageError as error:
            return Response.error(
                ErrorReply(status=_STATUS.get(error.code, 500), code=error.code, message=str(error))
            )
        return Response.json(_stored(blob_id, entry))

    async def get(self, request: Request) -> Response:
        """``GET /v1/blobs/{id}``, also with a Range header for one range."""
        request.query("strict_consistency_check", "skip_consistency_check")
        blob_id = BlobId.parse(request.tail)
        async with self._one:
            found = await to_thread.run_sync(self._store.find, blob_id)
        if found is None:
            raise NotFoundError("no such blob", status=404)
        path, size = found
        asked = request.header(b"range")
        start, stop = (0, size) if asked is None else _span(asked, size)
        data = await to_thread.run_sync(partial(_read, path, start, stop))
        headers: list[tuple[bytes, bytes]] = [(b"accept-ranges", b"bytes")]
        if asked is not None:
            headers.append((b"content-range", f"bytes {start}-{stop - 1}/{size}".encode()))
        return Response(200 if asked is None else 206, data, BYTES, headers)


def _stored(blob_id: BlobId, entry: Entry) -> JsonObject:
    if not entry.created:
        return {
            "alreadyCertified": {
                "blobId": str(blob_id),
                "event": {"txDigest": "", "eventSeq": "0"},
                "endEpoch": entry.end_epoch,
            }
        }
    blob: dict[str, Any] = {
        "id": "0x" + blob_id.value.hex(),
        "blobId": str(blob_id),
        "size": entry.size,
        "encodingType": "RS2",
        "deletable": True,
        "storage": {"id": "0x" + blob_id.value.hex(), "endEpoch": entry.end_epoch},
    }
    return {"newlyCreated": {"blobObject": blob, "cost": 0}}


def _span(asked: str, size: int) -> tuple[int, int]:
    match = _RANGE.fullmatch(asked)
    if match is None:
        raise _invalid("Range must be one range of bytes")
    start = int(match[1])
    stop = size if match[2] is None else min(int(match[2]) + 1, size)
    if start >= stop:
        raise _invalid(f"the blob has {size} bytes")
    return start, stop


def _read(path: Any, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return bytes(file.read(stop - start))


def _invalid(why: str) -> ConfigurationError:
    return ConfigurationError(why, code="request.invalid")
