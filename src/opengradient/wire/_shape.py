"""Small combinators that check the shape of parsed JSON and refuse what is unknown."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from opengradient.errors import UnsupportedParameterError

Check: TypeAlias = Callable[[Any, str], None]


def fail(path: str, problem: str, *, code: str = "request.invalid") -> UnsupportedParameterError:
    """The error for one bad parameter; its `.parameter` is the path."""
    return UnsupportedParameterError(path, f"{path}: {problem}", code=code)


def text(value: Any, path: str) -> None:
    """A string without lone surrogates."""
    if not isinstance(value, str):
        raise fail(path, "must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise fail(path, "holds a lone surrogate") from None


def boolean(value: Any, path: str) -> None:
    """A boolean."""
    if not isinstance(value, bool):
        raise fail(path, "must be true or false")


def integer(low: int, high: int) -> Check:
    """A whole number in a range."""

    def check(value: Any, path: str) -> None:
        if type(value) is not int or not low <= value <= high:
            raise fail(path, f"must be a whole number from {low} to {high}")

    return check


def number(low: float, high: float) -> Check:
    """A finite number in a range."""

    def check(value: Any, path: str) -> None:
        if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
            raise fail(path, f"must be a number from {low} to {high}")

    return check


def one_of(*allowed: Any) -> Check:
    """One of a few values."""

    def check(value: Any, path: str) -> None:
        if not any(value == item and type(value) is type(item) for item in allowed):
            raise fail(path, f"must be one of {', '.join(map(repr, allowed))}")

    return check


def list_of(item: Check, *, least: int = 0, most: int = 100_000) -> Check:
    """A list of bounded length."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise fail(path, f"must be a list of {least} to {most} items")
        for index, element in enumerate(value):
            item(element, f"{path}[{index}]")

    return check


def either(*checks: Check) -> Check:
    """Any of several shapes; the error is the last one's."""

    def check(value: Any, path: str) -> None:
        for candidate in checks[:-1]:
            try:
                candidate(value, path)
            except UnsupportedParameterError:
                continue
            return
        checks[-1](value, path)

    return check


def nullable(inner: Check) -> Check:
    """null, or the inner shape."""

    def check(value: Any, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def anything(_value: Any, _path: str) -> None:
    """Any JSON value (a JSON schema, for example)."""


def json_object(value: Any, path: str) -> None:
    """Any JSON object."""
    if not isinstance(value, dict):
        raise fail(path, "must be an object")


def mapping_of(item: Check) -> Check:
    """An object with free names and values of one shape."""

    def check(value: Any, path: str) -> None:
        json_object(value, path)
        for name, element in value.items():
            item(element, f"{path}.{name}")

    return check


def record(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """An object with known fields only."""

    def check(value: Any, path: str) -> None:
        json_object(value, path)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise fail(prefix + name, "is required")
        for name, element in value.items():
            field = fields.get(name)
            if field is None:
                raise fail(
                    prefix + name,
                    "is not a known parameter",
                    code="request.unsupported_parameter",
                )
            field(element, prefix + name)

    return check
