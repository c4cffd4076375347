"""Server-sent events, as far as model APIs use them: bounded, incremental, byte-exact."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import MalformedError

MAX_EVENT_BYTES: Final = 32 * 1024 * 1024
"""One event may hold a whole image as a data: URI."""


@final
@dataclass(frozen=True, slots=True)
class Event:
    """One event: the bytes of its data lines, and its name."""

    data: bytes
    name: str = ""


@final
class EventDecoder:
    """Feed it bytes as they come; it yields whole events (WHATWG HTML, section 9.2.6)."""

    __slots__ = ("_buffer", "_max_event_bytes")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        """Bound the memory that one event may take."""
        self._buffer = b""
        self._max_event_bytes = max_event_bytes

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that `chunk` completes.

        Raises:
            MalformedError: One event grew past the bound.
        """
        buffer = self._buffer + chunk
        if b"\r" in buffer:
            held = b"\r" if buffer.endswith(b"\r") else b""
            buffer = buffer[: len(buffer) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            *blocks, rest = buffer.split(b"\n\n")
            self._buffer = rest + held
        else:
            *blocks, self._buffer = buffer.split(b"\n\n")
        if len(self._buffer) > self._max_event_bytes:
            raise MalformedError("a server-sent event is too large", code="format.too_large")
        for block in blocks:
            event = _parse(block)
            if event is not None:
                yield event

    @property
    def pending(self) -> bool:
        """Whether the stream ended in the middle of an event."""
        return bool(self._buffer.strip())


def _parse(block: bytes) -> Event | None:
    if block.startswith(b"data: ") and b"\n" not in block:
        return Event(block[6:])
    data: list[bytes] = []
    name = ""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(b"\n".join(data), name) if data else None


def encode_event(data: bytes) -> bytes:
    """Frame one event. `data` holds no line break (compact JSON never does)."""
    return b"data: " + data + b"\n\n"


DONE: Final = b"[DONE]"
