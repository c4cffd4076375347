"""What a batch is: the receipts under one anchored root, and what the ledger knows of a key."""

import itertools
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.bundle import ReceiptBundle
from opengradient.core.merkle import BatchTree, settlement_leaf
from opengradient.core.receipts import SignedReceipt
from opengradient.errors import MalformedError

MAX_BATCH: Final = 4096
"""Receipts in one batch: its data stays below ten megabytes and a proof below 13 siblings."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchData:
    """The published data of one batch, in its one order.

    Attributes:
        receipts: Signed receipts, ascending by digest, none twice.
        bundle: The published preimages of an INDIVIDUAL_FULL receipt, which is alone in its batch.
    """

    receipts: tuple[SignedReceipt, ...]
    bundle: ReceiptBundle | None = None

    def __post_init__(self) -> None:
        """Refuse a second order, a receipt that stands twice, and a bundle beside many."""
        if not 1 <= len(self.receipts) <= MAX_BATCH:
            raise MalformedError(f"a batch has 1 to {MAX_BATCH} receipts", step="batch")
        digests = [signed.digest for signed in self.receipts]
        if any(left >= right for left, right in itertools.pairwise(digests)):
            raise MalformedError("a batch is ascending by digest, none twice", step="batch")
        if self.bundle is not None and (self.bundle.signed,) != self.receipts:
            raise MalformedError("a published bundle is of the batch's only receipt", step="batch")

    def tree(self) -> BatchTree:
        """The tree whose root is anchored."""
        return BatchTree([leaf_of(signed) for signed in self.receipts])


def leaf_of(signed: SignedReceipt) -> bytes:
    """The batch leaf of a signed receipt."""
    return settlement_leaf(signed.digest, signed.signature.r, signed.signature.vs())


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What the registry on the ledger knows of one signing key. Times are unix milliseconds.

    Attributes:
        node_id: keccak256 of the key, 32 bytes.
        registered_at_ms: Time of the block that registered it.
        valid_from_ms: From when on the key is valid.
        valid_until_ms: End of its validity, exclusive: retired or revoked; None while it is open.
        revoked: Whether the key or its measurement was revoked.
    """

    node_id: bytes
    registered_at_ms: int
    valid_from_ms: int
    valid_until_ms: int | None
    revoked: bool
