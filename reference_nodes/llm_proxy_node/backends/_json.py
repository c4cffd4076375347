"""Reading providers' JSON: fast, tolerant of unknown fields, exact about required ones."""

import json
import math
from typing import Any, TypeVar

from opengradient.core.canonical import JsonObject, compact_json, load_foreign_json
from opengradient.errors import MalformedError

T = TypeVar("T")


class ShapeError(ValueError):
    """A provider's JSON lacks a required field or has a wrong type; never leaves a backend."""


def loads(data: bytes) -> Any:
    """Parse JSON.

    Lone surrogates are refused because text that holds one has no UTF-8 form and so could not
    be bound by a receipt. They can only come from an escape, so most data is not searched.

    Raises:
        ValueError: Not JSON (a ShapeError or one of the parser's).
    """
    value = load_foreign_json(data)
    if b"\\ud" in data or b"\\uD" in data:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ShapeError("text holds a lone surrogate") from None
    return value


def load_object(data: bytes) -> JsonObject:
    """Parse JSON that must be an object.

    Raises:
        ValueError: Not JSON, or not an object.
    """
    value = loads(data)
    if not isinstance(value, dict):
        raise ShapeError("not an object")
    return value


def need(source: JsonObject, name: str, kind: type[T]) -> T:
    """A required member of one type.

    Raises:
        ShapeError: Missing, or of another type.
    """
    value = source.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ShapeError(f"{name!r} is missing or not of type {kind.__name__}")
    return value


def maybe(source: JsonObject, name: str, kind: type[T]) -> T | None:
    """An optional member of one type; null counts as absent.

    Raises:
        ShapeError: There, but of another type.
    """
    return None if source.get(name) is None else need(source, name, kind)


def objects(source: JsonObject, name: str) -> list[JsonObject]:
    """An optional list of objects; absent and null count as empty.

    Raises:
        ShapeError: Not a list of objects.
    """
    value = maybe(source, name, list) or []
    if not all(isinstance(item, dict) for item in value):
        raise ShapeError(f"{name!r} holds something other than objects")
    return value


def count(source: JsonObject, name: str) -> int:
    """An optional number of tokens; absent counts as 0.

    Raises:
        ShapeError: Not a whole number from 0.
    """
    value = maybe(source, name, int) or 0
    if value < 0:
        raise ShapeError(f"{name!r} is negative")
    return value


def dumps(value: Any) -> str:
    """Write a value again as compact JSON.

    Raises:
        ShapeError: It holds a number that is too large for JSON (1e400 parses as infinity).
    """
    try:
        return compact_json(value).decode()
    except MalformedError as error:
        raise ShapeError(error.message) from None


def numbers(value: Any) -> tuple[float, ...]:
    """One embedding vector.

    Raises:
        ShapeError: Not a list of numbers, or empty.
    """
    if not isinstance(value, list) or not value:
        raise ShapeError("an embedding is not a list of numbers")
    if not all(type(number) in (int, float) for number in value):
        raise ShapeError("an embedding holds something other than numbers")
    try:
        vector = tuple(float(number) for number in value)
    except OverflowError:
        raise ShapeError("an embedding holds a number that is too large") from None
    if not all(map(math.isfinite, vector)):
        raise ShapeError("an embedding holds a number that is not finite")
    return vector
