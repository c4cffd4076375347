"""HTTP in front of the service: read a call, answer it."""

from typing import final

from opengradient.wire.fields import to_hex
from opengradient.wire.model_inference import PATH, encode_models
from reference_nodes._kit.answering import read_call, response_of
from reference_nodes._kit.app import App, Request, Response
from reference_nodes._kit.assembly import NodeParts
from reference_nodes._kit.gateway import GATEWAY_PATH, Gateway
from reference_nodes.local_inference_node.library import Library
from reference_nodes.local_inference_node.service import InferenceService


@final
class InferenceRoutes:
    """The handlers of the node."""

    def __init__(self, parts: NodeParts, service: InferenceService, library: Library) -> None:
        """Take the service and what it lists."""
        self._parts = parts
        self._service = service
        self._library = library

    def app(self) -> App:
        """The whole application."""
        identity, settings = self._parts.identity, self._parts.settings
        headers = ((b"x-opengradient-node", to_hex(identity.node_id).encode()),)
        routes = {
            **self._parts.routes().routes(),
            "/v1/models": {"GET": self.models},
            PATH: {"POST": self.infer},
        }
        app = App(routes, headers=headers)
        if not settings.ohttp:
            return app
        gateway = Gateway(app, identity.gateway_keys, max_body_bytes=settings.max_body_bytes)
        return App({**routes, GATEWAY_PATH: {"POST": gateway.handle}}, headers=headers)

    async def models(self, request: Request) -> Response:
        """The models with their manifests, of which a client computes the roots itself."""
        request.query()
        return Response.json(encode_models(self._library.manifests))

    async def infer(self, request: Request) -> Response:
        """Run a model."""
        parts = self._parts
        call = await read_call(
            request,
            parts.identity,
            max_body_bytes=parts.settings.max_body_bytes,
            now_ms=parts.clock,
        )
        return response_of(await self._service.respond(call))
