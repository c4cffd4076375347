"""The small closed sets that a receipt names by number."""

import enum


class VerificationMode(enum.IntEnum):
    """How an inference can be checked. The numbers are the public network's."""

    VANILLA = 0
    ZKML = 1
    TEE = 2


class SettlementMode(enum.IntEnum):
    """What of an inference reaches the ledger.

    PRIVATE: nothing about the content leaves the node, not even hashes.
    BATCH_HASHED: salted commitments, in a batch under one Merkle root (the default).
    INDIVIDUAL_FULL: the preimages are published, anchored by themselves.
    """

    PRIVATE = 0
    BATCH_HASHED = 1
    INDIVIDUAL_FULL = 2


class ReceiptKind(enum.IntEnum):
    """What a receipt is about."""

    CHAT = 1
    COMPLETION = 2
    IMAGE = 3
    EMBEDDING = 4
    MODEL = 5
    DATA = 6
    REFUSAL = 7
    ERROR = 8


class ChannelKind(enum.IntEnum):
    """What protected the request on its way: nothing, pinned TLS, or HPKE."""

    NONE = 0
    TLS = 1
    HPKE = 2


class ProofKind(enum.IntEnum):
    """A proof of execution beside the receipt."""

    NONE = 0
    ZK = 1
