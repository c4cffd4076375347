"""contracts/src/Settlement.sol: anchoring, inclusion, finality; and its reader."""

from dataclasses import replace

import pytest

from opengradient.chain.values import BatchStatus
from opengradient.core.digests import ZERO32, keccak256, sha256
from opengradient.core.settlement import InclusionProof
from opengradient.errors import ChainError, InclusionError, NotFinalError, RevertedError
from tests.unit.chain.world import BLOB, OPERATOR, START, SUBMITTER, World, key

NODE = key("node")


def inclusion(batch, number: int) -> InclusionProof:
    return InclusionProof(
        root=batch.tree.root,
        size=len(batch.signed),
        proof=batch.proof(number),
        blob_id=batch.blob_id,
        submitter=batch.submitter,
    )


async def test_an_anchored_batch_reads_back(world: World):
    batch = world.batch(NODE, 1, 2, 3)
    assert await world.settlement.batch(batch.tree.root) is None
    assert not await world.settlement.is_anchored(batch.tree.root)
    receipt = await world.anchor(batch)
    record = await world.settlement.batch(batch.tree.root)
    assert record is not None
    assert (record.root, record.size, record.blob_id) == (batch.tree.root, 3, BLOB)
    assert (record.submitter, record.status) == (batch.submitter, BatchStatus.ANCHORED)
    anchor = record.anchor
    assert (anchor.block_number, anchor.block_hash) == (receipt.block_number, receipt.block_hash)
    assert (anchor.transaction_hash, anchor.block_time) == (receipt.transaction_hash, START)
    assert (anchor.chain_id, anchor.settlement_contract) == (31337, world.settlement.address)
    assert await world.settlement.is_anchored(batch.tree.root)


async def test_the_reader_finds_the_event_where_ranges_are_refused(world: World):
    batches = [world.batch(NODE, number) for number in range(4)]
    for batch in batches:
        await world.anchor(batch)
        world.clock.now += 1
    full = world.rpc._post
    wide = 0

    async def narrow(body: bytes) -> bytes:
        nonlocal wide
        if b"eth_getLogs" in body and b'"toBlock": "latest"' in body:
            wide += 1
            return full_refusal(body)
        return await full(body)

    def full_refusal(body: bytes) -> bytes:
        import json

        error = {"code": -32005, "message": "block range too large"}
        return json.dumps({"jsonrpc": "2.0", "id": json.loads(body)["id"], "error": error}).encode()

    expected = [await world.settlement.batch(batch.tree.root) for batch in batches]
    world.rpc._post = narrow
    assert [await world.settlement.batch(batch.tree.root) for batch in batches] == expected
    assert wide == 4


async def test_only_authorised_submitters_anchor(world: World):
    call = world.batches.anchor(root=sha256(b"root"), size=1, blob_id=BLOB)
    assert (await world.refused(world.operator, call)).startswith("NotSubmitter(")
    authorise = world.batches.authorise_submitter(OPERATOR.public_key.address)
    assert (await world.refused(world.operator, authorise)).startswith("NotOwner(")
    await world.owner.execute(authorise)
    assert await world.settlement.is_submitter(OPERATOR.public_key.address)
    await world.operator.execute(call)
    remove = world.batches.remove_submitter(OPERATOR.public_key.address)
    assert (await world.refused(world.operator, remove)).startswith("NotOwner(")
    await world.owner.execute(remove)
    call = world.batches.anchor(root=sha256(b"root 2"), size=1, blob_id=BLOB)
    assert (await world.refused(world.operator, call)).startswith("NotSubmitter(")
    assert await world.settlement.is_anchored(sha256(b"root"))
    nobody = world.batches.authorise_submitter(bytes(20))
    assert await world.refused(world.owner, nobody) == "ZeroAddress()"


async def test_anchoring_refuses_what_makes_no_sense(world: World):
    batch = world.batch(NODE, 1)
    for changes in ({"size": 0}, {"root": ZERO32}):
        with pytest.raises(RevertedError) as caught:
            await world.anchor(batch, **changes)
        assert caught.value.reason == "EmptyBatch()"
    await world.anchor(batch)
    with pytest.raises(RevertedError) as caught:
        await world.anchor(batch, blob_id=sha256(b"other"))
    assert caught.value.reason == f"AlreadyAnchored(0x{batch.tree.root.hex()})"


async def test_a_batch_costs_at_most_50k_gas(world: World):
    await world.anchor(world.batch(NODE, 1))
    receipt = await world.anchor(replace_root(world))
    assert receipt.gas_used <= 50_000


def replace_root(world: World):
    return world.batch(NODE, *range(10, 20))


async def test_check_batch_tells_data_and_submitter(world: World):
    batch = world.batch(NODE, 1)
    root, submitter = batch.tree.root, batch.submitter
    assert not await world.read("checkBatch", root, BLOB, submitter, at="settlement")
    await world.anchor(batch)
    assert await world.read("checkBatch", root, BLOB, submitter, at="settlement")
    assert not await world.read("checkBatch", root, sha256(b"x"), submitter, at="settlement")
    assert not await world.read("checkBatch", root, BLOB, b"\x01" * 20, at="settlement")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_every_leaf_is_included_and_nothing_else(world: World, size: int):
    batch = world.batch(NODE, *range(size))
    with pytest.raises(InclusionError) as caught:
        await world.settlement.verify_inclusion(batch.signed[0], inclusion(batch, 0))
    assert caught.value.code == "settlement.not_anchored"
    await world.anchor(batch)
    for number in range(size):
        await world.settlement.verify_inclusion(batch.signed[number], inclusion(batch, number))
    with pytest.raises(InclusionError) as caught:
        await world.settlement.verify_inclusion(world.signed(NODE, 99), inclusion(batch, 0))
    assert caught.value.code == "settlement.inclusion"


async def test_an_inner_node_is_no_leaf(world: World):
    """The leaf is hashed twice, so the two children of a root do not pass as a leaf."""
    batch = world.batch(NODE, 1, 2)
    await world.anchor(batch)
    left, right = sorted(leaf for leaf in (batch.tree.proof(b) for b in batch.tree._position))
    answer = await world.read(
        "verifyInclusion", batch.tree.root, left[0], right[0], ZERO32, [], at="settlement"
    )
    assert answer is False


async def test_the_digest_is_the_one_that_nodes_sign(world: World):
    from opengradient.chain.calls import receipt_members
    from opengradient.core.receipts import FIELDS

    signed = world.signed(NODE, 5)
    every = {
        spec.name: sha256(spec.name.encode())
        if spec.size is None
        else (1 << (8 * spec.size)) - 1 - index
        for index, spec in enumerate(FIELDS)
    }
    for receipt in (signed.receipt, replace(signed.receipt, **every)):
        digest = await world.read("receiptDigest", receipt_members(receipt), at="settlement")
        assert digest == receipt.signing_digest(world.settlement.domain)
    separator = await world.read("domainSeparator", at="settlement")
    assert separator == world.settlement.domain.separator()


async def test_finality_is_depth_and_the_same_block(world: World):
    snapshot = await world.rpc.request("evm_snapshot")
    batch = world.batch(NODE, 1)
    await world.anchor(batch)
    record = await world.settlement.batch(batch.tree.root)
    assert record is not None
    await world.settlement.check_final(record.anchor, confirmations=0)
    with pytest.raises(NotFinalError):
        await world.settlement.check_final(record.anchor, confirmations=2)
    for _ in range(2):
        await world.rpc.request("evm_mine")
    await world.settlement.check_final(record.anchor, confirmations=2)
    await world.rpc.request("evm_revert", snapshot)
    for _ in range(4):
        with pytest.raises(ChainError) as caught:
            await world.settlement.check_final(record.anchor, confirmations=0)
        assert caught.value.code == "chain.reorganised"
        await world.rpc.request("evm_mine")
    assert await world.settlement.batch(batch.tree.root) is None


async def test_storage_is_one_word(world: World):
    batch = world.batch(NODE, 1)
    await world.anchor(batch)
    slot = keccak256(batch.tree.root + (2).to_bytes(32))
    word = await world.rpc.request(
        "eth_getStorageAt", "0x" + world.settlement.address.hex(), "0x" + slot.hex(), "latest"
    )
    value = int(word, 16)
    assert (value & 0xFF, value >> 8 & 0xFFFFFFFF) == (1, 1)
    assert value >> 40 & (1 << 40) - 1 == START
    commitment = keccak256(BLOB + SUBMITTER.public_key.address.rjust(32, b"\0"))[:22]
    assert value >> 80 == int.from_bytes(commitment)


@pytest.mark.parametrize("nobody", ["owner", "registry"])
async def test_contracts_need_an_owner_and_a_registry(world: World, nobody: str):
    from opengradient.chain.abi import SETTLEMENT, contract
    from opengradient.chain.calls import Call

    owner = bytes(20) if nobody == "owner" else OPERATOR.public_key.address
    registry = bytes(20) if nobody == "registry" else world.registry.address
    call = Call(None, contract(SETTLEMENT).creation_code(owner, registry))
    assert await world.refused(world.operator, call) == "ZeroAddress()"
