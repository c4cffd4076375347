"""Our trees, OpenZeppelin's and the contract's are one: vectors made by OpenZeppelin's package."""

import json

import pytest

from opengradient.core.digests import sha256
from opengradient.core.merkle import BatchTree, root_from_proof, settlement_leaf
from tests.support import ROOT
from tests.unit.chain.world import World

CASES = json.loads((ROOT / "tests" / "vectors" / "merkle.json").read_text())["cases"]


def words(size: int, number: int) -> tuple[bytes, bytes, bytes]:
    digest, r, vs = (sha256(f"{part} {size} {number}".encode()) for part in ("digest", "r", "vs"))
    return digest, r, vs


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["size"]))
def test_roots_and_proofs_are_openzeppelins(case: dict):
    size = case["size"]
    leaves = [settlement_leaf(*words(size, number)) for number in range(size)]
    tree = BatchTree(leaves)
    assert tree.root == unhex(case["root"])
    for shown in case["proofs"]:
        leaf = leaves[shown["number"]]
        proof = tuple(unhex(node) for node in shown["proof"])
        assert (leaf, tree.proof(leaf)) == (unhex(shown["leaf"]), proof)
        assert root_from_proof(leaf, proof) == tree.root


async def test_the_contract_agrees(world: World):
    for case in CASES:
        root, size = unhex(case["root"]), case["size"]
        call = world.batches.anchor(root=root, size=size, blob_id=sha256(b"blob"))
        await world.submitter.execute(call)
        for shown in case["proofs"]:
            proof = [unhex(node) for node in shown["proof"]]
            arguments = (root, *words(size, shown["number"]), proof)
            assert await world.read("verifyInclusion", *arguments, at="settlement")
            wrong = (root, *words(size, size), proof)
            assert not await world.read("verifyInclusion", *wrong, at="settlement")
