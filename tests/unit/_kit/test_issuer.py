from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from opengradient.core.bundle import AttachedReceipt
from opengradient.core.digests import ZERO32, sha256
from opengradient.core.merkle import chunk_root, stream_salt_seed
from opengradient.core.messages import Usage
from opengradient.core.modes import ChannelKind, SettlementMode
from opengradient.core.settlement import SettlementState
from opengradient.errors import MalformedError, OpenGradientError
from opengradient.wire.receipts import decode_bundle
from reference_nodes._kit.answers import Answer, Ticket
from tests.unit._kit.node_parts import DOMAIN, Parts, parts


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Parts]:
    async with parts(tmp_path) as made:
        yield made


class Render:
    """Keeps the receipt that it was given."""

    def __init__(self) -> None:
        self.attached: list[AttachedReceipt] = []

    def __call__(self, attached: AttachedReceipt) -> Answer:
        self.attached.append(attached)
        return Answer(status=200, stream=False, body=b"body")


async def test_receipt_says_what_happened(node: Parts) -> None:
    render = Render()
    chunks = (sha256(b"a"), sha256(b"b"))
    exchange = node.exchange(
        chunk_digests=chunks,
        usage=Usage(input_tokens=3, output_tokens=2, cached_input_tokens=1),
        first_token_at=node.clock() + 5,
    )
    node.clock.now_ms += 7
    await node.issuer.issue(exchange, render)
    (attached,) = render.attached
    receipt = attached.signed.receipt
    assert attached.signed.domain == DOMAIN
    assert attached.signed.signer() == node.identity.signer.public_key
    assert receipt.evidence_digest == node.identity.standing.evidence.digest()
    assert receipt.channel_kind == ChannelKind.TLS
    assert receipt.channel_binding == node.identity.keyset.tls_spki_sha256
    assert (receipt.input_tokens, receipt.output_tokens, receipt.cached_input_tokens) == (3, 2, 1)
    assert receipt.stream_chunks == 2
    assert receipt.stream_root == chunk_root(stream_salt_seed(attached.seed), chunks)
    assert receipt.finished_at - receipt.started_at == 7
    assert (receipt.price, receipt.payment_commitment) == (0, ZERO32)


async def test_numbers_follow_one_another_whoever_comes_first(node: Parts) -> None:
    render = Render()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(node.issuer.issue, node.exchange(), render)
    previous = ZERO32
    for number, attached in enumerate(render.attached, 1):
        assert attached.signed.receipt.sequence == number
        assert attached.signed.receipt.previous_receipt == previous
        previous = attached.signed.digest


async def test_stored_before_it_is_returned(node: Parts) -> None:
    render = Render()
    await node.issuer.issue(node.exchange(), render)
    digest = render.attached[0].signed.digest
    assert await node.outbox.state(digest) == SettlementState.QUEUED


async def test_nothing_is_returned_that_was_not_stored(node: Parts) -> None:
    with pytest.raises(OpenGradientError):
        await node.journal.run(lambda connection: connection.execute("INSERT INTO nothing"))
    with pytest.raises(OpenGradientError) as caught:
        await node.issuer.issue(node.exchange(), Render())
    assert caught.value.code == "node.storage"


async def test_what_cannot_be_bound_takes_no_number(node: Parts) -> None:
    render = Render()
    with pytest.raises(MalformedError):
        await node.issuer.issue(node.exchange(response={"id": "\ud800"}), render)
    await node.issuer.issue(node.exchange(), render)
    assert render.attached[0].signed.receipt.sequence == 1


async def test_a_clock_that_steps_back_makes_no_impossible_times(node: Parts) -> None:
    render = Render()
    exchange = node.exchange(first_token_at=node.clock() - 50)
    node.clock.now_ms -= 1000
    await node.issuer.issue(exchange, render)
    receipt = render.attached[0].signed.receipt
    assert receipt.started_at <= receipt.first_token_at <= receipt.finished_at


async def test_receipt_and_answer_are_stored_in_one_step(node: Parts) -> None:
    ticket = await node.store.claim("key", b"\x01" * 32, now_ms=node.clock(), patience=0)
    assert isinstance(ticket, Ticket)
    answer = await node.issuer.issue(node.exchange(), Render(), ticket=ticket)
    node.store.release(ticket)
    assert await node.store.look_up("key", now_ms=node.clock()) == answer


async def test_private_counts_and_stores_nothing_else(node: Parts) -> None:
    ticket = await node.store.claim("key", b"\x01" * 32, now_ms=node.clock(), patience=0)
    assert isinstance(ticket, Ticket)
    exchange = node.exchange(settlement_mode=SettlementMode.PRIVATE)
    answer = await node.issuer.issue(exchange, Render(), ticket=ticket)
    node.store.release(ticket)
    assert await node.outbox.counts() == {"private_inferences": 1}
    rows = await node.journal.run(
        lambda connection: connection.execute("SELECT 1 FROM answers").fetchall()
    )
    assert rows == []
    assert await node.store.look_up("key", now_ms=node.clock()) == answer


async def test_only_individual_publishes_and_never_the_key(node: Parts) -> None:
    request = {"path": "/v1/chat/completions", "body": b"prompt", "idempotency_key": "secret"}
    for mode in (SettlementMode.BATCH_HASHED, SettlementMode.INDIVIDUAL_FULL):
        exchange = node.exchange(settlement_mode=mode, request=request)
        await node.issuer.issue(exchange, Render())
    waiting = await node.outbox.waiting(10)
    (published,) = [item.bundle for item in waiting if item.bundle is not None]
    bundle = decode_bundle(published)
    assert bundle.sections["request"]["body"].value == b"prompt"
    assert b"secret" not in published
    assert bundle.evidence == node.identity.standing.evidence
