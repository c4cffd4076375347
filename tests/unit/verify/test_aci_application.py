"""An ACI receipt behind a quote that verifies: hardware, statement, event log, application."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from opengradient.core.aci import AciBundle, AciReport, report_data_slot
from opengradient.core.collateral import Collateral
from opengradient.core.digests import sha256
from opengradient.core.evidence import TDX
from opengradient.core.intel_reports import parse_td_report
from opengradient.errors import OpenGradientError
from opengradient.verify.aci import (
    AciExpectation,
    AciPolicy,
    VerifiedAciReceipt,
    verify_aci_receipt,
)
from opengradient.verify.attestation.event_log import (
    GUEST_EVENT,
    guest_event_digest,
    parse_event_log,
    replay_event_log,
)
from opengradient.verify.attestation.tdx import measurement_id
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import TrustedRoot, aws_nitro_root
from tests.unit.verify import aci_forge as forge
from tests.vectors.evidence.intel_forge import NOW, Case

COMPOSE = '{"name":"gateway"}'
MEASURED = sha256(COMPOSE.encode())
NONCE = b"n" * 32
ACCEPTING = AciPolicy(applications=frozenset({MEASURED.hex()}))
Change = Callable[[dict[str, Any]], object]


def event(name: str, payload: bytes) -> dict[str, Any]:
    return {
        "imr": 3,
        "event_type": GUEST_EVENT,
        "digest": guest_event_digest(GUEST_EVENT, name, payload).hex(),
        "event": name,
        "event_payload": payload.hex(),
    }


BOOT = [event("app-id", b"a"), event("compose-hash", MEASURED), event("system-ready", b"")]


def make(
    *,
    log: list[dict[str, Any]] | None = BOOT,
    measured: list[dict[str, Any]] | None = None,
    change: Change | None = None,
    slot: bytes | None = None,
    compose: str | None = COMPOSE,
    **case: Any,
) -> tuple[AciBundle, TrustPolicy]:
    """A bundle whose quote verifies, and the policy that accepts its measurement."""
    events = json.dumps(BOOT if measured is None else measured).encode()
    bound = report_data_slot(forge.keyset().digest, NONCE) if slot is None else slot
    rtmr3 = replay_event_log(parse_event_log(events), 3)
    made = Case(report={"report_data": bound, "rtmr3": rtmr3, **case})

    def whole(report: dict[str, Any]) -> None:
        evidence = {"app_compose": compose, "event_log": None if log is None else json.dumps(log)}
        report["attestation"]["evidence"].update({k: v for k, v in evidence.items() if v})
        if change is not None:
            change(report)

    bundle = forge.bundle(
        report=forge.report(whole, quote=made.quote(), nonce=NONCE),
        nonce=NONCE,
        collateral=Collateral.of(made.collateral()),
    )
    parsed = parse_td_report(made.signed()[48:])
    root = TrustedRoot(kind=TDX, name="test vectors", certificate=made.cert("root"))
    accepted = frozenset({measurement_id(parsed)})
    return bundle, TrustPolicy(roots=(root,), measurements=accepted)


def check(
    rules: AciPolicy = ACCEPTING, *, nonce: bytes | None = NONCE, **options: Any
) -> VerifiedAciReceipt:
    bundle, policy = make(**options)
    return verify_aci_receipt(
        bundle, policy=policy, now_ms=NOW, rules=rules, expect=AciExpectation(nonce=nonce)
    )


def refused(code: str, rules: AciPolicy = ACCEPTING, **options: Any) -> None:
    with pytest.raises(OpenGradientError) as caught:
        check(rules, **options)
    assert caught.value.code == code


def test_accepted_down_to_the_hardware() -> None:
    checked = check()
    verdict = checked.verdict
    for name in ("nonce", "enclave", "code", "application", "signature"):
        assert verdict[name].status == "proven", name
    assert checked.evidence is not None and checked.evidence.kind == TDX
    assert verdict["source"].status == verdict["custody"].status == "asserted"


def test_a_nonce_that_only_the_file_names_is_no_freshness() -> None:
    assert check(nonce=None).verdict["nonce"].status == "asserted"


def test_quote_over_other_report_data() -> None:
    refused("aci.report.slot", slot=report_data_slot(forge.keyset().digest, None))
    refused("aci.report.slot", slot=bytes(64))


def test_the_copy_of_the_slot_may_agree() -> None:
    slot = report_data_slot(forge.keyset().digest, NONCE).hex()
    assert check(change=lambda r: r["attestation"]["evidence"].update(quote_report_data=slot))


def test_the_policy_judges_the_quote() -> None:
    bundle, policy = make()
    for code, other in {
        "attestation.measurement": replace(policy, measurements=frozenset({"0x" + "00" * 32})),
        "policy.no_trust": TrustPolicy(roots=(aws_nitro_root(),), measurements=frozenset()),
    }.items():
        with pytest.raises(OpenGradientError) as caught:
            verify_aci_receipt(bundle, policy=other, now_ms=NOW, rules=ACCEPTING)
        assert caught.value.code == code


def test_the_keyset_of_a_report_has_its_end_too() -> None:
    bundle, policy = make()
    assert bundle.report is not None
    end = bundle.report.keyset.not_after * 1000
    for code, now_ms, rules in (
        ("aci.keyset.expired", end, ACCEPTING),
        ("aci.keyset.distant", NOW, replace(ACCEPTING, max_keyset_lifetime_ms=1)),
    ):
        with pytest.raises(OpenGradientError) as caught:
            verify_aci_receipt(bundle, policy=policy, now_ms=now_ms, rules=rules)
        assert caught.value.code == code


def test_claims_of_the_platform_and_of_the_source_stand_in_the_verdict() -> None:
    checked = check()
    assert checked.evidence is not None
    names = {claim.name for claim in checked.verdict}
    assert {claim.name for claim in checked.evidence.claims} <= names
    assert checked.verdict["source"].detail == f"https://example/x at {'ab' * 20}"
    named = {"repo_url": None, "repo_commit": None, "image_digest": "sha256:" + "ab" * 32}
    image = check(change=lambda r: r["attestation"]["source_provenance"].update(named))
    assert image.verdict["source"].detail == f"image {'ab' * 32}"


def test_any_measurement_is_no_proof() -> None:
    bundle, policy = make()
    unsafe = replace(policy, measurements=UnsafeAnyMeasurement())
    checked = verify_aci_receipt(bundle, policy=unsafe, now_ms=NOW, rules=ACCEPTING)
    assert checked.verdict["code"].status == "asserted"
    assert checked.verdict["application"].status == "proven"


def test_report_without_a_nonce() -> None:
    bundle, policy = make(slot=report_data_slot(forge.keyset().digest, None))
    assert bundle.report is not None
    plain = forge.report_json(quote=bundle.report.quote())
    plain["attestation"]["evidence"].update(event_log=json.dumps(BOOT), app_compose=COMPOSE)
    bundle = replace(bundle, report=AciReport.parse(plain), nonce=None)
    checked = verify_aci_receipt(bundle, policy=policy, now_ms=NOW, rules=ACCEPTING)
    assert checked.verdict["nonce"].status == "absent"


def test_text_that_is_no_unicode() -> None:
    refused("aci.application.preimage", compose=COMPOSE + "\ud800")
    refused(
        "tdx.event_log.malformed",
        change=lambda r: r["attestation"]["evidence"].update(event_log="\ud800"),
    )


def test_debug_domains_prove_nothing() -> None:
    refused("tdx.debug", td_attributes=(1 << 28 | 1).to_bytes(8, "little"))


def test_collateral_is_needed() -> None:
    bundle, policy = make()
    with pytest.raises(OpenGradientError) as caught:
        verify_aci_receipt(
            replace(bundle, collateral=Collateral()), policy=policy, now_ms=NOW, rules=ACCEPTING
        )
    assert caught.value.code == "collateral.missing"


def test_the_rules_judge_the_application() -> None:
    assert check(AciPolicy()).verdict["application"].status == "asserted"
    assert check(compose=None).verdict["application"].status == "proven"
    refused("aci.application.refused", AciPolicy(applications=frozenset({"00" * 32})))
    refused("aci.application.preimage", compose=COMPOSE + " ")


def test_log_that_is_another() -> None:
    refused("tdx.event_log.register", log=BOOT[:-1])


def test_without_a_log() -> None:
    refused("aci.event_log.missing", log=None)
    assert check(AciPolicy(), log=None).verdict["application"].status == "absent"


@pytest.mark.parametrize(
    "log",
    [
        [event("app-id", b"a")],
        [event("compose-hash", MEASURED[:31])],
        [event("compose-hash", MEASURED), event("compose-hash", MEASURED)],
        [event("system-ready", b""), event("compose-hash", MEASURED)],
        [{**event("compose-hash", MEASURED), "event_type": 4}],
    ],
)
def test_one_application_before_the_system_is_ready(log: list[dict[str, Any]]) -> None:
    refused("aci.event_log.compose", log=log, measured=log)


def test_what_the_application_writes_later_does_not_count() -> None:
    log = [*BOOT, event("compose-hash", bytes(32))]
    assert check(log=log, measured=log).verdict["application"].status == "proven"
    late = [event("compose-hash", bytes(32)), BOOT[2], BOOT[1]]
    refused("aci.application.refused", log=late, measured=late, compose=None)


@pytest.mark.parametrize("names", [{"repo_commit": None}, {"repo_url": None}])
def test_provenance_is_needed(names: dict[str, Any]) -> None:
    refused(
        "aci.report.provenance",
        change=lambda r: r["attestation"]["source_provenance"].update(names),
    )


def test_an_image_is_provenance_enough() -> None:
    named = {"repo_url": None, "repo_commit": None, "image_digest": "sha256:" + "ab" * 32}
    assert check(change=lambda r: r["attestation"]["source_provenance"].update(named))
