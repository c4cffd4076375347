"""Chunked Oblivious HTTP (draft-ietf-ohai-chunked-ohttp-08): messages sealed piece by piece.

Every chunk is bound to its place by a counter, and the last one says that it is the last, so
that chunks can be neither left out, nor reordered, nor cut off. What a chunk brings may be
used before the last one came only where an early end is noticed later.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, final

from opengradient.core.keyset import HpkeKey
from opengradient.errors import ChannelError, MalformedError, ProtocolError
from opengradient.transport.ohttp._hpke import TAG_BYTES, OpenContext, ResponseKeys, open_with
from opengradient.transport.ohttp.keys import PUBLIC_KEY_BYTES, GatewayKey
from opengradient.transport.ohttp.messages import (
    HEADER_BYTES,
    Exchange,
    accept_request,
    begin_request,
)
from opengradient.wire.varint import encode_varint, size_of_varint, value_of_varint

CHUNKED_REQUEST_MEDIA_TYPE: Final = "message/ohttp-chunked-req"
CHUNKED_RESPONSE_MEDIA_TYPE: Final = "message/ohttp-chunked-res"

CHUNKED_REQUEST_LABEL: Final = b"message/bhttp chunked request"
CHUNKED_RESPONSE_LABEL: Final = b"message/bhttp chunked response"
FINAL: Final = b"final"

MAX_CHUNK_BYTES: Final = 16 * 1024
"""Largest piece that is sealed at once; every receiver takes it (draft, section 3)."""

MAX_ACCEPTED_CHUNK_BYTES: Final = 64 * 1024
MAX_MESSAGE_BYTES: Final = 96 * 1024 * 1024
"""Bound of a whole sealed message: the largest content, padded."""


@final
class RequestSealer:
    """Seals a request. Send `header`, then what `seal` and, once, `finish` return."""

    def __init__(self, key: HpkeKey, *, ephemeral: bytes | None = None) -> None:
        """Begin a request.

        Args:
            key: The attested key of the node.
            ephemeral: Private key to use once, for test vectors only.

        Raises:
            ChannelError: Code ``channel.open``: no secret can be agreed with the key.
        """
        self.header, self.exchange, self._context = begin_request(
            key, CHUNKED_REQUEST_LABEL, ephemeral
        )

    def seal(self, chunk: bytes) -> bytes:
        """Seal a chunk that others follow."""
        return _framed(self._context.seal(chunk))

    def finish(self, chunk: bytes = b"") -> bytes:
        """Seal the last chunk."""
        return encode_varint(0) + self._context.seal(chunk, FINAL)

    def whole(self, message: bytes) -> bytes:
        """Seal a message that is all there, in chunks that every receiver takes."""
        *first, last = split(message)
        return b"".join((self.header, *map(self.seal, first), self.finish(last)))


@final
class RequestOpener:
    """Opens a request as it comes."""

    def __init__(
        self, keys: Mapping[int, GatewayKey], *, max_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        """Expect a request.

        Args:
            keys: The keys in use, by key id.
            max_bytes: Largest sealed message that is read.
        """
        self._keys = keys
        self._context: OpenContext | None = None
        self._exchange: Exchange | None = None
        self._chunks = _Chunks(
            HEADER_BYTES + PUBLIC_KEY_BYTES, self._begin, self._open, max_bytes=max_bytes
        )

    @property
    def exchange(self) -> Exchange:
        """What ties the answer to this request; there once the header came."""
        if self._exchange is None:
            raise ProtocolError("a sealed request ends early", code="channel.truncated")
        return self._exchange

    def feed(self, data: bytes) -> bytes:
        """Take bytes and give what the chunks that they complete hold.

        Raises:
            ChannelError: Code ``channel.key_unknown``, or ``channel.open``.
            MalformedError: Code ``channel.malformed`` or ``channel.too_large``.
        """
        return self._chunks.feed(data)

    def finish(self) -> bytes:
        """Take note that no more bytes come and give what the last chunk holds.

        Raises:
            ProtocolError: Code ``channel.truncated``: there was no last chunk.
            ChannelError: As in `feed`.
        """
        return self._chunks.finish()

    def _begin(self, begin: bytes) -> None:
        self._exchange, self._context = accept_request(begin, CHUNKED_REQUEST_LABEL, self._keys)

    def _open(self, sealed: bytes, aad: bytes) -> bytes:
        if self._context is None:
            raise AssertionError("a chunk comes after the header")
        return open_with(self._context, sealed, aad)


@final
class ResponseSealer:
    """Seals a response. Send what `seal` and, once, `finish` return."""

    def __init__(self, exchange: Exchange, *, response_nonce: bytes | None = None) -> None:
        """Begin the response to a request.

        Args:
            exchange: Of the request, from `RequestOpener.exchange`.
            response_nonce: For test vectors only; random if None.
        """
        nonce = response_nonce or exchange.new_response_nonce()
        self._keys = exchange.response_keys(nonce, CHUNKED_RESPONSE_LABEL)
        self._first = nonce
        self._counter = 0

    def seal(self, chunk: bytes) -> bytes:
        """Seal a chunk that others follow."""
        return self._take_first() + _framed(self._next(chunk, b""))

    def finish(self, chunk: bytes = b"") -> bytes:
        """Seal the last chunk."""
        return self._take_first() + encode_varint(0) + self._next(chunk, FINAL)

    def whole(self, message: bytes) -> bytes:
        """Seal a message that is all there, in chunks that every receiver takes."""
        *first, last = split(message)
        return b"".join((*map(self.seal, first), self.finish(last)))

    def _next(self, chunk: bytes, aad: bytes) -> bytes:
        sealed = self._keys.seal(chunk, counter=self._counter, aad=aad)
        self._counter += 1
        return sealed

    def _take_first(self) -> bytes:
        first, self._first = self._first, b""
        return first


@final
class ResponseOpener:
    """Opens a response as it comes."""

    def __init__(self, exchange: Exchange, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        """Expect the response to a request.

        Args:
            exchange: Of the request, from `RequestSealer.exchange`.
            max_bytes: Largest sealed message that is read.
        """
        self._exchange = exchange
        self._keys: ResponseKeys | None = None
        self._counter = 0
        self._chunks = _Chunks(
            exchange.response_nonce_bytes, self._begin, self._open, max_bytes=max_bytes
        )

    def feed(self, data: bytes) -> bytes:
        """Take bytes and give what the chunks that they complete hold.

        Raises:
            ChannelError: Code ``channel.open``: not the answer to this request.
            MalformedError: Code ``channel.malformed`` or ``channel.too_large``.
        """
        return self._chunks.feed(data)

    def finish(self) -> bytes:
        """Take note that no more bytes come and give what the last chunk holds.

        Raises:
            ProtocolError: Code ``channel.truncated``: there was no last chunk.
            ChannelError: As in `feed`.
        """
        return self._chunks.finish()

    def _begin(self, nonce: bytes) -> None:
        self._keys = self._exchange.response_keys(nonce, CHUNKED_RESPONSE_LABEL)

    def _open(self, sealed: bytes, aad: bytes) -> bytes:
        if self._keys is None:
            raise AssertionError("a chunk comes after the nonce")
        chunk = self._keys.open(sealed, counter=self._counter, aad=aad)
        self._counter += 1
        return chunk


def split(message: bytes) -> list[bytes]:
    """Cut a message into pieces of at most `MAX_CHUNK_BYTES`; at least one."""
    return [
        message[at : at + MAX_CHUNK_BYTES] for at in range(0, len(message), MAX_CHUNK_BYTES)
    ] or [b""]


@final
class _Chunks:
    """The framing that both directions share: a beginning of fixed size, then chunks."""

    def __init__(
        self,
        begin_bytes: int,
        begin: Callable[[bytes], None],
        open_chunk: Callable[[bytes, bytes], bytes],
        *,
        max_bytes: int,
    ) -> None:
        self._begin_left = begin_bytes
        self._begin = begin
        self._open = open_chunk
        self._left = max_bytes
        self._buffer = bytearray()
        self._last = False
        self._spent = False

    def feed(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise MalformedError("a sealed message is too large", code="channel.too_large")
        self._buffer += data
        try:
            return b"".join(self._open(chunk, b"") for chunk in self._complete())
        except (ChannelError, MalformedError):
            self._spent = True
            raise

    def finish(self) -> bytes:
        if self._spent:
            raise ChannelError("a sealed message that did not open has no end")
        self._spent = True
        if not self._last or len(self._buffer) < TAG_BYTES:
            raise ProtocolError(
                "a sealed message ends before its last chunk", code="channel.truncated"
            )
        return self._open(bytes(self._buffer), FINAL)

    def _complete(self) -> Iterator[bytes]:
        if self._spent:
            raise ChannelError("a sealed message that did not open, or is over, goes on")
        if self._begin_left:
            if len(self._buffer) < self._begin_left:
                return
            self._begin(bytes(self._buffer[: self._begin_left]))
            del self._buffer[: self._begin_left]
            self._begin_left = 0
        while not self._last and (chunk := self._take()) is not None:
            yield chunk
        if self._last and len(self._buffer) > MAX_ACCEPTED_CHUNK_BYTES + TAG_BYTES:
            raise MalformedError("the last sealed chunk is too large", code="channel.too_large")

    def _take(self) -> bytes | None:
        """The next chunk, if all of it is there; notices the mark of the last one."""
        width = size_of_varint(self._buffer[0]) if self._buffer else 1
        if len(self._buffer) < width:
            return None
        length = value_of_varint(bytes(self._buffer[:width]))
        if length == 0:
            del self._buffer[:width]
            self._last = True
            return None
        if length > MAX_ACCEPTED_CHUNK_BYTES + TAG_BYTES:
            raise MalformedError("a sealed chunk is too large", code="channel.too_large")
        if length < TAG_BYTES:
            raise MalformedError("a sealed chunk is too short", code="channel.malformed")
        if len(self._buffer) < width + length:
            return None
        chunk = bytes(self._buffer[width : width + length])
        del self._buffer[: width + length]
        return chunk


def _framed(sealed: bytes) -> bytes:
    return encode_varint(len(sealed)) + sealed
