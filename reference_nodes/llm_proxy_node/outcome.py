"""What every answer is made with: its plan, its id, its receipt's exchange."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.commitments import FieldValue
from opengradient.core.messages import ErrorReply, InferenceRequest, Usage
from opengradient.core.modes import ReceiptKind
from reference_nodes._kit.calls import Call
from reference_nodes._kit.issuer import Exchange
from reference_nodes.llm_proxy_node.backends import Backend, UpstreamRequest
from reference_nodes.llm_proxy_node.upstream import Fetched, Trace

_ID_PREFIX: Final[Mapping[ReceiptKind, str]] = {
    ReceiptKind.CHAT: "chatcmpl-",
    ReceiptKind.COMPLETION: "cmpl-",
    ReceiptKind.EMBEDDING: "embd-",
}


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """Who answers a request, and with what it is asked."""

    request: InferenceRequest
    backend: Backend
    upstream: UpstreamRequest


def provider_failure(plan: Plan, fetched: Fetched) -> ErrorReply:
    """A provider's error answer, ready to be signed."""
    return plan.backend.parse_error(fetched.status, fetched.headers, fetched.body)


def new_id(kind: ReceiptKind) -> str:
    """A fresh id for an answer."""
    return _ID_PREFIX[kind] + secrets.token_hex(12)


def exchange_of(
    call: Call,
    *,
    kind: ReceiptKind,
    status: int,
    trace: Trace | None,
    response: Mapping[str, FieldValue],
    requested: str | None,
    served: str | None = None,
    usage: Usage | None = None,
    first_token_at: int = 0,
    chunk_digests: tuple[bytes, ...] = (),
) -> Exchange:
    """What the receipt of a call is made from."""
    model: dict[str, FieldValue] = {}
    if requested is not None:
        model = {"requested": requested, "served": served}
    return Exchange(
        kind=kind,
        status=status,
        settlement_mode=call.settlement_mode,
        client_nonce=call.nonce,
        arrival=call.arrival,
        request=call.request_fields(),
        upstream=trace.fields() if trace is not None else {},
        response=response,
        model=model,
        usage=usage,
        started_at=call.started_at,
        first_token_at=first_token_at,
        chunk_digests=chunk_digests,
    )
