"""Binary HTTP messages (RFC 9292): whole ones, and responses that are written as they come.

Integers are written in their shortest form (but see `ResponseEncoder.content`), and read in any
(RFC 9000 section 16). What is refused when reading is refused when writing too; writing also
refuses the fields of a connection (RFC 9292 section 3.6).
"""

from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import MalformedError
from opengradient.wire._bhttp_decoder import (
    INDETERMINATE_REQUEST,
    INDETERMINATE_RESPONSE,
    KNOWN_REQUEST,
    KNOWN_RESPONSE,
    MessageDecoder,
)
from opengradient.wire._bhttp_values import (
    CONNECTION_FIELDS,
    MAX_HEAD_BYTES,
    Content,
    Fields,
    Part,
    RequestHead,
    ResponseHead,
    Trailers,
    check_fields,
)
from opengradient.wire.varint import encode_varint, varint_size

MAX_CONTENT_BYTES: Final = 64 * 1024 * 1024
"""As large as the largest answer that the transport reads."""

_ONE: Final = {width: encode_varint(1, size=width) for width in (1, 2, 4, 8)}

__all__ = [
    "CONNECTION_FIELDS",
    "MAX_CONTENT_BYTES",
    "MAX_HEAD_BYTES",
    "BinaryRequest",
    "BinaryResponse",
    "Content",
    "Fields",
    "MessageDecoder",
    "Part",
    "RequestHead",
    "ResponseEncoder",
    "ResponseHead",
    "Trailers",
    "can_have_size",
    "decode_request",
    "decode_response",
    "encode_request",
    "encode_response",
    "least_size",
    "pad",
]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryRequest:
    """A whole request.

    Attributes:
        head: Control data and header section.
        content: The body.
        trailers: Trailer field lines.
    """

    head: RequestHead
    content: bytes = b""
    trailers: Fields = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryResponse:
    """A whole response.

    Attributes:
        head: Status and header section of the final response.
        content: The body.
        trailers: Trailer field lines.
        informational: The 1xx responses before it.
    """

    head: ResponseHead
    content: bytes = b""
    trailers: Fields = ()
    informational: tuple[ResponseHead, ...] = ()


def encode_request(request: BinaryRequest, *, known_length: bool = True) -> bytes:
    """Encode a request (RFC 9292 sections 3.1 and 3.2); nothing is truncated.

    Args:
        request: The request.
        known_length: Which of the two framings.

    Raises:
        MalformedError: Codes ``channel.bhttp*``: it would be invalid.
    """
    head = request.head
    control = (head.method, head.scheme, head.authority, head.path)
    return b"".join(
        (
            encode_varint(KNOWN_REQUEST if known_length else INDETERMINATE_REQUEST),
            *(_prefixed(text.encode("ascii")) for text in control),
            _section(head.headers, known_length=known_length),
            _body(request.content, known_length=known_length),
            _section(request.trailers, known_length=known_length, trailers=True),
        )
    )


def encode_response(response: BinaryResponse, *, known_length: bool = True) -> bytes:
    """Encode a response (RFC 9292 sections 3.1 and 3.2); nothing is truncated.

    Args:
        response: The response.
        known_length: Which of the two framings.

    Raises:
        MalformedError: Codes ``channel.bhttp*``: it would be invalid.
    """
    return b"".join(
        (
            encode_varint(KNOWN_RESPONSE if known_length else INDETERMINATE_RESPONSE),
            *(
                _response_head(head, known_length=known_length, informational=True)
                for head in response.informational
            ),
            _response_head(response.head, known_length=known_length, informational=False),
            _body(response.content, known_length=known_length),
            _section(response.trailers, known_length=known_length, trailers=True),
        )
    )


def decode_request(data: bytes, *, max_content_bytes: int = MAX_CONTENT_BYTES) -> BinaryRequest:
    """Read a whole request of either framing, truncated and padded as section 3.8 allows.

    Raises:
        MalformedError: Codes ``channel.bhttp*``: invalid, or larger than a bound.
    """
    head: RequestHead | None = None
    content = b""
    trailers: Fields = ()
    for part in _parts(data, request=True, max_content_bytes=max_content_bytes):
        match part:
            case RequestHead():
                head = part
            case Content():
                content += part.data
            case Trailers():
                trailers = part.fields
            case ResponseHead():
                raise AssertionError("a request has no status")
    if head is None:
        raise AssertionError("a request that is whole has a head")
    return BinaryRequest(head=head, content=content, trailers=trailers)


def decode_response(data: bytes, *, max_content_bytes: int = MAX_CONTENT_BYTES) -> BinaryResponse:
    """Read a whole response of either framing, truncated and padded as section 3.8 allows.

    Raises:
        MalformedError: Codes ``channel.bhttp*``: invalid, or larger than a bound.
    """
    heads: list[ResponseHead] = []
    content = b""
    trailers: Fields = ()
    for part in _parts(data, request=False, max_content_bytes=max_content_bytes):
        match part:
            case ResponseHead():
                heads.append(part)
            case Content():
                content += part.data
            case Trailers():
                trailers = part.fields
            case RequestHead():
                raise AssertionError("a response has no method")
    return BinaryResponse(
        head=heads[-1], content=content, trailers=trailers, informational=tuple(heads[:-1])
    )


def pad(message: bytes, size: int) -> bytes:
    """Append zeros to a whole message up to `size` bytes (RFC 9292 section 3.8)."""
    return message.ljust(size, b"\0")


@final
class ResponseEncoder:
    """Writes a response of indeterminate length, piece by piece."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        """Nothing is written yet."""
        self._begun = False

    def head(self, head: ResponseHead) -> bytes:
        """Write an informational or the final head. Content follows the final one."""
        first = b"" if self._begun else encode_varint(INDETERMINATE_RESPONSE)
        self._begun = True
        return first + _response_head(head, known_length=False, informational=head.informational)

    def content(self, data: bytes, *, size: int = 0) -> bytes:
        """Write a piece of the content.

        Binary HTTP has padding at its end only. A piece is made longer by cutting it into small
        chunks whose lengths are written in more bytes than they need, which every reader of
        variable-length integers understands.

        Args:
            data: The piece; nothing is written for an empty one, which would end the content.
            size: Bytes that the result should have; it has them if `can_have_size`, else it is
                as near to it as can be.
        """
        if not data:
            return b""
        spare = max(size - len(data), varint_size(len(data)))
        widths = _widths(spare)[: len(data)]
        first = len(data) - len(widths) + 1
        pieces = [encode_varint(first, size=widths[0]), data[:first]]
        for at, width in enumerate(widths[1:], first):
            pieces += (_ONE[width], data[at : at + 1])
        return b"".join(pieces)

    def end(self, trailers: Fields = ()) -> bytes:
        """End the content and write the trailer section; zeros may follow."""
        return encode_varint(0) + _section(trailers, known_length=False, trailers=True)


def least_size(content_bytes: int) -> int:
    """Size of a piece of content of so many bytes, as `ResponseEncoder.content` writes it."""
    return content_bytes + varint_size(content_bytes)


def can_have_size(content_bytes: int, size: int) -> bool:
    """Whether so many bytes of content can be written in exactly `size` bytes."""
    spare = size - content_bytes
    return spare >= varint_size(content_bytes) and len(_widths(spare)) <= content_bytes


def _widths(spare: int) -> list[int]:
    """Widths of the fewest variable-length integers that take `spare` bytes, widest first."""
    return [8] * (spare // 8) + [width for width in (4, 2, 1) if spare & width]


def _parts(data: bytes, *, request: bool, max_content_bytes: int) -> list[Part]:
    decoder = MessageDecoder(request=request, max_content_bytes=max_content_bytes)
    return decoder.feed(data) + decoder.finish()


def _response_head(head: ResponseHead, *, known_length: bool, informational: bool) -> bytes:
    if head.informational != informational:
        raise MalformedError(
            f"status {head.status} stands in the wrong place", code="channel.bhttp"
        )
    return encode_varint(head.status) + _section(head.headers, known_length=known_length)


def _section(fields: Fields, *, known_length: bool, trailers: bool = False) -> bytes:
    check_fields(fields, trailers=trailers)
    for name, _ in fields:
        if name in CONNECTION_FIELDS:
            raise MalformedError(
                f"{name!r} belongs to a connection, not to a message", code="channel.bhttp_field"
            )
    lines = b"".join(
        _prefixed(name.encode("ascii")) + _prefixed(value.encode("latin-1"))
        for name, value in fields
    )
    if len(lines) > MAX_HEAD_BYTES:
        raise MalformedError(
            f"a field section of more than {MAX_HEAD_BYTES} bytes", code="channel.bhttp_too_large"
        )
    return _prefixed(lines) if known_length else lines + encode_varint(0)


def _body(content: bytes, *, known_length: bool) -> bytes:
    if known_length:
        return _prefixed(content)
    return (_prefixed(content) if content else b"") + encode_varint(0)


def _prefixed(data: bytes) -> bytes:
    return encode_varint(len(data)) + data
