"""JSON-RPC's two encodings (Ethereum JSON-RPC specification, "Hex value encoding")."""

import re
from typing import Any

from opengradient.errors import ChainError

_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")


def to_data(data: bytes) -> str:
    """Bytes as ``0x`` hex."""
    return "0x" + data.hex()


def parse_data(value: Any, what: str, size: int | None = None) -> bytes:
    """Read ``0x`` hex, of a fixed size if one is given.

    Raises:
        ChainError: It is something else (`chain.malformed`).
    """
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise ChainError(f"{what} must be 0x hex", code="chain.malformed")
    data = bytes.fromhex(value[2:])
    if size is not None and len(data) != size:
        raise ChainError(f"{what} must have {size} bytes", code="chain.malformed")
    return data


def parse_quantity(value: Any, what: str) -> int:
    """Read a number in ``0x`` hex.

    Raises:
        ChainError: It is something else (`chain.malformed`).
    """
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ChainError(f"{what} must be a number in 0x hex", code="chain.malformed")
    return int(value, 16)
