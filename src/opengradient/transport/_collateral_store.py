"""What was fetched, in memory and on disk, with its age. Blocking I/O runs in a thread."""

import base64
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final

import anyio.to_thread

from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.core.claims import age_in_words
from opengradient.core.digests import sha256
from opengradient.errors import MalformedError

_log = logging.getLogger("opengradient.transport")

_VERSION: Final = "opengradient.collateral/1"
_MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_IN_MEMORY: Final = 256
"""A fleet has a handful of platforms, and one certificate per chip."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralEntry:
    """One thing that a vendor's service gave, as it was kept.

    Attributes:
        key: What it is, for example ``"intel/tdx/tcb/b0c06f000000"``; never where it came from.
        items: Collateral items by name.
        fetched_at_ms: When it was fetched, Unix milliseconds.
        valid_until_ms: Until when its vendor lets it be used, Unix milliseconds.
    """

    key: str
    items: Mapping[str, bytes]
    fetched_at_ms: int
    valid_until_ms: int

    def __post_init__(self) -> None:
        """Hold a copy that nobody changes."""
        object.__setattr__(self, "items", MappingProxyType(dict(self.items)))

    def is_valid(self, now_ms: int) -> bool:
        """Whether its vendor lets it be used now."""
        return now_ms < self.valid_until_ms

    def age(self, now_ms: int) -> str:
        """How long ago it was fetched, in words."""
        return age_in_words(now_ms - self.fetched_at_ms)


@final
@dataclass(frozen=True, slots=True)
class StoredItems:
    """An entry as read from disk, before its window was derived from its content again."""

    items: Mapping[str, bytes]
    fetched_at_ms: int


@final
class CollateralStore:
    """Keeps entries: the newest in memory, all of them in a folder if there is one."""

    def __init__(self, folder: Path | None) -> None:
        """Keep them in `folder` too; None for memory only."""
        self._folder = folder
        self._memory: OrderedDict[str, CollateralEntry] = OrderedDict()

    def remembered(self, key: str) -> CollateralEntry | None:
        """The entry that is in memory."""
        return self._memory.get(key)

    def all(self) -> tuple[CollateralEntry, ...]:
        """Every entry that is in memory."""
        return tuple(self._memory.values())

    def remember(self, entry: CollateralEntry) -> None:
        """Put an entry into memory only."""
        self._memory[entry.key] = entry
        self._memory.move_to_end(entry.key)
        if len(self._memory) > _MAX_IN_MEMORY:
            self._memory.popitem(last=False)

    async def load(self, key: str) -> StoredItems | None:
        """What the disk has; None where there is nothing, or nothing that can be read."""
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            data = await anyio.to_thread.run_sync(_read, path)
            return _decode(data, key)
        except FileNotFoundError:
            return None
        except (OSError, MalformedError) as error:
            _log.warning("collateral in %s is not used: %s", path, error)
            return None

    async def save(self, entry: CollateralEntry) -> None:
        """Keep an entry. A disk that cannot be written costs a warning and nothing else."""
        self.remember(entry)
        if self._folder is None:
            return
        path = self._path(self._folder, entry.key)
        try:
            await anyio.to_thread.run_sync(_write, path, _encode(entry))
        except OSError as error:
            _log.warning("collateral is not kept in %s: %s", path, error)

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / f"{sha256(key.encode()).hex()}.json"


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_FILE_BYTES + 1)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def _encode(entry: CollateralEntry) -> bytes:
    return canonical_json(
        {
            "version": _VERSION,
            "key": entry.key,
            "fetched_at": entry.fetched_at_ms,
            "items": {k: base64.b64encode(v).decode() for k, v in entry.items.items()},
        }
    )


def _decode(data: bytes, key: str) -> StoredItems:
    raw = parse_json_object(data, what="kept collateral", max_bytes=_MAX_FILE_BYTES)
    if raw.keys() != {"version", "key", "fetched_at", "items"} or raw["version"] != _VERSION:
        raise _malformed()
    if raw["key"] != key or type(raw["fetched_at"]) is not int:
        raise _malformed()
    if not isinstance(raw["items"], dict):
        raise _malformed()
    items = {name: _bytes(value) for name, value in raw["items"].items()}
    return StoredItems(items, raw["fetched_at"])


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _malformed()
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise _malformed() from error


def _malformed() -> MalformedError:
    return MalformedError("not a file of kept collateral", code="collateral.malformed")
