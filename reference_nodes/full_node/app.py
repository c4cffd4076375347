"""The full node over HTTP: decode, ask the service, encode."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.errors import MalformedError, NotFoundError
from opengradient.wire.fields import members, to_hex
from opengradient.wire.settlement import (
    decode_evidence,
    encode_anchor,
    encode_evidence,
    encode_inclusion,
)
from reference_nodes._kit.app import App, Request, Response
from reference_nodes.full_node.records import BatchRow
from reference_nodes.full_node.service import Answer, FullNode, Health, Standing

MAX_EVIDENCE_BODY: Final = 512 * 1024
"""320 KiB in base64: a document of `MAX_DOCUMENT_BYTES`, with collateral of
`MAX_COLLATERAL_BYTES`."""

MAX_RPC_BODY: Final = 5 * 1024 * 1024
"""go-ethereum's limit on a JSON-RPC request (rpc/http.go)."""

Post = Callable[[bytes], Awaitable[bytes]]
"""Answers one JSON-RPC body: the embedded ledger."""

_ID: Final = re.compile(r"0x[0-9a-f]{64}")


class Handlers:
    """One method per route."""

    def __init__(self, node: FullNode, *, max_body_bytes: int, ledger: Post | None) -> None:
        """Answer for `node`; see `create_app`."""
        self._node = node
        self._max_body_bytes = max_body_bytes
        self._ledger = ledger

    async def post_receipts(self, request: Request) -> Response:
        """``POST /v1/receipts``."""
        answers = await self._node.submit(await request.body(self._max_body_bytes))
        return Response.json({"results": [_answer(item) for item in answers]})

    async def post_evidence(self, request: Request) -> Response:
        """``POST /v1/evidence``."""
        value = parse_json_object(await request.body(MAX_EVIDENCE_BODY), what="the request")
        evidence = decode_evidence(members(value, "request", ("evidence",))["evidence"])
        return Response.json({"digest": to_hex(await self._node.add_evidence(evidence))})

    async def get_evidence(self, request: Request) -> Response:
        """``GET /v1/evidence/{digest}``."""
        known = await self._node.evidence(_id(request))
        if known is None:
            raise _not_found("evidence")
        return Response.json(
            {"evidence": encode_evidence(known.evidence), "judgedAt": known.judged_at_ms}
        )

    async def get_settlement(self, request: Request) -> Response:
        """``GET /v1/settlement/{digest}``."""
        standing = await self._node.settlement(_id(request))
        if standing is None:
            raise _not_found("receipt")
        return Response.json(_standing(standing))

    async def get_batch(self, request: Request) -> Response:
        """``GET /v1/batches/{root}``."""
        batch = await self._node.batch(_id(request))
        if batch is None:
            raise _not_found("batch")
        return Response.json(_batch(batch))

    async def get_blob(self, request: Request) -> Response:
        """``GET /v1/blobs/{id}``."""
        data = await self._node.blob(_id(request))
        if data is None:
            raise _not_found("blob")
        return Response(200, data, b"application/octet-stream")

    async def get_health(self, _request: Request) -> Response:
        """``GET /health``."""
        return Response.json(_health(await self._node.health()))

    async def post_rpc(self, request: Request) -> Response:
        """``POST /rpc``."""
        if self._ledger is None:
            raise _not_found("ledger")
        # A web page can send a form or text to any address, but JSON only where it is let (CORS).
        content_type = request.header(b"content-type") or ""
        if content_type.partition(";")[0].strip() != "application/json":
            raise MalformedError("JSON-RPC is sent as application/json")
        answer = await self._ledger(await request.body(MAX_RPC_BODY))
        return Response(200 if answer else 204, answer)


def create_app(node: FullNode, *, max_body_bytes: int, ledger: Post | None = None) -> App:
    """The application.

    Args:
        node: The service.
        max_body_bytes: Larger requests are refused unread.
        ledger: Answers ``POST /rpc`` where this node runs the ledger itself.
    """
    on = Handlers(node, max_body_bytes=max_body_bytes, ledger=ledger)
    return App(
        {
            "/v1/receipts": {"POST": on.post_receipts},
            "/v1/evidence": {"POST": on.post_evidence},
            "/v1/evidence/": {"GET": on.get_evidence},
            "/v1/settlement/": {"GET": on.get_settlement},
            "/v1/batches/": {"GET": on.get_batch},
            "/v1/blobs/": {"GET": on.get_blob},
            "/health": {"GET": on.get_health},
            "/rpc": {"POST": on.post_rpc},
        }
    )


def _not_found(what: str) -> NotFoundError:
    return NotFoundError(f"no such {what} here", status=404)


def _id(request: Request) -> bytes:
    if not _ID.fullmatch(request.tail):
        raise MalformedError("an id is 0x and 64 lower-case hex digits")
    return bytes.fromhex(request.tail[2:])


def _answer(answer: Answer) -> JsonObject:
    return {
        "digest": None if answer.digest is None else to_hex(answer.digest),
        "state": answer.state.value,
        "code": answer.code,
        "message": answer.message,
    }


def _standing(standing: Standing) -> JsonObject:
    inclusion = standing.inclusion
    return {
        "digest": to_hex(standing.status.digest),
        "state": standing.status.state.value,
        "inclusion": None if inclusion is None else encode_inclusion(inclusion),
        "reason": standing.status.reason,
    }


def _batch(batch: BatchRow) -> JsonObject:
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


def _health(health: Health) -> JsonObject:
    error = health.last_error
    return {
        "status": "ok",
        "waiting": health.backlog.hashed + health.backlog.full,
        "openBatches": health.open_batches,
        "lastError": None if error is None else {"code": error.code, "message": error.message},
    }
