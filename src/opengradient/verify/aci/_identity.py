"""Steps 2 to 4 of an ACI receipt's check: whose keyset it is (ACI 9.1)."""

from opengradient.core.aci import AciBundle, AciKeyset, AciReport, report_data, report_data_slot
from opengradient.core.aci.report import TDX as TEE_TDX
from opengradient.core.collateral import Collateral
from opengradient.core.digests import equal
from opengradient.core.evidence import TDX, Evidence, VerifiedEvidence
from opengradient.errors import (
    AttestationError,
    FreshnessError,
    PolicyError,
    UnsupportedError,
    VerificationError,
)
from opengradient.verify._claims import Notebook
from opengradient.verify.aci._application import check_provenance
from opengradient.verify.aci.expectation import AciExpectation
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.attestation.tdx import EVENT_LOG
from opengradient.verify.platforms.aci import AciPolicy
from opengradient.verify.policy import TrustPolicy


def establish_keyset(
    bundle: AciBundle,
    *,
    policy: TrustPolicy,
    rules: AciPolicy,
    now_ms: int,
    expect: AciExpectation,
    notes: Notebook,
) -> tuple[AciKeyset, VerifiedEvidence | None]:
    """Steps 2 and 3: the keyset, by its report and hardware, or by the caller's own word."""
    report = bundle.report
    if report is None:
        if expect.keyset is None:
            raise AttestationError("nothing establishes the keyset", code="aci.keyset.missing")
        notes.asserted("enclave", "the caller established the keyset before")
        _check_keyset(expect.keyset, rules, now_ms, notes)
        return expect.keyset, None
    if expect.keyset is not None and expect.keyset != report.keyset:
        raise AttestationError(
            "the report is of another keyset than the caller's",
            code="aci.receipt.keyset",
            expected=expect.keyset.digest.hex(),
            actual=report.keyset.digest.hex(),
        )
    _check_binding(report, bundle.nonce, expect, notes)
    _check_keyset(report.keyset, rules, now_ms, notes)
    verified = _check_hardware(bundle, report, policy, now_ms, notes)
    check_provenance(report, rules, notes)
    return report.keyset, verified


def _check_binding(
    report: AciReport, nonce: bytes | None, expect: AciExpectation, notes: Notebook
) -> None:
    """Recompute what the report restates (ACI 9.1 step 2)."""
    if not equal(report.keyset_digest, report.keyset.digest):
        raise VerificationError(
            "the report names another digest than its keyset has",
            code="aci.report.keyset_digest",
            expected=report.keyset.digest.hex(),
            actual=report.keyset_digest.hex(),
        )
    if expect.nonce is not None and nonce != expect.nonce:
        raise FreshnessError(
            "the report was asked for with another nonce",
            code="aci.report.nonce",
            expected=expect.nonce.hex(),
            actual=None if nonce is None else nonce.hex(),
        )
    computed = report_data(report.keyset.digest, nonce)
    if not equal(report.report_data, computed):
        raise VerificationError(
            "report_data is not that of keyset and nonce",
            code="aci.report.statement",
            expected=computed.hex(),
            actual=report.report_data.hex(),
        )
    if expect.nonce is not None:
        notes.proven("nonce", "the quote's report data", "the report answers this very caller")
    elif nonce is not None:
        notes.asserted("nonce", "the file", nonce.hex())
    else:
        notes.absent("nonce", "the report was asked for without one")


def _check_keyset(keyset: AciKeyset, rules: AciPolicy, now_ms: int, notes: Notebook) -> None:
    """Deny-list, end, subject (ACI 9.1 steps 3 and 5, 3.4)."""
    if keyset.digest.hex() in rules.revoked_keysets:
        raise PolicyError("the keyset is revoked", code="aci.keyset.revoked")
    ends_ms = keyset.not_after * 1000
    if now_ms >= ends_ms:
        raise FreshnessError(
            "the keyset has ended", code="aci.keyset.expired", expected=ends_ms, actual=now_ms
        )
    if ends_ms - now_ms > rules.max_keyset_lifetime_ms:
        raise PolicyError(
            "the keyset ends implausibly late",
            code="aci.keyset.distant",
            expected=f"<= {now_ms + rules.max_keyset_lifetime_ms}",
            actual=ends_ms,
        )
    if rules.subjects is not None and keyset.subject not in rules.subjects:
        raise PolicyError(
            "the keyset is of another subject",
            code="aci.keyset.subject",
            expected=sorted(rules.subjects),
            actual=keyset.subject,
        )
    if keyset.subject is None:
        notes.absent("subject", "the keyset names none")
    elif rules.subjects is None:
        notes.asserted("subject", "the keyset", keyset.subject)
    else:
        notes.proven("subject", "attested keyset, accepted by the policy", keyset.subject)


def _check_hardware(
    bundle: AciBundle, report: AciReport, policy: TrustPolicy, now_ms: int, notes: Notebook
) -> VerifiedEvidence:
    """The quote, down to the vendor's root, over the slot that we compute (step 1)."""
    if report.tee_type != TEE_TDX:
        raise UnsupportedError(
            f"evidence of tee_type {report.tee_type!r} has no layout in ACI", code="aci.report.tee"
        )
    slot = report_data_slot(report.keyset.digest, bundle.nonce)
    stated = report.stated_slot()
    if stated is not None and not equal(stated, slot):
        raise VerificationError("quote_report_data differs", code="aci.report.slot")
    log = report.event_log()
    shown = Collateral() if log is None else Collateral.of({EVENT_LOG: log})
    evidence = Evidence(
        kind=TDX, document=report.quote(), collateral=bundle.collateral.merged(shown)
    )
    verified = verify_evidence(evidence, policy=policy, now_ms=now_ms)
    if verified.report_data is None or not equal(verified.report_data, slot):
        raise AttestationError(
            "the quote binds other report data than that of keyset and nonce",
            code="aci.report.slot",
            expected=slot.hex(),
            actual=None if verified.report_data is None else verified.report_data.hex(),
        )
    notes.proven("enclave", f"{verified.kind}, root {verified.root!r}", verified.module_id)
    for claim in verified.claims:
        notes.write(claim)
    measured = f"measurement {verified.measurement}"
    if verified.measurement_accepted:
        notes.proven("code", verified.measurement_source, measured)
    else:
        notes.asserted("code", "any measurement is accepted", measured)
    return verified
