"""HTTP in front of the service: decode, call, encode."""

import logging
from typing import final

from opengradient.core.canonical import JsonObject
from opengradient.errors import OpenGradientError
from opengradient.wire import sealed_keys
from opengradient.wire.fields import to_hex
from opengradient.wire.openai_request import KIND_OF_PATH
from reference_nodes._kit.answering import EVENTS, read_call, response_of
from reference_nodes._kit.app import App, RawHeaders, Request, Response
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.gateway import GATEWAY_PATH, Gateway
from reference_nodes._kit.identity import NodeIdentity
from reference_nodes._kit.node_routes import NodeRoutes
from reference_nodes.llm_proxy_node.provider_keys import KeySource
from reference_nodes.llm_proxy_node.service import ProxyService

_log = logging.getLogger("opengradient.node")


@final
class _HttpClient:
    """The client of one request, as the service sees it."""

    __slots__ = ("_headers", "_request", "started")

    def __init__(self, request: Request, headers: RawHeaders) -> None:
        self._request = request
        self._headers = headers
        self.started = False

    async def send(self, events: bytes) -> None:
        """Send frames; the first ones bring the head of the answer with them."""
        if not self.started:
            self.started = True
            await self._request.start(200, _stream_headers(self._headers))
        await self._request.send(events)

    async def gone(self) -> None:
        """Return when the client has left."""
        await self._request.gone()

    async def end(self) -> None:
        """Close the stream."""
        await self._request.send(b"", more=False)


@final
class ProxyRoutes:
    """The handlers of the proxy."""

    def __init__(
        self,
        *,
        service: ProxyService,
        identity: NodeIdentity,
        clock: Clock,
        max_body_bytes: int,
        models: tuple[str, ...],
        keys: KeySource,
        ohttp: bool,
    ) -> None:
        """Take the service and what stands in every answer."""
        self._service = service
        self._identity = identity
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._models = models
        self._keys = keys
        self._ohttp = ohttp
        self._headers = ((b"x-opengradient-node", to_hex(identity.node_id).encode()),)

    def app(self, common: NodeRoutes) -> App:
        """The whole application."""
        routes = {
            **common.routes(),
            "/v1/models": {"GET": self.models},
            sealed_keys.PATH: {"POST": self.take_keys},
            **{path: {"POST": self.infer} for path in KIND_OF_PATH},
        }
        app = App(routes, headers=self._headers)
        if not self._ohttp:
            return app
        gateway = Gateway(app, self._identity.gateway_keys, max_body_bytes=self._max_body_bytes)
        return App({**routes, GATEWAY_PATH: {"POST": gateway.handle}}, headers=self._headers)

    async def models(self, request: Request) -> Response:
        """The models that the operator lists, in OpenAI's shape."""
        request.query()
        data: list[JsonObject] = [
            {"id": model, "object": "model", "created": 0, "owned_by": model.partition("/")[0]}
            for model in self._models
        ]
        return Response.json({"object": "list", "data": data})

    async def take_keys(self, request: Request) -> Response:
        """Provider keys that the operator sealed to this enclave."""
        request.query()
        sealed = sealed_keys.decode_sealed_keys(await request.body(sealed_keys.MAX_BODY_BYTES))
        providers = self._keys.accept(sealed)
        return Response.json({"sequence": sealed.header.sequence, "providers": list(providers)})

    async def infer(self, request: Request) -> Response | None:
        """Chat, completion or embeddings."""
        call = await read_call(
            request,
            self._identity,
            max_body_bytes=self._max_body_bytes,
            now_ms=self._clock,
        )
        client = _HttpClient(request, self._headers)
        try:
            answer = await self._service.respond(call, client)
        except OpenGradientError as error:
            if not client.started:
                raise
            # Half an answer is out and cannot be signed: uvicorn cuts a connection whose answer
            # is not ended, and the client sees that.
            _log.error("stream cut without receipt", extra={"code": error.code})
            return None
        if answer is None:
            await client.end()
            return None
        return response_of(answer)


def _stream_headers(headers: RawHeaders) -> RawHeaders:
    return ((b"content-type", EVENTS), (b"cache-control", b"no-cache"), *headers)
