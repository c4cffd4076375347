"""The client completes evidence from the source that it was given, and says how old that is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import opengradient as og
from opengradient.core.evidence import Evidence
from opengradient.errors import TransportError
from opengradient.transport.collateral import CollateralEntry
from reference_nodes._kit.clock import system_clock_ms
from tests.interaction.proxy import Node, proxy_node
from tests.interaction.sdk import HELLO, MODEL, client, read

HOUR = 3600 * 1000


class Source:
    """Gives nothing (software enclaves take nothing), and says when it did."""

    def __init__(self) -> None:
        self.asked: list[Evidence] = []
        self.fault: TransportError | None = None
        self.fetched_at_ms = system_clock_ms() - 5 * HOUR

    async def complete(self, evidence: Evidence) -> Evidence:
        self.asked.append(evidence)
        if self.fault is not None:
            raise self.fault
        return evidence

    def entries(self, evidence: Evidence) -> tuple[CollateralEntry, ...]:
        ages = (self.fetched_at_ms + HOUR, self.fetched_at_ms)
        return tuple(
            CollateralEntry(key=str(at), items={}, fetched_at_ms=at, valid_until_ms=2**53)
            for at in ages
        )


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "node", legacy_signatures=False) as running:
        yield running


async def test_every_piece_of_evidence_is_completed(node: Node, tmp_path: Path) -> None:
    source = Source()
    async with client(node, collateral=source) as llm:
        reply = await llm.chat(MODEL, HELLO, idempotency_key="mine")
        assert source.asked[0] == node.standing
        assert len(source.asked) == 2  # standing and fresh, once for the session
        streamed = await read(llm)
        recalled = await llm.receipt("mine")
        (view,) = await llm.nodes()
    for verdict in (reply.verdict, streamed.verdict, recalled.receipt.verdict):
        claim = verdict["collateral_fetched"]
        assert (claim.status, claim.source) == (og.Status.ASSERTED, "this client")
        assert claim.detail == "fetched 5 h ago"
    assert view.collateral_fetched_at_ms == source.fetched_at_ms


async def test_without_collateral_there_is_nothing_to_say(node: Node) -> None:
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO)
        (view,) = await llm.nodes()
    assert "collateral_fetched" not in {claim.name for claim in reply.verdict}
    assert view.collateral_fetched_at_ms is None


async def test_nothing_is_sent_where_it_cannot_be_had(node: Node) -> None:
    source = Source()
    source.fault = TransportError("the service is down", code="collateral.unavailable")
    async with client(node, collateral=source) as llm:
        with pytest.raises(TransportError) as caught:
            await llm.chat(MODEL, HELLO)
    assert caught.value.code in {"collateral.unavailable", "transport.no_node"}
    assert node.sim.requests == []


async def test_another_policy_judges_with_what_can_be_had_then(node: Node) -> None:
    source = Source()
    async with client(node, collateral=source) as llm:
        await llm.chat(MODEL, HELLO)
        source.fault = TransportError("the service is down", code="collateral.unavailable")
        await llm.chat(MODEL, HELLO)  # the session still counts
        llm.use_policy(llm.policy.__class__.from_json(llm.policy.to_json()))
        with pytest.raises(TransportError):
            await llm.chat(MODEL, HELLO)
