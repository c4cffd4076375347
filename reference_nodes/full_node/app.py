"""The full node over HTTP: decode, ask the service, encode."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opengradient.core.canonical import parse_json_object
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    OpenGradientError,
    UnsupportedError,
    VerificationError,
)
from opengradient.wire.fields import members, to_hex
from opengradient.wire.settlement import (
    decode_evidence,
    encode_anchor,
    encode_evidence,
    encode_inclusion,
)
from reference_nodes.full_node.records import BatchRow
from reference_nodes.full_node.service import Answer, FullNode, Health

MAX_EVIDENCE_BODY: Final = 256 * 1024
MAX_RPC_BODY: Final = 4 * 1024 * 1024

Post = Callable[[bytes], Awaitable[bytes]]
"""Answers one JSON-RPC body: the embedded ledger."""

_ID: Final = re.compile(r"0x[0-9a-f]{64}")


def create_app(node: FullNode, *, max_body_bytes: int, ledger: Post | None = None) -> Starlette:
    """The application.

    Args:
        node: The service.
        max_body_bytes: Larger requests are refused unread.
        ledger: Answers ``POST /rpc`` where this node runs the ledger itself.
    """

    async def post_receipts(request: Request) -> Response:
        answers = await node.submit(await _body(request, max_body_bytes))
        return JSONResponse({"results": [_answer(item) for item in answers]})

    async def post_evidence(request: Request) -> Response:
        value = parse_json_object(await _body(request, MAX_EVIDENCE_BODY), what="the request")
        evidence = decode_evidence(members(value, "request", ("evidence",))["evidence"])
        return JSONResponse({"digest": to_hex(await node.add_evidence(evidence))})

    async def get_evidence(request: Request) -> Response:
        known = await node.evidence(_id(request))
        if known is None:
            raise HTTPException(404)
        return JSONResponse(
            {"evidence": encode_evidence(known.evidence), "judgedAt": known.judged_at_ms}
        )

    async def get_settlement(request: Request) -> Response:
        standing = await node.settlement(_id(request))
        if standing is None:
            raise HTTPException(404)
        inclusion = standing.inclusion
        return JSONResponse(
            {
                "digest": to_hex(standing.status.digest),
                "state": standing.status.state.value,
                "inclusion": None if inclusion is None else encode_inclusion(inclusion),
                "reason": standing.status.reason,
            }
        )

    async def get_batch(request: Request) -> Response:
        batch = await node.batch(_id(request))
        if batch is None:
            raise HTTPException(404)
        return JSONResponse(_batch(batch))

    async def get_blob(request: Request) -> Response:
        data = await node.blob(_id(request))
        if data is None:
            raise HTTPException(404)
        return Response(data, media_type="application/octet-stream")

    async def get_health(_request: Request) -> Response:
        return JSONResponse(_health(await node.health()))

    async def post_rpc(request: Request) -> Response:
        if ledger is None:
            raise HTTPException(404)
        answer = await ledger(await _body(request, MAX_RPC_BODY))
        return Response(answer, media_type="application/json")

    return Starlette(
        routes=[
            Route("/v1/receipts", post_receipts, methods=["POST"]),
            Route("/v1/evidence", post_evidence, methods=["POST"]),
            Route("/v1/evidence/{id}", get_evidence),
            Route("/v1/settlement/{id}", get_settlement),
            Route("/v1/batches/{id}", get_batch),
            Route("/v1/blobs/{id}", get_blob),
            Route("/health", get_health),
            Route("/rpc", post_rpc, methods=["POST"]),
        ],
        exception_handlers={OpenGradientError: _on_error, HTTPException: _on_http_error},
    )


async def _body(request: Request, limit: int) -> bytes:
    """Read a body, and stop at the first byte too many."""
    too_large = MalformedError(f"the body has more than {limit} bytes", code="request.too_large")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise too_large
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise too_large
        pieces.append(piece)
    return b"".join(pieces)


def _id(request: Request) -> bytes:
    value = request.path_params["id"]
    if not _ID.fullmatch(value):
        raise MalformedError("an id is 0x and 64 lower-case hex digits")
    return bytes.fromhex(value[2:])


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "digest": None if answer.digest is None else to_hex(answer.digest),
        "state": answer.state.value,
        "code": answer.code,
        "message": answer.message,
    }


def _batch(batch: BatchRow) -> dict[str, Any]:
    sent = batch.transaction_hash
    return {
        "root": to_hex(batch.root),
        "size": batch.size,
        "blobId": to_hex(batch.blob_id),
        "submitter": to_hex(batch.submitter),
        "state": batch.state.value,
        "createdAt": batch.created_at_ms,
        "transactionHash": None if sent is None else to_hex(sent),
        "anchor": None if batch.anchor is None else encode_anchor(batch.anchor),
    }


def _health(health: Health) -> dict[str, Any]:
    error = health.last_error
    return {
        "status": "ok",
        "waiting": health.backlog.hashed + health.backlog.full,
        "openBatches": health.open_batches,
        "lastError": None if error is None else {"code": error.code, "message": error.message},
    }


def _status(error: OpenGradientError) -> int:
    if error.code in ("request.too_large", "format.too_large"):
        return 413
    if isinstance(error, MalformedError | ConfigurationError):
        return 400
    if isinstance(error, VerificationError | UnsupportedError):
        return 422
    return 500


async def _on_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, OpenGradientError):
        raise error
    body = {"error": {"code": error.code, "message": error.message}}
    return JSONResponse(body, status_code=_status(error))


async def _on_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = "node.not_found" if error.status_code == 404 else "request.invalid"
    body = {"error": {"code": code, "message": error.detail}}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)
