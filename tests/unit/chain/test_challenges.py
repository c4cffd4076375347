"""contracts/src/Settlement.sol: what is wrong can be shown, what is right cannot be attacked."""

from dataclasses import replace

import pytest

from opengradient.chain.calls import Leaf
from opengradient.chain.values import BatchStatus
from opengradient.core.digests import keccak256, sha256
from opengradient.core.keys import CURVE_ORDER, MemorySigner, Signature
from opengradient.core.merkle import settlement_leaf
from opengradient.core.receipts import sign_receipt
from tests.unit.chain.world import (
    BLOB,
    MEASUREMENT,
    OPERATOR,
    STRANGER,
    SUBMITTER,
    Batch,
    World,
    blank_receipt,
    key,
)

NODE, UNKNOWN = key("node"), key("nobody registered this")
GRACE = 600


async def challenged(world: World, call, batch: Batch) -> None:
    """Send a challenge, and see its whole effect."""
    receipt = await world.stranger.execute(call)
    record = await world.settlement.batch(batch.tree.root)
    assert record is not None
    assert record.status is BatchStatus.INVALID
    assert not await world.settlement.is_anchored(batch.tree.root)
    event = world.settlement._abi.events["BatchInvalidated"]
    log = next(log for log in receipt.logs if log.topics[0] == event.topic)
    shown = event.decode(log.topics, log.data)
    assert shown["root"] == batch.tree.root
    assert bytes.fromhex(shown["submitter"][2:]) == batch.submitter
    assert bytes.fromhex(shown["challenger"][2:]) == STRANGER.public_key.address


async def suspended(world: World, address: bytes) -> bool:
    return bool(await world.read("submitters", address, at="settlement") == 2)


async def anchored(world: World, *signed, submitter: bytes | None = None) -> Batch:
    batch = Batch(signed, submitter=submitter or SUBMITTER.public_key.address)
    await world.anchor(batch)
    return batch


# --- challengeLeaf ---


async def test_a_leaf_that_no_node_signed_invalidates(world: World):
    await world.register(NODE)
    batch = await anchored(world, world.signed(NODE, 1), world.signed(UNKNOWN, 2))
    await challenged(world, world.batches.challenge_leaf(batch.ref, batch.leaf(1)), batch)
    assert await suspended(world, SUBMITTER.public_key.address)
    call = world.batches.anchor(root=sha256(b"next"), size=1, blob_id=BLOB)
    assert (await world.refused(world.submitter, call)).startswith("NotSubmitter(")
    await world.owner.execute(world.batches.authorise_submitter(SUBMITTER.public_key.address))
    await world.submitter.execute(call)


async def test_a_valid_leaf_cannot_be_challenged(world: World):
    await world.register(NODE)
    batch = await anchored(world, world.signed(NODE, 1), world.signed(NODE, 2))
    for number in range(2):
        call = world.batches.challenge_leaf(batch.ref, batch.leaf(number))
        assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")
        call = world.batches.challenge_receipt(batch.ref, batch.signed[number], batch.proof(number))
        assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")
    assert await world.settlement.is_anchored(batch.tree.root)


async def test_random_bytes_are_no_signature(world: World):
    await world.register(NODE)
    signature = Signature(r=bytes(31) + b"\x01", s=bytes(31) + b"\x01", v=27)
    leaf = settlement_leaf(sha256(b"x"), signature.r, signature.vs())
    call = world.batches.anchor(root=leaf, size=1, blob_id=BLOB)
    await world.submitter.execute(call)
    batch = await anchored(world, world.signed(NODE, 1))
    ref = replace(batch.ref, root=leaf)
    shown = Leaf(digest=sha256(b"x"), signature=signature, proof=())
    await world.stranger.execute(world.batches.challenge_leaf(ref, shown))
    assert not await world.settlement.is_anchored(leaf)


async def test_a_high_s_is_no_signature(world: World):
    """A key made for one signature with s just above half the order: it must not count."""
    digest, k, s = sha256(b"digest"), 12345, CURVE_ORDER // 2 + 1
    one = MemorySigner(k.to_bytes(32))
    import coincurve

    point = coincurve.PublicKey(one.public_key.compressed).format(compressed=False)
    r, odd = int.from_bytes(point[1:33]), point[-1] & 1
    secret = (s * k - int.from_bytes(digest)) * pow(r, -1, CURVE_ORDER) % CURVE_ORDER
    node = MemorySigner(secret.to_bytes(32))
    await world.register(node)
    signature = Signature(r=r.to_bytes(32), s=s.to_bytes(32), v=27 + odd)
    assert _recovers_to(digest, signature) == node.public_key.address
    leaf = settlement_leaf(digest, signature.r, signature.vs())
    await world.submitter.execute(world.batches.anchor(root=leaf, size=1, blob_id=BLOB))
    ref = replace(Batch([world.signed(NODE, 1)]).ref, root=leaf)
    shown = Leaf(digest=digest, signature=signature, proof=())
    await world.stranger.execute(world.batches.challenge_leaf(ref, shown))
    assert not await world.settlement.is_anchored(leaf)


def _recovers_to(digest: bytes, signature: Signature) -> bytes:
    """What a verifier without the rule of low s would say."""
    from eth_keys.datatypes import Signature as Loose

    raw = signature.r + signature.s + bytes([signature.v - 27])
    return Loose(raw).recover_public_key_from_msg_hash(digest).to_canonical_address()


async def test_a_key_registered_after_the_anchor_does_not_heal_it(world: World):
    batch = await anchored(world, world.signed(NODE, 1))
    world.clock.now += 1
    await world.register(NODE, valid_from=world.clock.now - 60)
    await challenged(world, world.batches.challenge_leaf(batch.ref, batch.leaf(0)), batch)


async def test_registered_in_the_same_second_is_early_enough(world: World):
    batch = await anchored(world, world.signed(NODE, 1))
    await world.register(NODE)
    call = world.batches.challenge_leaf(batch.ref, batch.leaf(0))
    assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")


@pytest.mark.parametrize("how", ["key", "measurement"])
async def test_a_revoked_key_is_a_fault_after_the_grace(world: World, how: str):
    await world.register(NODE)
    signed = [world.signed(NODE, number) for number in range(3)]
    world.clock.now += 10
    revoke = (
        world.nodes.revoke_key(NODE.public_key.node_id)
        if how == "key"
        else world.nodes.revoke_measurement(MEASUREMENT)
    )
    before = await anchored(world, signed[0])
    await world.owner.execute(revoke)
    world.clock.now += GRACE - 1
    within = await anchored(world, signed[1])
    world.clock.now += 1
    after = await anchored(world, signed[2])
    for batch in (before, within):
        call = world.batches.challenge_leaf(batch.ref, batch.leaf(0))
        assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")
    await challenged(world, world.batches.challenge_leaf(after.ref, after.leaf(0)), after)


async def test_retirement_is_no_fault_of_a_leaf(world: World):
    await world.register(NODE)
    signed = world.signed(NODE, 1)
    world.clock.now += 10
    await world.operator.execute(world.nodes.retire(NODE.public_key.node_id))
    world.clock.now += GRACE + 1
    batch = await anchored(world, signed)
    for call in (
        world.batches.challenge_leaf(batch.ref, batch.leaf(0)),
        world.batches.challenge_receipt(batch.ref, signed, batch.proof(0)),
    ):
        assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")


async def test_a_challenge_needs_the_leaf_and_the_batch(world: World):
    await world.register(NODE)
    batch = await anchored(world, world.signed(NODE, 1), world.signed(UNKNOWN, 2))
    leaf = batch.leaf(1)
    for ref, shown, reason in (
        (replace(batch.ref, root=sha256(b"never")), leaf, "NotAnchored("),
        (replace(batch.ref, blob_id=sha256(b"x")), leaf, "WrongBatchData("),
        (replace(batch.ref, submitter=OPERATOR.public_key.address), leaf, "WrongBatchData("),
        (batch.ref, replace(leaf, proof=()), "LeafNotInBatch("),
        (batch.ref, replace(leaf, digest=sha256(b"x")), "LeafNotInBatch("),
    ):
        call = world.batches.challenge_leaf(ref, shown)
        assert (await world.refused(world.stranger, call)).startswith(reason)
    await challenged(world, world.batches.challenge_leaf(batch.ref, leaf), batch)
    again = world.batches.challenge_leaf(batch.ref, leaf)
    assert (await world.refused(world.stranger, again)).startswith("NotAnchored(")
    call = world.batches.anchor(root=batch.tree.root, size=2, blob_id=BLOB)
    await world.owner.execute(world.batches.authorise_submitter(SUBMITTER.public_key.address))
    assert (await world.refused(world.submitter, call)).startswith("AlreadyAnchored(")


# --- challengeReceipt ---


@pytest.mark.parametrize(
    "words",
    [
        {"node_id": sha256(b"another node")},
        {"node_id": UNKNOWN.public_key.node_id},
        {"finished_at": 1_789_999_999_999},
        {"finished_at": 0},
    ],
)
async def test_a_receipt_that_lies_about_its_node_or_time_invalidates(world: World, words: dict):
    await world.register(NODE)
    lie = world.signed(NODE, 1, **words)
    batch = await anchored(world, lie, world.signed(NODE, 2))
    call = world.batches.challenge_leaf(batch.ref, batch.leaf(0))
    assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")
    call = world.batches.challenge_receipt(batch.ref, lie, batch.proof(0))
    await challenged(world, call, batch)
    assert await suspended(world, SUBMITTER.public_key.address)


async def test_a_receipt_from_after_the_closing_is_a_fault_after_the_grace(world: World):
    await world.register(NODE)
    world.clock.now += 10
    await world.operator.execute(world.nodes.retire(NODE.public_key.node_id))
    closed = world.clock.now
    late = [world.signed(NODE, n, finished_at=closed * 1000) for n in range(2)]
    last = world.signed(NODE, 3, finished_at=closed * 1000 - 1)
    world.clock.now = closed + GRACE - 1
    within = await anchored(world, late[0])
    world.clock.now = closed + GRACE
    after, honest = await anchored(world, late[1]), await anchored(world, last)
    for batch in (within, honest):
        call = world.batches.challenge_receipt(batch.ref, batch.signed[0], batch.proof(0))
        assert (await world.refused(world.stranger, call)).startswith("LeafIsValid(")
    call = world.batches.challenge_receipt(after.ref, after.signed[0], after.proof(0))
    await challenged(world, call, after)


async def test_a_receipt_by_an_unknown_key_invalidates(world: World):
    batch = await anchored(world, world.signed(UNKNOWN, 1))
    call = world.batches.challenge_receipt(batch.ref, batch.signed[0], batch.proof(0))
    await challenged(world, call, batch)


async def test_the_receipt_must_be_the_leafs(world: World):
    await world.register(NODE)
    batch = await anchored(world, world.signed(NODE, 1), world.signed(NODE, 2))
    members = world.batches._abi  # the call is built by hand, to mix two receipts
    from opengradient.chain.calls import Call, receipt_members

    lie = replace(batch.signed[0].receipt, node_id=sha256(b"x"))
    data = members.encode(
        "challengeReceipt", batch.ref.members(), receipt_members(lie), batch.leaf(0).members()
    )
    call = Call(world.settlement.address, data)
    assert (await world.refused(world.stranger, call)).startswith("LeafNotInBatch(")


# --- challengeDuplicate ---


async def second_submitter(world: World) -> bytes:
    address = OPERATOR.public_key.address
    await world.owner.execute(world.batches.authorise_submitter(address))
    return address


@pytest.mark.parametrize("swapped", [False, True])
async def test_the_later_of_two_batches_falls(world: World, swapped: bool):
    await world.register(NODE)
    twice = world.signed(NODE, 1)
    first = await anchored(world, twice, world.signed(NODE, 2))
    world.clock.now += 1
    later = await anchored(world, twice, world.signed(NODE, 3))
    pairs = [(first.ref, first.leaf(0)), (later.ref, later.leaf(0))]
    (a, leaf_a), (b, leaf_b) = reversed(pairs) if swapped else pairs
    await challenged(world, world.batches.challenge_duplicate(a, leaf_a, b, leaf_b), later)
    assert await world.settlement.is_anchored(first.tree.root)
    assert await suspended(world, SUBMITTER.public_key.address)


@pytest.mark.parametrize("swapped", [False, True])
async def test_in_one_second_the_greater_root_falls(world: World, swapped: bool):
    await world.register(NODE)
    twice = world.signed(NODE, 1)
    batches = [await anchored(world, twice, world.signed(NODE, n)) for n in (2, 3)]
    kept, falls = sorted(batches, key=lambda batch: batch.tree.root)
    a, b = (falls, kept) if swapped else (kept, falls)
    call = world.batches.challenge_duplicate(a.ref, a.leaf(0), b.ref, b.leaf(0))
    await challenged(world, call, falls)
    assert await world.settlement.is_anchored(kept.tree.root)


async def test_two_submitters_cannot_suspend_each_other(world: World):
    await world.register(NODE)
    other = await second_submitter(world)
    twice = world.signed(NODE, 1)
    first = await anchored(world, twice)
    world.clock.now += 1
    later = await anchored(world, twice, world.signed(NODE, 2), submitter=other)
    call = world.batches.challenge_duplicate(first.ref, first.leaf(0), later.ref, later.leaf(0))
    await challenged(world, call, later)
    assert not await suspended(world, other)
    assert not await suspended(world, SUBMITTER.public_key.address)


async def test_two_signatures_of_one_receipt_in_one_batch_are_a_duplicate(world: World):
    await world.register(NODE)
    one = world.signed(NODE, 1)
    again = replace(one, signature=_sign_with(NODE, one.digest, nonce=777))
    assert again.signer() == NODE.public_key
    batch = await anchored(world, one, again)
    call = world.batches.challenge_duplicate(batch.ref, batch.leaf(0), batch.ref, batch.leaf(1))
    await challenged(world, call, batch)


def _sign_with(node: MemorySigner, digest: bytes, *, nonce: int) -> Signature:
    """ECDSA with a chosen nonce: a second valid signature of the same bytes."""
    import coincurve

    point = coincurve.PrivateKey(nonce.to_bytes(32)).public_key.format(compressed=False)
    r, odd = int.from_bytes(point[1:33]), point[-1] & 1
    secret = int.from_bytes(node._key.secret)
    s = (int.from_bytes(digest) + r * secret) * pow(nonce, -1, CURVE_ORDER) % CURVE_ORDER
    if s > CURVE_ORDER // 2:
        s, odd = CURVE_ORDER - s, odd ^ 1
    return Signature(r=r.to_bytes(32), s=s.to_bytes(32), v=27 + odd)


async def test_one_leaf_in_two_places_is_a_duplicate(world: World):
    await world.register(NODE)
    one, other = world.signed(NODE, 1), world.signed(NODE, 2)
    twin, third = (
        settlement_leaf(signed.digest, signed.signature.r, signed.signature.vs())
        for signed in (one, other)
    )
    # ((twin, third), twin): by hand, because our own tree refuses a leaf that stands twice.
    inner = keccak256(min(twin, third) + max(twin, third))
    root = keccak256(min(inner, twin) + max(inner, twin))
    await world.submitter.execute(world.batches.anchor(root=root, size=3, blob_id=BLOB))
    ref = replace(Batch([one]).ref, root=root)
    deep = Leaf(digest=one.digest, signature=one.signature, proof=(third, inner and twin))
    flat = Leaf(digest=one.digest, signature=one.signature, proof=(inner,))
    await world.stranger.execute(world.batches.challenge_duplicate(ref, deep, ref, flat))
    assert not await world.settlement.is_anchored(root)


async def test_what_is_no_duplicate_is_refused(world: World):
    await world.register(NODE)
    first = await anchored(world, world.signed(NODE, 1), world.signed(NODE, 2))
    later = await anchored(world, world.signed(NODE, 3))
    duplicate = world.batches.challenge_duplicate
    for call, reason in (
        (duplicate(first.ref, first.leaf(0), later.ref, later.leaf(0)), "NotADuplicate("),
        (duplicate(first.ref, first.leaf(0), first.ref, first.leaf(0)), "NotADuplicate("),
        (duplicate(first.ref, first.leaf(0), later.ref, first.leaf(0)), "LeafNotInBatch("),
        (duplicate(first.ref, later.leaf(0), later.ref, later.leaf(0)), "LeafNotInBatch("),
    ):
        assert (await world.refused(world.stranger, call)).startswith(reason)


async def test_a_fallen_batch_makes_room_for_its_receipts(world: World):
    """What was honest in an invalid batch is anchored again, and is no duplicate then."""
    await world.register(NODE)
    honest = world.signed(NODE, 1)
    bad = await anchored(world, honest, world.signed(UNKNOWN, 2))
    await world.stranger.execute(world.batches.challenge_leaf(bad.ref, bad.leaf(1)))
    await world.owner.execute(world.batches.authorise_submitter(SUBMITTER.public_key.address))
    good = await anchored(world, honest, world.signed(NODE, 3))
    call = world.batches.challenge_duplicate(bad.ref, bad.leaf(0), good.ref, good.leaf(0))
    assert (await world.refused(world.stranger, call)).startswith("NotAnchored(")


async def test_what_a_node_signed_for_another_network_is_not_told_by_its_leaf(world: World):
    """A limit: a registered node can sign any 32 bytes; the full node refuses them before."""
    await world.register(NODE)
    foreign = replace(world.settlement.domain, chain_id=1)
    receipt = replace(
        blank_receipt(), node_id=NODE.public_key.node_id, finished_at=world.clock.now * 1000
    )
    batch = await anchored(world, sign_receipt(receipt, foreign, NODE))
    call = world.batches.challenge_receipt(batch.ref, batch.signed[0], batch.proof(0))
    assert (await world.refused(world.stranger, call)).startswith("LeafNotInBatch(")
