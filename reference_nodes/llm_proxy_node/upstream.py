"""Carries a backend's request to its provider, and failures of the way back as signed errors."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, final

import anyio

from opengradient.core.commitments import FieldValue
from opengradient.core.digests import new_sha256
from opengradient.core.messages import ErrorReply
from opengradient.errors import ConnectError, ProtocolError, TimedOutError, TransportError
from reference_nodes._kit.http_client import HttpClient, ResponseStream
from reference_nodes.llm_proxy_node.backends import UpstreamRequest

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""As large as the transport reads at most: images travel as data: URIs."""

MAX_ERROR_BYTES: Final = 256 * 1024
_REQUEST_ID_HEADERS: Final = ("x-request-id", "request-id")
_MAX_REQUEST_ID: Final = 200


class UpstreamFailedError(TransportError):
    """The provider's answer did not arrive; `reply` is what the client gets.

    Attributes:
        reply: The failure, ready to be signed.
        sent: False where surely nothing reached the provider.
    """

    def __init__(self, reply: ErrorReply, *, sent: bool) -> None:
        super().__init__(reply.message, code=reply.code)
        self.reply = reply
        self.sent = sent


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTimeouts:
    """Seconds.

    Attributes:
        silence: Longest pause of a provider before or within an answer.
        total: For a whole answer, streams included.
    """

    silence: float = 120.0
    total: float = 600.0


@final
class Trace:
    """What the upstream section will say, gathered while the answer comes."""

    __slots__ = ("_hasher", "_provider", "_request", "_request_id", "_sent", "_status")

    def __init__(self, provider: str, request: UpstreamRequest) -> None:
        """Begin with what is about to be sent."""
        self._provider = provider
        self._request = request
        self._sent = False
        self._status: int | None = None
        self._request_id: str | None = None
        self._hasher = new_sha256()

    def sent(self) -> None:
        """Something may have reached the provider."""
        self._sent = True

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The head of the answer came."""
        self._sent, self._status = True, status
        named = next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), None)
        if named is not None and named.isprintable() and len(named) <= _MAX_REQUEST_ID:
            self._request_id = named

    def read(self, piece: bytes) -> None:
        """A piece of the answer's body came."""
        self._hasher.update(piece)

    def fields(self) -> dict[str, FieldValue]:
        """The upstream section; empty where nothing was sent."""
        if not self._sent:
            return {}
        fields: dict[str, FieldValue] = {
            "provider": self._provider,
            "url": self._request.url,
            "headers": dict(self._request.public_headers),
            "body": self._request.body,
        }
        if self._status is not None:
            fields["status"] = self._status
            fields["response_sha256"] = self._hasher.hexdigest()
        if self._request_id is not None:
            fields["request_id"] = self._request_id
        return fields


@final
class Upstream:
    """Sends requests to providers over pooled connections."""

    def __init__(self, client: HttpClient, timeouts: UpstreamTimeouts) -> None:
        """Take the client and its bounds."""
        self._client = client
        self._timeouts = timeouts

    async def fetch(self, request: UpstreamRequest, trace: Trace) -> "Fetched":
        """Send a request and read the whole answer, of whatever status.

        Raises:
            UpstreamFailedError: It did not arrive.
        """
        async with self.open(request, trace) as stream:
            body = await self.read_all(stream, trace, MAX_REPLY_BYTES)
        return Fetched(stream.status, stream.headers, body)

    @asynccontextmanager
    async def open(self, request: UpstreamRequest, trace: Trace) -> AsyncIterator[ResponseStream]:
        """Send a request and yield the answer as it comes.

        Transport failures within the block leave it as UpstreamFailedError too.
        """
        try:
            with anyio.fail_after(self._timeouts.total):
                async with self._client.stream(
                    request.method,
                    request.url,
                    headers=request.headers,
                    content=request.body,
                    timeout=self._timeouts.silence,
                ) as stream:
                    trace.answered(stream.status, stream.headers)
                    yield stream
        except TimeoutError as error:
            trace.sent()
            raise _failed(TimedOutError("no whole answer in time")) from error
        except TransportError as error:
            if not isinstance(error, ConnectError):
                trace.sent()
            raise _failed(error) from error

    async def read_all(self, stream: ResponseStream, trace: Trace, max_bytes: int) -> bytes:
        """Read the rest of an answer.

        Raises:
            ProtocolError: It is larger than `max_bytes`.
        """
        body = await stream.read(max_bytes)
        trace.read(body)
        return body


@final
@dataclass(frozen=True, slots=True)
class Fetched:
    """A provider's whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


def _failed(error: TransportError) -> UpstreamFailedError:
    """The one mapping from transport failures to what the client is told.

    The words are ours: those of the transport could hold addresses of the operator's network.
    """
    if isinstance(error, UpstreamFailedError):
        return error
    if isinstance(error, ConnectError):
        reply = ErrorReply(
            status=502, code="provider.unreachable", message="the provider could not be reached"
        )
        return UpstreamFailedError(reply, sent=False)
    if isinstance(error, TimedOutError):
        reply = ErrorReply(
            status=504, code="provider.timeout", message="the provider did not answer in time"
        )
    elif isinstance(error, ProtocolError) and error.code == "transport.too_large":
        reply = ErrorReply(
            status=502, code="provider.protocol", message="the provider's answer is too large"
        )
    else:
        reply = ErrorReply(
            status=502,
            code="provider.protocol",
            message="the connection to the provider broke before its answer was complete",
        )
    return UpstreamFailedError(reply, sent=True)
