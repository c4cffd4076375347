"""That a receipt is a leaf under a root, and that the root is anchored."""

from opengradient.core.merkle import root_from_proof, settlement_leaf
from opengradient.core.receipts import SignedReceipt
from opengradient.core.settlement import InclusionProof
from opengradient.errors import InclusionError


def verify_inclusion(signed: SignedReceipt, inclusion: InclusionProof) -> None:
    """Check that the receipt's leaf leads to the proof's root.

    This says nothing about the ledger: compare `inclusion.root` with the contract for that
    (`opengradient.chain.settlement`), or take the anchor as asserted.

    Raises:
        InclusionError: It does not, or the anchor belongs to another domain.
    """
    leaf = settlement_leaf(signed.digest, signed.signature.r, signed.signature.vs())
    root = root_from_proof(leaf, inclusion.proof)
    if root != inclusion.root:
        raise InclusionError(
            "the Merkle proof leads to another root",
            expected=inclusion.root.hex(),
            actual=root.hex(),
        )
    if inclusion.size < 1 or len(inclusion.proof) > (inclusion.size - 1).bit_length():
        raise InclusionError("the proof is longer than a batch of this size can need")
    anchor = inclusion.anchor
    if anchor is not None and (
        anchor.chain_id != signed.domain.chain_id
        or anchor.settlement_contract != signed.domain.settlement_contract
    ):
        raise InclusionError("the anchor is on another chain or contract than the receipt names")
