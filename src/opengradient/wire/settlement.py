"""Evidence and proofs of inclusion as JSON. Strict both ways."""

from typing import Any

from opengradient.core.canonical import JsonObject
from opengradient.core.collateral import Collateral
from opengradient.core.evidence import Evidence
from opengradient.core.settlement import Anchor, InclusionProof
from opengradient.errors import MalformedError
from opengradient.wire.fields import (
    members,
    natural,
    parse_base64,
    parse_hex,
    to_base64,
    to_hex,
)


def encode_evidence(evidence: Evidence) -> JsonObject:
    """Evidence as JSON."""
    return {
        "kind": evidence.kind,
        "document": to_base64(evidence.document),
        "runtimeData": to_base64(evidence.runtime_data),
        "collateral": {name: to_base64(item) for name, item in evidence.collateral.items},
    }


def decode_evidence(value: Any) -> Evidence:
    """Read evidence; nothing of it is checked yet."""
    if isinstance(value, dict) and value.get("collateral") == [] and "runtimeData" not in value:
        # Receipt files of release 0.1 wrote evidence so.
        value = {**value, "runtimeData": "", "collateral": {}}
    members(value, "evidence", ("kind", "document", "runtimeData", "collateral"))
    if not isinstance(value["kind"], str) or not isinstance(value["collateral"], dict):
        raise MalformedError("evidence.kind must be a string and evidence.collateral an object")
    return Evidence(
        kind=value["kind"],
        document=parse_base64(value["document"], "evidence.document"),
        runtime_data=parse_base64(value["runtimeData"], "evidence.runtimeData"),
        collateral=Collateral.of(
            {
                name: parse_base64(item, "evidence.collateral")
                for name, item in value["collateral"].items()
            }
        ),
    )


def encode_inclusion(inclusion: InclusionProof) -> JsonObject:
    """A proof of inclusion as JSON."""
    return {
        "root": to_hex(inclusion.root),
        "size": inclusion.size,
        "proof": [to_hex(node) for node in inclusion.proof],
        "blobId": to_hex(inclusion.blob_id),
        "submitter": to_hex(inclusion.submitter),
        "anchor": None if inclusion.anchor is None else encode_anchor(inclusion.anchor),
    }


def encode_anchor(anchor: Anchor) -> JsonObject:
    """The ledger's record of a batch as JSON."""
    return {
        "chainId": anchor.chain_id,
        "settlementContract": to_hex(anchor.settlement_contract),
        "transactionHash": to_hex(anchor.transaction_hash),
        "blockNumber": anchor.block_number,
        "blockHash": to_hex(anchor.block_hash),
        "blockTime": anchor.block_time,
    }


def decode_inclusion(value: Any) -> InclusionProof:
    """Read a proof of inclusion; nothing of it is checked yet."""
    members(value, "inclusion", ("root", "size", "proof", "blobId", "submitter", "anchor"))
    if not isinstance(value["proof"], list) or len(value["proof"]) > 64:
        raise MalformedError("inclusion.proof must be a list of at most 64 nodes")
    return InclusionProof(
        root=parse_hex(value["root"], "inclusion.root", 32),
        size=natural(value["size"], "inclusion.size"),
        proof=tuple(parse_hex(node, "inclusion.proof", 32) for node in value["proof"]),
        blob_id=parse_hex(value["blobId"], "inclusion.blobId", 32),
        submitter=parse_hex(value["submitter"], "inclusion.submitter", 20),
        anchor=None if value["anchor"] is None else _decode_anchor(value["anchor"]),
    )


def _decode_anchor(value: Any) -> Anchor:
    names = ("chainId", "settlementContract", "transactionHash", "blockNumber", "blockHash")
    members(value, "anchor", (*names, "blockTime"))
    return Anchor(
        chain_id=natural(value["chainId"], "anchor.chainId"),
        settlement_contract=parse_hex(value["settlementContract"], "anchor.settlementContract", 20),
        transaction_hash=parse_hex(value["transactionHash"], "anchor.transactionHash", 32),
        block_number=natural(value["blockNumber"], "anchor.blockNumber"),
        block_hash=parse_hex(value["blockHash"], "anchor.blockHash", 32),
        block_time=natural(value["blockTime"], "anchor.blockTime"),
    )
