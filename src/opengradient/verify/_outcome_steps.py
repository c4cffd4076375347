"""Steps 11 and 13 to 15 of a receipt's check: model, proof, settlement, payment."""

from opengradient.core.bundle import MODEL, PAYMENT, WEIGHTS, ReceiptBundle
from opengradient.core.digests import ZERO32
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.modes import ProofKind, ReceiptKind, SettlementMode
from opengradient.core.receipts import Receipt
from opengradient.errors import PolicyError, ProofError, UnsupportedError, VerificationError
from opengradient.verify._claims import Notebook
from opengradient.verify._sections import WITHHELD, shown, value_of
from opengradient.verify._weights import check_weights
from opengradient.verify.expectation import Expectation
from opengradient.verify.inclusion import verify_inclusion
from opengradient.verify.policy import TrustPolicy


def check_model(
    bundle: ReceiptBundle,
    verified: VerifiedEvidence,
    policy: TrustPolicy,
    expect: Expectation,
    notes: Notebook,
) -> None:
    """Step 11: the model asked for and the model served."""
    section = shown(bundle, MODEL, bundle.signed.receipt.model_commitment, "receipt.model")
    requested, served = value_of(section, "requested"), value_of(section, "served")
    if expect.requested_model is not None and requested != expect.requested_model:
        raise VerificationError(
            "the receipt is for another model than was asked for",
            code="receipt.model",
            expected=expect.requested_model,
            actual=requested,
        )
    if policy.models is not None and served not in policy.models:
        raise PolicyError(
            "the served model is not one that the policy allows",
            code="policy.model",
            expected=sorted(policy.models),
            actual=served,
        )
    receipt = bundle.signed.receipt
    if receipt.kind == ReceiptKind.MODEL or (section is not None and section.keys() & WEIGHTS):
        check_weights(receipt, section, verified, notes)
    elif section is None:
        notes.absent("model", WITHHELD)
        notes.absent("weights", WITHHELD)
    else:
        _note_provider(requested, served, notes)


def _note_provider(requested: object, served: object, notes: Notebook) -> None:
    """What a provider says of its model."""
    if served is None:
        notes.absent("model", "the provider named none", f"asked for {requested}")
    else:
        notes.asserted("model", "the provider", f"asked for {requested}, served {served}")
    notes.absent("weights", "nobody proves which weights the provider ran")


def check_proof(receipt: Receipt, notes: Notebook) -> None:
    """Step 13: a proof of execution, if the receipt names one."""
    kind = ProofKind(receipt.proof_kind)
    if kind == ProofKind.NONE:
        if receipt.proof_digest != ZERO32 or receipt.proof_soundness_bits:
            raise ProofError("a receipt without proof names one")
        notes.absent("execution", "no proof of execution: the mode does not make one")
        return
    raise UnsupportedError(f"proofs of kind {kind.name} are not known to this release")


def check_settlement(bundle: ReceiptBundle, expect: Expectation, notes: Notebook) -> None:
    """Step 14: inclusion under a root."""
    inclusion = bundle.inclusion
    if inclusion is None:
        mode = SettlementMode(bundle.signed.receipt.settlement_mode)
        why = "private by choice" if mode == SettlementMode.PRIVATE else "no proof of it yet"
        notes.absent("settlement", why)
        return
    verify_inclusion(bundle.signed, inclusion)
    where = f"root {inclusion.root.hex()}, batch of {inclusion.size}"
    if inclusion.root in expect.anchored_roots:
        notes.proven("settlement", "Merkle proof to a root found on the ledger", where)
    elif inclusion.anchor is not None:
        block = f", block {inclusion.anchor.block_number}"
        notes.asserted(
            "settlement",
            "Merkle proof checked; that the root is on the ledger is the full node's word",
            where + block,
        )
    else:
        notes.asserted("settlement", "Merkle proof checked; the root is not anchored yet", where)


def check_payment(bundle: ReceiptBundle, notes: Notebook) -> None:
    """Step 15: what was paid."""
    receipt = bundle.signed.receipt
    section = shown(bundle, PAYMENT, receipt.payment_commitment, "receipt.payment")
    if receipt.price == 0 and receipt.payment_commitment == ZERO32:
        notes.absent("payment", "free of charge")
    elif section is None:
        notes.absent("payment", WITHHELD, f"price {receipt.price}")
    else:
        notes.asserted(
            "payment", "the node", f"price {receipt.price} of {value_of(section, 'asset')}"
        )
