"""What every node does with a call beside its own work: read it, answer it once, sign failures."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar, final

from opengradient.core.bundle import AttachedReceipt
from opengradient.core.canonical import JsonObject, compact_json
from opengradient.core.messages import ErrorReply
from opengradient.errors import ConfigurationError
from opengradient.wire.openai_reply import ATTACHMENT
from opengradient.wire.receipts import encode_attached
from reference_nodes._kit.answers import Answer, AnswerStore, Ticket
from reference_nodes._kit.app import RawHeaders, Request, Response
from reference_nodes._kit.calls import NOT_KEPT, Call, CallHeaders, refusal
from reference_nodes._kit.identity import NodeIdentity
from reference_nodes._kit.issuer import Exchange, Issuer

T = TypeVar("T")

OVERLOADED: Final = ErrorReply(
    status=503,
    code="node.overloaded",
    message="the node runs as many requests as it can; nothing was processed",
    retry_after=1.0,
)
EVENTS: Final = b"text/event-stream; charset=utf-8"
_REPLAYED: Final = (b"x-opengradient-replayed", b"1")


@final
@dataclass(frozen=True, slots=True)
class Replayed:
    """An answer that was given before."""

    answer: Answer


async def read_call(
    request: Request, identity: NodeIdentity, *, max_body_bytes: int, now_ms: Callable[[], int]
) -> Call:
    """Read a whole request as a call.

    Raises:
        ConfigurationError: A query, or a body that is too large.
        ClientGoneError: The client left.
    """
    request.query()
    raw = await request.body(max_body_bytes)
    return Call.read(
        request.path,
        raw,
        CallHeaders(
            nonce=request.header(b"x-opengradient-nonce"),
            idempotency_key=request.header(b"idempotency-key"),
            settlement_type=request.header(b"x-settlement-type"),
        ),
        arrival=identity.arrival(request.channel),
        now_ms=now_ms(),
    )


async def answer_once(
    call: Call,
    store: AnswerStore,
    *,
    patience: float,
    run: Callable[[Ticket | None], Awaitable[T]],
    refuse: Callable[[ErrorReply], Awaitable[T]],
) -> T | Replayed:
    """Run a call, unless its idempotency key was answered before.

    Args:
        call: The call.
        store: Where answers are kept.
        patience: Seconds to wait for the same call, where it still runs.
        run: Does the work, and keeps its answer under the ticket.
        refuse: Signs why the key cannot be used.
    """
    if call.idempotency_key is None:
        return await run(None)
    try:
        ticket = await store.claim(
            call.idempotency_key,
            call.request_hash(),
            now_ms=call.started_at,
            patience=patience,
        )
    except ConfigurationError as error:
        return await refuse(refusal(error))
    if isinstance(ticket, Answer):
        return Replayed(ticket)
    try:
        return await run(ticket)
    finally:
        store.release(ticket)


async def sign_failure(
    issuer: Issuer, exchange: Exchange, problem: ErrorReply, ticket: Ticket | None
) -> Answer:
    """Sign a failure; it is kept for a repeated call unless nothing was done."""
    body = error_frame(problem)
    return await issuer.issue(
        exchange,
        lambda receipt: Answer(
            status=problem.status,
            stream=False,
            body=with_receipt(body, receipt),
            retry_after=problem.retry_after,
        ),
        ticket=None if problem.code in NOT_KEPT else ticket,
    )


def error_frame(problem: ErrorReply) -> JsonObject:
    """The JSON of a failure (without the receipt)."""
    return {"error": problem.as_json()}


def with_receipt(body: JsonObject, receipt: AttachedReceipt) -> bytes:
    """An answer's JSON, its receipt attached."""
    return compact_json({**body, ATTACHMENT: encode_attached(receipt)})


def response_of(answer: Answer | Replayed) -> Response:
    """The HTTP answer, with the headers that it needs."""
    headers: RawHeaders = ()
    if isinstance(answer, Replayed):
        answer, headers = answer.answer, (_REPLAYED,)
    if answer.retry_after is not None:
        seconds = str(math.ceil(answer.retry_after)).encode()
        headers = (*headers, (b"retry-after", seconds))
    if answer.stream:
        headers = (*headers, (b"cache-control", b"no-cache"))
        return Response(answer.status, answer.body, EVENTS, headers)
    return Response(answer.status, answer.body, answer.media_type.encode(), headers)
