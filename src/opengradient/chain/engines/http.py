"""Serves a ledger engine as JSON-RPC over HTTP, so that any Ethereum tool can use it."""

from typing import TYPE_CHECKING, Final

from opengradient.chain.engines._protocol import LedgerEngine

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MAX_BODY_BYTES: Final = 5 * 1024 * 1024
"""go-ethereum's limit on a JSON-RPC request (rpc/http.go)."""


def ledger_app(engine: LedgerEngine) -> "Starlette":
    """An ASGI app that answers JSON-RPC on ``POST /``. It neither starts nor stops the engine."""
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def answer(request: "Request") -> "Response":
        # A web page can send a form or text to any address, but JSON only where it is let (CORS).
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return Response("send application/json", 415)
        body = await _read(request)
        if body is None:
            return Response(f"at most {MAX_BODY_BYTES} bytes", 413)
        content = await engine.post(body)
        return Response(content, 200 if content else 204, media_type="application/json")

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


async def _read(request: "Request") -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)
