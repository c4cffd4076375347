"""Times as people type them."""

import re
import time
from datetime import datetime
from typing import Any, Final, final

import click

_MILLISECONDS_FROM: Final = 10**11
"""Digits below are seconds: as milliseconds they would lie in 1973, before any receipt."""

_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:\d\d)$")


def now_ms() -> int:
    """This machine's time, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def parse_time(text: str) -> int:
    """Read a time.

    Args:
        text: RFC 3339 with a zone, or Unix seconds, or Unix milliseconds.

    Returns:
        Unix milliseconds.

    Raises:
        ValueError: It is neither.
    """
    if text.isascii() and text.isdecimal():
        number = int(text)
        return number if number >= _MILLISECONDS_FROM else number * 1000
    if not _ZONE.search(text):
        raise ValueError("a time needs its zone, for example 2026-01-03T21:00:00Z")
    return round(datetime.fromisoformat(text.upper()).timestamp() * 1000)


@final
class Time(click.ParamType[int]):
    """A moment: RFC 3339, Unix seconds or Unix milliseconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text, or say what is wrong with it."""
        if isinstance(value, int):
            return value
        try:
            return parse_time(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


TIME: Final = Time()
