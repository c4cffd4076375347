"""The id of a blob, computed from its bytes: whoever stores or serves it is not believed."""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Self, final

from opengradient.errors import MalformedError
from opengradient.storage import _tree
from opengradient.storage._shape import Shape

DEFAULT_SHARDS: Final = 1000
"""Walrus mainnet and testnet."""

_RS2: Final = b"\x01"
"""The encoding type, first in what is hashed into an id."""


@final
@dataclass(frozen=True, slots=True)
class BlobId:
    """A Walrus blob id: 32 bytes, written in URL-safe base64 without padding."""

    value: bytes

    def __post_init__(self) -> None:
        """Refuse another size.

        Raises:
            MalformedError: Code ``storage.blob_id``.
        """
        if len(self.value) != 32:
            raise MalformedError("a blob id has 32 bytes", code="storage.blob_id")

    def __str__(self) -> str:
        """As Walrus writes it, 43 characters."""
        return base64.urlsafe_b64encode(self.value).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` writes, and no second spelling.

        Raises:
            MalformedError: Code ``storage.blob_id``.
        """
        try:
            found = cls(base64.b64decode(text + "=", altchars=b"-_", validate=True))
        except (binascii.Error, ValueError) as error:
            raise MalformedError("not a blob id", code="storage.blob_id", actual=text) from error
        if str(found) != text:
            raise MalformedError(
                "a blob id in a second spelling", code="storage.blob_id", actual=text
            )
        return found


def compute_blob_id(
    data: bytes,
    *,
    n_shards: int = DEFAULT_SHARDS,
    progress: Callable[[float], None] | None = None,
) -> BlobId:
    """Compute the id of a blob, as Walrus does when it stores it.

    At 1,000 shards some three million small hashes are taken whatever the size: about two seconds.
    It blocks; from async code run it in a worker thread or process.

    Args:
        data: The blob.
        n_shards: The network's number of shards, from its configuration, never from a server
            that is to be checked.
        progress: Is told the part done, 0 to 1.

    Raises:
        ConfigurationError: Code ``storage.shards``, or ``storage.too_large`` for a blob that does
            not fit the encoding of so many shards.
    """
    from opengradient.storage._columns import hash_block  # noqa: PLC0415  (numpy)

    shape = Shape.of(len(data), n_shards)
    columns: list[bytes] = []
    rows: list[list[bytes]] = [[] for _ in range(n_shards)]
    for block in _source_blocks(data, shape):
        done = hash_block(block, shape)
        columns += done.columns
        for row, node in zip(rows, done.rows, strict=True):
            row.append(node)
        if progress is not None:
            progress(len(columns) / n_shards)
    # The sliver pair of a shard is its row and the column as far from the end.
    pairs = [_tree.root(row) + column for row, column in zip(rows, reversed(columns), strict=True)]
    top = _tree.root(_tree.leaf_hashes(pairs))
    return BlobId(blake2b(_RS2 + len(data).to_bytes(8, "little") + top, digest_size=32).digest())


def _source_blocks(data: bytes, shape: Shape) -> Iterator[bytes]:
    """The source rows, extended to all columns, cut into blocks of columns."""
    import numpy as np  # noqa: PLC0415

    from opengradient.storage._columns import WIDTH  # noqa: PLC0415
    from opengradient.storage._reed_solomon import recovery  # noqa: PLC0415

    missing = shape.rows * shape.columns * shape.symbol_bytes - len(data)
    padded = np.frombuffer(data + bytes(missing), dtype=np.uint8)
    source: Any = padded.reshape(shape.rows, shape.columns, shape.symbol_bytes)
    extra = recovery(source.swapaxes(0, 1), shape.n_shards - shape.columns).swapaxes(0, 1)
    for start in range(0, shape.n_shards, WIDTH):
        stop = min(start + WIDTH, shape.n_shards)
        left = source[:, start : min(stop, shape.columns)]
        right = extra[:, max(start - shape.columns, 0) : max(stop - shape.columns, 0)]
        yield np.concatenate([left, right], axis=1).tobytes()
