"""Runs one case through the library's public functions and says what came of it."""

import base64
from collections.abc import Mapping
from typing import Any

from opengradient.core.batches import KeyRecord
from opengradient.core.canonical import parse_json_object
from opengradient.core.collateral import Collateral
from opengradient.core.evidence import Evidence, VerifiedEvidence
from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode
from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import OpenGradientError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.receipts import verify_receipt
from opengradient.verify.settlement import verify_batch, verify_for_settlement
from opengradient.wire.batches import decode_batch
from opengradient.wire.fields import decode_value, parse_hex
from opengradient.wire.receipts import decode_bundle, decode_signed

ACCEPT = "accept"


def domain(value: Mapping[str, Any]) -> ReceiptDomain:
    """A network's domain."""
    contract = parse_hex(value["settlementContract"], "contract")
    return ReceiptDomain(chain_id=value["chainId"], settlement_contract=contract)


def fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a section, each tagged with its type."""
    return {name: decode_value(item, name) for name, item in value.items()}


READERS = {
    "domain": domain,
    "nonce": lambda v: parse_hex(v, "nonce"),
    "channel": lambda v: (ChannelKind[v[0]], parse_hex(v[1], "channel")),
    "settlement_mode": lambda v: SettlementMode[v],
    "kinds": lambda v: frozenset(ReceiptKind[name] for name in v),
    "request": fields,
    "response": fields,
    "status": int,
    "chunk_digests": lambda v: tuple(parse_hex(item, "chunk") for item in v),
    "usage": tuple,
    "requested_model": str,
    "previous": lambda v: (v[0], parse_hex(v[1], "previous")),
    "anchored_roots": lambda v: frozenset(parse_hex(item, "root") for item in v),
}


def expectation(value: Mapping[str, Any]) -> Expectation:
    """What the caller knows by itself."""
    return Expectation(**{name: READERS[name](item) for name, item in value.items()})


def _policy(case: Mapping[str, Any]) -> TrustPolicy:
    return TrustPolicy.from_json(case["policy"])


def _evidence(case: Mapping[str, Any]) -> VerifiedEvidence | None:
    if case.get("evidence") is None:
        return None
    document = base64.b64decode(case["evidence"]["document"], validate=True)
    evidence = Evidence(kind=case["evidence"]["kind"], document=document)
    # Under the case's own policy, but what was revoked since then is for the case to say.
    policy = TrustPolicy.from_json(case.get("evidence_policy", case["policy"]))
    return verify_evidence(evidence, policy=policy, now_ms=case["now_ms"])


def _verify_evidence(case: Mapping[str, Any]) -> None:
    evidence = Evidence(
        kind=case["evidence_kind"],
        document=base64.b64decode(case["document"], validate=True),
        runtime_data=base64.b64decode(case["runtime_data"] or "", validate=True),
        collateral=Collateral.of(
            {name: base64.b64decode(data) for name, data in case["collateral"].items()}
        ),
    )
    nonce = None if case["nonce"] is None else bytes.fromhex(case["nonce"])
    verify_evidence(evidence, policy=_policy(case), now_ms=case["now_ms"], nonce=nonce)


def _receipt_file(case: Mapping[str, Any]) -> None:
    verify_receipt(
        decode_bundle(case["file"].encode()),
        policy=_policy(case),
        now_ms=case["now_ms"],
        expect=expectation(case["caller"]),
        evidence=_evidence(case),
    )


def _settlement(case: Mapping[str, Any]) -> None:
    verified = _evidence(case)
    assert verified is not None
    bundle = case.get("bundle")
    verify_for_settlement(
        decode_signed(parse_json_object(case["file"].encode())),
        verified_evidence=verified,
        policy=_policy(case),
        domain=domain(case["caller"]["domain"]),
        now_ms=case["now_ms"],
        bundle=None if bundle is None else decode_bundle(bundle.encode()),
    )


def _key(value: Mapping[str, Any]) -> KeyRecord:
    node_id = parse_hex(value["node_id"], "node_id")
    return KeyRecord(**{**value, "node_id": node_id})


def _batch(case: Mapping[str, Any]) -> None:
    verified = _evidence(case)
    keys = case.get("keys")
    verify_batch(
        decode_batch(case["file"].encode()),
        root=parse_hex(case["root"], "root"),
        size=case["size"],
        evidence={} if verified is None else {verified.evidence_digest: verified},
        policy=_policy(case),
        domain=domain(case["caller"]["domain"]),
        now_ms=case["now_ms"],
        keys=None if keys is None else {key.node_id: key for key in map(_key, keys)},
    )


KINDS = {
    "evidence": _verify_evidence,
    "receipt-file": _receipt_file,
    "settlement": _settlement,
    "batch": _batch,
}


def outcome(case: Mapping[str, Any]) -> str:
    """``"accept"``, or the code of the error.

    Args:
        case: A whole case: every name of a blob or policy replaced by what it names.
    """
    try:
        KINDS[case["kind"]](case)
    except OpenGradientError as error:
        return error.code
    return ACCEPT


def resolve(file: Mapping[str, Any], vector: Mapping[str, Any]) -> dict[str, Any]:
    """A vector of a file of `tests/vectors` as a whole case."""
    if "blobs" in file:
        return _resolve_evidence(file, vector)
    case = {**vector, "policy": file["policies"][vector["policy"]]}
    for name in ("file", "bundle"):
        if vector.get(name) is not None:
            case[name] = file["files"][vector[name]]
    if vector.get("evidence") is not None:
        case["evidence"] = file["evidence"][vector["evidence"]]
    if "evidence_policy" in vector:
        case["evidence_policy"] = file["policies"][vector["evidence_policy"]]
    return case


def _resolve_evidence(file: Mapping[str, Any], vector: Mapping[str, Any]) -> dict[str, Any]:
    blobs = file["blobs"]
    data = vector["runtime_data"]
    return {
        **vector,
        "kind": "evidence",
        "evidence_kind": vector.get("kind", file["kind"]),
        "policy": file["policies"][vector["policy"]],
        "document": blobs[vector["document"]],
        "runtime_data": None if data is None else blobs[data],
        "collateral": {item: blobs[name] for item, name in vector["collateral"].items()},
    }
