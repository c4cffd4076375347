"""Step 9 of an ACI receipt's check: where an aggregator sent the prompt (ACI 9.2, 9.3)."""

from opengradient.core.aci import AciBundle, AciSession, UpstreamEvent
from opengradient.core.digests import equal
from opengradient.errors import PolicyError, VerificationError
from opengradient.verify._claims import Notebook
from opengradient.verify.aci.expectation import AciExpectation
from opengradient.verify.platforms.aci import AciPolicy

_AGGREGATOR = "the attested aggregator"


def check_upstream(
    bundle: AciBundle, rules: AciPolicy, expect: AciExpectation, notes: Notebook
) -> None:
    """An aggregator names a verified upstream; a direct service names none."""
    receipt, report = bundle.receipt, bundle.report
    served = receipt.served_by
    if served is None:
        if report is not None and not report.direct:
            raise VerificationError("no upstream is named", code="aci.upstream.missing")
        notes.absent(
            "upstream",
            "inference ran in the attested workload" if report else "the receipt names none",
        )
        return
    if report is not None and report.direct:
        raise VerificationError("a direct service has no upstream", code="aci.upstream.unexpected")
    if receipt.refused:
        notes.asserted("upstream", _AGGREGATOR, f"refused: {served.reason}")
        return
    if rules.require_verified_upstream:
        _require(served)
    _check_session(bundle, served, rules, expect, notes)


def _require(served: UpstreamEvent) -> None:
    if not served.verified:
        raise PolicyError(
            "the upstream was not verified", code="aci.upstream.failed", actual=served.reason
        )
    if not served.required:
        raise PolicyError("the upstream did not have to be verified", code="aci.upstream.optional")


def _check_session(
    bundle: AciBundle,
    served: UpstreamEvent,
    rules: AciPolicy,
    expect: AciExpectation,
    notes: Notebook,
) -> None:
    session_id = served.session_id
    if session_id is None:
        notes.asserted("upstream", _AGGREGATOR, f"NOT VERIFIED: {served.reason}")
        return
    if expect.session_ids is not None and session_id not in expect.session_ids:
        raise VerificationError(
            "the receipt cites a session that was not pinned",
            code="aci.session.not_accepted",
            expected=sorted(item.hex() for item in expect.session_ids),
            actual=session_id.hex(),
        )
    notes.asserted("upstream", _AGGREGATOR, f"verified, serves {served.model_id}")
    session = next((s for s in bundle.sessions if equal(s.session_id, session_id)), None)
    if session is None:
        if bundle.sessions:
            raise VerificationError(
                "the cited session is not among those shown",
                code="aci.session.missing",
                expected=session_id.hex(),
                actual=[item.session_id.hex() for item in bundle.sessions],
            )
        notes.absent("session", "not shown: the receipt has its id only", session_id.hex())
        return
    _check_record(session, bundle.receipt.served_at, rules)
    notes.asserted(
        "session",
        f"{_AGGREGATOR}; its evidence is shown and was not checked again",
        f"{session.upstream_name} by {session.verifier_id}: {_account(session)}",
    )


def _check_record(session: AciSession, served_at: int, rules: AciPolicy) -> None:
    """The shallow audit of ACI 9.2 step 3, and the window of 9.3 step 6."""
    if not session.established_at <= served_at <= session.expires_at:
        raise VerificationError(
            "the receipt was made outside the session's time",
            code="aci.session.window",
            expected=f"{session.established_at} to {session.expires_at}",
            actual=served_at,
        )
    refuted = sorted(name for name, claim in session.claims.items() if claim.status == "refuted")
    if refuted:
        raise PolicyError("the session refutes claims", code="aci.session.refuted", actual=refuted)
    if rules.require_verified_upstream and not session.claim("tee_attested").hardware_proven:
        raise PolicyError(
            "the session does not say that hardware attests the upstream",
            code="aci.session.tee",
        )


def _account(session: AciSession) -> str:
    made = sorted(name for name, claim in session.claims.items() if claim.status == "asserted")
    return ", ".join(made) or "nothing claimed"
