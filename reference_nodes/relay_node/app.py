"""HTTP in front of the relay."""

import logging
import math
import re
from typing import Final, final

import anyio

from opengradient.errors import (
    ConfigurationError,
    NodeError,
    OpenGradientError,
    RateLimitedError,
)
from opengradient.wire.fields import to_hex
from reference_nodes._kit.app import App, Request, Response, error_reply
from reference_nodes._kit.presence import while_present
from reference_nodes.relay_node.admission import Admission
from reference_nodes.relay_node.directory import Directory
from reference_nodes.relay_node.service import MAX_PROBLEM_BYTES, Carried, RelayService

_log = logging.getLogger("opengradient.node")

_NODE_ID: Final = re.compile(r"(?:0x)?([0-9a-f]{64})")
_NONCE: Final = re.compile(r"(?:[0-9a-f]{2}){16,64}")


@final
class RelayRoutes:
    """The handlers of the relay."""

    def __init__(
        self,
        *,
        service: RelayService,
        directory: Directory,
        admission: Admission,
        max_body_bytes: int,
        total_seconds: float,
    ) -> None:
        """Take what carries, and the bounds."""
        self._service = service
        self._directory = directory
        self._admission = admission
        self._max_body_bytes = max_body_bytes
        self._total_seconds = total_seconds

    def app(self) -> App:
        """The whole application."""
        return App(
            {
                "/health": {"GET": self.health},
                "/v1/relay/nodes": {"GET": self.nodes},
                "/v1/relay/": {"POST": self.carry},
                "/v1/relay/*/evidence": {"GET": self.evidence},
            }
        )

    async def health(self, request: Request) -> Response:
        """Whether there is a node to carry to."""
        request.query()
        return Response.json({"status": "ok", "nodes": len(self._directory.ids())})

    async def nodes(self, request: Request) -> Response:
        """The ids of the nodes."""
        request.query()
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return Response.json({"nodes": [to_hex(node_id) for node_id in self._directory.ids()]})

    async def evidence(self, request: Request) -> Response:
        """A node's evidence, in clear: it is public, and the user checks it."""
        nonce = request.query("nonce").get("nonce", "")
        if not _NONCE.fullmatch(nonce):
            raise ConfigurationError(
                "nonce must be 32 to 128 lower-case hex digits", code="request.invalid"
            )
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return Response(200, await self._service.evidence(_node_id(request.tail), nonce))

    async def carry(self, request: Request) -> Response | None:
        """Carry a sealed request, and its answer as it comes."""
        request.query()
        if (refusal := self._refusal(request)) is not None:
            return refusal
        node_id = _node_id(request.tail)
        kind = (request.header(b"content-type") or "").lower()
        try:
            with self._admission.place():
                sealed = await request.body(self._max_body_bytes)
                return await while_present(
                    request.gone, lambda: self._carry(request, node_id, kind, sealed)
                )
        except RateLimitedError as error:
            return _later(error)

    async def _carry(
        self, request: Request, node_id: bytes, kind: str, sealed: bytes
    ) -> Response | None:
        started = False
        try:
            with anyio.move_on_after(self._total_seconds):
                async with self._service.carry(node_id, kind, sealed) as carried:
                    if carried.status != 200:
                        return await _problem(carried)
                    started = True
                    await request.start(
                        carried.status,
                        (
                            (b"content-type", carried.media_type.encode()),
                            (b"cache-control", b"no-store"),
                        ),
                    )
                    async for piece in carried.stream:
                        await request.send(piece)
                await request.send(b"", more=False)
                _log.debug("carried", extra={"node": node_id.hex()})
                return None
            raise NodeError("no whole answer in time", status=502, code="relay.lost")
        except OpenGradientError as error:
            _log.info("not carried", extra={"node": node_id.hex(), "code": error.code})
            if not started:
                raise
            # uvicorn cuts a connection whose answer is not ended, and the user sees that.
            return None

    def _refusal(self, request: Request) -> Response | None:
        try:
            self._admission.check(request.header(b"authorization"), request.peer)
        except RateLimitedError as error:
            return _later(error)
        return None


async def _problem(carried: Carried) -> Response:
    body = await carried.stream.read(MAX_PROBLEM_BYTES)
    return Response(carried.status, body, carried.media_type.encode())


def _later(error: RateLimitedError) -> Response:
    seconds = str(math.ceil(error.retry_after or 1)).encode()
    return Response.error(error_reply(error), headers=((b"retry-after", seconds),))


def _node_id(text: str) -> bytes:
    match = _NODE_ID.fullmatch(text)
    if match is None:
        raise ConfigurationError("a node id has 64 lower-case hex digits", code="request.invalid")
    return bytes.fromhex(match[1])
