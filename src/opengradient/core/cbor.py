"""CBOR (RFC 8949), the part of it that attestation documents use: strict reader, plain writer.

What the reader takes, and why:

1. integers, byte strings, text strings, arrays, maps, ``null``, ``true``, ``false``;
2. arrays and maps of definite **and indefinite** length: Nitro documents of 2022-2025 are
   definite maps, those of 2026 are indefinite;
3. map entries in any order, because the Nitro module does not sort them.

What it refuses, always with `MalformedError`: heads that are longer than needed (the Nitro module
writes the shortest, and one value must not have many spellings), a map key that comes twice or is
neither integer nor text, byte and text strings in chunks, floats, ``undefined`` and other simple
values, every tag, text that is not UTF-8, nesting deeper than eight, trailing bytes, and input
that ends early. A length is compared with what is left before anything is allocated.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from opengradient.errors import MalformedError

CborKey: TypeAlias = int | str
CborValue: TypeAlias = (
    int | str | bytes | bool | Sequence["CborValue"] | Mapping[CborKey, "CborValue"] | None
)

MAX_DEPTH = 8
"""Nesting at which the reader gives up; a Nitro document needs three."""

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE_VALUES: dict[int, bool | None] = {20: False, 21: True, 22: None}
_NAMES = {_ARRAY: "array", _MAP: "map", _BYTES: "byte string", _TEXT: "text string"}


def decode(data: bytes) -> CborValue:
    """Read one CBOR item that fills ``data`` exactly.

    Args:
        data: The encoded item. The caller caps its size.

    Returns:
        The value; arrays as tuples, maps as dicts in the order of the input.

    Raises:
        MalformedError: With code ``cbor.malformed`` for anything outside the subset above.
    """
    reader = _Reader(data)
    value = reader.item(1)
    if reader.offset != len(data):
        raise _malformed(f"{len(data) - reader.offset} bytes after the end")
    return value


def encode(value: CborValue) -> bytes:
    """Write ``value`` with the shortest heads and definite lengths, maps in their own order.

    Args:
        value: Integers within 64 bits, bytes, text, booleans, ``None``, sequences, mappings.

    Raises:
        ValueError: For an integer beyond 64 bits.
        TypeError: For any other type.
    """
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(_UINT, value) if value >= 0 else head(_NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return head(_BYTES, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(_TEXT, len(text)) + text
    if isinstance(value, Mapping):
        return head(_MAP, len(value)) + _entries(value)
    if isinstance(value, Sequence):
        return head(_ARRAY, len(value)) + b"".join(encode(item) for item in value)
    raise TypeError(f"cannot write {type(value).__name__} as CBOR")


def encode_indefinite_map(value: Mapping[CborKey, CborValue]) -> bytes:
    """Write a map of indefinite length, as the Nitro module does since 2026."""
    return bytes([_MAP << 5 | _INDEFINITE]) + _entries(value) + bytes([_BREAK])


def head(major: int, argument: int) -> bytes:
    """Write the shortest head of a major type (RFC 8949 section 3).

    Args:
        major: Major type, 0 to 7.
        argument: Length, count or value, below 2^64.
    """
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise ValueError("integer beyond 64 bits")


def _entries(value: Mapping[CborKey, CborValue]) -> bytes:
    return b"".join(encode(key) + encode(item) for key, item in value.items())


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not acceptable CBOR: {why}", code="cbor.malformed")


class _Reader:
    """A cursor over the input."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.offset:
            raise _malformed(f"ends early at byte {self.offset}")
        start = self.offset
        self.offset += size
        return self.data[start : self.offset]

    def at_break(self) -> bool:
        """Consume the byte that ends an indefinite array or map, where it stands here."""
        if self.take(1)[0] == _BREAK:
            return True
        self.offset -= 1
        return False

    def head(self) -> tuple[int, int, int | None]:
        """Major type, additional information, argument (None when indefinite)."""
        initial = self.take(1)[0]
        major, info = initial >> 5, initial & 31
        if info < 24:
            return major, info, info
        if info == _INDEFINITE:
            return major, info, None
        if info > 27:
            raise _malformed("reserved additional information")
        size = 1 << (info - 24)
        argument = int.from_bytes(self.take(size), "big")
        if major != _SIMPLE and argument < (24 if size == 1 else 1 << 4 * size):
            raise _malformed(f"head longer than needed at byte {self.offset - size - 1}")
        return major, info, argument

    def item(self, depth: int) -> CborValue:
        if depth > MAX_DEPTH:
            raise _malformed(f"nested deeper than {MAX_DEPTH}")
        major, info, argument = self.head()
        if major == _SIMPLE:
            if info not in _SIMPLE_VALUES:
                raise _malformed(f"float, break or simple value at byte {self.offset - 1}")
            return _SIMPLE_VALUES[info]
        if major == _ARRAY:
            return self.array(argument, depth)
        if major == _MAP:
            return self.map(argument, depth)
        if argument is None:
            raise _malformed(f"{_NAMES.get(major, 'integer or tag')} of indefinite length")
        return self.scalar(major, argument)

    def scalar(self, major: int, argument: int) -> CborValue:
        if major == _UINT:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        if major == _TAG:
            raise _malformed(f"tag {argument}")
        content = self.take(argument)
        if major == _BYTES:
            return content
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _malformed("text that is not UTF-8") from error

    def array(self, count: int | None, depth: int) -> CborValue:
        items: list[CborValue] = []
        while self.more(count, len(items)):
            items.append(self.item(depth + 1))
        return tuple(items)

    def map(self, count: int | None, depth: int) -> CborValue:
        entries: dict[CborKey, CborValue] = {}
        while self.more(count, len(entries)):
            key = self.item(depth + 1)
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise _malformed("map key that is neither integer nor text")
            if key in entries:
                raise _malformed(f"map key {key!r} twice")
            entries[key] = self.item(depth + 1)
        return entries

    def more(self, count: int | None, done: int) -> bool:
        return not self.at_break() if count is None else done < count
