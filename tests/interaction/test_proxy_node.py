"""The proxy node over real sockets, with a simulated provider behind it."""

import base64
import itertools
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from opengradient.core.digests import keccak256, sha256
from opengradient.core.keyset import Keyset
from opengradient.core.modes import ReceiptKind, SettlementMode
from opengradient.testing.simulators import Scenario
from opengradient.verify.attestation import verify_evidence
from opengradient.wire.settlement import decode_evidence
from reference_nodes._kit.assembly import JOURNAL_FILE, MIGRATIONS
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.journal import Journal
from reference_nodes._kit.outbox import Outbox
from tests.interaction.proxy import CHAT, Node, chat, everything_in, proxy_node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path) as running:
        yield running


async def test_chat_is_answered_and_its_receipt_verifies(node: Node) -> None:
    response = await node.post(chat(), headers={"x-opengradient-nonce": "ab" * 32})
    reply, verified = node.checked(response)
    assert response.status_code == 200
    assert reply.choices[0].text == "Hello from the simulator."
    assert reply.usage.input_tokens == verified.receipt.input_tokens == 11
    assert verified.verdict["nonce"].status == "proven"
    assert verified.verdict["channel"].status == "proven"
    assert response.headers["x-opengradient-node"] == "0x" + verified.receipt.node_id.hex()


async def test_upstream_bytes_in_the_receipt_are_those_the_provider_got(node: Node) -> None:
    for body in (chat(seed=3, stop=["x"]), chat(stream=True)):
        response = await node.post(body)
        check = node.checked_stream if body.get("stream") else node.checked
        section = check(response)[1].bundle.sections["upstream"]
        received = node.sim.requests[-1]
        assert section["body"].value == received.body
        assert section["url"].value == node.sim.url + "/chat/completions"
        assert "authorization" not in section["headers"].value
        for name, value in section["headers"].value.items():
            assert received.headers[name] == value


async def test_stream_is_bound_chunk_by_chunk(node: Node) -> None:
    response = await node.post(chat("openai/sim-chunks-40", stream=True))
    deltas, verified = node.checked_stream(response)
    assert "".join(d.text or "" for d in deltas) == "".join(f" w{i}" for i in range(40))
    assert verified.receipt.stream_chunks == 40
    assert verified.verdict["stream"].status == "proven"
    assert verified.receipt.started_at <= verified.receipt.first_token_at


@pytest.mark.parametrize("stream", [False, True])
async def test_tool_calls_are_bound(node: Node, stream: bool) -> None:
    response = await node.post(chat("openai/sim-tools", stream=stream))
    if stream:
        deltas, verified = node.checked_stream(response)
        assert "".join(c.arguments for d in deltas for c in d.tool_calls if c.index == 0)
    else:
        reply, verified = node.checked(response)
        assert [call.name for call in reply.choices[0].tool_calls] == ["get_weather", "get_time"]
    assert verified.receipt.kind == ReceiptKind.CHAT


@pytest.mark.parametrize("stream", [False, True])
async def test_refusal_has_a_receipt_of_its_kind(node: Node, stream: bool) -> None:
    response = await node.post(chat("openai/sim-refusal", stream=stream))
    assert response.status_code == 200
    verified = (node.checked_stream if stream else node.checked)(response)[1]
    assert verified.receipt.kind == ReceiptKind.REFUSAL


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "gpt-4.1-mini", "prompt": "Say"}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b"]}),
    ],
)
async def test_other_endpoints(tmp_path: Path, path: str, body: dict[str, object]) -> None:
    async with proxy_node(tmp_path) as node:
        response = await node.post(body, path=path)
        assert response.status_code == 200, response.text
        node.checked(response)
        assert ("tee_signature" in response.json()) == (path == "/v1/completions")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("openai/sim-status-400", 400, "provider.rejected"),
        ("openai/sim-status-401", 502, "provider.error"),
        ("openai/sim-status-500", 502, "provider.error"),
        ("openai/sim-status-429-retry-7", 429, "node.rate_limited"),
        ("anthropic/claude-x", 503, "provider.no_key"),
        ("nobody/x", 404, "provider.unknown_model"),
    ],
)
async def test_failures_are_signed(
    node: Node, model: str, status: int, code: str, stream: bool
) -> None:
    response = await node.post(chat(model, stream=stream))
    reply, verified = node.checked(response)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert reply is None
    assert verified.receipt.kind == ReceiptKind.ERROR
    if status == 429:
        assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("body", "parameter", "code"),
    [
        (chat(temperture=1), "temperture", "request.unsupported_parameter"),
        (chat(temperature=3), "temperature", "request.invalid"),
        (b"{", None, "request.invalid"),
        (b"[" * 100_000, None, "request.invalid"),
        (b'{"model":"a","model":"b"}', None, "request.invalid"),
        (b"\xff", None, "request.invalid"),
        (b"", None, "request.invalid"),
    ],
)
async def test_bad_requests_are_signed(
    node: Node, body: object, parameter: str | None, code: str
) -> None:
    response = await node.post(body)
    node.checked(response)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, parameter)
    assert not node.sim.requests


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-SETTLEMENT-TYPE", "settle"),
        ("X-OpenGradient-Nonce", "AB" * 32),
        ("X-OpenGradient-Nonce", "ab" * 31),
        ("Idempotency-Key", "k" * 256),
    ],
)
async def test_bad_headers_are_signed(node: Node, name: str, value: str) -> None:
    response = await node.post(chat(), headers={name: value})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == name
    assert not node.sim.requests
    if name == "X-SETTLEMENT-TYPE":
        _, verified = node.checked(response)
        assert verified.receipt.settlement_mode == SettlementMode.PRIVATE


async def test_repeated_headers_are_refused(node: Node) -> None:
    headers = [("x-settlement-type", "batch"), ("x-settlement-type", "private")]
    response = await node.http.post(node.url + CHAT, content=b"{}", headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "X-SETTLEMENT-TYPE"


async def test_oversized_body_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, max_body_bytes=2048) as node:
        response = await node.post(b"x" * 2049)
        assert (response.status_code, response.json()["error"]["code"]) == (
            413,
            "request.too_large",
        )

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * 1024

        response = await node.http.post(node.url + CHAT, content=pieces())
        assert response.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "node.unknown_path"),
        ("GET", "/", 404, "node.unknown_path"),
        ("GET", CHAT, 405, "node.method"),
        ("GET", "/v1/evidence?nonce=zz", 400, "request.invalid"),
        ("GET", "/v1/evidence?noce=" + "ab" * 32, 400, "request.invalid"),
        ("GET", "/v1/evidence/" + "ab" * 32, 404, "node.not_found"),
        ("GET", "/v1/evidence/ab", 400, "request.invalid"),
        ("GET", "/v1/settlement/" + "ab" * 32, 404, "node.not_found"),
        ("GET", "/v1/receipts", 400, "request.invalid"),
        ("GET", "/enclave/attestation?nonce=ab", 400, "request.invalid"),
    ],
)
async def test_wrong_paths(node: Node, method: str, path: str, status: int, code: str) -> None:
    response = await node.http.request(method, node.url + path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("cut", [2, 4])
async def test_cut_upstream_ends_in_a_signed_error(node: Node, cut: int) -> None:
    response = await node.post(chat(f"openai/sim-cut-after-{cut}", stream=True))
    deltas, verified = node.checked_stream(response)
    assert len(deltas) == verified.receipt.stream_chunks > 0
    assert verified.receipt.status == 502


@pytest.mark.parametrize("scenario", [{"error_after": 3}, {"malformed": "json"}])
async def test_broken_stream_ends_in_a_signed_error(node: Node, scenario: dict) -> None:
    node.sim.enqueue(Scenario(**scenario))
    response = await node.post(chat(stream=True))
    check = node.checked_stream if "event-stream" in response.headers["content-type"] else None
    verified = (check or node.checked)(response)[1]
    assert verified.receipt.kind == ReceiptKind.ERROR


@pytest.mark.parametrize(("stream", "after"), [(False, 0), (True, 0), (True, 3)])
async def test_hanging_upstream_times_out(tmp_path: Path, stream: bool, after: int) -> None:
    async with proxy_node(tmp_path, upstream_silence_seconds=0.3) as node:
        response = await node.post(chat(f"openai/sim-hang-after-{after}", stream=stream))
        if after:
            _, verified = node.checked_stream(response)
        else:
            _, verified = node.checked(response)
            assert response.json()["error"]["code"] == "provider.timeout"
        assert verified.receipt.status == 504


async def test_endless_upstream_is_bounded(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, upstream_total_seconds=0.5) as node:
        node.sim.enqueue(Scenario(text=("x",) * 100, pause=0.1))
        _, verified = node.checked_stream(await node.post(chat(stream=True)))
        assert verified.receipt.status == 504


@pytest.mark.parametrize("stream", [False, True])
async def test_unreachable_provider(tmp_path: Path, stream: bool) -> None:
    with socket.socket() as nobody:  # bound, but nobody listens
        nobody.bind(("127.0.0.1", 0))
        environ = {
            "OPENAI_API_KEY": "sk-none",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}/v1",
        }
        async with proxy_node(tmp_path, environ=environ) as node:
            response = await node.post(chat(stream=stream))
            _, verified = node.checked(response)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "provider.unreachable")
    assert verified.verdict["upstream"].status == "absent"


@pytest.mark.parametrize("stream", [False, True])
async def test_repeated_key_gets_the_first_answer(node: Node, stream: bool) -> None:
    headers = {"idempotency-key": "a very random key", "x-opengradient-nonce": "01" * 32}
    first = await node.post(chat(stream=stream), headers=headers)
    again = await node.post(chat(stream=stream), headers=headers)
    assert again.content == first.content
    assert "x-opengradient-replayed" not in first.headers
    assert again.headers["x-opengradient-replayed"] == "1"
    assert len(node.sim.requests) == 1
    (node.checked_stream if stream else node.checked)(again)


async def test_key_with_another_body_is_a_signed_conflict(node: Node) -> None:
    headers = {"idempotency-key": "key"}
    await node.post(chat(), headers=headers)
    response = await node.post(chat(seed=1), headers=headers)
    node.checked(response)
    assert (response.status_code, response.json()["error"]["code"]) == (
        409,
        "node.idempotency_conflict",
    )


async def test_repetition_waits_for_the_running_request(node: Node) -> None:
    node.sim.enqueue(Scenario(text=("a", "b", "c"), pause=0.1))
    headers = {"idempotency-key": "slow"}
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await node.post(chat(stream=True), headers=headers))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(ask)
    assert len({answer.content for answer in answers}) == 1
    assert len(node.sim.requests) == 1


async def test_waiting_has_a_bound(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, patience_seconds=0.05, upstream_silence_seconds=1) as node:
        headers = {"idempotency-key": "slow"}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: node.post(chat("openai/sim-hang-after-0"), headers=headers))
            with anyio.fail_after(5):
                while not node.sim.requests:
                    await anyio.lowlevel.checkpoint()
            response = await node.post(chat("openai/sim-hang-after-0"), headers=headers)
            assert (response.status_code, response.json()["error"]["code"]) == (
                409,
                "node.in_progress",
            )
            found = await node.http.get(node.url + "/v1/receipts", headers=headers)
            assert found.json()["state"] == "running"


async def test_a_rate_limit_is_not_kept_for_the_repetition(node: Node) -> None:
    headers = {"idempotency-key": "retry me"}
    node.sim.enqueue(Scenario(status=429))
    assert (await node.post(chat(), headers=headers)).status_code == 429
    assert (await node.post(chat(), headers=headers)).status_code == 200


async def test_receipt_by_key(node: Node) -> None:
    headers = {"idempotency-key": "the key"}
    response = await node.post(chat(stream=True), headers=headers)
    found = (await node.http.get(node.url + "/v1/receipts", headers=headers)).json()
    _, verified = node.checked_stream(response)
    assert found["state"] == "done"
    assert found["status"] == 200
    assert (
        found["opengradient"]["signature"] == "0x" + verified.bundle.signed.signature.encode().hex()
    )
    assert found["chunkDigests"] == [
        "0x" + digest.hex() for digest in verified.bundle.stream.chunk_digests
    ]
    other = await node.http.get(node.url + "/v1/receipts", headers={"idempotency-key": "x"})
    assert other.status_code == 404


async def test_client_that_leaves_gets_a_cut_receipt(node: Node) -> None:
    headers = {"idempotency-key": "leaver"}
    node.sim.enqueue(Scenario(text=("a", "b", "c", "d"), hang_after=3))
    body = json.dumps(chat(stream=True)).encode()
    async with node.http.stream("POST", node.url + CHAT, content=body, headers=headers) as response:
        async for _ in response.aiter_bytes():
            break
    with anyio.fail_after(5):
        while True:
            found = await node.http.get(node.url + "/v1/receipts", headers=headers)
            if found.json()["state"] == "done":
                break
    assert found.json()["status"] == 499
    again = await node.post(chat(stream=True), headers=headers)
    _, verified = node.checked_stream(again)
    assert verified.receipt.status == 499
    assert verified.receipt.stream_chunks == 2
    assert len(node.sim.requests) == 1


async def test_a_public_receipt_never_names_a_private_one(tmp_path: Path) -> None:
    """Past bug: one count for all let the next public receipt publish a private one's hash."""
    seen: dict[str, list] = {"private": [], "batch": []}
    async with proxy_node(tmp_path) as node:
        for mode in ("private", "batch", "private", "batch"):
            response = await node.post(chat(), headers={"x-settlement-type": mode})
            seen[mode].append(node.checked(response)[1])
    for receipts in seen.values():
        first, second = receipts
        assert (first.receipt.sequence, second.receipt.sequence) == (1, 2)
        assert first.receipt.previous_receipt == bytes(32)
        assert second.receipt.previous_receipt == first.bundle.signed.digest


async def test_private_leaves_nothing(tmp_path: Path) -> None:
    async with proxy_node(tmp_path) as node:
        headers = {"x-settlement-type": "private", "idempotency-key": "secret"}
        response = await node.post(chat(), headers=headers)
        _, verified = node.checked(response)
        digest = verified.bundle.signed.digest
        assert verified.receipt.settlement_mode == SettlementMode.PRIVATE
        again = await node.post(chat(), headers=headers)
        assert again.content == response.content
        state = await node.http.get(node.url + f"/v1/settlement/{digest.hex()}")
        assert state.status_code == 404
        health = (await node.http.get(node.url + "/health")).json()
        assert health["outbox"] == {"private_inferences": 1}
    stored = everything_in(tmp_path)
    assert digest not in stored
    assert verified.receipt.request_commitment not in stored
    assert verified.receipt.request_commitment.hex().encode() not in stored


async def test_batch_stores_no_content(tmp_path: Path) -> None:
    async with proxy_node(tmp_path) as node:
        headers = {"idempotency-key": "0123456789abcdef-random"}
        response = await node.post(chat(), headers=headers)
        seed = response.json()["opengradient"]["seed"]
    stored = everything_in(tmp_path)
    assert response.json()["opengradient"]["receipt"]["requestCommitment"].encode() in stored
    for secret in ("Say hello", "Hello from", seed, seed[2:], headers["idempotency-key"]):
        assert secret.encode() not in stored


async def test_individual_publishes_the_file_without_the_key(tmp_path: Path) -> None:
    async with proxy_node(tmp_path) as node:
        headers = {"x-settlement-type": "individual", "idempotency-key": "my-capability"}
        response = await node.post(chat(), headers=headers)
        node.checked(response)
    async with Journal(tmp_path / JOURNAL_FILE, MIGRATIONS) as journal:
        (waiting,) = await Outbox(journal).waiting(10)
    assert b"Say hello." in waiting.bundle
    assert b"my-capability" not in waiting.bundle


async def test_receipts_form_one_chain(node: Node) -> None:
    receipts = []

    async def ask() -> None:
        receipts.append(node.checked(await node.post(chat()))[1])

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    ordered = sorted(receipts, key=lambda item: item.receipt.sequence)
    assert [item.receipt.sequence for item in ordered] == list(range(1, 21))
    for earlier, later in itertools.pairwise(ordered):
        assert later.receipt.previous_receipt == earlier.bundle.signed.digest


async def test_evidence_fresh_and_standing_bind_the_same_keys(node: Node) -> None:
    nonce = "5a" * 32
    answer = (await node.http.get(f"{node.url}/v1/evidence?nonce={nonce}")).json()
    now_ms = system_clock_ms()
    fresh = verify_evidence(
        decode_evidence(answer["fresh"]),
        policy=node.policy,
        now_ms=now_ms,
        nonce=bytes.fromhex(nonce),
    )
    standing = verify_evidence(
        decode_evidence(answer["standing"]), policy=node.policy, now_ms=now_ms
    )
    assert isinstance(fresh.keyset, Keyset)
    assert fresh.keyset == standing.keyset
    digest = decode_evidence(answer["standing"]).digest().hex()
    by_digest = await node.http.get(f"{node.url}/v1/evidence/{digest}")
    assert by_digest.json() == answer["standing"]


async def test_evidence_survives_a_restart_with_new_keys(tmp_path: Path) -> None:
    async with proxy_node(tmp_path) as node:
        old = node.standing
    async with proxy_node(tmp_path) as node:
        assert node.standing != old
        found = await node.http.get(f"{node.url}/v1/evidence/0x{old.digest().hex()}")
        assert decode_evidence(found.json()) == old


@pytest.mark.parametrize("stream", [False, True])
async def test_legacy_fields_verify_from_the_fact_sheet(node: Node, stream: bool) -> None:
    """Written from the public format alone, without our own implementation."""
    body = chat(max_tokens=5, stop=["\u00e9"], stream=stream)
    response = await node.post(body)
    if stream:
        frames = [f[6:] for f in response.content.split(b"\n\n") if f.startswith(b"data: {")]
        tee = json.loads(frames[-1])
    else:
        tee = response.json()
    canonical = {
        "model": body["model"],
        "messages": [{"role": "user", "content": "Say hello."}],
        "temperature": 0.0,
        "max_tokens": 5,
        "stop": ["\u00e9"],
    }
    request_hash = keccak256(json.dumps(canonical, sort_keys=True).encode())
    output_hash = keccak256(b"Hello from the simulator.")
    assert tee["tee_request_hash"] == request_hash.hex()
    assert tee["tee_output_hash"] == output_hash.hex()
    message = keccak256(request_hash + output_hash + tee["tee_timestamp"].to_bytes(32, "big"))
    keys = (await node.http.get(node.url + "/signing-key")).json()
    key = load_pem_public_key(keys["public_key"].encode())
    key.verify(
        base64.b64decode(tee["tee_signature"]),
        message,
        padding.PSS(padding.MGF1(SHA256()), 32),
        SHA256(),
    )
    assert tee["tee_id"] == keys["tee_id"]


async def test_legacy_can_be_switched_off(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, legacy_signatures=False) as node:
        response = await node.post(chat())
        node.checked(response)
        assert "tee_signature" not in response.json()
        assert (await node.http.get(node.url + "/signing-key")).status_code == 404


async def test_legacy_attestation_names_certificate_and_key(node: Node) -> None:
    answer = await node.http.get(f"{node.url}/enclave/attestation?nonce={'0b' * 20}")
    document = base64.b64decode(answer.text)
    der = load_pem_public_key(node.legacy_key.encode())
    assert der is not None
    assert sha256(_pem_to_der(node.certificate)) in document


def _pem_to_der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.strip().splitlines()[1:-1]))


@pytest.mark.parametrize("model", ["gpt-x", "openai/sim-status-401", "openai/sim-cut-after-2"])
async def test_no_key_leaks(
    tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with proxy_node(tmp_path) as node:
        key = node.sim.key
        shown = ""
        for stream in (False, True):
            response = await node.post(chat(model, stream=stream))
            shown += response.text + str(response.headers)
        for path in ("/health", "/v1/evidence", "/signing-key"):
            shown += (await node.http.get(node.url + path)).text
    captured = capfd.readouterr()
    node_logs = "".join(
        repr(record.__dict__) for record in caplog.records if record.name.startswith("opengradient")
    )
    stored = everything_in(tmp_path)
    assert key not in shown + captured.out + captured.err + node_logs
    assert key.encode() not in stored
    assert "Say hello" not in node_logs
    assert "inference" in node_logs


async def test_too_many_requests_are_turned_away(tmp_path: Path) -> None:
    async with (
        proxy_node(tmp_path, max_concurrent=1, upstream_silence_seconds=1) as node,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(node.post, chat("openai/sim-hang-after-0"))
        with anyio.fail_after(5):
            while not node.sim.requests:
                await anyio.lowlevel.checkpoint()
        response = await node.post(chat())
        node.checked(response)
        assert (response.status_code, response.json()["error"]["code"]) == (
            503,
            "node.overloaded",
        )


async def test_plain_openai_client(node: Node) -> None:
    openai = pytest.importorskip("openai")
    async with openai.AsyncOpenAI(
        base_url=node.url + "/v1", api_key="none", http_client=node.http, max_retries=0
    ) as client:
        whole = await client.chat.completions.create(**chat())
        assert whole.choices[0].message.content == "Hello from the simulator."
        text = ""
        async for chunk in await client.chat.completions.create(**chat(stream=True)):
            text += chunk.choices[0].delta.content or ""
        assert text == "Hello from the simulator."
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(**chat("openai/sim-status-429"))
