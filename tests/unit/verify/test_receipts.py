"""The one check of a receipt: a genuine one passes, and each check alone refuses its forgery."""

import dataclasses

import pytest

from opengradient.core.commitments import Disclosed
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import HpkeKey, Keyset
from opengradient.core.merkle import BatchTree, settlement_leaf
from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode, VerificationMode
from opengradient.core.receipts import ReceiptDomain, SignedReceipt
from opengradient.core.settlement import Anchor, InclusionProof
from opengradient.errors import UnsupportedError, VerificationError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.expectation import Expectation
from opengradient.verify.receipts import VerifiedReceipt, verify_receipt
from opengradient.verify.verdict import Status
from tests.receipt_factory import (
    CHUNKS,
    DOMAIN,
    KEYSET,
    NOW,
    REPLY,
    SIGNER,
    SPKI,
    Exchange,
    evidence,
    expecting,
    policy,
)

OTHER = MemorySigner(b"\x09" * 32)
ALL = {
    "network", "enclave", "code", "signature", "mode", "channel", "nonce", "request", "upstream",
    "response", "usage", "model", "weights", "time", "sequence", "execution", "settlement",
    "payment", "configuration",
}  # fmt: skip


def check(exchange=None, *, expect=None, now_ms=NOW, trust=None, bundle=None, **kwargs):
    return verify_receipt(
        bundle or (exchange or Exchange()).bundle(),
        policy=trust or policy(),
        now_ms=now_ms,
        expect=expecting() if expect is None else expect,
        **kwargs,
    )


def refused(code, *args, **kwargs):
    with pytest.raises(VerificationError) as caught:
        check(*args, **kwargs)
    assert caught.value.code == code
    assert code in caught.value.diagnostics()
    return caught.value


def test_a_genuine_receipt_passes_and_says_what_it_proves():
    verdict = check().verdict
    assert {claim.name for claim in verdict} == ALL
    assert verdict.simulated
    proven = {claim.name for claim in verdict.proven}
    assert proven == {"network", "signature", "mode", "channel", "nonce", "request", "response"}
    assert {c.name for c in verdict.absent} == {
        "weights",
        "execution",
        "settlement",
        "payment",
        "configuration",
    }
    assert verdict["enclave"].status == Status.ASSERTED
    assert "no hardware" in verdict["enclave"].source
    assert {row["name"] for row in verdict.as_json()["claims"]} == ALL
    with pytest.raises(KeyError):
        verdict["nothing"]


def test_whoever_knows_less_is_told_so():
    verdict = check(expect=Expectation()).verdict
    asserted = {claim.name for claim in verdict.asserted}
    assert {"network", "channel", "nonce"} <= asserted


def test_only_the_verifier_makes_verified_receipts():
    verified = check()
    with pytest.raises(TypeError):
        VerifiedReceipt(
            bundle=verified.bundle,
            evidence=verified.evidence,
            verdict=verified.verdict,
            seal=object(),
        )


def test_evidence_verified_before_is_taken_again():
    known = verify_evidence(evidence(), policy=policy(), now_ms=NOW)
    bundle = dataclasses.replace(Exchange().bundle(), evidence=None)
    assert check(bundle=bundle, evidence=known).evidence is known
    refused("receipt.evidence_digest", bundle=bundle)
    foreign = verify_evidence(evidence(at=NOW - 1), policy=policy(), now_ms=NOW)
    refused("receipt.evidence_digest", bundle=bundle, evidence=foreign)


@pytest.mark.parametrize(
    ("code", "exchange"),
    [
        ("receipt.node_id", {"words": {"node_id": OTHER.public_key.node_id}}),
        ("receipt.evidence_digest", {"words": {"evidence_digest": bytes(32)}}),
        ("receipt.channel", {"words": {"channel_binding": bytes(32)}}),
        ("receipt.channel", {"words": {"channel_kind": ChannelKind.NONE}}),
        (
            "receipt.channel",
            {"words": {"channel_kind": ChannelKind.NONE, "channel_binding": bytes(32)}},
        ),
        ("receipt.nonce", {"words": {"client_nonce": bytes(32)}}),
        ("receipt.settlement_mode", {"words": {"settlement_mode": SettlementMode.PRIVATE}}),
        ("policy.mode", {"words": {"verification_mode": VerificationMode.VANILLA}}),
        ("receipt.kind", {"words": {"kind": ReceiptKind.ERROR}}),
        ("receipt.response", {"words": {"status": 201}}),
        ("receipt.usage", {"words": {"input_tokens": 8}}),
        ("receipt.usage", {"words": {"output_tokens": 3}}),
        ("receipt.usage", {"words": {"cached_input_tokens": 0}}),
        ("receipt.stream", {"words": {"stream_chunks": 1}}),
        ("receipt.stream", {"chunks": CHUNKS}),
        ("receipt.time", {"words": {"started_at": NOW}}),
        ("receipt.time", {"words": {"first_token_at": NOW}}),
        ("receipt.time", {"words": {"first_token_at": NOW - 1000}}),
        ("receipt.time", {"words": {"finished_at": NOW + 60_001}}),
        (
            "receipt.time",
            {"words": {"started_at": NOW - 4 * 3_600_000, "first_token_at": 0}},
        ),
        ("receipt.sequence", {"words": {"sequence": 0}}),
        ("receipt.sequence", {"words": {"sequence": 1}}),
        ("receipt.sequence", {"words": {"previous_receipt": bytes(32)}}),
        ("proof.invalid", {"words": {"proof_digest": b"\x01" * 32}}),
        ("proof.invalid", {"words": {"proof_soundness_bits": 1}}),
        ("receipt.request", {"request": {"path": "/v1/chat/completions", "body": b"{}"}}),
        ("receipt.request", {"request": {"path": "/v1/completions"}}),
        ("receipt.model", {"model": {"requested": "local/other", "served": "tiny"}}),
        ("receipt.response", {"response": REPLY.committed_fields() | {"choice.0.text": "Rome."}}),
        (
            "receipt.response",
            {"response": REPLY.committed_fields() | {"choice.0.refusal": "I won't"}},
        ),
        (
            "receipt.response",
            {
                "response": {
                    k: v for k, v in REPLY.committed_fields().items() if "reasoning" not in k
                }
            },
        ),
        ("receipt.signature", {"words": {}, "signer": OTHER}),
    ],
    ids=lambda value: value if isinstance(value, str) else str(sorted(value))[:60],
)
def test_what_was_signed_is_not_what_the_client_saw(code, exchange):
    """Each word and section is wrong alone, and properly signed."""
    forged = Exchange(**exchange)
    if exchange.get("signer") is OTHER:
        forged.words = {"node_id": SIGNER.public_key.node_id}
    refused(code, forged)


@pytest.mark.parametrize("section", ["request", "upstream", "response", "model", "payment"])
def test_what_is_shown_is_not_what_was_committed(section):
    bundle = Exchange().bundle()
    fields = {
        name: Disclosed(item.salt, "forged") for name, item in bundle.sections[section].items()
    }
    fields = fields or {"asset": Disclosed(bytes(32), "OPG")}
    forged = dataclasses.replace(bundle, sections=dict(bundle.sections) | {section: fields})
    refused(f"receipt.{section}", bundle=forged, expect=Expectation())


@pytest.mark.parametrize("section", ["request", "upstream", "response", "model"])
def test_what_is_withheld_is_absent_and_the_rest_stands(section):
    bundle = Exchange().bundle().redacted(section)
    verdict = check(bundle=bundle, expect=Expectation(domain=DOMAIN)).verdict
    assert verdict[section].status == Status.ABSENT
    assert verdict["signature"].status == Status.PROVEN


def test_one_field_can_be_withheld():
    bundle = Exchange().bundle().redacted("request", "body").redacted("response", "choice.0.text")
    verdict = check(bundle=bundle, expect=Expectation(domain=DOMAIN)).verdict
    assert verdict["request"].status == Status.ABSENT
    assert "1 withheld" in verdict["response"].detail


@pytest.mark.parametrize(
    "domain",
    [
        ReceiptDomain(chain_id=1, settlement_contract=DOMAIN.settlement_contract),
        ReceiptDomain(chain_id=DOMAIN.chain_id, settlement_contract=bytes(20)),
    ],
)
def test_a_receipt_of_another_network(domain):
    refused("receipt.domain", Exchange(domain=domain))


def test_a_domain_swapped_after_signing():
    signed = Exchange().bundle().signed
    other = ReceiptDomain(chain_id=1, settlement_contract=bytes(20))
    moved = SignedReceipt(domain=other, receipt=signed.receipt, signature=signed.signature)
    bundle = dataclasses.replace(Exchange().bundle(), signed=moved)
    error = refused("receipt.signature", bundle=bundle, expect=Expectation())
    assert error.expected == SIGNER.public_key.compressed.hex()


def test_the_key_must_be_bound_by_the_evidence():
    foreign = evidence(keyset=Keyset(signing=OTHER.public_key, tls_spki_sha256=SPKI))
    refused("receipt.node_id", Exchange(evidence=foreign))


def test_the_channel_key_must_be_bound_by_the_evidence():
    without_tls = evidence(keyset=Keyset(signing=SIGNER.public_key))
    refused("receipt.channel", Exchange(evidence=without_tls))
    other_key = evidence(keyset=Keyset(signing=SIGNER.public_key, tls_spki_sha256=bytes(32)))
    refused("receipt.channel", Exchange(evidence=other_key), expect=Expectation())


HPKE = HpkeKey(key_id=1, public_key=b"h" * 32)


def test_an_hpke_channel_is_that_of_the_attested_key():
    words = {"channel_kind": ChannelKind.HPKE, "channel_binding": HPKE.digest()}
    binds = evidence(keyset=dataclasses.replace(KEYSET, hpke=HPKE))
    used = dataclasses.replace(expecting(), channel=(ChannelKind.HPKE, HPKE.digest()))
    claim = check(Exchange(words=words, evidence=binds), expect=used).verdict["channel"]
    assert claim.status == Status.PROVEN
    assert "Oblivious HTTP" in claim.source
    refused("receipt.channel", Exchange(words=words), expect=Expectation())
    for other in ({"key_id": 2}, {"public_key": b"i" * 32}, {"aead_id": 1}):
        rotated = dataclasses.replace(KEYSET, hpke=dataclasses.replace(HPKE, **other))
        forged = Exchange(words=words, evidence=evidence(keyset=rotated))
        refused("receipt.channel", forged, expect=Expectation())
    tls = {"channel_kind": ChannelKind.TLS, "channel_binding": HPKE.digest()}
    refused("receipt.channel", Exchange(words=tls, evidence=binds), expect=Expectation())
    swapped = {"channel_kind": ChannelKind.HPKE, "channel_binding": SPKI}
    refused("receipt.channel", Exchange(words=swapped, evidence=binds), expect=Expectation())
    refused("receipt.channel", Exchange(words=words, evidence=binds))


def test_evidence_without_keys_binds_nothing():
    refused("attestation.binding", Exchange(evidence=evidence(keyset=None)))


def test_other_evidence_than_the_named_is_refused():
    bundle = Exchange().bundle()
    other = Evidence(kind=bundle.evidence.kind, document=evidence(at=NOW - 1).document)
    refused("receipt.evidence_digest", bundle=dataclasses.replace(bundle, evidence=other))


def test_a_revoked_key_is_refused_at_once():
    revoked = frozenset({"0x" + KEYSET.signing.node_id.hex()})
    trust = dataclasses.replace(policy(), revoked_keys=revoked)
    refused("attestation.revoked_key", trust=trust)
    known = verify_evidence(evidence(), policy=policy(), now_ms=NOW)
    refused("attestation.revoked_key", trust=trust, evidence=known)


def test_a_served_model_outside_the_policy():
    trust = dataclasses.replace(policy(), models=frozenset({"gpt-4.1-2025-04-14"}))
    error = refused("policy.model", trust=trust)
    assert error.actual == "tiny"
    check(trust=dataclasses.replace(policy(), models=frozenset({"tiny"})))
    withheld = Exchange().bundle().redacted("model")
    refused("policy.model", bundle=withheld, trust=trust, expect=Expectation())


def test_a_receipt_from_the_future():
    error = refused("receipt.time", Exchange(words={"finished_at": NOW + 60_001}))
    assert error.actual == NOW + 60_001
    check(Exchange(words={"finished_at": NOW + 60_000}))


def test_proofs_of_later_releases_are_unsupported():
    with pytest.raises(UnsupportedError):
        check(Exchange(words={"proof_kind": 1}))


def stream_expectation(chunks):
    return expecting(chunk_digests=chunks)


def test_a_stream_passes_with_all_its_chunks():
    verdict = check(Exchange(chunks=CHUNKS), expect=stream_expectation(CHUNKS)).verdict
    assert verdict["stream"].status == Status.PROVEN


@pytest.mark.parametrize(
    "received",
    [CHUNKS[:-1], (*CHUNKS, CHUNKS[0]), (CHUNKS[1], CHUNKS[0], *CHUNKS[2:]), CHUNKS[:4] * 2, ()],
    ids=["cut", "extra", "swapped", "repeated", "none"],
)
def test_other_chunks_than_were_signed(received):
    exchange = Exchange(chunks=CHUNKS)
    bundle = exchange.attached().bundle(
        request=exchange.request,
        response=exchange.response,
        chunk_digests=received,
        evidence=exchange.evidence,
    )
    refused("receipt.stream", bundle=bundle, expect=stream_expectation(received))
    refused("receipt.stream", exchange, expect=stream_expectation(received))


def test_a_stream_whose_chunks_are_withheld():
    bundle = dataclasses.replace(Exchange(chunks=CHUNKS).bundle(), stream=None)
    verdict = check(bundle=bundle, expect=Expectation(domain=DOMAIN)).verdict
    assert verdict["stream"].status == Status.ABSENT
    refused("receipt.stream", bundle=bundle, expect=stream_expectation(CHUNKS))


def test_chunks_that_nobody_signed():
    refused("receipt.stream", expect=stream_expectation(CHUNKS))


PREVIOUS = Exchange().receipt().previous_receipt


@pytest.mark.parametrize(
    ("previous", "status"), [((6, PREVIOUS), Status.PROVEN), ((3, bytes(32)), Status.ASSERTED)]
)
def test_sequence_continues(previous, status):
    assert check(expect=expecting(previous=previous)).verdict["sequence"].status == status


@pytest.mark.parametrize("previous", [(6, bytes(32)), (7, PREVIOUS), (8, PREVIOUS)])
def test_sequence_broken(previous):
    refused("receipt.sequence", expect=expecting(previous=previous))


def included(bundle, *, anchor=True, others=3):
    signed = bundle.signed
    leaf = settlement_leaf(signed.digest, signed.signature.r, signed.signature.vs())
    tree = BatchTree([leaf, *[bytes([number]) * 32 for number in range(others)]])
    record = Anchor(
        chain_id=DOMAIN.chain_id,
        settlement_contract=DOMAIN.settlement_contract,
        transaction_hash=bytes(32),
        block_number=5,
        block_hash=bytes(32),
        block_time=NOW // 1000,
    )
    return InclusionProof(
        root=tree.root,
        size=tree.size,
        proof=tree.proof(leaf),
        blob_id=bytes(32),
        submitter=bytes(20),
        anchor=record if anchor else None,
    )


def with_inclusion(**changes):
    bundle = Exchange().bundle()
    return dataclasses.replace(bundle, inclusion=dataclasses.replace(included(bundle), **changes))


def test_settlement_is_proven_only_against_a_root_that_the_caller_found():
    bundle = with_inclusion()
    found = frozenset({bundle.inclusion.root})
    assert check(bundle=bundle).verdict["settlement"].status == Status.ASSERTED
    verdict = check(bundle=bundle, expect=expecting(anchored_roots=found)).verdict
    assert verdict["settlement"].status == Status.PROVEN
    unanchored = with_inclusion(anchor=None)
    assert "not anchored" in check(bundle=unanchored).verdict["settlement"].source


@pytest.mark.parametrize(
    "changes",
    [
        {"root": bytes(32)},
        {"proof": ()},
        {"proof": (bytes(32), bytes(32))},
        {"proof": (bytes(32),) * 3},
        {"size": 1},
        {"size": 0},
    ],
    ids=str,
)
def test_proofs_that_lead_elsewhere(changes):
    refused("settlement.inclusion", bundle=with_inclusion(**changes))


@pytest.mark.parametrize("changes", [{"chain_id": 1}, {"settlement_contract": bytes(20)}], ids=str)
def test_anchors_of_another_ledger(changes):
    anchor = dataclasses.replace(with_inclusion().inclusion.anchor, **changes)
    refused("settlement.inclusion", bundle=with_inclusion(anchor=anchor))


def test_what_was_paid_is_shown():
    paid = Exchange(
        words={"price": 5}, payment={"asset": "OPG", "network": "n", "payee": "p", "reference": "r"}
    )
    assert "5 of OPG" in check(paid).verdict["payment"].detail
    bundle = paid.bundle().redacted("payment")
    assert check(bundle=bundle).verdict["payment"].status == Status.ABSENT


def test_an_empty_upstream_section_says_that_nothing_was_sent():
    verdict = check(Exchange(upstream={})).verdict
    assert "nothing was sent" in verdict["upstream"].source
