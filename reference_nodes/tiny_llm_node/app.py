"""HTTP: decode, ask the service, encode. OpenAI's protocol and nothing beside it."""

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from opengradient.core.canonical import compact_json
from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from opengradient.errors import (
    ConfigurationError,
    NotFoundError,
    OpenGradientError,
    UnsupportedParameterError,
)
from opengradient.wire.openai_request import (
    CHAT_PATH,
    COMPLETION_PATH,
    EMBEDDING_PATH,
    parse_request,
)
from opengradient.wire.sse import DONE, encode_event
from reference_nodes.tiny_llm_node.config import Config
from reference_nodes.tiny_llm_node.generation import Generation, Piece
from reference_nodes.tiny_llm_node.model import load_model
from reference_nodes.tiny_llm_node.replies import ReplyWriter, embedding_reply
from reference_nodes.tiny_llm_node.requests import (
    chat_generation,
    embedding_inputs,
    text_generation,
)
from reference_nodes.tiny_llm_node.service import TinyService
from reference_nodes.tiny_llm_node.tokenizer import load_tokenizer

T = TypeVar("T")

_STATUS = {"request.too_large": 413, "node.not_found": 404, "node.overloaded": 503}
_TYPES = {404: "not_found_error", 503: "overloaded_error"}
# The names that OpenAI gives to these mistakes.
_CODES = {
    "request.unsupported_parameter": "unsupported_parameter",
    "request.too_long": "context_length_exceeded",
    "node.not_found": "model_not_found",
}


def load_service(config: Config) -> TinyService:
    """Load the weights.

    Raises:
        ConfigurationError: They are missing or damaged.
    """
    model = load_model(config.weights / "model.safetensors")
    tokenizer = load_tokenizer(config.weights / "tokenizer.json")
    if tokenizer.size != model.shape.vocabulary:
        raise ConfigurationError("the tokenizer does not belong to the weights")
    return TinyService(model, tokenizer, max_callers=config.max_callers)


def create_app(
    service: TinyService,
    config: Config,
    *,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Starlette:
    """Return the node as an ASGI application.

    Args:
        service: The loaded model.
        config: Settings.
        now_ms: The clock, in unix milliseconds.
    """
    handlers = _Handlers(service=service, config=config, now_ms=now_ms)
    return Starlette(
        routes=[
            Route(CHAT_PATH, handlers.generate, methods=["POST"]),
            Route(COMPLETION_PATH, handlers.generate, methods=["POST"]),
            Route(EMBEDDING_PATH, handlers.embed, methods=["POST"]),
            Route("/v1/models", handlers.models, methods=["GET"]),
            Route("/v1/models/{model:path}", handlers.model, methods=["GET"]),
            Route("/health", handlers.health, methods=["GET"]),
        ],
        exception_handlers={
            OpenGradientError: _on_error,
            HTTPException: _on_http_error,
            ClientDisconnect: _on_disconnect,
            500: _on_defect,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handlers:
    service: TinyService
    config: Config
    now_ms: Callable[[], int]

    async def generate(self, request: Request) -> Response:
        """Answer a chat or completion request, whole or streamed."""
        asked = await self._parse(request)
        chat = asked.kind is ReceiptKind.CHAT
        translate = chat_generation if chat else text_generation
        context = self.service.model.shape.context
        # Cutting a long text into tokens takes a while; the loop goes on meanwhile.
        generation = await to_thread.run_sync(translate, asked, self.service.tokenizer, context)
        writer = ReplyWriter(
            request=asked,
            reply_id=("chatcmpl-" if chat else "cmpl-") + secrets.token_hex(12),
            created=self.now_ms() // 1000,
            fingerprint=self._fingerprint,
            prompt_tokens=len(generation.prompt),
        )
        if asked.stream:
            return await _stream(self.service, generation, writer)
        answer = await _unless_gone(request, lambda: self.service.complete(generation))
        return _json(writer.whole(answer))

    async def embed(self, request: Request) -> Response:
        """Answer an embedding request."""
        asked = await self._parse(request)
        shape = self.service.model.shape
        inputs = await to_thread.run_sync(
            embedding_inputs, asked, self.service.tokenizer, shape.context, shape.width
        )
        vectors = await _unless_gone(request, lambda: self.service.embed(inputs))
        return _json(embedding_reply(asked, vectors, sum(map(len, inputs))))

    async def models(self, _request: Request) -> Response:
        """List the one model."""
        return _json({"object": "list", "data": [self._entry]})

    async def model(self, request: Request) -> Response:
        """Describe the one model."""
        self._check_model(request.path_params["model"])
        return _json(self._entry)

    async def health(self, _request: Request) -> Response:
        """Say that the node is up, and which weights it serves."""
        model = self.service.model
        return _json(
            {
                "status": "ok",
                "model": self.config.model_id,
                "parameters": model.parameters,
                "context": model.shape.context,
                "weights_sha256": model.digest,
                "callers": self.service.callers,
            }
        )

    @property
    def _entry(self) -> dict[str, Any]:
        created = self.service.model.created
        head = {"id": self.config.model_id, "object": "model"}
        return {**head, "created": created, "owned_by": "opengradient"}

    @property
    def _fingerprint(self) -> str:
        return f"fp_{self.service.model.digest[:16]}"

    async def _parse(self, request: Request) -> InferenceRequest:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPException(415, "the body must be application/json")
        limit = self.config.max_body_bytes
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > limit:
                raise ConfigurationError(
                    f"the body has more than {limit} bytes", code="request.too_large"
                )
        asked = parse_request(bytes(body), request.url.path, max_bytes=limit)
        self._check_model(asked.model)
        return asked

    def _check_model(self, name: str) -> None:
        if name != self.config.model_id:
            raise NotFoundError(
                f"there is no model {name!r} here, only {self.config.model_id!r}", status=404
            )


class _EventStream(StreamingResponse):
    """A stream that ends its source however it ends itself: done, failed, or the client left."""

    def __init__(self, source: AsyncGenerator[Piece], events: AsyncIterator[bytes]) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"cache-control": "no-store"}
        )
        self._source = source

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._source):
            await super().__call__(scope, receive, send)


async def _stream(service: TinyService, generation: Generation, writer: ReplyWriter) -> Response:
    source = service.stream(generation)
    # The first piece comes before the status line, so that a refusal still has its own status.
    first = await anext(source)

    async def events() -> AsyncIterator[bytes]:
        for chunk in (*writer.opening(), *writer.chunks(first)):
            yield encode_event(compact_json(chunk))
        async for piece in source:
            for chunk in writer.chunks(piece):
                yield encode_event(compact_json(chunk))
        yield encode_event(DONE)

    return _EventStream(source, events())


async def _unless_gone(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """Return what the work returns; stop it when the client closes the connection.

    Raises:
        ClientDisconnect: The client left first.
    """
    results: list[T] = []
    failure: OpenGradientError | None = None
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        try:
            results.append(await work())
        except OpenGradientError as error:
            # Raised below: the task group would wrap it in an exception group.
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not results:
        raise ClientDisconnect
    return results[0]


async def _on_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, OpenGradientError):
        raise error
    status = _STATUS.get(error.code, 400 if isinstance(error, ConfigurationError) else 500)
    parameter = error.parameter if isinstance(error, UnsupportedParameterError) else None
    return _error_reply(status, error.message, _CODES.get(error.code, error.code), parameter)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _error_reply(error.status_code, error.detail, None, None, error.headers)


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    # Nobody reads this; 499 is what logs call it.
    return Response(status_code=499)


async def _on_defect(_request: Request, _error: Exception) -> Response:
    return _error_reply(500, "the node has a defect; its log has more", "internal", None)


def _error_reply(
    status: int,
    message: str,
    code: str | None,
    parameter: str | None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": message, "type": kind, "param": parameter, "code": code}
    return JSONResponse({"error": error}, status, headers)


def _json(value: Mapping[str, Any]) -> Response:
    return Response(compact_json(value), media_type="application/json")
