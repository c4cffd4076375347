"""kill -9 at random points, many times: what was acknowledged settles, once."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from opengradient.chain.calls import RegistryCalls
from opengradient.chain.messages import Registration
from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import SendPolicy, TransactionSender
from opengradient.chain.settlement import SettlementReader
from opengradient.chain.values import NodeKind
from opengradient.core.canonical import compact_json, parse_json_object
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.receipts import ReceiptDomain, SignedReceipt, sign_receipt
from opengradient.transport import HttpTransport
from opengradient.verify.inclusion import verify_inclusion
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.wire.batches import decode_batch
from opengradient.wire.fields import to_hex
from opengradient.wire.receipts import encode_signed
from opengradient.wire.settlement import decode_inclusion, encode_evidence
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.enclave import SoftwareEnclave
from reference_nodes._kit.rpc import http_post
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.full_node.network import load_facts
from tests.receipt_factory import PCRS, SIGNER, SPKI, Exchange

SEED = 20_260_901
KILLS = 12
BUDGET_S = 20
OWNER = MemorySigner(sha256(b"owner of the nodes"))
MEASUREMENT = sha256(b"measurement")


class Process:
    """The full node as its operator runs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: anyio.abc.Process | None = None
        self.url = ""

    async def start(self) -> None:
        arguments = [
            "--data-dir", str(self._folder / "data"), "--policy", str(self._folder / "policy.json"),
            "--port", "0", "--workers", "0", "--batch-size", "7", "--batch-age-ms", "30",
            "--poll", "0.02", "--fund", to_hex(OWNER.public_key.address),
            "--measurement", to_hex(MEASUREMENT),
        ]  # fmt: skip
        with (self._folder / "log.txt").open("ab") as log:
            self._process = await anyio.open_process(
                [sys.executable, "-m", "reference_nodes.full_node", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )

    async def ready(self) -> str:
        line = b""
        with anyio.fail_after(30):
            while not line.endswith(b"\n"):
                line += await self._process.stdout.receive()
        assert line.startswith(b"READY ")
        self.url = line.decode().split()[1]
        return self.url

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._process.aclose()

    async def stop(self) -> int:
        self._process.terminate()
        with anyio.fail_after(30):
            code = await self._process.wait()
        await self._process.aclose()
        return code


class Outbox:
    """What a node does: keeps each receipt until it was acknowledged, and posts it again."""

    def __init__(self, domain: ReceiptDomain, evidence: Evidence, rng: random.Random) -> None:
        self._domain = domain
        self._evidence = evidence
        self._rng = rng
        self.made: dict[bytes, SignedReceipt] = {}
        self.acknowledged: set[bytes] = set()

    def make(self) -> None:
        number = len(self.made) + 1
        now = system_clock_ms()
        exchange = Exchange(
            words={
                "receipt_id": sha256(f"crash {number}".encode()),
                "sequence": number + 1,
                "started_at": now - 30,
                "first_token_at": now - 20,
                "finished_at": now - 10,
            },
            domain=self._domain,
            evidence=self._evidence,
        )
        signed = sign_receipt(exchange.receipt(), self._domain, SIGNER)
        self.made[signed.digest] = signed

    async def post(self, http: HttpTransport, url: str) -> None:
        """Post what is not acknowledged, and now and then something that is."""
        waiting = [d for d in self.made if d not in self.acknowledged][:10]
        if self.acknowledged and self._rng.random() < 0.3:
            waiting.append(self._rng.choice(sorted(self.acknowledged)))
        items = [{"signed": encode_signed(self.made[d]), "bundle": None} for d in waiting]
        body = compact_json({"receipts": items})
        answer = await http.request("POST", url + "/v1/receipts", content=body)
        assert answer.status == 200, answer.body
        for result in parse_json_object(answer.body)["results"]:
            if result["code"] is None:
                self.acknowledged.add(bytes.fromhex(result["digest"][2:]))
            else:
                assert result["code"] == "settlement.evidence_needed", result
                value = compact_json({"evidence": encode_evidence(self._evidence)})
                given = await http.request("POST", url + "/v1/evidence", content=value)
                assert given.status == 200, given.body


async def register(folder: Path, http: HttpTransport, url: str, evidence: Evidence) -> None:
    facts = load_facts(folder / "data")
    assert facts is not None
    rpc = RpcClient(http_post(http, url + "/rpc"), chain_id=facts.chain_id)
    sender = TransactionSender(rpc, OWNER, SendPolicy(poll_s=0.01))
    registration = Registration(
        owner=OWNER.public_key.address,
        payee=OWNER.public_key.address,
        kind=NodeKind.LLM_PROXY,
        endpoint="https://127.0.0.1:1",
        public_key=SIGNER.public_key,
        keyset_digest=sha256(b"keyset"),
        evidence_digest=evidence.digest(),
        measurement=MEASUREMENT,
        valid_from=int(time.time()) - 60,
        nonce=await NodeRegistryReader(rpc, facts.registry).registration_nonce(
            OWNER.public_key.address
        ),
    )
    await sender.execute(RegistryCalls(facts.registry_domain).register(registration, SIGNER))


async def make_evidence(folder: Path) -> Evidence:
    root = SoftwareRoot.create("crash", now_ms=system_clock_ms())
    policy = TrustPolicy(roots=(root.unsafe_trust(),), measurements=UnsafeAnyMeasurement())
    (folder / "policy.json").write_bytes(compact_json(policy.to_json()))
    keyset = Keyset(signing=SIGNER.public_key, tls_spki_sha256=SPKI)
    return await SoftwareEnclave(root, PCRS).attest(keyset=keyset)


async def post_until_killed(
    outbox: Outbox, http: HttpTransport, process: Process, seconds: float
) -> None:
    """Post for a while, then kill the node, whatever it is doing then."""
    with anyio.move_on_after(seconds):
        while True:
            outbox.make()
            await outbox.post(http, process.url)
    await process.kill()


@pytest.mark.slow
async def test_kill_9_loses_nothing_and_settles_nothing_twice(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    evidence = await make_evidence(tmp_path)
    process = Process(tmp_path)
    await process.start()
    async with HttpTransport() as http:
        url = await process.ready()
        await register(tmp_path, http, url, evidence)
        facts = load_facts(tmp_path / "data")
        domain = ReceiptDomain(chain_id=facts.chain_id, settlement_contract=facts.settlement)
        outbox = Outbox(domain, evidence, rng)
        started, kills = time.monotonic(), 0
        while kills < KILLS and (kills < 3 or time.monotonic() - started < BUDGET_S):
            if rng.random() < 0.25 and kills:  # also while it starts
                with anyio.move_on_after(rng.uniform(0.1, 1.2)):
                    await process.ready()
                await process.kill()
            else:
                if kills:
                    await process.ready()
                await post_until_killed(outbox, http, process, rng.uniform(0.02, 0.6))
            kills += 1
            await process.start()
        await process.ready()
        await settle_all(outbox, http, process)
        await compare_with_the_ledger(outbox, http, process, facts.settlement, facts.chain_id)
    assert await process.stop() == 0
    assert kills >= 3
    assert len(outbox.acknowledged) >= 20


async def settle_all(outbox: Outbox, http: HttpTransport, process: Process) -> None:
    while len(outbox.acknowledged) < len(outbox.made):
        await outbox.post(http, process.url)
    with anyio.fail_after(30):
        for digest in outbox.made:
            while True:
                answer = await http.request("GET", f"{process.url}/v1/settlement/{to_hex(digest)}")
                value = parse_json_object(answer.body)
                if value["state"] == "final":
                    break
            inclusion = decode_inclusion(value["inclusion"])
            verify_inclusion(outbox.made[digest], inclusion)


async def compare_with_the_ledger(
    outbox: Outbox, http: HttpTransport, process: Process, contract: bytes, chain_id: int
) -> None:
    """Read every event of the contract and every blob it names: each receipt is in one, once."""
    rpc = RpcClient(http_post(http, process.url + "/rpc"), chain_id=chain_id)
    reader = SettlementReader(rpc, contract)
    event = reader._abi.events["BatchAnchored"]
    logs = await rpc.logs(contract, (event.topic,))
    anchored = [event.decode(log.topics, log.data) for log in logs]
    roots = [item["root"] for item in anchored]
    assert len(set(roots)) == len(roots), "a root was anchored twice"
    settled: list[bytes] = []
    for item in anchored:
        answer = await http.request("GET", f"{process.url}/v1/blobs/{to_hex(item['blobId'])}")
        assert answer.status == 200, "an anchored batch has no data"
        batch = decode_batch(answer.body)
        assert (batch.tree().root, len(batch.receipts)) == (item["root"], item["size"])
        settled += [signed.digest for signed in batch.receipts]
    assert len(set(settled)) == len(settled), "a receipt was settled twice"
    assert set(settled) == set(outbox.made), "a receipt was lost"
