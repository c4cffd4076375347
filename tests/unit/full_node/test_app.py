"""The full node's HTTP contract, over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opengradient.core.canonical import compact_json, parse_json
from opengradient.core.digests import sha256
from opengradient.core.settlement import SettlementState
from opengradient.transport import HttpTransport
from opengradient.verify.inclusion import verify_inclusion
from opengradient.wire.fields import parse_hex, to_hex
from opengradient.wire.receipts import encode_signed
from opengradient.wire.settlement import decode_evidence, decode_inclusion, encode_evidence
from reference_nodes._kit.server import Bind, serving
from reference_nodes.full_node.app import create_app
from reference_nodes.full_node.service import FullNode
from tests.receipt_factory import SIGNER
from tests.unit.full_node.kit import (
    LIMIT,
    Network,
    evidence_of,
    full_node,
    network,
    receipt,
    until,
)

EVIDENCE = evidence_of(SIGNER)


@dataclass
class Web:
    """A full node behind a socket."""

    net: Network
    node: FullNode
    url: str
    http: HttpTransport

    async def ask(
        self, method: str, path: str, value: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        content = (
            value if isinstance(value, bytes) else b"" if value is None else compact_json(value)
        )
        answer = await self.http.request(
            method, self.url + path, content=content, headers={"content-type": kind}
        )
        if answer.headers.get("content-type") == "application/json":
            return answer.status, parse_json(answer.body)
        return answer.status, answer.body


@asynccontextmanager
async def web(folder: Path, *, limit: int = LIMIT, known: bool = True) -> AsyncIterator[Web]:
    async with (
        network() as net,
        full_node(net, folder, known=known) as node,
        serving(
            create_app(node, max_body_bytes=limit, ledger=net.switch.post), Bind(), None
        ) as url,
        HttpTransport() as http,
    ):
        yield Web(net, node, url, http)


def request(*receipts) -> dict[str, Any]:
    return {"receipts": [{"signed": encode_signed(item), "bundle": None} for item in receipts]}


async def test_from_receipt_to_proof(tmp_path: Path) -> None:
    async with web(tmp_path) as on:
        signed = receipt(1, on.net.domain)
        digest = to_hex(signed.digest)
        status, value = await on.ask("POST", "/v1/receipts", request(signed))
        assert status == 200
        accepted = {"digest": digest, "state": "accepted", "code": None, "message": None}
        assert value == {"results": [accepted]}
        await until(on.node, signed.digest, SettlementState.FINAL)
        status, value = await on.ask("GET", f"/v1/settlement/{digest}")
        assert status == 200
        assert (value["digest"], value["state"], value["reason"]) == (digest, "final", None)
        inclusion = decode_inclusion(value["inclusion"])
        verify_inclusion(signed, inclusion)
        status, batch = await on.ask("GET", f"/v1/batches/{to_hex(inclusion.root)}")
        assert status == 200
        assert (batch["size"], batch["state"]) == (1, "final")
        assert batch["anchor"] == value["inclusion"]["anchor"]
        status, blob = await on.ask("GET", f"/v1/blobs/{batch['blobId']}")
        assert status == 200
        assert sha256(blob) == inclusion.blob_id
        status, health = await on.ask("GET", "/health")
        assert (status, health["status"], health["waiting"]) == (200, "ok", 0)


async def test_takes_and_gives_evidence(tmp_path: Path) -> None:
    async with web(tmp_path, known=False) as on:
        path = f"/v1/evidence/{to_hex(EVIDENCE.digest())}"
        assert (await on.ask("GET", path))[0] == 404
        posted = await on.ask("POST", "/v1/evidence", {"evidence": encode_evidence(EVIDENCE)})
        assert posted[0] == 200
        assert parse_hex(posted[1]["digest"], "digest") == EVIDENCE.digest()
        status, value = await on.ask("GET", path)
        assert status == 200
        assert decode_evidence(value["evidence"]) == EVIDENCE


async def test_refuses_what_is_no_request(tmp_path: Path) -> None:
    async with web(tmp_path, limit=3000) as on:
        for method, path, value, expected in [
            ("POST", "/v1/receipts", b"{", (400, "format.malformed")),
            ("POST", "/v1/receipts", {"receipts": []}, (400, "format.malformed")),
            ("POST", "/v1/receipts", b"x" * 3001, (413, "request.too_large")),
            ("POST", "/v1/evidence", {"evidence": 1}, (400, "format.malformed")),
            ("GET", "/v1/settlement/0x12", None, (400, "format.malformed")),
            ("GET", f"/v1/settlement/0x{'AB' * 32}", None, (400, "format.malformed")),
            ("GET", f"/v1/settlement/0x{'00' * 32}", None, (404, "node.not_found")),
            ("GET", f"/v1/batches/0x{'00' * 32}", None, (404, "node.not_found")),
            ("GET", f"/v1/blobs/0x{'00' * 32}", None, (404, "node.not_found")),
            ("GET", "/v1/receipts", None, (405, "node.method")),
            ("GET", "/v2", None, (404, "node.unknown_path")),
        ]:
            status, answer = await on.ask(method, path, value)
            assert (status, answer["error"]["code"]) == expected, path


async def test_a_damaged_blob_is_not_handed_out(tmp_path: Path) -> None:
    async with web(tmp_path) as on:
        signed = receipt(1, on.net.domain)
        await on.node.submit(compact_json(request(signed)))
        await until(on.node, signed.digest, SettlementState.FINAL)
        ((_, _, blob_id),) = await on.net.events()
        (path,) = (tmp_path / "blobs").rglob(blob_id.hex())
        path.write_bytes(path.read_bytes()[:-1])
        status, answer = await on.ask("GET", f"/v1/blobs/{to_hex(blob_id)}")
        assert (status, answer["error"]["code"]) == (500, "settlement.blob")


async def test_serves_the_embedded_ledger(tmp_path: Path) -> None:
    async with web(tmp_path) as on:
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        status, answer = await on.ask("POST", "/rpc", call)
        assert (status, answer["result"]) == (200, "0x7a69")
        # A web page cannot send JSON to this address without asking first.
        assert (await on.ask("POST", "/rpc", call, kind="text/plain"))[0] == 400
