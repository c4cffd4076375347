"""A transport whose requests only one enclave can read, whoever carries them."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

import anyio

from opengradient.core.keyset import HpkeKey
from opengradient.errors import ChannelError, ConfigurationError, ProtocolError, TimedOutError
from opengradient.transport.http import MAX_RESPONSE_BYTES, HttpResponse, Timeouts
from opengradient.transport.ohttp._relay_errors import MAX_PROBLEM_BYTES, relay_error
from opengradient.transport.ohttp.chunked import (
    CHUNKED_REQUEST_MEDIA_TYPE,
    CHUNKED_RESPONSE_MEDIA_TYPE,
    MAX_MESSAGE_BYTES,
)
from opengradient.transport.ohttp.padded import AnswerOpener, seal_request
from opengradient.transport.seam import AnswerStream, Transport
from opengradient.wire.bhttp import (
    MAX_HEAD_BYTES,
    BinaryRequest,
    Content,
    Part,
    RequestHead,
    ResponseHead,
)

RelayHeaders: TypeAlias = Mapping[str, str] | Callable[[], Awaitable[Mapping[str, str]]]
"""What a relay wants to see of its user, for example an API key; or what gives it each time."""

USER_AGENT: Final = "opengradient"
"""The same of everybody: a version would tell users apart."""

_SEALED_FACTOR: Final = 2
"""A padded and sealed answer is at most so many times as large, and `_SEALED_EXTRA` bytes."""
_SEALED_EXTRA: Final = 4 * MAX_HEAD_BYTES


def route_of(relay_url: str, node_id: bytes) -> str:
    """Where a relay takes requests for a node.

    Args:
        relay_url: The relay's address.
        node_id: 32 bytes.
    """
    return f"{relay_url.rstrip('/')}/v1/relay/0x{node_id.hex()}"


async def outer_headers(headers: RelayHeaders) -> dict[str, str]:
    """What the relay sees of a request, beside its size and time: nothing of its own."""
    shown = headers if isinstance(headers, Mapping) else await headers()
    return {**{name.lower(): value for name, value in shown.items()}, "user-agent": USER_AGENT}


@final
class OhttpTransport:
    """Sends requests through a relay, sealed to a node's attested key.

    URLs begin with `route`; the rest of them, method, headers and body are sealed. Answers are
    handed out only as far as they are authentic: a stream's pieces as they come, and its end
    only when the node said that it is the end.
    """

    def __init__(
        self,
        relay: Transport,
        *,
        relay_url: str,
        node_id: bytes,
        key: HpkeKey,
        headers: RelayHeaders | None = None,
        timeouts: Timeouts | None = None,
        owns_relay: bool = False,
    ) -> None:
        """Nothing is sent yet.

        Args:
            relay: Connections to the relay, under whatever vouches for the relay.
            relay_url: The relay's address.
            node_id: The node to reach.
            key: Its key, from verified evidence.
            headers: What the relay wants to see of its user.
            timeouts: Seconds to wait; those for connecting are `relay`'s.
            owns_relay: Whether `aclose` closes `relay`, too.
        """
        self.route = route_of(relay_url, node_id)
        self._relay = relay
        self._key = key
        self._headers: RelayHeaders = headers if headers is not None else {}
        self._timeouts = timeouts or Timeouts()
        self._owns_relay = owns_relay

    async def aclose(self) -> None:
        """Close the connections to the relay, where they are this transport's."""
        if self._owns_relay:
            await self._relay.aclose()

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
        """Send a request and read the whole answer, whatever its status.

        Args:
            method: HTTP method.
            url: Begins with `route`.
            headers: Headers to seal.
            content: Body to seal.
            timeout: Seconds for all of it; None for `Timeouts.total`.
            max_bytes: Largest body that is read.

        Raises:
            ConnectError: Nothing reached the node; code ``channel.key_unknown`` where it says
                that the key is not its own any more, ``channel.no_node`` where the relay does
                not carry to it.
            RelayError: The relay answered for itself.
            ChannelError: Code ``channel.open`` or ``channel.plaintext``: this is not the node's
                answer to this request.
            ProtocolError: Code ``channel.truncated``, or ``transport.too_large``.
            TransportError: As `HttpTransport.request`.
        """
        sealed, opener = self._seal(method, url, headers, content, max_bytes)
        answer = await self._relay.request(
            "POST",
            self.route,
            headers=await self._outer(),
            content=sealed,
            timeout=self._timeouts.total if timeout is None else timeout,
            max_bytes=min(_SEALED_FACTOR * max_bytes + _SEALED_EXTRA, MAX_MESSAGE_BYTES),
        )
        _check_outer(self.route, answer.status, answer.headers, answer.body)
        parts = opener.feed(answer.body) + opener.finish()
        head = next(p for p in parts if isinstance(p, ResponseHead) and not p.informational)
        body = b"".join(part.data for part in parts if isinstance(part, Content))
        return HttpResponse(head.status, _header_map(head), body)

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
        """Send a request and yield the answer as it comes. Leaving early closes the connection.

        Args:
            method: HTTP method.
            url: Begins with `route`.
            headers: Headers to seal.
            content: Body to seal.
            timeout: Longest wait for something authentic; None for `Timeouts.silence`.

        Raises:
            ConnectError: As in `request`; and the other errors of it, also while it is read.
        """
        silence = self._timeouts.silence if timeout is None else timeout
        sealed, opener = self._seal(method, url, headers, content, MAX_RESPONSE_BYTES)
        async with self._relay.stream(
            "POST", self.route, headers=await self._outer(), content=sealed, timeout=silence
        ) as outer:
            problem = b"" if outer.status == 200 else await outer.read(MAX_PROBLEM_BYTES)
            _check_outer(self.route, outer.status, outer.headers, problem)
            async with aclosing(aiter(outer)) as pieces:
                stream = _SealedStream(pieces, opener, what=self.route, silence=silence)
                await stream.begin()
                yield stream

    def _seal(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        content: bytes,
        max_bytes: int,
    ) -> tuple[bytes, AnswerOpener]:
        path = url.removeprefix(self.route)
        if path == url or not path.startswith("/"):
            raise ConfigurationError(f"{url} is not reached through {self.route}")
        fields = tuple((name.lower(), value) for name, value in (headers or {}).items())
        # The gateway serves itself only, so that there is no authority to name (RFC 9292, 3.4).
        head = RequestHead(method=method, scheme="https", authority="", path=path, headers=fields)
        sealed, exchange = seal_request(self._key, BinaryRequest(head=head, content=content))
        return sealed, AnswerOpener(exchange, max_content_bytes=max_bytes)

    async def _outer(self) -> dict[str, str]:
        return {
            **await outer_headers(self._headers),
            "content-type": CHUNKED_REQUEST_MEDIA_TYPE,
            "accept": CHUNKED_RESPONSE_MEDIA_TYPE,
        }


@final
class _SealedStream:
    """An `AnswerStream` of what could be opened so far."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        opener: AnswerOpener,
        *,
        what: str,
        silence: float,
    ) -> None:
        self._pieces = pieces
        self._opener = opener
        self._what = what
        self._silence = silence
        self._parts: deque[Part] = deque()
        self._ended = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def begin(self) -> None:
        """Read up to the final head."""
        while not self.status:
            if not self._parts:
                await self._fill()
            head = self._parts.popleft()
            if isinstance(head, ResponseHead) and not head.informational:
                self.status, self.headers = head.status, _header_map(head)

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Yield the content as it comes."""
        while True:
            while self._parts:
                part = self._parts.popleft()
                if isinstance(part, Content):
                    yield part.data
            if self._ended:
                return
            await self._fill()

    async def read(self, max_bytes: int = MAX_RESPONSE_BYTES) -> bytes:
        """Read the rest."""
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > max_bytes:
                raise ProtocolError(
                    f"{self._what}: the answer is larger than {max_bytes} bytes",
                    code="transport.too_large",
                )
        return bytes(body)

    async def _fill(self) -> None:
        """Wait for something authentic: bytes that open nothing yet do not count as a sign of life."""
        with anyio.move_on_after(self._silence):
            while not self._parts and not self._ended:
                piece = await anext(self._pieces, None)
                if piece is None:
                    self._ended = True
                    self._parts.extend(self._opener.finish())
                else:
                    self._parts.extend(self._opener.feed(piece))
            return
        raise TimedOutError(f"{self._what}: nothing of the answer came in {self._silence:g} s")


def _check_outer(what: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    if status != 200:
        raise relay_error(what, status, headers, body)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CHUNKED_RESPONSE_MEDIA_TYPE:
        raise ChannelError(
            f"{what} gave an answer that is not sealed ({kind or 'of no media type'})",
            code="channel.plaintext",
        )


def _header_map(head: ResponseHead) -> Mapping[str, str]:
    joined: dict[str, str] = {}
    for name, value in head.headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def check_relay_url(url: str) -> str:
    """Check a relay's address and give it without a slash at its end.

    Raises:
        ConfigurationError: Not an absolute URL, or one that sends a relay's credentials and the
            time and size of requests in clear over a network.
    """
    try:
        parts = urlsplit(url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ConfigurationError(f"not a relay's URL: {url!r}") from error
    extra = parts.username or parts.password or parts.query or parts.fragment
    if not usable or extra or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ConfigurationError(f"a relay has an https address (http on this machine): {url!r}")
    return url.rstrip("/")
