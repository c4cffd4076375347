"""Our vectors are what their generator makes, and ethers and OpenZeppelin agree with them."""

import json
from pathlib import Path

import pytest

from opengradient.core.keys import Signature
from opengradient.core.merkle import root_from_proof
from opengradient.core.receipts import SignedReceipt
from opengradient.wire.receipts import decode_receipt
from tests.vectors import generate

FOLDER = Path(generate.__file__).parent
OURS = json.loads((FOLDER / "receipts.json").read_text())
THEIRS = json.loads((FOLDER / "ethers" / "receipts_by_ethers.json").read_text())


@pytest.mark.parametrize("file", generate.generators())
def test_the_file_is_what_the_generator_makes(file):
    assert (FOLDER / file).read_text() == generate.generators()[file].render()


@pytest.mark.parametrize("number", range(len(OURS["receipts"])))
def test_ethers_signs_the_same(number):
    ours, theirs = OURS["receipts"][number], THEIRS["receipts"][number]
    assert "0x" + ours["digest"] == theirs["digest"]
    assert "0x" + ours["signature"] == theirs["signature"]
    assert "0x" + ours["vs"] == theirs["vs"]
    signed = SignedReceipt(
        domain=generate.DOMAIN,
        receipt=decode_receipt(ours["receipt"]),
        signature=Signature.parse(bytes.fromhex(ours["signature"])),
    )
    assert signed.digest.hex() == ours["digest"]
    assert "0x" + signed.signer().address.hex() == THEIRS["address"].lower()


@pytest.mark.parametrize("number", range(len(OURS["batches"])))
def test_openzeppelin_builds_the_same_tree(number):
    ours, theirs = OURS["batches"][number], THEIRS["batches"][number]
    assert "0x" + ours["root"] == theirs["root"]
    assert [["0x" + node for node in proof] for proof in ours["proofs"]] == theirs["proofs"]
    for leaf, proof in zip(ours["leaves"], ours["proofs"], strict=True):
        nodes = [bytes.fromhex(node) for node in proof]
        assert root_from_proof(bytes.fromhex(leaf), nodes).hex() == ours["root"]
