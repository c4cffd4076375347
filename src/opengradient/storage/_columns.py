"""One block of columns: extended, hashed, and reduced to what the blob's tree needs of it.

Blocks are aligned and as wide as a power of two, so that over the symbols of one row a block is
one subtree: n of these subtrees and the roots of the block's own columns are all that is kept.
"""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from opengradient.storage import _tree
from opengradient.storage._reed_solomon import recovery
from opengradient.storage._shape import Shape

LEVELS: Final = 6
WIDTH: Final = 1 << LEVELS
"""64 columns: at 1,000 shards a block of a 10 MiB blob takes 3 MB and some 50 ms."""


@final
@dataclass(frozen=True, slots=True)
class BlockHashes:
    """What is kept of a block.

    Attributes:
        columns: The root of each column.
        rows: For each row, the node over the block's symbols.
    """

    columns: list[bytes]
    rows: list[bytes]


def hash_block(source: bytes, shape: Shape) -> BlockHashes:
    """Extend a block's columns to all rows, and hash it.

    Args:
        source: The block's source rows, row by row.
        shape: The matrix that it is part of.
    """
    symbol_bytes = shape.symbol_bytes
    lines: Any = np.frombuffer(source, dtype=np.uint8).reshape(shape.rows, -1, symbol_bytes)
    width = lines.shape[1]
    whole = source + recovery(lines, shape.n_shards - shape.rows).tobytes()
    leaves = _tree.leaf_hashes(
        [whole[at : at + symbol_bytes] for at in range(0, len(whole), symbol_bytes)]
    )
    return BlockHashes(
        columns=[_tree.root(leaves[column::width]) for column in range(width)],
        rows=[
            _row_node(leaves[at : at + width], shape.n_shards)
            for at in range(0, len(leaves), width)
        ],
    )


def _row_node(symbols: list[bytes], n_shards: int) -> bytes:
    """The node over a block's part of a row: as high as a block, or the whole row's root."""
    if n_shards <= WIDTH:
        return _tree.root(symbols)
    return _tree.ancestors(symbols, LEVELS)[0]
