"""How a blob is laid out for a number of shards (Walrus encoding RS2).

With n shards and f = (n - 1) // 3 faulty ones, the blob fills P = n - 2f rows of Q = n - f
symbols, row by row, padded with zeros; rows are extended to n symbols and columns to n rows.
"""

from dataclasses import dataclass
from typing import Final, Self, final

from opengradient.errors import ConfigurationError

MAX_SYMBOL_BYTES: Final = 65_534
"""The largest even number of 16 bits: symbols are sequences of two-byte field elements."""

MAX_SHARDS: Final = 4096
"""Far above any network's (1,000); bounds what a caller can ask for by mistake."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The matrix of one blob.

    Attributes:
        n_shards: Rows and columns after extension.
        rows: Source rows (P).
        columns: Source columns (Q).
        symbol_bytes: Bytes of one symbol, even.
    """

    n_shards: int
    rows: int
    columns: int
    symbol_bytes: int

    @classmethod
    def of(cls, size: int, n_shards: int) -> Self:
        """The matrix for a blob of `size` bytes.

        Raises:
            ConfigurationError: Code ``storage.shards`` for a number of shards that no network
                has, ``storage.too_large`` for a blob beyond the encoding.
        """
        if not 1 <= n_shards <= MAX_SHARDS:
            raise ConfigurationError(
                f"a network has 1 to {MAX_SHARDS} shards, not {n_shards}", code="storage.shards"
            )
        faulty = (n_shards - 1) // 3
        rows, columns = n_shards - 2 * faulty, n_shards - faulty
        symbol = -(-max(size, 1) // (rows * columns))
        symbol += symbol % 2
        if symbol > MAX_SYMBOL_BYTES:
            raise ConfigurationError(
                f"{size} bytes are too many for {n_shards} shards, which take "
                f"{rows * columns * MAX_SYMBOL_BYTES}",
                code="storage.too_large",
            )
        return cls(n_shards=n_shards, rows=rows, columns=columns, symbol_bytes=symbol)
