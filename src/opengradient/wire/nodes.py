"""What nodes say about themselves and about settlement, as JSON. Strict."""

from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.bundle import AttachedReceipt
from opengradient.core.node_evidence import NodeEvidence
from opengradient.core.receipts import ReceiptDomain
from opengradient.core.settlement import InclusionProof, SettlementState
from opengradient.errors import MalformedError
from opengradient.wire.fields import members, natural, parse_hex
from opengradient.wire.receipts import decode_attached
from opengradient.wire.settlement import decode_evidence, decode_inclusion

MAX_DEVICES: Final = 4
"""Documents, each of which can speak of every GPU of one machine."""


def decode_node_evidence(value: Any) -> NodeEvidence:
    """Read the answer to ``GET /v1/evidence``; nothing of it is checked yet."""
    members(
        value,
        "node evidence",
        ("nodeId", "standing", "fresh", "tlsCertificate", "legacySigningKey", "domain", "devices"),
    )
    devices = value["devices"]
    if not isinstance(devices, list) or len(devices) > MAX_DEVICES:
        raise MalformedError(f"devices must be a list of at most {MAX_DEVICES}")
    domain = members(value["domain"], "domain", ("chainId", "settlementContract"))
    contract = parse_hex(domain["settlementContract"], "domain.settlementContract", 20)
    return NodeEvidence(
        node_id=parse_hex(value["nodeId"], "nodeId", 32),
        standing=decode_evidence(value["standing"]),
        fresh=None if value["fresh"] is None else decode_evidence(value["fresh"]),
        tls_certificate=_text_or_null(value["tlsCertificate"], "tlsCertificate"),
        legacy_signing_key=_text_or_null(value["legacySigningKey"], "legacySigningKey"),
        domain=ReceiptDomain(
            chain_id=natural(domain["chainId"], "domain.chainId"), settlement_contract=contract
        ),
        devices=tuple(decode_evidence(device) for device in devices),
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementStatus:
    """Where a node says that a receipt stands.

    Attributes:
        digest: The receipt's digest.
        state: How far it has come.
        inclusion: Its proof, once there is one; unchecked.
        reason: Why it was refused, where it was.
    """

    digest: bytes
    state: SettlementState
    inclusion: InclusionProof | None
    reason: str | None


def decode_settlement_status(value: Any) -> SettlementStatus:
    """Read the answer to ``GET /v1/settlement/{digest}`` of any node."""
    members(value, "settlement status", ("digest", "state", "inclusion"), ("reason",))
    if value["state"] not in list(SettlementState):
        raise MalformedError("an unknown settlement state", actual=value["state"])
    inclusion = value["inclusion"]
    return SettlementStatus(
        digest=parse_hex(value["digest"], "digest", 32),
        state=SettlementState(value["state"]),
        inclusion=None if inclusion is None else decode_inclusion(inclusion),
        reason=_text_or_null(value.get("reason"), "reason"),
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RecalledReceipt:
    """What a node still has under an idempotency key.

    Attributes:
        running: Whether the request still runs; then the rest is empty.
        status: HTTP status of the answer; 0 while it runs.
        attached: The receipt as it went with the answer.
        chunk_digests: SHA-256 of each chunk of a stream.
    """

    running: bool
    status: int
    attached: AttachedReceipt | None
    chunk_digests: tuple[bytes, ...]


def decode_recalled(value: Any) -> RecalledReceipt:
    """Read the answer to ``GET /v1/receipts``."""
    members(value, "recalled receipt", ("state", "status", "opengradient", "chunkDigests"))
    if value["state"] not in ("running", "done") or not isinstance(value["chunkDigests"], list):
        raise MalformedError("not a recalled receipt")
    running = value["state"] == "running"
    attached = value["opengradient"]
    if running != (attached is None):
        raise MalformedError("a recalled receipt is there exactly when its request is done")
    return RecalledReceipt(
        running=running,
        status=natural(value["status"], "status"),
        attached=None if attached is None else decode_attached(attached),
        chunk_digests=tuple(parse_hex(item, "chunkDigests", 32) for item in value["chunkDigests"]),
    )


def decode_models(value: Any) -> tuple[str, ...]:
    """Read the model ids of ``GET /v1/models``."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise MalformedError("not a list of models")
    names = [item.get("id") if isinstance(item, dict) else None for item in value["data"]]
    if not all(isinstance(name, str) for name in names):
        raise MalformedError("a model in the list has no id")
    return tuple(str(name) for name in names)


def decode_relay_nodes(value: Any) -> tuple[bytes, ...]:
    """Read the answer to ``GET /v1/relay/nodes``: the ids of nodes, each once."""
    listed = members(value, "a relay's nodes", ("nodes",))["nodes"]
    if not isinstance(listed, list):
        raise MalformedError("a relay's nodes must be a list")
    return tuple(dict.fromkeys(parse_hex(item, "node id", 32) for item in listed))


def _text_or_null(value: Any, what: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise MalformedError(f"{what} must be a string or null")
    return value
