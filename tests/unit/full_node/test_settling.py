"""From accepted to final, over a real ledger: batches, data, anchors, proofs."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from opengradient.chain.calls import BatchRef, Leaf
from opengradient.core.batches import BatchData, leaf_of
from opengradient.core.digests import sha256
from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import SettlementState
from opengradient.errors import (
    InclusionError,
    OpenGradientError,
    SettlementError,
    VerificationError,
)
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.inclusion import verify_inclusion
from opengradient.verify.settlement import verify_batch
from opengradient.wire.batches import decode_batch
from reference_nodes.full_node.anchorer import AnchorPolicy
from reference_nodes.full_node.batcher import BatchPolicy
from reference_nodes.full_node.records import BatchState
from tests.receipt_factory import NOW, SIGNER, policy
from tests.unit.full_node.kit import (
    OTHER,
    QUICK,
    body,
    body_of,
    codes,
    evidence_of,
    exchange,
    full_node,
    item,
    network,
    receipt,
    until,
)

FINAL = SettlementState.FINAL


def known_evidence():
    found = {}
    for signer in (SIGNER, OTHER):
        verified = verify_evidence(evidence_of(signer), policy=policy(), now_ms=NOW)
        found[verified.evidence_digest] = verified
    return found


async def test_settles_proves_and_publishes(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path) as node:
        receipts = [receipt(number, net.domain) for number in range(20)]
        await node.submit(body_of(*receipts))
        for signed in receipts:
            await until(node, signed.digest, FINAL)
        ((root, size, blob_id),) = await net.events()
        assert size == 20
        for signed in receipts:
            standing = await node.settlement(signed.digest)
            assert standing.inclusion.root == root
            verify_inclusion(signed, standing.inclusion)
            await net.ledger.reader.verify_inclusion(signed, standing.inclusion)
            assert standing.inclusion.anchor == (await net.ledger.reader.batch(root)).anchor
        strange = receipt(99, net.domain)
        with pytest.raises(InclusionError):
            verify_inclusion(strange, standing.inclusion)
        # What an auditor does: the blob alone, from scratch.
        data = await node.blob(blob_id)
        assert sha256(data) == blob_id
        batch = decode_batch(data)
        audited = verify_batch(
            batch,
            root=root,
            size=size,
            evidence=known_evidence(),
            policy=policy(),
            domain=net.domain,
            now_ms=NOW,
            keys=await net.ledger.keys.current([SIGNER.public_key.node_id]),
        )
        assert {item.digest for item in audited} == {signed.digest for signed in receipts}
        for bad in ({"root": sha256(b"x")}, {"size": 19}):
            with pytest.raises(VerificationError) as caught:
                verify_batch(
                    batch,
                    **{"root": root, "size": size} | bad,
                    evidence=known_evidence(),
                    policy=policy(),
                    domain=net.domain,
                    now_ms=NOW,
                )
            assert caught.value.code == "settlement.batch_data"


async def test_an_auditor_refuses_what_should_not_be_in_a_batch(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path) as node:
        signed = receipt(1, net.domain)
        await node.submit(body_of(signed))
        await until(node, signed.digest, FINAL)
        ((root, size, blob_id),) = await net.events()
        batch = decode_batch(await node.blob(blob_id))
        keys = await net.ledger.keys.current([SIGNER.public_key.node_id])
        record = keys[SIGNER.public_key.node_id]
        arguments = {
            "root": root, "size": size, "evidence": known_evidence(), "policy": policy(),
            "domain": net.domain, "now_ms": NOW, "keys": keys,
        }  # fmt: skip
        verify_batch(batch, **arguments)
        node_id = record.node_id
        for change, code in [
            ({"evidence": {}}, "settlement.evidence_needed"),
            ({"domain": replace(net.domain, chain_id=5)}, "receipt.domain"),
            ({"keys": {}}, "settlement.unknown_node"),
            ({"keys": {node_id: replace(record, revoked=True)}}, "settlement.key_revoked"),
            ({"keys": {node_id: replace(record, valid_until_ms=NOW - 101)}}, "receipt.time"),
        ]:
            with pytest.raises((VerificationError, SettlementError)) as caught:
                verify_batch(batch, **arguments | change)
            assert caught.value.code == code


async def test_a_full_receipt_is_published_alone(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path) as node:
        full = exchange(1, net.domain, mode=SettlementMode.INDIVIDUAL_FULL)
        hashed = receipt(2, net.domain)
        answers = await node.submit(body(item(full.bundle().signed, full.bundle()), item(hashed)))
        for answer in answers:
            await until(node, answer.digest, FINAL)
        events = await net.events()
        assert sorted(size for _, size, _ in events) == [1, 1]
        standing = await node.settlement(full.bundle().signed.digest)
        batch = decode_batch(await node.blob(standing.inclusion.blob_id))
        assert batch.bundle.sections["request"]["body"].value == full.request["body"]
        verify_batch(
            batch,
            root=standing.inclusion.root,
            size=1,
            evidence=known_evidence(),
            policy=policy(),
            domain=net.domain,
            now_ms=NOW,
        )
        other = await node.settlement(hashed.digest)
        data = await node.blob(other.inclusion.blob_id)
        assert decode_batch(data).bundle is None
        assert b"sections" not in data


@pytest.mark.parametrize("section", ["request", "response", "upstream", "model"])
async def test_a_full_receipt_withholds_nothing(tmp_path: Path, section: str) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        whole = exchange(1, net.domain, mode=SettlementMode.INDIVIDUAL_FULL).bundle()
        first = next(iter(whole.sections[section]))
        for bundle in (whole.redacted(section), whole.redacted(section, first)):
            (answer,) = await node.submit(body(item(whole.signed, bundle)))
            assert (answer.state, answer.code) == ("refused", "settlement.bundle_missing")


async def test_a_full_receipt_may_withhold_the_key_to_its_answer(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        made = exchange(1, net.domain, mode=SettlementMode.INDIVIDUAL_FULL)
        made.request["idempotency_key"] = "a capability"
        whole = made.bundle().redacted("request", "idempotency_key")
        assert codes(await node.submit(body(item(whole.signed, whole)))) == [None]
        both = whole.redacted("request", "path")
        assert codes(await node.submit(body(item(whole.signed, both)))) == [
            "settlement.bundle_missing"
        ]


async def test_a_full_receipt_shows_what_it_commits_to(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        whole = exchange(1, net.domain, mode=SettlementMode.INDIVIDUAL_FULL).bundle()
        other = exchange(
            1, net.domain, mode=SettlementMode.INDIVIDUAL_FULL, input_tokens=8
        ).bundle()
        value = item(whole.signed, whole)
        value["bundle"]["sections"]["request"]["body"]["utf8"] += " "
        assert [a.code for a in await node.submit(body(value))] == ["receipt.request"]
        swapped = body(item(whole.signed, other))
        assert [a.code for a in await node.submit(swapped)] == ["settlement.bundle_missing"]


# --- exactly once ---


async def test_duplicates_get_the_first_result(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path) as node:
        signed = receipt(1, net.domain)
        twice = await node.submit(body_of(signed, signed))
        assert [answer.state for answer in twice] == ["accepted", "accepted"]
        await until(node, signed.digest, FINAL)
        assert [answer.state for answer in await node.submit(body_of(signed))] == ["final"]
        more = receipt(2, net.domain)
        await node.submit(body_of(signed, more))
        await until(node, more.digest, FINAL)
        assert [size for _, size, _ in await net.events()] == [1, 1]


async def test_closes_batches_by_size_and_by_age(tmp_path: Path) -> None:
    batches = BatchPolicy(size=4, max_age_ms=5_000)
    async with network() as net, full_node(net, tmp_path, batches=batches, run=False) as node:
        receipts = [receipt(number, net.domain) for number in range(10)]
        await node.submit(body_of(*receipts))
        assert await node.batcher.compose_due() == 5_000
        assert [b.size for b in await node._store.open_batches()] == [4, 4]
        net.clock.now_ms += 4_999
        assert await node.batcher.compose_due() == 1
        net.clock.now_ms += 1
        assert await node.batcher.compose_due() is None
        assert [b.size for b in await node._store.open_batches()] == [4, 4, 2]


async def test_a_receipt_never_has_two_batches(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        receipts = [receipt(number, net.domain) for number in range(3)]
        await node.submit(body_of(*receipts))
        await node.batcher.compose_due()
        (batch,) = await node._store.open_batches()
        again = replace(batch, root=sha256(b"another root"))
        with pytest.raises(OpenGradientError, match="does not wait"):
            await node._store.compose(again, [signed.digest for signed in receipts])
        with pytest.raises(OpenGradientError, match="size"):
            await node._store.compose(again, [])


async def test_takes_up_where_it_stopped(tmp_path: Path) -> None:
    """A node that ends at each state goes on from there: the same root, once."""
    async with network() as net:
        signed = receipt(1, net.domain)
        async with full_node(net, tmp_path, run=False) as node:
            await node.submit(body_of(signed))
        async with full_node(net, tmp_path, run=False) as node:
            await node.batcher.compose_due()
        for state in (BatchState.COMPOSED, BatchState.STORED, BatchState.SUBMITTED):
            async with full_node(net, tmp_path, run=False) as node:
                (batch,) = await node._store.open_batches()
                assert batch.state == state
                await node.anchorer.step(batch)
        async with full_node(net, tmp_path) as node:
            await until(node, signed.digest, FINAL)
        assert [size for _, size, _ in await net.events()] == [1]


async def test_finds_what_was_anchored_before_it_could_note_it(tmp_path: Path) -> None:
    async with network() as net:
        signed = receipt(1, net.domain)
        async with full_node(net, tmp_path, run=False) as node:
            await node.submit(body_of(signed))
            await node.batcher.compose_due()
            (batch,) = await node._store.open_batches()
            stored = await node.anchorer.step(batch)
            await node._store.update_batch(
                replace(stored, state=BatchState.SUBMITTED), expected=BatchState.STORED
            )
            # Sent and mined, and then the process ends before it writes a word.
            await net.sender.execute(
                net.ledger.calls.anchor(root=batch.root, size=1, blob_id=batch.blob_id)
            )
        async with full_node(net, tmp_path) as node:
            await until(node, signed.digest, FINAL)
        assert len(await net.events()) == 1


async def test_a_batch_never_goes_back_by_a_stale_write(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        await node.submit(body_of(receipt(1, net.domain)))
        await node.batcher.compose_due()
        (batch,) = await node._store.open_batches()
        await node.anchorer.step(batch)
        with pytest.raises(OpenGradientError, match="not in the state"):
            await node._store.update_batch(batch, expected=BatchState.COMPOSED)


# --- the ledger misbehaves ---


async def test_a_dead_ledger_only_delays(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path) as node:
        first = receipt(1, net.domain)
        await node.submit(body_of(first))
        await until(node, first.digest, FINAL)
        net.switch.down = True
        second = receipt(2, net.domain)
        assert [a.state for a in await node.submit(body_of(second))] == ["accepted"]
        await until(node, second.digest, SettlementState.BATCHED)
        with anyio.fail_after(5):
            while (await node.health()).last_error is None:
                await anyio.lowlevel.checkpoint()
        net.switch.down = False
        await until(node, second.digest, FINAL)
        assert len(await net.events()) == 2


async def test_survives_a_restart_of_the_engine(tmp_path: Path) -> None:
    """The ledger ends and starts again, with what it had acknowledged."""
    async with network(tmp_path / "ledger") as net, full_node(net, tmp_path / "node") as node:
        first, second = receipt(1, net.domain), receipt(2, net.domain)
        await node.submit(body_of(first))
        await until(node, first.digest, FINAL)
        net.switch.down = True
        await net.switch.restart()
        await node.submit(body_of(second))
        await until(node, second.digest, SettlementState.BATCHED)
        net.switch.down = False
        await until(node, second.digest, FINAL)
        assert [size for _, size, _ in await net.events()] == [1, 1]


async def test_a_reorganisation_is_noticed_and_the_same_root_anchored_again(
    tmp_path: Path,
) -> None:
    anchors = replace(QUICK, confirmations=3)
    async with network() as net, full_node(net, tmp_path, anchors=anchors) as node:
        snapshot = await net.dev("evm_snapshot")
        signed = receipt(1, net.domain)
        await node.submit(body_of(signed))
        await until(node, signed.digest, SettlementState.ANCHORED)
        before = (await node.settlement(signed.digest)).inclusion
        await net.dev("evm_revert", snapshot)
        net.clock.now_ms += 1_000
        await net.dev("evm_mine")
        assert await net.events() == []
        with anyio.fail_after(10):
            while True:
                after = (await node.settlement(signed.digest)).inclusion
                if after.anchor is not None and after.anchor != before.anchor:
                    break
                await anyio.lowlevel.checkpoint()
        assert (after.root, after.blob_id) == (before.root, before.blob_id)
        assert (await node.settlement(signed.digest)).status.state == SettlementState.ANCHORED
        for _ in range(3):
            await net.dev("evm_mine")
        await until(node, signed.digest, FINAL)
        assert [root for root, _, _ in await net.events()] == [before.root]


async def test_is_not_final_before_its_depth(tmp_path: Path) -> None:
    anchors = AnchorPolicy(confirmations=2, poll_s=0.01)
    async with network() as net, full_node(net, tmp_path, anchors=anchors) as node:
        signed = receipt(1, net.domain)
        await node.submit(body_of(signed))
        await until(node, signed.digest, SettlementState.ANCHORED)
        await net.dev("evm_mine")
        with anyio.move_on_after(0.2):
            await until(node, signed.digest, FINAL)
        assert (await node.settlement(signed.digest)).status.state == SettlementState.ANCHORED
        await net.dev("evm_mine")
        await until(node, signed.digest, FINAL)


async def test_a_key_revoked_before_sending_dissolves_the_batch(tmp_path: Path) -> None:
    async with network() as net:
        await net.register(OTHER)
        good, bad = receipt(1, net.domain), receipt(2, net.domain, signer=OTHER)
        async with full_node(net, tmp_path, run=False) as node:
            await node.add_evidence(evidence_of(OTHER))
            await node.submit(body_of(good, bad))
            await node.batcher.compose_due()
        await net.sender.execute(net.registry.revoke_key(OTHER.public_key.node_id))
        async with full_node(net, tmp_path) as node:
            await until(node, good.digest, FINAL)
            refused = await node.settlement(bad.digest)
            assert refused.status.state == SettlementState.REFUSED
            assert refused.status.reason == "settlement.key_revoked"
            assert [a.state for a in await node.submit(body_of(good))] == ["final"]
        assert [size for _, size, _ in await net.events()] == [1]


async def test_a_batch_that_may_have_been_sent_is_never_dissolved(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path, run=False) as node:
        await node.submit(body_of(receipt(1, net.domain)))
        await node.batcher.compose_due()
        (batch,) = await node._store.open_batches()
        stored = await node.anchorer.step(batch)
        await node._store.update_batch(
            replace(stored, state=BatchState.SUBMITTED), expected=BatchState.STORED
        )
        with pytest.raises(OpenGradientError, match="never sent"):
            await node._store.dissolve(
                batch.root, [SIGNER.public_key.node_id], code="settlement.key_revoked"
            )


async def test_a_submitter_without_rights_waits_for_them(tmp_path: Path) -> None:
    async with network() as net, full_node(net, tmp_path) as node:
        calls = net.ledger.calls
        await net.sender.execute(calls.remove_submitter(net.sender.address))
        signed = receipt(1, net.domain)
        await node.submit(body_of(signed))
        with anyio.fail_after(5):
            while (error := (await node.health()).last_error) is None:
                await anyio.lowlevel.checkpoint()
        assert error.code == "chain.reverted"
        await net.sender.execute(calls.authorise_submitter(net.sender.address))
        await until(node, signed.digest, FINAL)


async def test_shows_a_batch_that_was_shown_to_be_wrong(tmp_path: Path) -> None:
    """Made wrong by a second batch of the same submitter that holds the same receipt."""
    anchors = replace(QUICK, confirmations=1)
    async with network() as net:
        signed = receipt(1, net.domain)
        pair = BatchData(
            receipts=tuple(sorted((signed, receipt(2, net.domain)), key=lambda s: s.digest))
        )
        blob_id, root = sha256(b"pair"), pair.tree().root
        await net.sender.execute(net.ledger.calls.anchor(root=root, size=2, blob_id=blob_id))
        net.clock.now_ms += 5_000
        async with full_node(net, tmp_path, anchors=anchors) as node:
            await node.submit(body_of(signed))
            await until(node, signed.digest, SettlementState.ANCHORED)
            inclusion = (await node.settlement(signed.digest)).inclusion
            proofs = (pair.tree().proof(leaf_of(signed)), inclusion.proof)
            leaves = [
                Leaf(digest=signed.digest, signature=signed.signature, proof=proof)
                for proof in proofs
            ]
            first = BatchRef(root=root, blob_id=blob_id, submitter=net.sender.address)
            await net.sender.execute(
                net.ledger.calls.challenge_duplicate(
                    first, leaves[0], BatchRef.of(inclusion), leaves[1]
                )
            )
            await until(node, signed.digest, SettlementState.REFUSED)
            standing = await node.settlement(signed.digest)
            assert standing.inclusion is None
            assert standing.status.reason == "settlement.batch_invalid"
