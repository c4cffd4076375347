"""An application's answer, sealed as it comes."""

from collections.abc import MutableMapping
from typing import Any, Final, final

import anyio.to_thread

from opengradient.core.messages import ErrorReply
from opengradient.errors import ConfigurationError
from opengradient.transport.ohttp import (
    CHUNKED_RESPONSE_MEDIA_TYPE,
    RESPONSE_MEDIA_TYPE,
    AnswerSealer,
    Exchange,
    padded_size,
    seal_answer,
    seal_response,
)
from opengradient.wire.bhttp import (
    CONNECTION_FIELDS,
    MAX_CONTENT_BYTES,
    BinaryResponse,
    ResponseHead,
    encode_response,
    pad,
)
from reference_nodes._kit.app import RawHeaders, Request, Response

_THREAD_BYTES: Final = 256 * 1024
_LEFT_OUT: Final = CONNECTION_FIELDS | {"content-length", "date", "server"}


@final
class SealedAnswer:
    """Takes what an application sends, and sends it sealed.

    An answer that is all there goes out as one padded message; one that comes in pieces goes out
    piece by piece, each padded. The outer answer is the same for all of them: status 200.
    """

    def __init__(self, outer: Request, exchange: Exchange, *, chunked: bool) -> None:
        """Answer a request.

        Args:
            outer: The request that brought the sealed one.
            exchange: What ties the answer to it.
            chunked: Whether the client takes chunks; otherwise the answer is gathered first.
        """
        self._outer = outer
        self._exchange = exchange
        self._chunked = chunked
        self._head: ResponseHead | None = None
        self._gathered: list[bytes] = []
        self._size = 0
        self._sealer: AnswerSealer | None = None

    async def refuse(self, reply: ErrorReply) -> None:
        """Answer with an error of the gateway's own, sealed."""
        response = Response.error(reply)
        self._head = _head(reply.status, ((b"content-type", response.content_type),))
        await self._whole(response.body)

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a message of the application (ASGI)."""
        if message["type"] == "http.response.start":
            self._head = _head(message["status"], message.get("headers", ()))
            return
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if self._sealer is not None or (self._chunked and more):
            await self._piece(body, more=more)
        elif more:
            self._gather(body)
        else:
            await self._whole(b"".join((*self._gathered, body)))

    async def _whole(self, body: bytes) -> None:
        response = BinaryResponse(head=self._begun(), content=body)
        if len(body) > _THREAD_BYTES:
            sealed = await anyio.to_thread.run_sync(self._seal, response)
        else:
            sealed = self._seal(response)
        kind = CHUNKED_RESPONSE_MEDIA_TYPE if self._chunked else RESPONSE_MEDIA_TYPE
        await self._start(kind, ((b"content-length", str(len(sealed)).encode()),))
        await self._outer.send(sealed, more=False)

    async def _piece(self, body: bytes, *, more: bool) -> None:
        if self._sealer is None:
            self._sealer = AnswerSealer(self._exchange, self._begun())
            await self._start(CHUNKED_RESPONSE_MEDIA_TYPE, ())
        sealed = self._sealer.content(body)
        if not more:
            sealed += self._sealer.end()
        if sealed:
            await self._outer.send(sealed, more=more)

    def _gather(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_CONTENT_BYTES:
            raise ConfigurationError(
                "the answer is too large to be sealed whole", code="request.too_large"
            )
        self._gathered.append(body)

    def _seal(self, response: BinaryResponse) -> bytes:
        if self._chunked:
            return seal_answer(self._exchange, response)
        message = encode_response(response)
        return seal_response(self._exchange, pad(message, padded_size(len(message))))

    def _begun(self) -> ResponseHead:
        if self._head is None:
            raise AssertionError("an answer begins with its head")
        return self._head

    async def _start(self, media_type: str, headers: RawHeaders) -> None:
        await self._outer.start(
            200,
            (
                (b"content-type", media_type.encode()),
                (b"cache-control", b"no-store"),
                *headers,
            ),
        )


def _head(status: int, headers: RawHeaders) -> ResponseHead:
    named = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
    kept = tuple((name, value) for name, value in named if name not in _LEFT_OUT)
    return ResponseHead(status=status, headers=kept)
