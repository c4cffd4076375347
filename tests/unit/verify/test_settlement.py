"""The steps that the full node's own decoding already makes, shown at the verifier itself."""

from dataclasses import replace

import pytest

from opengradient.core.batches import KeyRecord
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence
from opengradient.core.receipts import sign_receipt
from opengradient.errors import MalformedError, SettlementError, VerificationError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.settlement import (
    SettleableReceipt,
    check_registered,
    verify_for_settlement,
)
from tests.receipt_factory import DOMAIN, NOW, SIGNER, Exchange, evidence, policy

NODE = SIGNER.public_key.node_id
KEY = KeyRecord(
    node_id=NODE, registered_at_ms=NOW, valid_from_ms=NOW - 5000, valid_until_ms=None, revoked=False
)


def settle(signed, document: Evidence | None = None):
    verified = verify_evidence(document or evidence(), policy=policy(), now_ms=NOW)
    return verify_for_settlement(
        signed, verified_evidence=verified, policy=policy(), domain=DOMAIN, now_ms=NOW
    )


def signed(**words):
    return sign_receipt(Exchange(words=words).receipt(), DOMAIN, SIGNER)


def test_an_honest_receipt_becomes_a_leaf() -> None:
    made = settle(signed())
    assert made.digest == signed().digest
    with pytest.raises(TypeError):
        SettleableReceipt(
            signed=made.signed, digest=made.digest, leaf=made.leaf, mode=made.mode, seal=object()
        )


def test_words_out_of_range_are_refused_before_anything_else() -> None:
    honest = signed()
    with pytest.raises(MalformedError):
        settle(replace(honest, receipt=replace(honest.receipt, kind=99)))


def test_other_evidence_than_the_named_is_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        settle(signed(), evidence(at=NOW - 1000))
    assert caught.value.code == "receipt.evidence_digest"


@pytest.mark.parametrize(
    ("key", "finished", "error", "code"),
    [
        (None, NOW, SettlementError, "settlement.unknown_node"),
        (replace(KEY, node_id=sha256(b"x")), NOW, SettlementError, "settlement.unknown_node"),
        (replace(KEY, registered_at_ms=NOW + 1), NOW, SettlementError, "settlement.unknown_node"),
        (replace(KEY, revoked=True), NOW, SettlementError, "settlement.key_revoked"),
        (KEY, NOW - 5001, VerificationError, "receipt.time"),
        (replace(KEY, valid_until_ms=NOW), NOW, VerificationError, "receipt.time"),
    ],
)
def test_the_registry_is_judged_as_the_contract_does(key, finished, error, code) -> None:
    check_registered(node_id=NODE, finished_at_ms=NOW, key=KEY, now_ms=NOW)
    check_registered(node_id=NODE, finished_at_ms=NOW - 5000, key=KEY, now_ms=NOW)
    with pytest.raises(error) as caught:
        check_registered(node_id=NODE, finished_at_ms=finished, key=key, now_ms=NOW)
    assert caught.value.code == code
