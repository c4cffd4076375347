"""The node's end of the confidential channel: opens sealed requests, seals every answer.

What is inside goes to the node's own application, in this process: the same handlers, the same
limits, the same receipts, which name the HPKE key as their channel. Only a request that cannot be
opened is answered in clear, because there is nobody to seal to.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, final
from urllib.parse import unquote

import anyio.to_thread

from opengradient.core.canonical import compact_json
from opengradient.core.messages import ErrorReply
from opengradient.core.modes import ChannelKind
from opengradient.errors import (
    ChannelError,
    ConfigurationError,
    MalformedError,
    OpenGradientError,
    ProtocolError,
)
from opengradient.transport.ohttp import (
    CHUNKED_REQUEST_MEDIA_TYPE,
    REQUEST_MEDIA_TYPE,
    Exchange,
    GatewayKey,
    RequestOpener,
    open_request,
    padded_size,
)
from opengradient.wire.bhttp import (
    CONNECTION_FIELDS,
    MAX_HEAD_BYTES,
    BinaryRequest,
    decode_request,
)
from reference_nodes._kit.app import CHANNEL, Request, Response, Scope, error_reply
from reference_nodes._kit.sealed_answer import SealedAnswer
from reference_nodes._kit.server import AsgiApp

GATEWAY_PATH: Final = "/v1/ohttp"

PROBLEM: Final = b"application/problem+json"
KEY_PROBLEM: Final = compact_json(
    {
        "type": "https://iana.org/assignments/http-problem-types#ohttp-key",
        "title": "key configuration not acceptable",
    }
)
"""RFC 9458 section 5.3; the registry of problem types recommends status 400."""

UNREADABLE: Final = compact_json({"type": "about:blank", "title": "not Oblivious HTTP"})

CLIENT_PATHS: Final = frozenset(
    {
        "/v1/evidence",
        "/v1/evidence/*",
        "/v1/receipts",
        "/v1/settlement/*",
        "/v1/models",
        "/v1/models/*",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/inference",
    }
)
"""What a sealed request may ask for; ``*`` stands for one segment."""

_KEYED_METHOD: Final = "POST"
_THREAD_BYTES: Final = 256 * 1024
"""Sealed requests above this are opened in a thread: it takes about a millisecond each."""

_IGNORED: Final = CONNECTION_FIELDS | {"content-length", "host", "expect"}


@final
@dataclass(frozen=True, slots=True)
class _Opened:
    request: BinaryRequest
    exchange: Exchange


class _InnerError(Exception):
    """The request was opened, and what is in it is refused: the answer is sealed."""

    def __init__(self, exchange: Exchange, error: OpenGradientError) -> None:
        self.exchange = exchange
        self.error = error
        super().__init__(error.message)


@final
class Gateway:
    """Handles ``POST /v1/ohttp``."""

    def __init__(
        self,
        app: AsgiApp,
        keys: Callable[[], Mapping[int, GatewayKey]],
        *,
        max_body_bytes: int,
        paths: Collection[str] = CLIENT_PATHS,
    ) -> None:
        """Take what is behind.

        Args:
            app: The node's application.
            keys: Gives the keys in use, by key id.
            max_body_bytes: Largest content of a request, opened.
            paths: What may be asked for.
        """
        self._app = app
        self._keys = keys
        self._max_body_bytes = max_body_bytes
        padded = padded_size(max_body_bytes + MAX_HEAD_BYTES)
        self._max_sealed_bytes = padded + padded // 256 + 1024
        self._paths = frozenset(paths)

    async def handle(self, request: Request) -> Response | None:
        """Open a request, have it answered, seal the answer as it comes."""
        request.query()
        kind = (request.header(b"content-type") or "").lower()
        if kind not in (REQUEST_MEDIA_TYPE, CHUNKED_REQUEST_MEDIA_TYPE):
            return Response(415, UNREADABLE, PROBLEM)
        sealed = await request.body(self._max_sealed_bytes)
        chunked = kind == CHUNKED_REQUEST_MEDIA_TYPE
        try:
            if len(sealed) > _THREAD_BYTES:
                opened = await anyio.to_thread.run_sync(self._open, sealed, chunked)
            else:
                opened = self._open(sealed, chunked)
        except ChannelError:
            return Response(400, KEY_PROBLEM, PROBLEM)
        except (MalformedError, ProtocolError):
            return Response(400, UNREADABLE, PROBLEM)
        except _InnerError as refused:
            answer = SealedAnswer(request, refused.exchange, chunked=chunked)
            await answer.refuse(error_reply(refused.error))
            return None
        answer = SealedAnswer(request, opened.exchange, chunked=chunked)
        problem = self._problem(opened.request)
        if problem is not None:
            await answer.refuse(problem)
        else:
            await self._app(_scope(opened), _Receive(request, opened.request), answer.send)
        return None

    def _open(self, sealed: bytes, chunked: bool) -> _Opened:  # noqa: FBT001
        keys = self._keys()
        if chunked:
            opener = RequestOpener(keys, max_bytes=self._max_sealed_bytes)
            message = opener.feed(sealed) + opener.finish()
            exchange = opener.exchange
        else:
            message, exchange = open_request(sealed, keys)
        try:
            request = decode_request(message, max_content_bytes=self._max_body_bytes)
        except MalformedError as error:
            if error.code == "channel.bhttp_too_large":
                large = f"the request is larger than {self._max_body_bytes} bytes"
                raise _InnerError(
                    exchange, ConfigurationError(large, code="request.too_large")
                ) from error
            raise _InnerError(exchange, error) from error
        return _Opened(request, exchange)

    def _problem(self, request: BinaryRequest) -> ErrorReply | None:
        """Why a request goes no further than this."""
        head = request.head
        path = _path(head.path)
        if path not in self._paths and f"{path.rpartition('/')[0]}/*" not in self._paths:
            return ErrorReply(status=404, code="node.unknown_path", message="no such path")
        names = [name for name, _ in head.headers]
        if head.method == _KEYED_METHOD and "idempotency-key" not in names:
            return ErrorReply(
                status=400,
                code="node.sealed_key",
                message="Idempotency-Key: is required, because a relay can repeat what it carries",
                parameter="Idempotency-Key",
            )
        if any(name.startswith(":") for name in names) or request.trailers:
            return ErrorReply(
                status=400, code="request.invalid", message="unknown control data or trailers"
            )
        return None


class _Receive:
    """What the application receives: the whole request, then the end of the connection."""

    __slots__ = ("_body", "_outer")

    def __init__(self, outer: Request, request: BinaryRequest) -> None:
        self._outer = outer
        self._body: bytes | None = request.content

    async def __call__(self) -> dict[str, Any]:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        await self._outer.gone()
        return {"type": "http.disconnect"}


def _path(target: str) -> str:
    return unquote(target.partition("?")[0])


def _scope(opened: _Opened) -> Scope:
    """The request as the application sees it: nothing of the outer one is in it."""
    head = opened.request.head
    raw_path, _, query = head.path.partition("?")
    headers = [
        (name.encode("ascii"), value.encode("latin-1"))
        for name, value in head.headers
        if name not in _IGNORED
    ]
    headers.append((b"content-length", str(len(opened.request.content)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": head.method,
        "scheme": head.scheme,
        "path": _path(head.path),
        "raw_path": raw_path.encode("ascii"),
        "root_path": "",
        "query_string": query.encode("ascii"),
        "headers": headers,
        "client": None,
        "server": None,
        "extensions": {CHANNEL: {"channel": (ChannelKind.HPKE, opened.exchange.key.digest())}},
    }
