"""Binary HTTP in chunked Oblivious HTTP, padded: what both ends of the channel exchange.

A request, and an answer that is all there, is padded with zeros to one of a few sizes. An
answer that comes as a stream is padded chunk by chunk, and its head travels with the first
piece of content, so that the chunks tell neither the headers nor how long a word is.
"""

from collections.abc import Mapping
from typing import Final, final

from opengradient.core.keyset import HpkeKey
from opengradient.errors import MalformedError
from opengradient.transport.ohttp.chunked import (
    MAX_CHUNK_BYTES,
    MAX_MESSAGE_BYTES,
    RequestOpener,
    RequestSealer,
    ResponseOpener,
    ResponseSealer,
    split,
)
from opengradient.transport.ohttp.keys import GatewayKey
from opengradient.transport.ohttp.messages import Exchange
from opengradient.transport.ohttp.padding import LEAST_PIECE_BYTES, padded_size
from opengradient.wire.bhttp import (
    MAX_CONTENT_BYTES,
    BinaryRequest,
    BinaryResponse,
    Fields,
    MessageDecoder,
    Part,
    ResponseEncoder,
    ResponseHead,
    can_have_size,
    decode_request,
    encode_request,
    encode_response,
    least_size,
    pad,
)

_PIECE_BYTES: Final = MAX_CHUNK_BYTES // 2
"""Content of one chunk at most, so that a head and the lengths fit beside it."""


def seal_request(key: HpkeKey, request: BinaryRequest) -> tuple[bytes, Exchange]:
    """Encode, pad and seal a request.

    Args:
        key: The attested key of the node.
        request: The request.

    Raises:
        MalformedError: Codes ``channel.bhttp*``: it would not be valid.
        ChannelError: Code ``channel.open``: no secret can be agreed with the key.
    """
    sealer = RequestSealer(key)
    message = encode_request(request)
    return sealer.whole(pad(message, padded_size(len(message)))), sealer.exchange


def open_sealed_request(
    sealed: bytes,
    keys: Mapping[int, GatewayKey],
    *,
    max_content_bytes: int = MAX_CONTENT_BYTES,
) -> tuple[BinaryRequest, Exchange]:
    """Open and read a request that is all there.

    Args:
        sealed: A chunked Encapsulated Request.
        keys: The keys in use, by key id.
        max_content_bytes: Largest content that is read.

    Raises:
        ChannelError: Code ``channel.key_unknown``, or ``channel.open``.
        ProtocolError: Code ``channel.truncated``.
        MalformedError: Codes ``channel.malformed``, ``channel.too_large``, ``channel.bhttp*``.
    """
    opener = RequestOpener(keys)
    message = opener.feed(sealed) + opener.finish()
    return decode_request(message, max_content_bytes=max_content_bytes), opener.exchange


def seal_answer(exchange: Exchange, response: BinaryResponse) -> bytes:
    """Encode, pad and seal an answer that is all there.

    Raises:
        MalformedError: Codes ``channel.bhttp*``: it would not be valid.
    """
    message = encode_response(response)
    return ResponseSealer(exchange).whole(pad(message, padded_size(len(message))))


@final
class AnswerSealer:
    """Seals an answer that comes as a stream. Send what each method returns."""

    def __init__(self, exchange: Exchange, head: ResponseHead) -> None:
        """Begin the answer to a request; the head goes with the first content.

        Args:
            exchange: Of the request.
            head: Status and headers.

        Raises:
            MalformedError: Codes ``channel.bhttp*``: it would not be valid.
        """
        self._sealer = ResponseSealer(exchange)
        self._encoder = ResponseEncoder()
        self._held = self._encoder.head(head)
        if len(self._held) > _PIECE_BYTES - 16:
            raise MalformedError(
                "the head of a streamed answer is too large", code="channel.bhttp_too_large"
            )

    def content(self, data: bytes) -> bytes:
        """Seal a piece of the content, to be sent at once."""
        pieces = [data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES)]
        return b"".join(map(self._piece, pieces))

    def end(self, trailers: Fields = ()) -> bytes:
        """End the answer."""
        message = self._take_held() + self._encoder.end(trailers)
        *first, last = split(pad(message, padded_size(len(message), least=LEAST_PIECE_BYTES)))
        return b"".join((*map(self._sealer.seal, first), self._sealer.finish(last)))

    def _piece(self, data: bytes) -> bytes:
        held = self._take_held()
        room = _piece_size(len(held), len(data)) - len(held)
        return self._sealer.seal(held + self._encoder.content(data, size=room))

    def _take_held(self) -> bytes:
        held, self._held = self._held, b""
        return held


@final
class AnswerOpener:
    """Reads an answer as it comes."""

    def __init__(self, exchange: Exchange, *, max_content_bytes: int = MAX_CONTENT_BYTES) -> None:
        """Expect the answer to a request.

        Args:
            exchange: Of the request.
            max_content_bytes: Largest content that is read.
        """
        self._opener = ResponseOpener(exchange, max_bytes=MAX_MESSAGE_BYTES)
        self._decoder = MessageDecoder(request=False, max_content_bytes=max_content_bytes)

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes and give the parts that they complete.

        Raises:
            ChannelError: Code ``channel.open``: not the answer to this request.
            MalformedError: Codes ``channel.malformed``, ``channel.too_large``, ``channel.bhttp*``.
        """
        return self._decoder.feed(self._opener.feed(data))

    def finish(self) -> list[Part]:
        """Take note that no more bytes come and give the last parts.

        Raises:
            ProtocolError: Code ``channel.truncated``.
            ChannelError: As in `feed`.
            MalformedError: As in `feed`.
        """
        return self._decoder.feed(self._opener.finish()) + self._decoder.finish()


def _piece_size(held: int, content: int) -> int:
    """Size of a chunk: a power of two that this much content can be stretched to."""
    size = padded_size(held + least_size(content), least=LEAST_PIECE_BYTES)
    smaller = size
    while smaller >= held + least_size(content):
        if can_have_size(content, smaller - held):
            return smaller
        smaller //= 2
    return size
