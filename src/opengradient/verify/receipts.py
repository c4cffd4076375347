"""The one check of a receipt: by the client before it returns an answer, and by anyone later.

`verify_receipt` takes bytes that were parsed but not believed, a policy and a time, and returns
a `VerifiedReceipt` or raises. It fetches nothing and reads no clock.
"""

from dataclasses import InitVar, dataclass
from typing import Final, final

from opengradient.core.bundle import ReceiptBundle
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.receipts import Receipt
from opengradient.verify._claims import Notebook
from opengradient.verify._content_steps import check_request, check_response, check_upstream
from opengradient.verify._outcome_steps import (
    check_model,
    check_payment,
    check_proof,
    check_settlement,
)
from opengradient.verify._trust_steps import (
    check_channel,
    check_domain,
    check_evidence,
    check_key,
    check_modes,
    check_sequence,
    check_time,
    note_collateral,
)
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.verdict import Verdict

_SEAL: Final = object()

NOTHING_KNOWN: Final = Expectation()
"""The expectation of somebody who only has the file."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """A receipt that passed every check. Built by `verify_receipt` only.

    Attributes:
        bundle: What was checked.
        evidence: The enclave behind the key.
        verdict: The claims.
    """

    bundle: ReceiptBundle
    evidence: VerifiedEvidence
    verdict: Verdict
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedReceipt is built by opengradient.verify only")

    @property
    def receipt(self) -> Receipt:
        """The struct that was signed."""
        return self.bundle.signed.receipt


def verify_receipt(
    bundle: ReceiptBundle,
    *,
    policy: TrustPolicy,
    now_ms: int,
    expect: Expectation = NOTHING_KNOWN,
    evidence: VerifiedEvidence | None = None,
) -> VerifiedReceipt:
    """Check a receipt and everything shown with it.

    The steps, in order (docs/spec/receipt.md, section 6):

    1. the words of the receipt are in range and of known kinds;
    2. domain: the network's chain and settlement contract;
    3. evidence: the very document that the receipt names, against the policy at `now_ms`;
    4. key: bound by that evidence, valid at the receipt's time, not revoked;
    5. signature;
    6. mode: verification and settlement mode;
    7. channel: the one that was used, and bound by the evidence;
    8. request: nonce, exact bytes;
    9. upstream: what the node sent to the provider;
    10. response: part by part, status, stream chunks, usage;
    11. model: asked for and served;
    12. times and sequence;
    13. proof of execution;
    14. settlement: inclusion under an anchored root;
    15. payment.

    Args:
        bundle: The parsed bundle.
        policy: Whom and what the caller trusts.
        now_ms: The time at which to judge, Unix milliseconds.
        expect: What the caller knows by itself.
        evidence: The evidence if the caller has verified it already under the same policy.

    Raises:
        VerificationError: With the step, what was expected and what was found.
        UnsupportedError: A format that this release does not know.
    """
    notes = Notebook()
    receipt = bundle.signed.receipt
    receipt.check()  # (1)
    check_domain(bundle, expect, notes)  # (2)
    verified = check_evidence(bundle, policy, now_ms, evidence, notes)  # (3)
    note_collateral(expect, now_ms, notes)
    for device in expect.devices:
        notes.write(device.claim)
    check_key(bundle, verified, policy, notes)  # (4) (5)
    check_modes(receipt, policy, expect, notes)  # (6)
    check_channel(receipt, verified, expect, notes)  # (7)
    check_request(bundle, expect, notes)  # (8)
    check_upstream(bundle, verified, notes)  # (9)
    check_response(bundle, expect, notes)  # (10)
    check_model(bundle, verified, policy, expect, notes)  # (11)
    check_time(receipt, verified, policy, now_ms, notes)  # (12)
    check_sequence(receipt, expect, notes)  # (12)
    check_proof(receipt, notes)  # (13)
    check_settlement(bundle, expect, notes)  # (14)
    check_payment(bundle, notes)  # (15)
    verdict = Verdict(claims=tuple(notes.claims), simulated=verified.simulated)
    return VerifiedReceipt(bundle=bundle, evidence=verified, verdict=verdict, seal=_SEAL)
