"""The one check of an ACI receipt: bytes that were parsed, a policy and a time; or an error."""

from dataclasses import InitVar, dataclass
from typing import Final, final

from opengradient.core.aci import AciBundle, AciKeyset, AciReceipt
from opengradient.core.evidence import VerifiedEvidence
from opengradient.verify._claims import Notebook
from opengradient.verify.aci._exchange import (
    check_channel,
    check_model,
    check_request,
    check_response,
    check_signature,
    check_times,
)
from opengradient.verify.aci._identity import establish_keyset
from opengradient.verify.aci._upstream import check_upstream
from opengradient.verify.aci.expectation import AciExpectation
from opengradient.verify.platforms.aci import AciPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.verdict import Verdict

_SEAL: Final = object()
NOTHING_KNOWN: Final = AciExpectation()
"""The expectation of somebody who only has the file."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAciReceipt:
    """An ACI receipt that passed every check. Built by `verify_aci_receipt` only.

    Attributes:
        bundle: What was checked.
        keyset: The keyset behind the signature.
        evidence: The hardware behind the keyset; None where the caller vouched for the keyset.
        verdict: The claims.
    """

    bundle: AciBundle
    keyset: AciKeyset
    evidence: VerifiedEvidence | None
    verdict: Verdict
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedAciReceipt is built by opengradient.verify only")

    @property
    def receipt(self) -> AciReceipt:
        """The document that was signed."""
        return self.bundle.receipt


def verify_aci_receipt(
    bundle: AciBundle,
    *,
    policy: TrustPolicy,
    now_ms: int,
    rules: AciPolicy | None = None,
    expect: AciExpectation = NOTHING_KNOWN,
) -> VerifiedAciReceipt:
    """Check an ACI receipt and everything shown with it.

    The steps, in order (docs/spec/aci.md), each with its own codes; the form was checked by the
    parser (``aci.version``, ``aci.*.malformed``, ``aci.event.*``).

    1. Report: digest of the keyset, statement, nonce (``aci.report.keyset_digest``,
       ``aci.report.nonce``, ``aci.report.statement``); a bundle without a report needs a keyset
       that the caller established (``aci.keyset.missing``).
    2. Keyset: not revoked, not ended, subject (``aci.keyset.revoked``, ``aci.keyset.expired``,
       ``aci.keyset.distant``, ``aci.keyset.subject``).
    3. Hardware: the quote verifies under `policy` and binds the statement (``aci.report.tee``,
       ``aci.report.quote``, ``aci.report.slot``, those of Intel TDX), and the boot event log leads
       to the application (``aci.report.provenance``, ``aci.event_log.*``, ``aci.application.*``).
    4. Signature by a key of that keyset (``aci.receipt.keyset``, ``aci.receipt.key``,
       ``aci.receipt.algorithm``, ``aci.receipt.signature``).
    5. Channel: a listed TLS key (``aci.channel``).
    6. Request, and what was forwarded (``aci.request``, ``aci.event.not_forwarded``,
       ``aci.event.forwarded_refusal``, ``aci.request.rewritten``).
    7. Response (``aci.response``).
    8. Model and times (``aci.model``, ``policy.model``, ``aci.receipt.future``,
       ``aci.receipt.after_keyset``).
    9. Upstream and its session (``aci.upstream.*``, ``aci.session.*``).

    Args:
        bundle: The parsed bundle.
        policy: Whom and what the caller trusts.
        now_ms: The time at which to judge, Unix milliseconds.
        rules: Settings for ACI; None takes those of `policy`.
        expect: What the caller knows by itself.

    Raises:
        VerificationError: With the step, what was expected and what was found.
        UnsupportedError: A format that this release does not know.
    """
    notes = Notebook()
    rules = policy.platform(AciPolicy) if rules is None else rules
    keyset, evidence = establish_keyset(  # (1) (2) (3)
        bundle, policy=policy, rules=rules, now_ms=now_ms, expect=expect, notes=notes
    )
    check_signature(bundle.receipt, keyset, notes)  # (4)
    check_channel(keyset, expect, notes)  # (5)
    check_request(bundle, rules, expect, notes)  # (6)
    check_response(bundle, expect, notes)  # (7)
    check_model(bundle.receipt, policy, expect, notes)  # (8)
    check_times(bundle.receipt, keyset, policy, now_ms, notes)  # (8)
    check_upstream(bundle, rules, expect, notes)  # (9)
    verdict = Verdict(
        claims=tuple(notes.claims), simulated=evidence is not None and evidence.simulated
    )
    return VerifiedAciReceipt(
        bundle=bundle, keyset=keyset, evidence=evidence, verdict=verdict, seal=_SEAL
    )
