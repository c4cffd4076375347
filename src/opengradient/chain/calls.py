"""Every transaction that nodes, submitters, auditors and governance send: where to, and the calldata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from opengradient.chain.abi import NODE_REGISTRY, SETTLEMENT, contract
from opengradient.chain.messages import (
    EndpointUpdate,
    EvidenceUpdate,
    Heartbeat,
    Registration,
    RegistryDomain,
)
from opengradient.core.keys import Signature, Signer
from opengradient.core.receipts import FIELDS, Receipt, SignedReceipt
from opengradient.core.settlement import InclusionProof


@final
@dataclass(frozen=True, slots=True)
class Call:
    """A call of a contract, not yet a transaction. `to` None deploys `data`."""

    to: bytes | None
    data: bytes


@final
class RegistryCalls:
    """Transactions to one node registry."""

    __slots__ = ("_abi", "domain")

    def __init__(self, domain: RegistryDomain) -> None:
        """Address the registry of `domain`."""
        self._abi = contract(NODE_REGISTRY)
        self.domain = domain

    def _call(self, function: str, *args: Any) -> Call:
        return Call(self.domain.registry, self._abi.encode(function, *args))

    def _sign(self, node: Signer, struct_hash: bytes) -> tuple[bytes, bytes]:
        signature = node.sign(self.domain.digest(struct_hash))
        return signature.r, signature.vs()

    def register(self, registration: Registration, node: Signer) -> Call:
        """Register a node; to be sent by its owner."""
        signature = self._sign(node, registration.struct_hash())
        return self._call("register", registration.members(), *signature)

    def rotate_evidence(self, update: EvidenceUpdate, node: Signer) -> Call:
        """Publish new evidence; anyone may send it."""
        signature = self._sign(node, update.struct_hash())
        return self._call("rotateEvidence", update.members(), *signature)

    def update_endpoint(self, update: EndpointUpdate, node: Signer) -> Call:
        """Publish a new endpoint and payee; anyone may send it."""
        signature = self._sign(node, update.struct_hash())
        return self._call("updateEndpoint", update.members(), *signature)

    def heartbeat(self, beat: Heartbeat, node: Signer) -> Call:
        """Publish a sign of life; anyone may send it."""
        signature = self._sign(node, beat.struct_hash())
        return self._call("heartbeat", beat.node_id, beat.counter, beat.timestamp, *signature)

    def retire(self, node_id: bytes) -> Call:
        """End a node's service; to be sent by its owner."""
        return self._call("retire", node_id)

    def revoke_key(self, node_id: bytes) -> Call:
        """Revoke a key for good; to be sent by its owner or by governance."""
        return self._call("revokeKey", node_id)

    def approve_measurement(self, measurement: bytes) -> Call:
        """Admit code; to be sent by governance."""
        return self._call("approveMeasurement", measurement)

    def revoke_measurement(self, measurement: bytes) -> Call:
        """Close all nodes that run this code, for good; to be sent by governance."""
        return self._call("revokeMeasurement", measurement)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A leaf of a batch and the way to its root."""

    digest: bytes
    signature: Signature
    proof: Sequence[bytes]

    def members(self) -> Mapping[str, Any]:
        """The struct as calldata takes it."""
        return {
            "digest": self.digest,
            "r": self.signature.r,
            "vs": self.signature.vs(),
            "proof": list(self.proof),
        }


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRef:
    """A batch and the data that its commitment on the ledger stands for."""

    root: bytes
    blob_id: bytes
    submitter: bytes

    @classmethod
    def of(cls, inclusion: InclusionProof) -> "BatchRef":
        """The batch of a proof of inclusion."""
        return cls(root=inclusion.root, blob_id=inclusion.blob_id, submitter=inclusion.submitter)

    def members(self) -> Mapping[str, Any]:
        """The struct as calldata takes it."""
        return {"root": self.root, "blobId": self.blob_id, "submitter": self.submitter}


@final
class SettlementCalls:
    """Transactions to one settlement contract."""

    __slots__ = ("_abi", "settlement")

    def __init__(self, settlement: bytes) -> None:
        """Address the contract at `settlement` (20 bytes)."""
        self._abi = contract(SETTLEMENT)
        self.settlement = settlement

    def _call(self, function: str, *args: Any) -> Call:
        return Call(self.settlement, self._abi.encode(function, *args))

    def anchor(self, *, root: bytes, size: int, blob_id: bytes) -> Call:
        """Anchor a batch; to be sent by an authorised submitter."""
        return self._call("anchor", root, size, blob_id)

    def verify_inclusion(self, *, root: bytes, leaf: Leaf) -> Call:
        """Check a leaf against an anchored batch; a view, but it can be sent too."""
        signature = (leaf.signature.r, leaf.signature.vs())
        return self._call("verifyInclusion", root, leaf.digest, *signature, list(leaf.proof))

    def challenge_leaf(self, batch: BatchRef, leaf: Leaf) -> Call:
        """Show a leaf that no key known to the registry signed."""
        return self._call("challengeLeaf", batch.members(), leaf.members())

    def challenge_receipt(
        self, batch: BatchRef, signed: SignedReceipt, proof: Sequence[bytes]
    ) -> Call:
        """Show a receipt that names another node than its signer, or lies outside its validity."""
        leaf = Leaf(digest=signed.digest, signature=signed.signature, proof=proof)
        members = receipt_members(signed.receipt)
        return self._call("challengeReceipt", batch.members(), members, leaf.members())

    def challenge_duplicate(
        self, first: BatchRef, first_leaf: Leaf, second: BatchRef, second_leaf: Leaf
    ) -> Call:
        """Show that one receipt was settled twice."""
        return self._call(
            "challengeDuplicate",
            first.members(),
            first_leaf.members(),
            second.members(),
            second_leaf.members(),
        )

    def authorise_submitter(self, submitter: bytes) -> Call:
        """Let an address anchor, or lift its suspension; to be sent by the owner."""
        return self._call("authoriseSubmitter", submitter)

    def remove_submitter(self, submitter: bytes) -> Call:
        """Take the right to anchor away; to be sent by the owner."""
        return self._call("removeSubmitter", submitter)


def receipt_members(receipt: Receipt) -> Mapping[str, Any]:
    """A receipt as calldata takes it."""
    return {field.wire: getattr(receipt, field.name) for field in FIELDS}
