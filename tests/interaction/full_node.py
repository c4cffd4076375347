"""The full node's end of settlement, as far as the proxy sees it: a server on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opengradient.core.canonical import parse_json_object
from opengradient.core.evidence import Evidence
from opengradient.wire.fields import to_hex
from opengradient.wire.receipts import decode_bundle, decode_signed
from opengradient.wire.settlement import decode_evidence
from reference_nodes._kit.app import App, Request, Response
from reference_nodes._kit.server import Bind, serving


@dataclass
class FullNode:
    """What it received, and how it behaves."""

    url: str = ""
    failing: int = 0
    refuse: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    garbage: list[bytes] = field(default_factory=list)
    evidence: dict[bytes, Evidence] = field(default_factory=dict)
    accepted: dict[bytes, Any] = field(default_factory=dict)
    seen: list[bytes] = field(default_factory=list)

    async def receipts(self, request: Request) -> Response:
        body = parse_json_object(await request.body(64 * 1024 * 1024))
        if self.failing:
            self.failing -= 1
            return Response(500, b"{}")
        if self.garbage:
            return Response(200, self.garbage.pop())
        results = [self._take(item) for item in body["receipts"]]
        return Response.json({"results": results})

    def _take(self, item: dict[str, Any]) -> dict[str, Any]:
        signed = decode_signed(item["signed"])
        assert signed.signer().node_id == signed.receipt.node_id
        digest = signed.digest
        self.seen.append(digest)
        state, code = "accepted", None
        if to_hex(digest) in self.refuse:
            state, code = "refused", "receipt.time"
        elif to_hex(digest) in self.later:
            state, code = "queued", "settlement.not_now"
        elif signed.receipt.evidence_digest not in self.evidence:
            state, code = "queued", "settlement.evidence_needed"
        else:
            bundle = item["bundle"] and decode_bundle(item["bundle"])
            assert self.accepted.setdefault(digest, bundle) == bundle
        return {"digest": to_hex(digest), "state": state, "code": code, "message": None}

    async def take_evidence(self, request: Request) -> Response:
        body = parse_json_object(await request.body(1024 * 1024))
        evidence = decode_evidence(body["evidence"])
        self.evidence[evidence.digest()] = evidence
        return Response.json({"digest": to_hex(evidence.digest())})

    def app(self) -> App:
        return App(
            {
                "/v1/receipts": {"POST": self.receipts},
                "/v1/evidence": {"POST": self.take_evidence},
            }
        )


@asynccontextmanager
async def full_node(port: int = 0) -> AsyncIterator[FullNode]:
    node = FullNode()
    async with serving(node.app(), Bind(port=port, drain_seconds=0), None) as url:
        node.url = url
        yield node
