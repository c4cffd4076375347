"""Where a receipt stands on its way to the ledger, and the proof that it arrived."""

import enum
from dataclasses import dataclass
from typing import final


class SettlementState(enum.StrEnum):
    """How far a receipt has come.

    QUEUED: in the node's durable outbox. ACCEPTED: verified by a full node, waits for its batch.
    BATCHED: a leaf of a batch whose data is stored. ANCHORED: its root is on the ledger.
    FINAL: buried under the network's confirmation depth. PRIVATE: will not settle, by choice.
    REFUSED: a full node refused it.
    """

    QUEUED = "queued"
    ACCEPTED = "accepted"
    BATCHED = "batched"
    ANCHORED = "anchored"
    FINAL = "final"
    PRIVATE = "private"
    REFUSED = "refused"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The ledger's record of a batch.

    Attributes:
        chain_id: EIP-155 id.
        settlement_contract: 20 bytes.
        transaction_hash: 32 bytes.
        block_number: Height of the block.
        block_hash: 32 bytes.
        block_time: Unix seconds.
    """

    chain_id: int
    settlement_contract: bytes
    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    block_time: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That one receipt is a leaf of one batch.

    Attributes:
        root: Root of the batch's tree, 32 bytes.
        size: Leaves in the batch.
        proof: Siblings from the leaf to the root.
        blob_id: Content id of the batch data, 32 bytes.
        submitter: 20-byte address that anchored it.
        anchor: The ledger's record; None until it is anchored.
    """

    root: bytes
    size: int
    proof: tuple[bytes, ...]
    blob_id: bytes
    submitter: bytes
    anchor: Anchor | None = None
