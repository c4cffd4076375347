"""Runs a parser on one input and holds it to what it may raise, take and use."""

import time
import tracemalloc

from tests.fuzz.registry import Parser

MAX_SECONDS = 0.05
MAX_BYTES = 16 * 1024 * 1024
TRIES = 4


class LimitError(AssertionError):
    """A parser took too long, used too much, or raised what it may not."""


def accepts(parser: Parser, data: bytes) -> bool:
    """Whether the parser takes the input.

    Raises:
        LimitError: It raised something that is not documented.
    """
    try:
        parser.parse(data)
    except parser.errors:
        return False
    except BaseException as error:
        message = f"{parser.name} raised {error!r} for {data[:60]!r} ({len(data)} bytes)"
        raise LimitError(message) from error
    return True


def seconds(parser: Parser, data: bytes) -> float:
    """CPU time, the best of a few tries: the machine may be busy with other things."""
    best = float("inf")
    for _ in range(TRIES):
        start = time.process_time()
        accepts(parser, data)
        best = min(best, time.process_time() - start)
        if best <= MAX_SECONDS:
            break
    return best


def peak_bytes(parser: Parser, data: bytes) -> int:
    """Most memory in use at once, beyond the input."""
    tracemalloc.start()
    try:
        accepts(parser, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check_seconds(parser: Parser, data: bytes) -> None:
    """Hold a parser to its errors and its time.

    Raises:
        LimitError: It broke one.
    """
    taken = seconds(parser, data)
    if taken > MAX_SECONDS:
        raise LimitError(f"{parser.name} took {taken * 1000:.0f} ms for {len(data)} bytes")


def check(parser: Parser, data: bytes) -> None:
    """Hold a parser to all limits on one input.

    Raises:
        LimitError: It broke one.
    """
    check_seconds(parser, data)
    used = peak_bytes(parser, data)
    if used > MAX_BYTES:
        raise LimitError(f"{parser.name} used {used} bytes")
