"""A small ASGI application: exact routes, bounded bodies, JSON errors.

Every node's hot path goes through here, so there is no framework in between.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, final
from urllib.parse import parse_qsl

import anyio

from opengradient.core.canonical import JsonObject, compact_json
from opengradient.core.digests import ZERO32
from opengradient.core.messages import ErrorReply
from opengradient.core.modes import ChannelKind
from opengradient.errors import ConfigurationError, OpenGradientError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

Channel: TypeAlias = tuple[ChannelKind, bytes]
"""What protects a request on its way here, and the digest of the key that does."""

JSON: Final = b"application/json"
CHANNEL: Final = "opengradient.channel"
"""Name of the ASGI extension that says, in `channel`, what a request came over; a plain connection
has none."""

PLAIN: Final[Channel] = (ChannelKind.NONE, ZERO32)
_DISCARD_SECONDS: Final = 2.0


class ClientGoneError(OpenGradientError):
    """The client left before its request was complete; nobody is there to be answered."""

    default_code = "node.client_gone"


@final
@dataclass(frozen=True, slots=True)
class Response:
    """A whole HTTP answer."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: RawHeaders = ()

    @classmethod
    def json(cls, value: JsonObject, *, status: int = 200, headers: RawHeaders = ()) -> "Response":
        """An answer of JSON."""
        return cls(status, compact_json(value), JSON, headers)

    @classmethod
    def error(cls, reply: ErrorReply, *, headers: RawHeaders = ()) -> "Response":
        """An unsigned failure, for what is no inference."""
        return cls.json({"error": reply.as_json()}, status=reply.status, headers=headers)


@final
@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: HTTP method.
        path: Decoded path.
        tail: What followed the prefix, for routes that end in a slash; what stood for ``*``.
        query_string: Undecoded.
        headers: Names in lower case; the values of a repeated header joined by a comma, so that
            no strict reader accepts them.
        channel: What protected the request on its way here, and the key that did.
        peer: Address that the connection comes from; empty where unknown. For limits only.
    """

    method: str
    path: str
    tail: str
    query_string: bytes
    headers: Mapping[bytes, bytes]
    _receive: Receive = field(repr=False)
    _send: Send = field(repr=False)
    channel: Channel = PLAIN
    peer: str = ""

    def header(self, name: bytes) -> str | None:
        """A header as text; None where it is absent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def query(self, *allowed: str) -> dict[str, str]:
        """The query's parameters.

        Raises:
            ConfigurationError: One is unknown or stands twice.
        """
        pairs = parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True)
        found = dict(pairs)
        if len(found) != len(pairs) or not found.keys() <= set(allowed):
            raise ConfigurationError(
                f"the query takes {', '.join(allowed) or 'no parameters'}, each at most once",
                code="request.invalid",
            )
        return found

    async def body(self, max_bytes: int) -> bytes:
        """Read the whole body; a too large one is refused as early as it shows.

        Raises:
            ConfigurationError: Code ``request.too_large``.
            ClientGoneError: The client left.
        """
        declared = self.headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > max_bytes:
            raise _too_large(max_bytes)
        message = await self._receive()
        pieces = [_piece(message)]
        size = len(pieces[0])
        while message.get("more_body", False) and size <= max_bytes:
            message = await self._receive()
            pieces.append(_piece(message))
            size += len(pieces[-1])
        if size > max_bytes:
            raise _too_large(max_bytes)
        return b"".join(pieces)

    async def discard_rest(self) -> None:
        """Take in what the client is still sending, for a moment.

        A connection that is closed with unread bytes is reset, and the client would lose the
        answer that tells it why.
        """
        with anyio.move_on_after(_DISCARD_SECONDS):
            while (message := await self._receive())["type"] == "http.request":
                if not message.get("more_body", False):
                    return

    async def gone(self) -> None:
        """Return when the client has left; only after `body`."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int, headers: RawHeaders) -> None:
        """Begin an answer that is sent in pieces."""
        await self._send(
            {"type": "http.response.start", "status": status, "headers": list(headers)}
        )

    async def send(self, data: bytes, *, more: bool = True) -> None:
        """Send a piece; waits while the client reads too slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def _piece(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGoneError("the client left before its request was complete")
    piece: bytes = message.get("body", b"")
    return piece


def _too_large(max_bytes: int) -> ConfigurationError:
    return ConfigurationError(
        f"the request body is larger than {max_bytes} bytes", code="request.too_large"
    )


Handler: TypeAlias = Callable[[Request], Awaitable[Response | None]]
Routes: TypeAlias = Mapping[str, Mapping[str, Handler]]
"""Path to method to handler. A path that ends in a slash takes one more segment (`tail`); so does
one with ``*`` as its last segment but one."""

_STATUS: Final[Mapping[str, int]] = {
    "request.too_large": 413,
    "node.not_found": 404,
    "node.unknown_path": 404,
    "node.method": 405,
    "node.key_retired": 421,
    "node.rate_limited": 429,
    "payment.refused": 402,
    "relay.unknown_node": 404,
    "relay.unauthorized": 401,
    "relay.media_type": 415,
    "relay.unreachable": 503,
    "relay.lost": 502,
    "relay.answer": 502,
    "node.in_progress": 409,
    "node.idempotency_conflict": 409,
    "node.storage": 503,
    "node.no_keys": 503,
    "keys.not_sealed": 404,
    "keys.operator": 403,
    "settlement.blob": 500,
    "node.overloaded": 503,
    "collateral.unavailable": 503,
    "enclave.unavailable": 503,
    "enclave.refused": 503,
}


def error_reply(error: OpenGradientError) -> ErrorReply:
    """The reply for an error of ours; 400 where nothing else is said."""
    return ErrorReply(
        status=_STATUS.get(error.code, 400),
        code=error.code,
        message=error.message,
        parameter=getattr(error, "parameter", None),
    )


@final
class App:
    """An ASGI application over `Routes`."""

    def __init__(self, routes: Routes, *, headers: RawHeaders = ()) -> None:
        """Take the routes.

        Args:
            routes: Path to method to handler.
            headers: Go with every answer that a handler returns.
        """
        self._routes = routes
        self._headers = tuple(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers[name] = headers[name] + b", " + value if name in headers else value
        path = scope["path"]
        methods, tail = self._find(path)
        request = Request(
            scope["method"],
            path,
            tail,
            scope["query_string"],
            headers,
            receive,
            send,
            scope.get("extensions", {}).get(CHANNEL, {}).get("channel", PLAIN),
            (scope.get("client") or ("",))[0],
        )
        response = await self._respond(request, methods)
        if response is not None:
            await self._finish(request, response)

    def _find(self, path: str) -> tuple[Mapping[str, Handler] | None, str]:
        methods = self._routes.get(path) if not path.endswith("/") and "*" not in path else None
        if methods is not None:
            return methods, ""
        prefix, _, tail = path.rpartition("/")
        methods = self._routes.get(prefix + "/") if tail else None
        if methods is not None:
            return methods, tail
        prefix, _, middle = prefix.rpartition("/")
        return (self._routes.get(f"{prefix}/*/{tail}") if middle and tail else None), middle

    async def _respond(
        self, request: Request, methods: Mapping[str, Handler] | None
    ) -> Response | None:
        if methods is None:
            return Response.error(
                ErrorReply(status=404, code="node.unknown_path", message="no such path")
            )
        handler = methods.get(request.method)
        if handler is None:
            allowed = ", ".join(methods)
            reply = ErrorReply(status=405, code="node.method", message=f"takes {allowed} only")
            return Response.error(reply, headers=((b"allow", allowed.encode()),))
        try:
            return await handler(request)
        except ClientGoneError:
            return None
        except OpenGradientError as error:
            if error.code == "request.too_large":
                await self._refuse_body(request, error)
                return None
            return Response.error(error_reply(error))

    async def _refuse_body(self, request: Request, error: OpenGradientError) -> None:
        response = Response.error(error_reply(error), headers=((b"connection", b"close"),))
        await self._start(request, response)
        await request.send(response.body)
        await request.discard_rest()
        await request.send(b"", more=False)

    async def _finish(self, request: Request, response: Response) -> None:
        await self._start(request, response)
        await request.send(response.body if request.method != "HEAD" else b"", more=False)

    async def _start(self, request: Request, response: Response) -> None:
        await request.start(
            response.status,
            (
                (b"content-type", response.content_type),
                (b"content-length", str(len(response.body)).encode()),
                *self._headers,
                *response.headers,
            ),
        )
