"""A publisher's answers as values. Unknown fields are allowed: the API is Walrus' and it grows."""

from dataclasses import dataclass
from typing import Any, final

from opengradient.core.canonical import load_foreign_json
from opengradient.errors import MalformedError
from opengradient.storage.blob_id import BlobId


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """What a publisher says about a blob that it stored.

    Only the id is checked; the rest is its word.

    Attributes:
        blob_id: The blob's id; the one that was computed here.
        size: Bytes of the blob.
        end_epoch: The storage epoch at whose start it may go.
        newly_created: False where the network had it already.
        object_id: Its object on Sui; None where it was there before.
        cost: Price in FROST (10^-9 WAL); None where it was there before.
    """

    blob_id: BlobId
    size: int
    end_epoch: int
    newly_created: bool
    object_id: str | None
    cost: int | None


def read_stored(body: bytes, *, size: int) -> StoredBlob:
    """Read the answer to ``PUT /v1/blobs``.

    Args:
        body: The answer.
        size: Bytes that were sent.

    Raises:
        MalformedError: Not an answer of a publisher.
    """
    try:
        raw = load_foreign_json(body)
    except ValueError as error:
        raise _malformed(str(error)) from error
    if not isinstance(raw, dict):
        raise _malformed("not an object")
    created = raw.get("newlyCreated")
    if created is not None:
        blob = _member(created, "blobObject", dict)
        return StoredBlob(
            blob_id=BlobId.parse(_member(blob, "blobId", str)),
            size=size,
            end_epoch=_member(_member(blob, "storage", dict), "endEpoch", int),
            newly_created=True,
            object_id=_member(blob, "id", str),
            cost=_member(created, "cost", int),
        )
    certified = raw.get("alreadyCertified")
    if certified is None:
        raise _malformed("neither newlyCreated nor alreadyCertified")
    return StoredBlob(
        blob_id=BlobId.parse(_member(certified, "blobId", str)),
        size=size,
        end_epoch=_member(certified, "endEpoch", int),
        newly_created=False,
        object_id=None,
        cost=None,
    )


def _member(raw: Any, name: str, kind: type) -> Any:
    value = raw.get(name) if isinstance(raw, dict) else None
    if type(value) is not kind:
        raise _malformed(f"{name} must be {kind.__name__}")
    return value


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not the answer of a publisher: {why}", code="storage.answer")
