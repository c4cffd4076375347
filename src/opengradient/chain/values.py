"""What the ledger says, as values. Addresses have 20 bytes, hashes 32; times are unix milliseconds."""

import enum
from dataclasses import dataclass
from typing import final

from opengradient.core.settlement import Anchor


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block's place in the chain.

    Attributes:
        number: Height.
        hash: Its hash.
        parent_hash: Its parent's hash.
        timestamp: Unix seconds, as the chain has it.
        base_fee: Wei per gas; 0 on a chain without EIP-1559.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """An event as a transaction left it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    index: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReceipt:
    """How a transaction ended.

    Attributes:
        transaction_hash: Which one.
        block_number: Where it was mined.
        block_hash: The hash of that block.
        succeeded: False where it was reverted.
        gas_used: Gas.
        effective_gas_price: Wei per gas.
        contract_address: The contract that it created, if any.
        logs: Its events.
    """

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    effective_gas_price: int
    contract_address: bytes | None
    logs: tuple[Log, ...]


class NodeKind(enum.IntEnum):
    """What a node does; 0 and 1 as in the public network's registry."""

    LLM_PROXY = 0
    FULL = 1
    LOCAL_INFERENCE = 2
    DATA = 3
    STORAGE = 4
    MEMSYNC = 5
    RELAY = 6


class NodeStatus(enum.IntEnum):
    """Where a node stands at the time of a block."""

    UNKNOWN = 0
    ACTIVE = 1
    SILENT = 2
    MEASUREMENT_REVOKED = 3
    RETIRED = 4
    KEY_REVOKED = 5


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OhttpConfig:
    """A node's OHTTP key (RFC 9458, section 3). All zero and empty: it has none."""

    key_id: int = 0
    kem_id: int = 0
    kdf_id: int = 0
    aead_id: int = 0
    public_key: bytes = b""
    key_config: bytes = b""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """What the registry says about a node. Discovery and history: the evidence is what is trusted.

    Attributes:
        node_id: keccak256 of the 64-byte signing key.
        owner: Who registered it.
        payee: Who is paid.
        kind: What it does.
        endpoint: Its URL.
        signing_public_key: 64 bytes, uncompressed secp256k1 without prefix.
        keyset_digest: Digest of its keyset.
        evidence_digest: Digest of its current evidence.
        evidence_blob_id: Where that evidence is stored.
        measurement: What code it runs; zero where it claims no enclave.
        legacy_public_key: RSA SPKI DER for the public network's clients; may be empty.
        tls_certificate: DER; may be empty.
        registered_at_ms: When.
        valid_from_ms: Its key's receipts count from here,
        valid_until_ms: to here, exclusive; None while it is open.
        last_heartbeat_ms: Last signed sign of life.
        heartbeat_sequence: Counter of the last heartbeat.
        update_counter: Counter of the last rotation or change of endpoint.
        status: Where it stood at the block that was read.
        ohttp: Its OHTTP key.
    """

    node_id: bytes
    owner: bytes
    payee: bytes
    kind: NodeKind
    endpoint: str
    signing_public_key: bytes
    keyset_digest: bytes
    evidence_digest: bytes
    evidence_blob_id: bytes
    measurement: bytes
    legacy_public_key: bytes
    tls_certificate: bytes
    registered_at_ms: int
    valid_from_ms: int
    valid_until_ms: int | None
    last_heartbeat_ms: int
    heartbeat_sequence: int
    update_counter: int
    status: NodeStatus
    ohttp: OhttpConfig

    @property
    def signer(self) -> bytes:
        """The signing key's 20-byte address."""
        return self.node_id[12:]


class BatchStatus(enum.IntEnum):
    """Where a batch stands on the ledger."""

    NONE = 0
    ANCHORED = 1
    INVALID = 2


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """A batch as the settlement contract and its event have it.

    Attributes:
        root: Merkle root.
        size: Leaves.
        blob_id: Where its data is.
        submitter: Who anchored it.
        status: Anchored, or shown to be wrong.
        anchor: Chain, contract, transaction and block.
    """

    root: bytes
    size: int
    blob_id: bytes
    submitter: bytes
    status: BatchStatus
    anchor: Anchor
