"""Batches and inclusion proofs: every byte flipped, every cut, every member twice, no survivor."""

import dataclasses
import json

import pytest

from opengradient.core.batches import BatchData
from opengradient.core.canonical import canonical_json, parse_json
from opengradient.core.digests import sha256
from opengradient.core.merkle import BatchTree
from opengradient.core.settlement import InclusionProof
from opengradient.errors import SettlementError, UnsupportedError, VerificationError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.inclusion import verify_inclusion
from opengradient.verify.settlement import verify_batch
from opengradient.wire.batches import decode_batch, encode_batch
from opengradient.wire.receipts import decode_bundle, encode_bundle
from opengradient.wire.settlement import decode_inclusion, encode_inclusion
from tests.receipt_factory import DOMAIN
from tests.unit.verify.nitro_forge import NOW, POLICY
from tests.vectors.receipt_files import evidence, exchange, leaf

REFUSALS = (VerificationError, UnsupportedError, SettlementError)
SIGNED = [exchange(words={"receipt_id": sha256(bytes([n]))}).bundle().signed for n in range(2)]
DATA = BatchData(receipts=tuple(sorted(SIGNED, key=lambda signed: signed.digest)))
BATCH = encode_batch(DATA)
ROOT = DATA.tree().root
VERIFIED = verify_evidence(evidence(), policy=POLICY, now_ms=NOW)


def audit(data: bytes) -> None:
    verify_batch(
        decode_batch(data),
        root=ROOT,
        size=2,
        evidence={VERIFIED.evidence_digest: VERIFIED},
        policy=POLICY,
        domain=DOMAIN,
        now_ms=NOW,
    )


def survivors(data: bytes, accept, mask: int) -> list[int]:
    """Positions at which a flipped bit goes unnoticed."""
    found = []
    for position in range(len(data)):
        forged = bytearray(data)
        forged[position] ^= mask
        try:
            accept(bytes(forged))
        except REFUSALS:
            continue
        found.append(position)
    return found


def with_a_member_twice(data: bytes):
    """Every way to write one member of one object a second time, its value the same."""
    value = json.loads(data)

    def write(node, path, target):
        if isinstance(node, dict):
            pairs = list(node.items())
            pairs += [pair for pair in pairs if (*path, pair[0]) == target]
            items = (f"{json.dumps(k)}:{write(v, (*path, k), target)}" for k, v in pairs)
            return "{" + ",".join(items) + "}"
        if isinstance(node, list):
            items = (write(v, (*path, i), target) for i, v in enumerate(node))
            return "[" + ",".join(items) + "]"
        return json.dumps(node)

    def paths(node, path):
        if isinstance(node, dict):
            for key, item in node.items():
                yield (*path, key)
                yield from paths(item, (*path, key))
        elif isinstance(node, list):
            for index, item in enumerate(node):
                yield from paths(item, (*path, index))

    for target in paths(value, ()):
        yield target, write(value, (), target).encode()


def test_the_batch_passes():
    audit(BATCH)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0x01, 0x20])
def test_no_flipped_byte_of_a_batch_is_accepted(mask):
    """0x20 exchanges capitals and small letters, which matters to hex."""
    assert survivors(BATCH, audit, mask) == []


def test_no_cut_and_no_addition_of_a_batch_is_accepted():
    for length in range(len(BATCH)):
        with pytest.raises(REFUSALS):
            audit(BATCH[:length])
    for extra in (b"\0", b" ", b"\n", b"{}", BATCH):
        for data in (BATCH + extra, extra + BATCH):
            with pytest.raises(REFUSALS):
                audit(data)


def test_no_member_of_a_batch_comes_twice():
    forged = list(with_a_member_twice(BATCH))
    assert len(forged) > 60
    for _, data in forged:
        with pytest.raises(REFUSALS):
            audit(data)


def test_no_member_of_a_receipt_file_comes_twice():
    file = encode_bundle(dataclasses.replace(exchange().bundle(), inclusion=PROOF))
    decode_bundle(file)
    forged = list(with_a_member_twice(file))
    assert len(forged) > 90
    for _, data in forged:
        with pytest.raises(VerificationError, match="stands twice"):
            decode_bundle(data)


TREE = BatchTree([leaf(SIGNED[0]), *(sha256(bytes([n])) for n in range(6))])
PROOF = InclusionProof(
    root=TREE.root,
    size=TREE.size,
    proof=TREE.proof(leaf(SIGNED[0])),
    blob_id=sha256(b"blob"),
    submitter=sha256(b"submitter")[:20],
)
PROOF_JSON = canonical_json(encode_inclusion(PROOF))


def include(data: bytes) -> None:
    verify_inclusion(SIGNED[0], decode_inclusion(parse_json(data)))


@pytest.mark.parametrize("mask", [0x01, 0x02, 0x20, 0x80])
def test_flipped_bytes_of_a_proof(mask):
    """Root and siblings have no survivor; see docs/spec/crypto.md for the rest."""
    include(PROOF_JSON)
    unbound = [b'"blobId":"0x', b'"submitter":"0x', b'"size":']
    free = set()
    for name in unbound:
        start = PROOF_JSON.index(name) + len(name)
        free |= set(range(start, PROOF_JSON.index(b'"', start) if b"0x" in name else start + 1))
    assert set(survivors(PROOF_JSON, include, mask)) <= free


def test_every_change_of_a_proof_s_order_is_refused():
    for changed in (PROOF.proof[::-1], PROOF.proof[1:], PROOF.proof[:-1], PROOF.proof * 2):
        with pytest.raises(VerificationError) as caught:
            verify_inclusion(SIGNED[0], dataclasses.replace(PROOF, proof=changed))
        assert caught.value.code == "settlement.inclusion"


def test_a_proof_of_another_receipt():
    with pytest.raises(VerificationError):
        verify_inclusion(SIGNED[1], PROOF)
