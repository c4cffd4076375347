"""Reed-Solomon over many symbols at once.

The library encodes shards byte by byte in its own layout: blocks of 64 bytes hold 32 field
elements, their low bytes first, then their high bytes; a shorter tail holds its elements in two
halves. Each of our symbols is such a shard of its own. To encode many of them in one call their
elements are taken apart and laid out as one wide shard, and back again.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import reed_solomon_leopard

_BLOCK: Final = 64
_AT_ONCE: Final = 1 << 20
"""Bytes in one call: the library's working memory and our copies are a few times as much."""


def _elements(symbols: Any) -> Any:
    """Symbols [..., s] as [..., 2, s / 2]: low bytes, then high bytes."""
    size = symbols.shape[-1]
    whole = size - size % _BLOCK
    lead = symbols.shape[:-1]
    blocks = symbols[..., :whole].reshape(*lead, whole // _BLOCK, 2, _BLOCK // 2)
    tail = symbols[..., whole:].reshape(*lead, 2, (size - whole) // 2)
    return np.concatenate(
        [np.moveaxis(blocks, -2, -3).reshape(*lead, 2, whole // 2), tail], axis=-1
    )


def _symbols(elements: Any) -> Any:
    """The inverse of `_elements`."""
    half = elements.shape[-1]
    whole = half - half % (_BLOCK // 2)
    lead = elements.shape[:-2]
    blocks = elements[..., :whole].reshape(*lead, 2, whole * 2 // _BLOCK, _BLOCK // 2)
    head = np.moveaxis(blocks, -3, -2).reshape(*lead, whole * 2)
    tail = elements[..., whole:].reshape(*lead, (half - whole) * 2)
    return np.concatenate([head, tail], axis=-1)


def recovery(lines: Any, count: int) -> Any:
    """Extend lines of symbols.

    Args:
        lines: uint8 array [originals, width, s]: `width` codewords side by side.
        count: How many recovery symbols each codeword gets.

    Returns:
        uint8 array [count, width, s].
    """
    originals, width, size = lines.shape
    found = np.empty((count, width, size), dtype=np.uint8)
    step = max(1, _AT_ONCE // (originals * size))
    for start in range(0, width if count else 0, step):
        found[:, start : start + step] = _recovery(lines[:, start : start + step], count)
    return found


def _recovery(lines: Any, count: int) -> Any:
    originals, width, size = lines.shape
    if originals == 1:  # a code of one symbol repeats it; the library wants two
        return np.repeat(lines, count, axis=0)
    elements = np.moveaxis(_elements(lines), 1, 2).reshape(originals, 2, width * size // 2)
    missing = -elements.shape[-1] % (_BLOCK // 2)
    padded = np.pad(elements, ((0, 0), (0, 0), (0, missing)))
    shards = _symbols(padded)
    encoded: Sequence[bytes] = reed_solomon_leopard.encode([row.tobytes() for row in shards], count)
    wide = np.frombuffer(b"".join(encoded), dtype=np.uint8).reshape(count, -1)
    back = _elements(wide)[..., : width * size // 2].reshape(count, 2, width, size // 2)
    return _symbols(np.moveaxis(back, 1, 2))
