"""Whether a receipt may become a leaf, and whether a published batch is what its root says.

The one place for both: the full node asks before it makes a leaf, an auditor asks later.
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Final, final

from opengradient.core.batches import BatchData, KeyRecord
from opengradient.core.bundle import REQUEST, SECTIONS, ReceiptBundle
from opengradient.core.commitments import Disclosed
from opengradient.core.digests import ZERO32
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.merkle import BatchTree, settlement_leaf
from opengradient.core.modes import SettlementMode
from opengradient.core.receipts import ReceiptDomain, SignedReceipt
from opengradient.errors import SettlementError, VerificationError
from opengradient.verify._claims import Notebook
from opengradient.verify._outcome_steps import check_proof
from opengradient.verify._trust_steps import (
    attested_signer,
    check_channel,
    check_domain,
    check_evidence,
    check_modes,
    check_sequence,
    check_time,
)
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.receipts import verify_receipt

SECRETS: Final = frozenset({(REQUEST, "idempotency_key")})
"""What is not published with the rest: whoever knows this key gets the answer again."""

_SEAL: Final = object()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SettleableReceipt:
    """A receipt that may become a leaf. Built by `verify_for_settlement` only.

    Attributes:
        signed: The receipt.
        digest: Its signing digest.
        leaf: Its batch leaf.
        mode: BATCH_HASHED or INDIVIDUAL_FULL.
    """

    signed: SignedReceipt
    digest: bytes
    leaf: bytes
    mode: SettlementMode
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("SettleableReceipt is built by opengradient.verify only")


def verify_for_settlement(
    signed: SignedReceipt,
    *,
    verified_evidence: VerifiedEvidence,
    policy: TrustPolicy,
    domain: ReceiptDomain,
    now_ms: int,
    bundle: ReceiptBundle | None = None,
) -> SettleableReceipt:
    """Check everything about a receipt that bytes can show; `check_registered` is the rest.

    The steps, in order:

    1. the words are in range and of known kinds;
    2. domain: this network's chain and settlement contract;
    3. settlement mode: PRIVATE receipts never settle;
    4. evidence: the one that the receipt names;
    5. key and signature: the attested key, not revoked by the policy;
    6. verification mode;
    7. channel: bound by the evidence;
    8. times, within the validity of the evidence;
    9. sequence: only a first receipt has no predecessor;
    10. proof of execution;
    11. publication: INDIVIDUAL_FULL comes with all its preimages but `SECRETS`, which are
        checked part by part; BATCH_HASHED comes with none.

    Args:
        signed: The parsed receipt.
        verified_evidence: The evidence that it names, verified under the same policy.
        policy: Whom the full node trusts.
        domain: The network's domain.
        now_ms: The time at which to judge, Unix milliseconds.
        bundle: The preimages that are to be published.

    Raises:
        VerificationError: With the step, what was expected and what was found.
        SettlementError: Authentic, but not to be settled in this way.
        UnsupportedError: A format that this release does not know.
    """
    receipt, notes = signed.receipt, Notebook()
    expect = Expectation(domain=domain)
    alone = ReceiptBundle(signed=signed, sections={})
    receipt.check()  # (1)
    check_domain(alone, expect, notes)  # (2)
    mode = SettlementMode(receipt.settlement_mode)
    if mode == SettlementMode.PRIVATE:  # (3)
        raise SettlementError("a PRIVATE receipt is never settled", code="settlement.private")
    check_evidence(alone, policy, now_ms, verified_evidence, notes)  # (4)
    digest = signed.digest
    attested_signer(signed, digest, verified_evidence, policy)  # (5)
    check_modes(receipt, policy, expect, notes)  # (6)
    check_channel(receipt, verified_evidence, expect, notes)  # (7)
    check_time(receipt, verified_evidence, policy, now_ms, notes)  # (8)
    check_sequence(receipt, expect, notes)  # (9)
    check_proof(receipt, notes)  # (10)
    _check_publication(signed, mode, bundle)  # (11)
    if bundle is not None:
        verify_receipt(
            bundle, policy=policy, now_ms=now_ms, expect=expect, evidence=verified_evidence
        )
    leaf = settlement_leaf(digest, signed.signature.r, signed.signature.vs())
    return SettleableReceipt(signed=signed, digest=digest, leaf=leaf, mode=mode, seal=_SEAL)


def _check_publication(
    signed: SignedReceipt, mode: SettlementMode, bundle: ReceiptBundle | None
) -> None:
    if mode == SettlementMode.BATCH_HASHED:
        if bundle is not None:
            raise SettlementError(
                "a BATCH_HASHED receipt came with its preimages, which would be published",
                code="settlement.bundle_unwanted",
            )
        return
    if bundle is None or bundle.signed != signed:
        raise SettlementError(
            "an INDIVIDUAL_FULL receipt is published with its preimages, and they are missing",
            code="settlement.bundle_missing",
        )
    for name in SECTIONS:
        committed = getattr(signed.receipt, f"{name}_commitment") != ZERO32
        section = bundle.sections.get(name)
        whole = section is not None and all(
            isinstance(f, Disclosed) or (name, field) in SECRETS for field, f in section.items()
        )
        if committed and not whole:
            raise SettlementError(
                f"an INDIVIDUAL_FULL receipt withholds its {name} section",
                code="settlement.bundle_missing",
            )


def check_registered(
    *, node_id: bytes, finished_at_ms: int, key: KeyRecord | None, now_ms: int
) -> None:
    """Check a receipt's key against the registry, as the settlement contract judges a challenge.

    Args:
        node_id: The receipt's node id.
        finished_at_ms: When the inference ended, Unix milliseconds.
        key: What the registry knows of the key; None if nothing.
        now_ms: The time at which the leaf is to be anchored, Unix milliseconds.

    Raises:
        SettlementError: `settlement.unknown_node` (repeat when the node is registered) or
            `settlement.key_revoked`.
        VerificationError: `receipt.time`: finished outside the validity of the key.
    """
    if key is None or key.node_id != node_id or key.registered_at_ms > now_ms:
        raise SettlementError("the registry does not know the node", code="settlement.unknown_node")
    if key.revoked:
        raise SettlementError("the node's key was revoked", code="settlement.key_revoked")
    until = key.valid_until_ms
    if finished_at_ms < key.valid_from_ms or (until is not None and finished_at_ms >= until):
        raise VerificationError(
            "the receipt was finished outside the validity of its node's key",
            code="receipt.time",
            expected=f"{key.valid_from_ms} to {until}",
            actual=finished_at_ms,
        )


def verify_batch(
    batch: BatchData,
    *,
    root: bytes,
    size: int,
    evidence: Mapping[bytes, VerifiedEvidence],
    policy: TrustPolicy,
    domain: ReceiptDomain,
    now_ms: int,
    keys: Mapping[bytes, KeyRecord] | None = None,
) -> tuple[SettleableReceipt, ...]:
    """Check a published batch from scratch: what an auditor does.

    Args:
        batch: The parsed data of the blob.
        root: The root that is anchored.
        size: The size that is anchored.
        evidence: Verified evidence by its digest.
        policy: Whom the auditor trusts.
        domain: The network's domain.
        now_ms: The time at which to judge, Unix milliseconds.
        keys: The registry's records by node id; None leaves the registry out.

    Returns:
        Every receipt, in the order of the batch.

    Raises:
        VerificationError: `settlement.batch_data` where the data is not what was anchored, or
            the code of the receipt that should not be in it.
        SettlementError: A receipt that should not be in it.
        UnsupportedError: A format that this release does not know.
    """
    checked = []
    for signed in batch.receipts:
        named = evidence.get(signed.receipt.evidence_digest)
        if named is None:
            raise VerificationError(
                "a receipt of the batch names evidence that is not there",
                code="settlement.evidence_needed",
                actual=signed.receipt.evidence_digest.hex(),
            )
        item = verify_for_settlement(
            signed,
            verified_evidence=named,
            policy=policy,
            domain=domain,
            now_ms=now_ms,
            bundle=batch.bundle,
        )
        if keys is not None:
            node_id = signed.receipt.node_id
            finished = signed.receipt.finished_at
            check_registered(
                node_id=node_id, finished_at_ms=finished, key=keys.get(node_id), now_ms=now_ms
            )
        checked.append(item)
    actual = BatchTree([item.leaf for item in checked]).root
    if actual != root or size != len(checked):
        raise VerificationError(
            "the batch's data is not what was anchored",
            code="settlement.batch_data",
            expected=f"{root.hex()}, size {size}",
            actual=f"{actual.hex()}, size {len(checked)}",
        )
    return tuple(checked)
