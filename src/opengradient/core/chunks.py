"""A file as a tree of chunks: every chunk can be checked before it is used.

The tree is RFC 9162's over SHA-256: a leaf is ``SHA-256(0x00 || SHA-256(chunk))``, a node
``SHA-256(0x01 || left || right)``. The list of the chunks' digests proves the whole file; a chunk
with its siblings proves itself.
"""

from collections.abc import Iterable, Sequence
from typing import Final, final

from opengradient.core.digests import equal, new_sha256, sha256
from opengradient.errors import InclusionError, MalformedError

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""What a broken transfer loses at most. A file of 2 GB has 512 chunks and a list of 16 KiB."""

MAX_FILE_BYTES: Final = 1 << 42
"""4 TiB: a million chunks, and no list of them above 32 MiB."""


def chunk_count(size: int) -> int:
    """How many chunks a file of `size` bytes has; an empty file has none."""
    return -(-size // CHUNK_BYTES)


def tree_root(digests: Sequence[bytes]) -> bytes:
    """The root over the chunks' digests; SHA-256 of nothing for an empty file (RFC 9162 2.1.1)."""
    if not digests:
        return sha256(b"")
    level = [sha256(b"\x00" + digest) for digest in digests]
    while len(level) > 1:
        above = [
            sha256(b"\x01" + left + right)
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def check_digests(digests: Sequence[bytes], *, size: int, root: bytes) -> None:
    """Require that a list of digests is that of a file.

    Args:
        digests: SHA-256 of each chunk, 32 bytes each.
        size: The file's size, from its manifest.
        root: The file's chunk root, from its manifest.

    Raises:
        MalformedError: Code ``model.chunks``: there are too many or too few.
        InclusionError: Code ``model.chunk_root``: they are another file's.
    """
    if len(digests) != chunk_count(size) or any(len(digest) != 32 for digest in digests):
        raise MalformedError(
            "the list of chunks does not fit the file's size",
            code="model.chunks",
            expected=chunk_count(size),
            actual=len(digests),
        )
    found = tree_root(digests)
    if not equal(found, root):
        raise InclusionError(
            "the list of chunks is that of another file",
            code="model.chunk_root",
            expected=root.hex(),
            actual=found.hex(),
        )


@final
class FileDigests:
    """Digests of a file, taken piece by piece: of the whole and of every chunk."""

    def __init__(self) -> None:
        """Start with an empty file."""
        self.size = 0
        self._whole = new_sha256()
        self._chunk = new_sha256()
        self._in_chunk = 0
        self._chunks: list[bytes] = []

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> "FileDigests":
        """Take a whole file."""
        digests = cls()
        for piece in pieces:
            digests.feed(piece)
        return digests

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, however many."""
        self._whole.update(piece)
        self.size += len(piece)
        view = memoryview(piece)
        while view:
            part, view = view[: CHUNK_BYTES - self._in_chunk], view[CHUNK_BYTES - self._in_chunk :]
            self._chunk.update(part)
            self._in_chunk += len(part)
            if self._in_chunk == CHUNK_BYTES:
                self._end_chunk()

    @property
    def sha256(self) -> bytes:
        """SHA-256 of all bytes so far."""
        return bytes(self._whole.digest())

    @property
    def chunks(self) -> tuple[bytes, ...]:
        """SHA-256 of every chunk; the last may be a short one."""
        last = (bytes(self._chunk.digest()),) if self._in_chunk else ()
        return (*self._chunks, *last)

    def _end_chunk(self) -> None:
        self._chunks.append(bytes(self._chunk.digest()))
        self._chunk = new_sha256()
        self._in_chunk = 0
