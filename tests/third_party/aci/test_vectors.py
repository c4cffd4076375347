"""Our readers and checks give the published values, byte for byte."""

import json
from typing import Any

from opengradient.core.aci import (
    AciBundle,
    AciKeyset,
    AciReceipt,
    AciSession,
    report_data,
    report_data_slot,
    statement,
)
from opengradient.core.digests import sha256
from opengradient.verify.aci import AciExpectation, verify_aci_receipt
from opengradient.verify.policy import TrustPolicy
from tests.third_party.aci import vectors as published

NOW_MS = 1_750_000_100_000
NOBODY = TrustPolicy.hardware(frozenset())


def document() -> dict[str, Any]:
    return {**json.loads(published.SIGNING_INPUT), "signature": published.SIGNATURE}


def keyset() -> AciKeyset:
    return AciKeyset.parse(json.loads(published.KEYSET))


def test_keyset_digest() -> None:
    assert keyset().digest.hex() == published.KEYSET_DIGEST


def test_statement_and_report_data() -> None:
    digest = bytes.fromhex(published.KEYSET_DIGEST)
    assert statement(digest, published.NONCE).decode() == published.STATEMENT
    assert report_data(digest, published.NONCE).hex() == published.REPORT_DATA
    assert report_data(digest, None).hex() == published.REPORT_DATA_WITHOUT_NONCE
    slot = report_data_slot(digest, published.NONCE).hex()
    assert slot == published.REPORT_DATA + "00" * 32


def test_session_id_whatever_the_encoding() -> None:
    for text in (published.SESSION, json.dumps(json.loads(published.SESSION), indent=3)):
        session = AciSession.parse(json.loads(text))
        assert session.session_id.hex() == published.SESSION_ID
        assert session.evidence == b"example-evidence"
        assert session.claim("tee_attested").hardware_proven


def test_signing_input() -> None:
    receipt = AciReceipt.parse(document())
    assert receipt.signing_input.decode() == published.SIGNING_INPUT
    assert sha256(receipt.signing_input).hex() == published.SIGNING_INPUT_SHA256


def test_the_published_exchange_is_accepted() -> None:
    checked = verify_aci_receipt(
        AciBundle(
            receipt=AciReceipt.parse(document()),
            sessions=(AciSession.parse(json.loads(published.SESSION)),),
            request=published.REQUEST,
            response=published.RESPONSE,
        ),
        policy=NOBODY,
        now_ms=NOW_MS,
        expect=AciExpectation(
            keyset=keyset(),
            tls_spki_sha256=b"\xc0" * 32,
            hostname="api.example.com",
            model="demo-model",
            session_ids=frozenset({bytes.fromhex(published.SESSION_ID)}),
        ),
    )
    proven = {claim.name for claim in checked.verdict.proven}
    assert proven == {"signature", "channel", "request", "forwarded", "response"}
    assert checked.verdict["enclave"].source == "the caller established the keyset before"
