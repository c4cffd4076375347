"""The public network's sealed format: JSON instead of binary HTTP, requests whole, no padding.

Only chat goes that way. Who relays and when it was sealed is bound as in RFC 9458; sizes show.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final, final

from opengradient.core.canonical import compact_json, parse_json_object
from opengradient.core.keyset import HpkeKey
from opengradient.errors import (
    ChannelError,
    ConfigurationError,
    MalformedError,
    ProtocolError,
)
from opengradient.transport.http import MAX_RESPONSE_BYTES, HttpResponse
from opengradient.transport.ohttp._relay_errors import relay_error
from opengradient.transport.ohttp.chunked import CHUNKED_RESPONSE_MEDIA_TYPE, ResponseOpener
from opengradient.transport.ohttp.client import RelayHeaders, outer_headers
from opengradient.transport.ohttp.messages import (
    REQUEST_MEDIA_TYPE,
    RESPONSE_MEDIA_TYPE,
    Exchange,
    encapsulate_request,
    open_response,
)
from opengradient.transport.seam import AnswerStream, Transport

RELAY_PATH: Final = "/api/v1/chat/ohttp"
CHAT_PATH: Final = "/v1/chat/completions"
_JSON: Final = {"content-type": "application/json"}


@final
class LegacyOhttpTransport:
    """Sends chat requests to one node of the public network, through a relay."""

    def __init__(
        self,
        relay: Transport,
        *,
        relay_url: str,
        tee_id: bytes,
        key: HpkeKey,
        headers: RelayHeaders | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            relay: Connections to the relay; whoever made them closes them.
            relay_url: The relay's address.
            tee_id: The node, 32 bytes; the relay is told it.
            key: The node's key, bound by its attested RSA key.
            headers: What the relay wants to see of its user.
        """
        self._url = relay_url.rstrip("/") + RELAY_PATH
        self._relay = relay
        self._tee_id = tee_id
        self._key = key
        self._headers: RelayHeaders = headers if headers is not None else {}

    async def aclose(self) -> None:
        """The relay's connections are not this transport's."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float | None = None,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> HttpResponse:
        """Send a chat request and read the whole answer.

        Args:
            method: POST.
            url: Ends with the path of chat; the rest of it is not used.
            headers: Not sent: the format has no place for them.
            content: The JSON body, which is sealed as it is.
            timeout: Seconds for all of it.
            max_bytes: Largest sealed answer that is read.

        Raises:
            RelayError: The relay answered for itself.
            ChannelError: Code ``channel.open`` or ``channel.plaintext``.
            TransportError: As `HttpTransport.request`.
        """
        del headers
        sealed, exchange = self._seal(method, url, content)
        answer = await self._relay.request(
            "POST",
            self._url,
            headers=await self._outer(streamed=False),
            content=sealed,
            timeout=timeout,
            max_bytes=max_bytes,
        )
        if self._media_type(answer.status, answer.headers, answer.body) != RESPONSE_MEDIA_TYPE:
            raise self._plain()
        return _whole(open_response(exchange, answer.body))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float | None = None,
    ) -> AsyncIterator[AnswerStream]:
        """Send a chat request and yield the answer as it comes; errors come whole.

        Raises:
            RelayError: As in `request`; the other errors of it, also while it is read.
        """
        del headers
        sealed, exchange = self._seal(method, url, content)
        async with self._relay.stream(
            "POST",
            self._url,
            headers=await self._outer(streamed=True),
            content=sealed,
            timeout=timeout,
        ) as outer:
            problem = b"" if outer.status == 200 else await outer.read()
            kind = self._media_type(outer.status, outer.headers, problem)
            if kind == RESPONSE_MEDIA_TYPE:
                yield _Read(_whole(open_response(exchange, problem or await outer.read())))
            else:
                yield _Opened(outer, exchange)

    def _seal(self, method: str, url: str, content: bytes) -> tuple[bytes, Exchange]:
        if method != "POST" or not url.endswith(CHAT_PATH):
            raise ConfigurationError("only chat goes through a relay of the public network")
        return encapsulate_request(self._key, content)

    async def _outer(self, *, streamed: bool) -> dict[str, str]:
        marked = {"x-ohttp-stream": "true"} if streamed else {}
        return {
            **await outer_headers(self._headers),
            "content-type": REQUEST_MEDIA_TYPE,
            "x-tee-id": "0x" + self._tee_id.hex(),
            **marked,
        }

    def _media_type(self, status: int, headers: Mapping[str, str], body: bytes) -> str:
        """The media type of a sealed answer; nodes seal some errors and leave others open."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in (RESPONSE_MEDIA_TYPE, CHUNKED_RESPONSE_MEDIA_TYPE):
            return kind
        if status != 200:
            raise relay_error(self._url, status, headers, body)
        raise self._plain()

    def _plain(self) -> ChannelError:
        return ChannelError(
            f"{self._url} gave an answer that is not sealed as asked", code="channel.plaintext"
        )


def _whole(opened: bytes) -> HttpResponse:
    """An opened answer; an error is an object of status and body."""
    try:
        value = parse_json_object(opened, what="a sealed answer")
    except MalformedError as error:
        raise ProtocolError(error.message) from error
    status = value.get("status")
    if value.keys() != {"status", "body"} or type(status) is not int:
        return HttpResponse(200, _JSON, opened)
    body = value["body"]
    shown = body.encode() if isinstance(body, str) else compact_json(body)
    return HttpResponse(status, _JSON, shown)


@final
class _Opened:
    """An `AnswerStream` of what could be opened so far."""

    def __init__(self, outer: AnswerStream, exchange: Exchange) -> None:
        self._outer = outer
        self._opener = ResponseOpener(exchange)
        self.status = 200
        self.headers: Mapping[str, str] = {"content-type": "text/event-stream"}

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the content as it comes."""
        async with aclosing(aiter(self._outer)) as pieces:
            async for piece in pieces:
                if opened := self._opener.feed(piece):
                    yield opened
        yield self._opener.finish()

    async def read(self, max_bytes: int = MAX_RESPONSE_BYTES) -> bytes:
        """Read the rest."""
        return await _gathered(self, max_bytes)


@final
class _Read:
    """An `AnswerStream` of an answer that is all there."""

    def __init__(self, answer: HttpResponse) -> None:
        self._body = answer.body
        self.status = answer.status
        self.headers = answer.headers

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the body."""
        yield self._body

    async def read(self, max_bytes: int = MAX_RESPONSE_BYTES) -> bytes:
        """Read the rest."""
        return await _gathered(self, max_bytes)


async def _gathered(stream: _Opened | _Read, max_bytes: int) -> bytes:
    body = bytearray()
    async for piece in stream:
        body += piece
        if len(body) > max_bytes:
            raise ProtocolError(
                f"the answer is larger than {max_bytes} bytes", code="transport.too_large"
            )
    return bytes(body)
