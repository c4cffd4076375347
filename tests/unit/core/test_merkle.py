"""Batch trees (OpenZeppelin) and chunk trees (RFC 9162)."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.merkle import (
    BatchTree,
    ChunkTree,
    chunk_root,
    chunk_salt,
    root_from_proof,
    settlement_leaf,
    stream_salt_seed,
)
from opengradient.errors import InclusionError, MalformedError

LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40, unique=True)


@given(LEAVES)
def test_every_leaf_has_a_proof_to_the_root(leaves):
    tree = BatchTree(leaves)
    for leaf in leaves:
        proof = tree.proof(leaf)
        assert root_from_proof(leaf, proof) == tree.root
        assert len(proof) <= (len(leaves) - 1).bit_length()


@given(LEAVES, st.randoms())
def test_the_order_of_leaves_does_not_matter(leaves, random):
    shuffled = list(leaves)
    random.shuffle(shuffled)
    assert BatchTree(shuffled).root == BatchTree(leaves).root


@given(LEAVES, st.binary(min_size=32, max_size=32))
def test_a_foreign_leaf_has_no_proof(leaves, foreign):
    tree = BatchTree([leaf for leaf in leaves if leaf != foreign] or [bytes(31) + b"\x01"])
    with pytest.raises(InclusionError):
        tree.proof(foreign)


def test_empty_and_duplicate_batches_are_refused():
    for leaves in ([], [bytes(32), bytes(32)]):
        with pytest.raises(MalformedError):
            BatchTree(leaves)


@pytest.mark.parametrize("proof", [(bytes(31),), (bytes(32),) * 65])
def test_proofs_of_the_wrong_shape_are_refused(proof):
    with pytest.raises(MalformedError):
        root_from_proof(bytes(32), proof)


def test_leaves_are_three_words():
    with pytest.raises(MalformedError):
        settlement_leaf(bytes(32), bytes(32), bytes(31))


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, as written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = reference_root(leaves[:split]), reference_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("count", range(1, 34))
def test_chunk_trees_follow_rfc_9162(count):
    seed = stream_salt_seed(bytes(32))
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(count)]
    leaves = [
        hashlib.sha256(b"\x00" + chunk_salt(seed, number) + digest).digest()
        for number, digest in enumerate(digests)
    ]
    assert chunk_root(seed, digests) == reference_root(leaves)


def test_a_growing_tree_has_the_root_of_what_it_holds():
    seed = bytes(32)
    digests = [bytes([number]) * 32 for number in range(20)]
    tree = ChunkTree(seed)
    assert tree.root == bytes(32)
    for number, digest in enumerate(digests, start=1):
        tree.append(digest)
        assert tree.root == chunk_root(seed, digests[:number])
        assert tree.count == number


def test_dropping_swapping_or_adding_a_chunk_changes_the_root():
    digests = [bytes([number]) * 32 for number in range(6)]
    roots = {
        chunk_root(bytes(32), chunks)
        for chunks in (
            digests,
            digests[:-1],
            digests[1:],
            [*digests, digests[-1]],
            [digests[1], digests[0], *digests[2:]],
        )
    }
    assert len(roots) == 5
    assert chunk_root(b"\x01" * 32, digests) not in roots


def test_the_longest_proof_is_read():
    root_from_proof(bytes(32), (bytes(32),) * 64)
