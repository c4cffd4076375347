"""The checked-in Intel vectors: what their generator makes, and a vector for every code."""

from opengradient.errors._codes import tdx as codes
from tests.unit.verify.test_evidence_vectors import load
from tests.vectors.evidence import tdx

ELSEWHERE = {
    "dcap.collateral.form": "of the helpers that read collateral: test_intel_collateral.py",
}


def test_the_file_is_what_the_generator_makes():
    assert tdx.FILE.read_text() == tdx.render()


def test_every_code_has_a_vector():
    seen = {vector["expect"] for vector in load("tdx.json")["vectors"]}
    assert set(codes.TABLE) - seen == set(ELSEWHERE)


def test_there_are_vectors_enough():
    vectors = load("tdx.json")["vectors"]
    refused = [vector for vector in vectors if vector["expect"] != "accept"]
    assert len(refused) >= 400
    assert len(vectors) - len(refused) >= 40
