"""Variable-length integers of QUIC (RFC 9000 section 16), as binary HTTP and OHTTP use them."""

from typing import Final

from opengradient.errors import MalformedError

MAX_VARINT: Final = 2**62 - 1
_SIZES: Final = (1, 2, 4, 8)


def varint_size(value: int) -> int:
    """How many bytes the shortest encoding takes.

    Raises:
        MalformedError: Code ``channel.varint``: negative, or 2^62 and above.
    """
    if not 0 <= value <= MAX_VARINT:
        raise MalformedError("an integer that no varint carries", code="channel.varint")
    return next(size for size in _SIZES if value < 1 << (8 * size - 2))


def encode_varint(value: int, *, size: int | None = None) -> bytes:
    """Encode an integer.

    Args:
        value: 0 to 2^62 - 1.
        size: Bytes to take: 1, 2, 4 or 8; the fewest if None.

    Raises:
        MalformedError: Code ``channel.varint``: it does not fit.
    """
    least = varint_size(value)
    width = least if size is None else size
    if width < least or width not in _SIZES:
        raise MalformedError(f"{value} does not fit into {width} bytes", code="channel.varint")
    return ((_SIZES.index(width) << (8 * width - 2)) | value).to_bytes(width, "big")


def size_of_varint(first: int) -> int:
    """How many bytes the varint has that begins with the byte `first`."""
    return 1 << (first >> 6)


def value_of_varint(data: bytes | bytearray) -> int:
    """The value of the varint that is all of `data`. Any length is read (RFC 9000 section 16)."""
    return int.from_bytes(data, "big") & ((1 << (8 * len(data) - 2)) - 1)
