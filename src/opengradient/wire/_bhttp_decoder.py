"""Reads binary HTTP as it comes: both framings, requests and responses, bounded."""

from collections.abc import Generator
from typing import Final, TypeAlias, TypeVar, final

from opengradient.errors import MalformedError
from opengradient.wire._bhttp_values import (
    MAX_HEAD_BYTES,
    Content,
    Fields,
    Part,
    RequestHead,
    ResponseHead,
    Trailers,
    check_fields,
    invalid,
)
from opengradient.wire.varint import size_of_varint, value_of_varint

_T = TypeVar("_T")
_Steps: TypeAlias = Generator[Part | None, None, _T]
"""Yields a part, or None when it needs more bytes."""

KNOWN_REQUEST: Final = 0
KNOWN_RESPONSE: Final = 1
INDETERMINATE_REQUEST: Final = 2
INDETERMINATE_RESPONSE: Final = 3
"""Framing indicators (RFC 9292 section 3.3)."""

_MAX_INFORMATIONAL: Final = 16


@final
class MessageDecoder:
    """Feed it bytes as they come, then `finish` it; it gives the parts of one message.

    A message may end early where what is missing is empty, and may be followed by zero bytes
    (RFC 9292 section 3.8). A decoder that raised is of no further use.
    """

    __slots__ = ("_at", "_buffer", "_ended", "_head_left", "_max_content", "_request", "_steps")

    def __init__(self, *, request: bool, max_content_bytes: int) -> None:
        """Expect one message.

        Args:
            request: Whether it is a request.
            max_content_bytes: Largest content that is read.
        """
        self._request = request
        self._max_content = max_content_bytes
        self._head_left = MAX_HEAD_BYTES
        self._buffer = bytearray()
        self._at = 0
        self._ended = False
        self._steps = self._message()

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes and give the parts that they complete; adjacent content is joined.

        Raises:
            MalformedError: Codes ``channel.bhttp*``: not a valid message, or past a bound.
        """
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data
        return self._advance()

    def finish(self) -> list[Part]:
        """Take note that no more bytes come; give what is left, `Trailers` at the latest.

        Raises:
            MalformedError: As in `feed`; code ``channel.bhttp_truncated`` when it ended early.
        """
        self._ended = True
        return self._advance()

    def _advance(self) -> list[Part]:
        parts: list[Part] = []
        content: list[bytes] = []
        for part in self._steps:
            if part is None:
                break
            if isinstance(part, Content):
                content.append(part.data)
                continue
            _flush(content, parts)
            parts.append(part)
        _flush(content, parts)
        return parts

    # The grammar of RFC 9292 section 3.

    def _message(self) -> _Steps[None]:
        indicator = yield from self._varint()
        if indicator not in _expected(request=self._request):
            raise invalid(f"framing indicator {indicator} was not expected")
        known = indicator in (KNOWN_REQUEST, KNOWN_RESPONSE)
        if self._request:
            yield (yield from self._request_head(known=known))
        else:
            yield from self._response_heads(known=known)
        yield from self._content(known=known)
        self._head_left = MAX_HEAD_BYTES
        trailers = yield from self._fields(known=known)
        check_fields(trailers, trailers=True)
        yield Trailers(trailers)
        yield from self._padding()

    def _request_head(self, *, known: bool) -> _Steps[RequestHead]:
        control = []
        for _ in range(4):
            length = yield from self._varint()
            control.append(_ascii((yield from self._head_bytes(length))))
        method, scheme, authority, path = control
        headers = yield from self._fields(known=known)
        return RequestHead(
            method=method, scheme=scheme, authority=authority, path=path, headers=headers
        )

    def _response_heads(self, *, known: bool) -> _Steps[None]:
        for _ in range(_MAX_INFORMATIONAL + 1):
            status = yield from self._varint()
            headers = yield from self._fields(known=known, required=status < 200)
            yield ResponseHead(status=status, headers=headers)
            if status >= 200:
                return
        raise invalid("too many informational responses")

    def _fields(self, *, known: bool, required: bool = False) -> _Steps[Fields]:
        if not required and not (yield from self._more()):
            return ()
        if not known:
            return (yield from self._indeterminate_fields())
        length = yield from self._varint()
        return _field_section((yield from self._head_bytes(length)))

    def _indeterminate_fields(self) -> _Steps[Fields]:
        lines: list[tuple[str, str]] = []
        while length := (yield from self._varint()):
            name = _ascii((yield from self._head_bytes(length)))
            length = yield from self._varint()
            value = yield from self._head_bytes(length)
            lines.append((name, value.decode("latin-1")))
        return tuple(lines)

    def _content(self, *, known: bool) -> _Steps[None]:
        if not (yield from self._more()):
            return
        left = self._max_content
        while True:
            whole = b"" if known else self._whole_chunks()
            length = len(whole) or (yield from self._varint())
            left -= length
            if left < 0:
                raise MalformedError(
                    f"binary HTTP content of more than {self._max_content} bytes",
                    code="channel.bhttp_too_large",
                )
            if whole:
                yield Content(whole)
                continue
            yield from self._pieces(length)
            if known or not length:
                return

    def _whole_chunks(self) -> bytes:
        """What the chunks hold that are there as a whole: many small ones come in a padded piece."""
        buffer, at = self._buffer, self._at
        chunks: list[bytearray] = []
        while at < len(buffer) and (begin := at + size_of_varint(buffer[at])) <= len(buffer):
            end = begin + value_of_varint(buffer[at:begin])
            if end == begin or end > len(buffer):
                break
            chunks.append(buffer[begin:end])
            at = end
        self._at = at
        return b"".join(chunks)

    def _pieces(self, left: int) -> _Steps[None]:
        while left:
            ready = min(left, len(self._buffer) - self._at)
            if ready:
                data = bytes(self._buffer[self._at : self._at + ready])
                self._at += ready
                left -= ready
                yield Content(data)
            else:
                yield from self._wait()

    def _padding(self) -> _Steps[None]:
        while (yield from self._more()):
            if any(memoryview(self._buffer)[self._at :]):
                raise MalformedError(
                    "a binary HTTP message is followed by other bytes than zeros",
                    code="channel.bhttp_padding",
                )
            self._at = len(self._buffer)

    # Reading.

    def _head_bytes(self, length: int) -> _Steps[bytes]:
        self._head_left -= length + 1
        if self._head_left < 0:
            raise MalformedError(
                f"a binary HTTP head of more than {MAX_HEAD_BYTES} bytes",
                code="channel.bhttp_too_large",
            )
        return (yield from self._take(length))

    def _varint(self) -> _Steps[int]:
        first = yield from self._take(1)
        rest = yield from self._take(size_of_varint(first[0]) - 1)
        return value_of_varint(first + rest)

    def _take(self, count: int) -> _Steps[bytes]:
        while len(self._buffer) - self._at < count:
            yield from self._wait()
        data = bytes(self._buffer[self._at : self._at + count])
        self._at += count
        return data

    def _more(self) -> _Steps[bool]:
        while self._at == len(self._buffer):
            if self._ended:
                return False
            yield None
        return True

    def _wait(self) -> _Steps[None]:
        if self._ended:
            raise MalformedError("a binary HTTP message ends early", code="channel.bhttp_truncated")
        yield None


def _field_section(data: bytes) -> Fields:
    """The field lines of a known-length section, which they fill exactly."""
    lines: list[tuple[str, str]] = []
    at = 0
    while at < len(data):
        name, at = _prefixed(data, at)
        value, at = _prefixed(data, at)
        lines.append((_ascii(name), value.decode("latin-1")))
    return tuple(lines)


def _prefixed(data: bytes, at: int) -> tuple[bytes, int]:
    begin = at + (size_of_varint(data[at]) if at < len(data) else 1)
    if begin <= len(data):
        end = begin + value_of_varint(data[at:begin])
        if end <= len(data):
            return data[begin:end], end
    raise invalid("a field line passes the end of its section")


def _expected(*, request: bool) -> tuple[int, int]:
    if request:
        return KNOWN_REQUEST, INDETERMINATE_REQUEST
    return KNOWN_RESPONSE, INDETERMINATE_RESPONSE


def _ascii(data: bytes) -> str:
    if not data.isascii():
        raise invalid("a name that is not ASCII")
    return data.decode("ascii")


def _flush(content: list[bytes], parts: list[Part]) -> None:
    if content:
        parts.append(Content(b"".join(content)))
        content.clear()
