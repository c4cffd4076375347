"""Values to bytes and back: RFC 8785 JSON and strict parsing."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import rfc8785

from opengradient.errors import MalformedError

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
JsonObject: TypeAlias = dict[str, Any]

MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer RFC 8785 can carry (IEEE 754 double)."""


def canonical_json(value: Any) -> bytes:
    """Serialise to RFC 8785.

    Raises:
        MalformedError: The value has no canonical form (NaN, an integer past 2**53, a lone
            surrogate, a foreign type).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise MalformedError(
            f"value has no canonical JSON form: {error}", step="canonical json"
        ) from error


_encode_compact = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False
).encode


def compact_json(value: Any) -> bytes:
    """Serialise to compact UTF-8 JSON, for bytes that are sent rather than recomputed.

    Raises:
        MalformedError: The value is not JSON (NaN, a lone surrogate, a foreign type).
    """
    try:
        return _encode_compact(value).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedError(f"value is not JSON: {error}", step="json") from error


MAX_DEPTH: Final = 128
"""Deepest nesting that is parsed. Checked here, because the interpreter's own recursion limit is
for anybody to raise, and beyond the C stack it no longer protects."""

_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    # Without an escape every second piece between quotes lies outside of strings.
    outside = _STRING.sub("", text) if "\\" in text else "".join(text.split('"')[::2])
    depth = 0
    for mark in _BRACKET.findall(outside):
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        else:
            depth -= 1


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
_FOREIGN = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(data: bytes | str, *, what: str = "input", max_bytes: int | None = None) -> Any:
    """Parse JSON strictly: UTF-8, no duplicate keys, no NaN, no trailing bytes, bounded.

    Args:
        data: The bytes or text.
        what: What it is, for the error message.
        max_bytes: Refuse larger input before parsing.

    Raises:
        MalformedError: Not JSON in this strict sense, too deep or too large.
    """
    if max_bytes is not None and len(data) > max_bytes:
        raise MalformedError(
            f"{what} is larger than {max_bytes} bytes",
            code="format.too_large",
            expected=f"<= {max_bytes}",
            actual=len(data),
        )
    try:
        text = data if isinstance(data, str) else data.decode()
        _check_depth(text)
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{what} is not strict JSON: {error}", step="json") from error


def load_foreign_json(data: bytes | str) -> Any:
    """Read JSON of somebody else's format: duplicate keys are taken, depth is bounded all the same.

    Use it where a foreign server's JSON is read; never for what is signed or hashed.

    Raises:
        ValueError: Not JSON, or nested deeper than `MAX_DEPTH`.
    """
    text = data if isinstance(data, str) else data.decode()
    _check_depth(text)
    return _FOREIGN.decode(text)


def parse_json_object(
    data: bytes | str, *, what: str = "input", max_bytes: int | None = None
) -> JsonObject:
    """Like `parse_json`, and it must be an object."""
    value = parse_json(data, what=what, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be a JSON object", actual=type(value).__name__)
    return value
