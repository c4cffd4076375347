"""The receipt of an earlier request, by its idempotency key."""

from dataclasses import dataclass
from typing import final

from opengradient.core.bundle import (
    MODEL,
    PAYMENT,
    UPSTREAM,
    AttachedReceipt,
    ReceiptBundle,
    StreamDisclosure,
)
from opengradient.core.commitments import seal_section
from opengradient.core.evidence import Evidence
from opengradient.core.merkle import stream_salt_seed
from opengradient.errors import NotFoundError, TransportError
from opengradient.nodes.calls import nonce_of
from opengradient.nodes.environment import Environment
from opengradient.nodes.node import Node
from opengradient.nodes.pool import NodePool
from opengradient.nodes.receipt import HeldReceipt
from opengradient.verify.expectation import Expectation
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.nodes import decode_recalled


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What a node has under an idempotency key.

    Attributes:
        running: Whether the request still runs.
        status: HTTP status of the answer; 0 while it runs.
        receipt: The verified receipt, without request and answer; None while it runs.
    """

    running: bool
    status: int
    receipt: HeldReceipt | None


async def recall(pool: NodePool, environment: Environment, key: str) -> Recalled:
    """Ask every node until one knows the key.

    Raises:
        NotFoundError: None does.
        TransportError: None does, and some could not be asked.
    """
    failures: list[TransportError] = []
    for node in await pool.nodes():
        try:
            return await _recall_from(node, environment, key)
        except NotFoundError:
            continue
        except TransportError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    raise NotFoundError("no node knows a request with this idempotency key", status=404)


async def _recall_from(node: Node, environment: Environment, key: str) -> Recalled:
    session = await node.session()
    answer = await node.get(session, "/v1/receipts", headers={"idempotency-key": key})
    recalled = decode_recalled(answer)
    attached = recalled.attached
    if attached is None:
        return Recalled(running=True, status=0, receipt=None)
    known = await node.evidence(attached.signed.receipt.evidence_digest, session)
    expect = Expectation(
        domain=session.verified.domain,
        nonce=nonce_of(key),
        status=recalled.status,
        collateral_fetched_at_ms=known.fetched_at_ms,
    )
    verified = verify_receipt(
        _bundle(attached, recalled.chunk_digests, known.evidence),
        policy=known.policy,
        now_ms=environment.clock(),
        expect=expect,
        evidence=known.verified,
    )
    held = HeldReceipt(verified, policy=known.policy, expect=expect)
    return Recalled(running=False, status=recalled.status, receipt=held)


def _bundle(
    attached: AttachedReceipt, chunk_digests: tuple[bytes, ...], evidence: Evidence
) -> ReceiptBundle:
    """What the node knows to show: request and answer stay with the client that had them."""
    shown = {UPSTREAM: attached.upstream, MODEL: attached.model, PAYMENT: attached.payment}
    stream = StreamDisclosure(
        salt_seed=stream_salt_seed(attached.seed), chunk_digests=chunk_digests
    )
    return ReceiptBundle(
        signed=attached.signed,
        sections={
            name: seal_section(attached.seed, name, fields) for name, fields in shown.items()
        },
        stream=stream if chunk_digests else None,
        evidence=evidence,
    )
