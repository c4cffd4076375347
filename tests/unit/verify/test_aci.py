"""Every check of an ACI receipt, each failing alone; `aci_forge` makes everything else right."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from opengradient.core.aci import AciBundle, AciReceipt
from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.errors import CODES, OpenGradientError
from opengradient.verify.aci import (
    AciExpectation,
    AciPolicy,
    VerifiedAciReceipt,
    verify_aci_receipt,
)
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.aci import BUNDLE_VERSION, claims_aci, decode_aci
from opengradient.wire.fields import to_base64
from tests.unit.verify import aci_forge as forge

POLICY = TrustPolicy.hardware(frozenset())


def check(
    bundle: AciBundle | None = None,
    *,
    policy: TrustPolicy = POLICY,
    now_ms: int = forge.NOW_MS,
    rules: AciPolicy | None = None,
    **expect: Any,
) -> VerifiedAciReceipt:
    return verify_aci_receipt(
        bundle or forge.bundle(),
        policy=policy,
        now_ms=now_ms,
        rules=rules,
        expect=AciExpectation(**{"keyset": forge.keyset(), **expect}),
    )


def refused(code: str, *arguments: Any, **options: Any) -> OpenGradientError:
    with pytest.raises(OpenGradientError) as caught:
        check(*arguments, **options)
    assert caught.value.code == code
    assert code in CODES
    return caught.value


def events(*log: dict[str, Any]) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update(
        event_log=[
            {"type": "request.received", "body_hash": forge.named(forge.REQUEST)},
            *log,
            {"type": "response.returned", "body_hash": forge.named(forge.RESPONSE)},
        ]
    )


FORWARDED = {"type": "request.forwarded", "body_hash": forge.named(forge.REQUEST)}


def test_accepted_with_every_claim_in_its_place() -> None:
    verdict = check(
        tls_spki_sha256=forge.SPKI, hostname="API.example", model="m/1", response=forge.RESPONSE
    ).verdict
    assert {c.name: c.status.value for c in verdict} == {
        "enclave": "asserted",
        "subject": "asserted",
        "signature": "proven",
        "channel": "proven",
        "request": "proven",
        "forwarded": "proven",
        "response": "proven",
        "model": "asserted",
        "time": "asserted",
        "sequence": "absent",
        "settlement": "absent",
        "upstream": "asserted",
        "session": "asserted",
    }
    assert not verdict.simulated


def test_only_the_verifier_builds_a_verified_receipt() -> None:
    checked = check()
    with pytest.raises(TypeError):
        replace(checked, seal=object())


def test_words_for_what_is_not_there() -> None:
    nameless = forge.keyset(lambda value: value.update(subject=None))
    named = "sha256:" + nameless.digest.hex()
    verdict = check(
        forge.bundle(lambda r: r.update(workload_keyset_digest=named)), keyset=nameless
    ).verdict
    assert verdict["subject"].status == "absent"
    modelless = forge.bundle(lambda r: (r.update(model=None), events(FORWARDED)(r)))
    verdict = check(modelless).verdict
    assert verdict["model"].status == "absent"
    assert verdict["upstream"].source == "the receipt names none"
    assert check().verdict["session"].detail == "up by v/1: tee_attested"
    bare = cited(lambda value: value.update(claims={}))
    lenient = AciPolicy(require_verified_upstream=False)
    assert check(bare, rules=lenient).verdict["session"].detail == "up by v/1: nothing claimed"


def test_the_callers_own_bytes_come_first() -> None:
    known = check(forge.bundle(request=None), request=forge.REQUEST).verdict["request"]
    assert known.detail == f"exact bytes, {len(forge.REQUEST)} of them"


def test_nothing_shown_is_absent_not_proven() -> None:
    verdict = check(forge.bundle(request=None, response=None, sessions=())).verdict
    for name in ("request", "response", "channel", "session"):
        assert verdict[name].status == "absent"


# Whose keyset.


def test_a_receipt_alone_is_not_enough() -> None:
    refused("aci.keyset.missing", keyset=None)


def test_revoked_keyset() -> None:
    digest = forge.keyset().digest.hex()
    refused("aci.keyset.revoked", rules=AciPolicy(revoked_keysets=frozenset({digest})))


def test_keyset_ends_at_its_second() -> None:
    end = forge.keyset().not_after * 1000
    assert check(now_ms=end - 1)
    refused("aci.keyset.expired", now_ms=end)


def test_keyset_that_ends_implausibly_late() -> None:
    left = forge.keyset().not_after * 1000 - forge.NOW_MS
    assert check(rules=AciPolicy(max_keyset_lifetime_ms=left))
    refused("aci.keyset.distant", rules=AciPolicy(max_keyset_lifetime_ms=left - 1))


def test_subject() -> None:
    accepted = check(rules=AciPolicy(subjects=frozenset({"dns:example"})))
    assert accepted.verdict["subject"].status == "proven"
    refused("aci.keyset.subject", rules=AciPolicy(subjects=frozenset({"dns:other"})))


def test_the_policy_carries_the_rules() -> None:
    strict = replace(POLICY, platforms=(AciPolicy(subjects=frozenset()),))
    refused("aci.keyset.subject", policy=strict)
    assert TrustPolicy.from_json(parse_json_object(canonical_json(strict.to_json()))) == strict


# The report.


def with_report(
    change: Any = None, *, nonce: bytes | None = None, shown: bytes | None = None
) -> AciBundle:
    return forge.bundle(report=forge.report(change, nonce=nonce), nonce=shown or nonce)


def test_report_of_another_keyset_than_ours() -> None:
    other = forge.keyset(lambda value: value.update(subject=None))
    refused("aci.receipt.keyset", with_report(), keyset=other)


def test_restated_digest() -> None:
    change = {"workload_keyset_digest": "sha256:" + "00" * 32}
    refused("aci.report.keyset_digest", with_report(lambda r: r.update(change)), keyset=None)


def test_statement() -> None:
    def change(report: dict[str, Any]) -> None:
        report["attestation"]["report_data"] = "00" * 32

    refused("aci.report.statement", with_report(change), keyset=None)


def test_statement_of_another_nonce() -> None:
    bundle = with_report(nonce=b"n" * 32, shown=b"m" * 32)
    refused("aci.report.statement", bundle, keyset=None)


def test_a_report_for_somebody_else() -> None:
    refused("aci.report.nonce", with_report(nonce=b"n" * 32), keyset=None, nonce=b"m" * 32)
    refused("aci.report.nonce", with_report(), keyset=None, nonce=b"m" * 32)


def test_tee_without_a_layout() -> None:
    def change(report: dict[str, Any]) -> None:
        report["attestation"]["tee_type"] = "sev_snp"

    refused("aci.report.tee", with_report(change), keyset=None)


def test_quote_is_needed() -> None:
    def change(report: dict[str, Any]) -> None:
        del report["attestation"]["evidence"]["quote"]

    refused("aci.report.quote", with_report(change), keyset=None)


def test_copy_of_the_slot_differs() -> None:
    def change(report: dict[str, Any]) -> None:
        report["attestation"]["evidence"]["quote_report_data"] = "00" * 64

    refused("aci.report.slot", with_report(change), keyset=None)


def test_a_quote_that_is_none_is_never_accepted() -> None:
    with pytest.raises(OpenGradientError):
        check(with_report(), keyset=None)


# The signature.


def test_receipt_of_another_keyset() -> None:
    named = "sha256:" + "11" * 32
    refused("aci.receipt.keyset", forge.bundle(lambda r: r.update(workload_keyset_digest=named)))


def test_key_that_is_not_listed() -> None:
    refused("aci.receipt.key", forge.bundle(lambda r: r.update(key_id="e1")))


def test_algorithm_comes_from_the_keyset() -> None:
    refused("aci.receipt.algorithm", forge.bundle(lambda r: r.update(key_id="r2")))


@pytest.mark.parametrize("bit", range(0, 512, 37))
def test_signature_flipped(bit: int) -> None:
    signature = bytearray(forge.receipt().signature)
    signature[bit // 8] ^= 1 << bit % 8
    receipt = replace(forge.receipt(), signature=bytes(signature))
    refused("aci.receipt.signature", forge.bundle(receipt=receipt))


def test_s_plus_the_group_order_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    raw = forge.receipt().signature
    s = int.from_bytes(raw[32:], "little") + order
    twin = replace(forge.receipt(), signature=raw[:32] + s.to_bytes(32, "little"))
    refused("aci.receipt.signature", forge.bundle(receipt=twin))


@pytest.mark.parametrize("name", ["receipt_id", "endpoint", "method", "model", "chat_id"])
def test_every_member_is_signed(name: str) -> None:
    document = {**forge.receipt_json(), name: "changed"}
    refused("aci.receipt.signature", forge.bundle(receipt=AciReceipt.parse(document)))


def test_unknown_events_are_signed_too() -> None:
    document = forge.receipt_json()
    document["event_log"][1]["target_route_id"] = "b"
    refused("aci.receipt.signature", forge.bundle(receipt=AciReceipt.parse(document)))


# Channel, bodies, model, times.


@pytest.mark.parametrize(
    ("spki", "host"), [(b"x" * 32, "api.example"), (forge.SPKI, "evil.example"), (forge.SPKI, None)]
)
def test_channel(spki: bytes, host: str | None) -> None:
    refused("aci.channel", tls_spki_sha256=spki, hostname=host)


def test_request() -> None:
    refused("aci.request", request=forge.REQUEST + b" ")
    refused("aci.request", forge.bundle(request=b""))


def test_response() -> None:
    refused("aci.response", response=forge.RESPONSE[:-1])
    refused("aci.response", forge.bundle(response=b""))


def test_rewrite_shows_or_is_refused() -> None:
    def change(document: dict[str, Any]) -> None:
        document["event_log"][2]["body_hash"] = forge.named(forge.REWRITTEN)

    assert check(forge.bundle(change)).verdict["forwarded"].status == "asserted"
    refused("aci.request.rewritten", forge.bundle(change), rules=AciPolicy(allow_rewrite=False))


def test_neither_forwarded_nor_refused() -> None:
    refused("aci.event.not_forwarded", forge.bundle(events(forge.verified_event())))


def test_forwarded_without_the_required_verification() -> None:
    refused("aci.event.forwarded_refusal", forge.bundle(events(FORWARDED, forge.FAILED_EVENT)))


def test_a_refusal_is_a_receipt_too() -> None:
    verdict = check(forge.bundle(events(forge.FAILED_EVENT))).verdict
    assert "not forwarded" in verdict["forwarded"].detail
    assert verdict["upstream"].detail == "refused: stale"


def test_a_second_attempt_counts() -> None:
    assert check(forge.bundle(events(forge.FAILED_EVENT, FORWARDED, forge.verified_event())))


def test_model() -> None:
    refused("aci.model", model="m/2")
    assert check(policy=replace(POLICY, models=frozenset({"m/1-fp8"})))
    refused("policy.model", policy=replace(POLICY, models=frozenset({"m/1"})))


def test_receipt_from_the_future() -> None:
    at = forge.NOW_MS - 10_000 - POLICY.clock_skew_ms
    assert check(now_ms=at)
    refused("aci.receipt.future", now_ms=at - 1)


def test_receipt_made_after_its_keyset_ended() -> None:
    end = forge.keyset().not_after
    policy = replace(POLICY, clock_skew_ms=10**9)
    refused(
        "aci.receipt.after_keyset", forge.bundle(lambda r: r.update(served_at=end)), policy=policy
    )


# Upstream and session.


def direct(report: dict[str, Any]) -> None:
    report["service_capabilities"]["serving"] = "direct"


def test_upstream_and_the_way_of_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report says how it serves; its hardware is checked elsewhere."""
    from opengradient.verify._claims import Notebook
    from opengradient.verify.aci._upstream import check_upstream

    none = events(FORWARDED)
    cases = [
        ("aci.upstream.unexpected", None, direct),
        ("aci.upstream.missing", none, None),
        (None, none, direct),
    ]
    for code, receipt, report in cases:
        bundle = forge.bundle(receipt, report=forge.report(report))
        try:
            check_upstream(bundle, AciPolicy(), AciExpectation(), Notebook())
            found = None
        except OpenGradientError as error:
            found = error.code
        assert found == code


def test_without_a_report_no_upstream_is_absent() -> None:
    assert check(forge.bundle(events(FORWARDED))).verdict["upstream"].status == "absent"


def test_upstream_that_failed() -> None:
    bundle = forge.bundle(events(FORWARDED, {**forge.FAILED_EVENT, "required": False}))
    refused("aci.upstream.failed", bundle)
    verdict = check(bundle, rules=AciPolicy(require_verified_upstream=False)).verdict
    assert verdict["upstream"].detail.startswith("NOT VERIFIED")


def test_upstream_that_did_not_have_to_be_verified() -> None:
    optional = {**forge.verified_event(), "required": False}
    refused("aci.upstream.optional", forge.bundle(events(FORWARDED, optional)))


def test_session_that_was_not_pinned() -> None:
    refused("aci.session.not_accepted", session_ids=frozenset({bytes(32)}))
    assert check(session_ids=frozenset({forge.session().session_id}))


def test_another_session_is_shown() -> None:
    other = forge.session(lambda value: value.update(upstream_name="other"))
    refused("aci.session.missing", forge.bundle(sessions=(other,)))


def cited(change: Callable[[dict[str, Any]], object]) -> AciBundle:
    record = forge.session(change)
    return forge.bundle(events(FORWARDED, forge.verified_event(record)), sessions=(record,))


@pytest.mark.parametrize(
    "window",
    [
        {"established_at": forge.NOW - 9},
        {"expires_at": forge.NOW - 11},
    ],
)
def test_session_window(window: dict[str, int]) -> None:
    refused("aci.session.window", cited(lambda value: value.update(window)))


def test_session_window_holds_its_ends() -> None:
    ends = {"established_at": forge.NOW - 10, "expires_at": forge.NOW - 10}
    assert check(cited(lambda value: value.update(ends)))


@pytest.mark.parametrize(
    "claim",
    [
        {"status": "unknown"},
        {"status": "asserted", "source": "operator_asserted"},
    ],
)
def test_session_without_hardware(claim: dict[str, str]) -> None:
    refused("aci.session.tee", cited(lambda value: value["claims"].update(tee_attested=claim)))


def test_session_that_refutes_a_claim() -> None:
    stale = {"status": "refuted", "source": "verifier_derived", "reason": "old"}
    refused(
        "aci.session.refuted", cited(lambda value: value["claims"].update(tcb_up_to_date=stale))
    )


# Files.


def as_file(**parts: Any) -> bytes:
    return canonical_json({"version": BUNDLE_VERSION, "receipt": forge.receipt_json(), **parts})


def test_bundle_and_bare_document() -> None:
    whole = decode_aci(
        as_file(
            report=forge.report_json(),
            nonce="ab" * 32,
            collateral={"tcb_info": to_base64(b"x")},
            sessions=[forge.session_json()],
            request=to_base64(forge.REQUEST),
            response=to_base64(forge.RESPONSE),
        )
    )
    assert whole.report is not None and whole.nonce == b"\xab" * 32
    assert whole.collateral.get("tcb_info") == b"x"
    assert (whole.request, whole.response) == (forge.REQUEST, forge.RESPONSE)
    assert len(whole.sessions) == 1
    many = decode_aci(as_file(sessions=[forge.session_json()] * 16))
    assert len(many.sessions) == 16
    assert check(replace(whole, report=None))
    assert decode_aci(canonical_json(forge.receipt_json())) == AciBundle(receipt=forge.receipt())


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("aci.version", {"version": "opengradient.aci-bundle/2"}),
        ("format.unknown_field", {"note": 1}),
        ("format.malformed", {"nonce": "ab"}),
        ("format.malformed", {"collateral": []}),
        ("format.malformed", {"sessions": [{}] * 17}),
        ("format.malformed", {"request": "%%"}),
        ("aci.report.malformed", {"report": []}),
    ],
)
def test_bundle_form(code: str, parts: dict[str, Any]) -> None:
    with pytest.raises(OpenGradientError) as caught:
        decode_aci(as_file(**parts))
    assert caught.value.code == code
    value = parse_json_object(as_file(**parts))
    assert claims_aci(value)


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opengradient.wire.aci.MAX_FILE_BYTES", 100)
    with pytest.raises(OpenGradientError) as caught:
        decode_aci(as_file())
    assert caught.value.code == "format.too_large"


def test_rules_as_json() -> None:
    rules = AciPolicy(
        applications=frozenset({"ab" * 32}),
        subjects=frozenset({"x"}),
        revoked_keysets=frozenset({"cd" * 32}),
        require_verified_upstream=False,
        allow_rewrite=False,
        max_keyset_lifetime_ms=0,
    )
    assert AciPolicy.from_json(rules.to_json()) == rules
    assert AciPolicy.from_json(AciPolicy().to_json()) == AciPolicy()
    assert AciPolicy().max_keyset_lifetime_ms == 94_867_200_000


def test_what_is_no_aci() -> None:
    assert not claims_aci({"version": "opengradient.receipt-file/1"})
    assert not claims_aci({"api_version": 1})
    assert claims_aci({"api_version": "aci/7"})


@pytest.mark.parametrize(
    "change",
    [
        {"applications": ["AB" * 32]},
        {"revoked_keysets": ["ab"]},
        {"max_keyset_lifetime_ms": -1},
        {"max_keyset_lifetime_ms": 1.0},
        {"allow_rewrite": 1},
        {"more": 1},
    ],
)
def test_rules_are_read_strictly(change: dict[str, Any]) -> None:
    with pytest.raises(OpenGradientError) as caught:
        AciPolicy.from_json({**AciPolicy().to_json(), **change})
    assert caught.value.code == "policy.malformed"
