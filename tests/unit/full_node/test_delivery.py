"""A node's outbox and a real full node, over a real socket: the two halves of settlement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from opengradient.core.receipts import SignedReceipt
from opengradient.errors import NodeError
from opengradient.transport import HttpTransport
from reference_nodes._kit import outbox as outbox_room
from reference_nodes._kit.delivery import Delivery
from reference_nodes._kit.journal import Journal
from reference_nodes._kit.outbox import Outbox, OutboxEntry
from reference_nodes._kit.server import Bind, serving
from reference_nodes.full_node.app import create_app
from tests.receipt_factory import NOW, SIGNER
from tests.unit.full_node.kit import (
    LIMIT,
    OTHER,
    Network,
    evidence_of,
    full_node,
    network,
    receipt,
)


@asynccontextmanager
async def pair(net: Network, folder: Path) -> AsyncIterator[tuple[Outbox, Delivery]]:
    """An outbox whose delivery goes to a full node that knows no evidence yet."""
    async with (
        full_node(net, folder / "full", run=False, known=False) as node,
        serving(create_app(node, max_body_bytes=LIMIT), Bind(), None) as url,
        HttpTransport() as transport,
        Journal(folder / "node.sqlite", (outbox_room.SCHEMA,)) as journal,
    ):
        outbox = Outbox(journal)
        for signer in (SIGNER, OTHER):
            await outbox.keep_evidence(evidence_of(signer), now_ms=NOW)
        delivery = Delivery(
            outbox=outbox,
            transport=transport,
            full_nodes=(url,),
            clock=net.clock,
            uniform=lambda: 0.0,
        )
        yield outbox, delivery


async def commit(outbox: Outbox, *receipts: SignedReceipt, at: int = NOW) -> None:
    for number, signed in enumerate(receipts):
        entry = OutboxEntry(
            signed=signed, digest=signed.digest, bundle=None, created_ms=at + number
        )
        await outbox.commit(entry)


async def test_delivers_sending_the_evidence_when_asked(tmp_path: Path) -> None:
    async with network() as net, pair(net, tmp_path) as (outbox, delivery):
        receipts = [receipt(number, net.domain) for number in range(3)]
        await commit(outbox, *receipts)
        while await delivery.deliver_once():
            pass
        assert await outbox.counts() == {"accepted": 3}


async def test_keeps_what_the_full_node_does_not_take_yet(tmp_path: Path) -> None:
    async with network() as net, pair(net, tmp_path) as (outbox, delivery):
        early = receipt(1, net.domain, signer=OTHER)
        await commit(outbox, early)
        await delivery.deliver_once()  # asked for the evidence
        with pytest.raises(NodeError):
            await delivery.deliver_once()  # the registry does not know the node
        assert await outbox.state(early.digest) == "queued"
        await commit(outbox, receipt(2, net.domain), at=NOW + 1000)
        (first, *_) = await outbox.waiting(10)
        assert first.digest != early.digest, "what is not taken now goes last"
        await net.register(OTHER)
        while await delivery.deliver_once():
            pass
        assert await outbox.counts() == {"accepted": 2}


async def test_notes_a_refusal_for_good(tmp_path: Path) -> None:
    async with network() as net, pair(net, tmp_path) as (outbox, delivery):
        wrong = receipt(1, net.domain, sequence=1)
        await commit(outbox, wrong, receipt(2, net.domain))
        while await delivery.deliver_once():
            pass
        assert await outbox.counts() == {"accepted": 1, "refused": 1}
