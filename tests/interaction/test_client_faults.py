"""Somebody changes what the node says, or the node misbehaves: each time a typed error, and
nothing unverified gets out as verified."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

import opengradient as og
from opengradient.core.keys import CURVE_ORDER, MemorySigner
from opengradient.core.modes import ReceiptKind
from opengradient.core.receipts import sign_receipt
from opengradient.errors import (
    AttestationError,
    ConnectError,
    FreshnessError,
    MalformedError,
    NodeError,
    NotFoundError,
    PolicyError,
    ProtocolError,
    SignatureError,
    TimedOutError,
    TransportError,
    VerificationError,
)
from opengradient.testing.simulators import Scenario
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.receipts import decode_attached, encode_attached
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.software_root import SoftwareRoot
from tests.interaction.proxy import Node, proxy_node
from tests.interaction.sdk import CHAT, HELLO, MODEL, Tamper, client, network_of, read
from tests.net.certificates import self_signed
from tests.net.server import raw_server, reply

EVIDENCE = "/v1/evidence"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "node", legacy_signatures=False) as running:
        yield running


async def ask(llm: og.LLM, **options):
    return await llm.chat(MODEL, HELLO, **options)


def attached(change):
    """A change of the receipt beside the answer."""

    def apply(body):
        body["opengradient"] = encode_attached(change(decode_attached(body["opengradient"])))
        return body

    return apply


def forged(old):
    """The same receipt, signed by somebody else."""
    signed = sign_receipt(old.signed.receipt, old.signed.domain, MemorySigner(b"\x11" * 32))
    return replace(old, signed=signed)


def altered(**words):
    """The same signature over another receipt."""

    def change(old):
        signed = replace(old.signed, receipt=replace(old.signed.receipt, **words))
        return replace(old, signed=signed)

    return attached(change)


def text_is(value):
    def change(body):
        body["choices"][0]["message"]["content"] = value
        return body

    return change


def member(*path_and_value):
    *path, last, value = path_and_value

    def change(body):
        target = body
        for step in path:
            target = target[step]
        target[last] = value
        return body

    return change


def high_s(body):
    """The twin that ECDSA would accept."""
    raw = bytes.fromhex(body["opengradient"]["signature"][2:])
    twin = (CURVE_ORDER - int.from_bytes(raw[32:64])).to_bytes(32)
    body["opengradient"]["signature"] = "0x" + (raw[:32] + twin + bytes([55 - raw[64]])).hex()
    return body


WHOLE = {
    "wrong key": (attached(forged), SignatureError, "receipt.signature"),
    "wrong nonce": (altered(client_nonce=b"\x01" * 32), SignatureError, "receipt.signature"),
    "changed answer": (text_is("Something else."), VerificationError, "receipt.response"),
    "changed finish": (member("choices", 0, "finish_reason", "length"), VerificationError, "receipt.response"),
    "changed usage": (member("usage", {
        "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0}}), VerificationError, "receipt.response"),
    "changed served model": (member("model", "other"), VerificationError, "receipt.response"),
    "changed model claim": (member("opengradient", "model", "served", {"text": "x"}), VerificationError, "receipt.model"),
    "changed upstream": (member("opengradient", "upstream", "url", {"text": "https://x"}), VerificationError, "receipt.upstream"),
    "unknown field": (member("extra", 1), MalformedError, "format.unknown_field"),
    "unknown receipt field": (member("opengradient", "extra", 1), MalformedError, "format.unknown_field"),
    "unknown version": (member("opengradient", "version", "x/2"), og.OpenGradientError, "receipt.version"),
    "no receipt": (lambda body: (body.pop("opengradient"), body)[1], ProtocolError, "transport.protocol"),
    "not json": (lambda body: b"<html>", ProtocolError, "transport.protocol"),
    "deep json": (lambda body: b"[" * 100_000, ProtocolError, "transport.protocol"),
    "twice a key": (lambda body: b'{"a": 1, "a": 2}', ProtocolError, "transport.protocol"),
    "wrong seed": (attached(lambda old: replace(old, seed=bytes(32))), VerificationError, "receipt.request"),
    "high s": (high_s, SignatureError, "receipt.signature.malleable"),
    "error without receipt": (lambda body: {"error": "no"}, ProtocolError, "transport.protocol"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
async def test_a_changed_answer_is_refused(node: Node, name: str) -> None:
    change, kind, code = WHOLE[name]
    async with client(node, transports=Tamper(json={CHAT: change})) as llm:
        with pytest.raises(kind) as caught:
            await ask(llm)
    assert caught.value.code == code
    assert caught.value.receipt is None


async def test_a_replayed_answer_is_refused(node: Node) -> None:
    kept = []

    def replay(body):
        kept.append(json.loads(json.dumps(body)))
        return kept[0]

    async with client(node, transports=Tamper(json={CHAT: replay})) as llm:
        first = await ask(llm)
        with pytest.raises(VerificationError) as caught:
            await ask(llm)
    assert first.text
    assert caught.value.code == "receipt.sequence" or caught.value.code == "receipt.nonce"
    async with client(node, transports=Tamper(json={CHAT: replay})) as llm:
        with pytest.raises(VerificationError) as caught:
            await ask(llm)
    assert caught.value.code == "receipt.nonce"


async def test_a_changed_prompt_is_refused(node: Node) -> None:
    """The node signs what it got: another prompt than was sent."""

    class Rewriting(Tamper):
        def __call__(self, pin):
            transport = super().__call__(pin)
            inner = transport._inner.request

            async def request(method, url, *, content=b"", **more):
                return await inner(method, url, content=content.replace(b"hello", b"hullo"), **more)

            transport._inner.request = request
            return transport

    async with client(node, transports=Rewriting()) as llm:
        with pytest.raises(VerificationError) as caught:
            await ask(llm)
    assert caught.value.code == "receipt.request"
    assert b"hullo" in node.sim.requests[-1].body


async def test_a_served_model_that_the_policy_does_not_allow_is_refused(node: Node) -> None:
    node.sim.enqueue(Scenario(model="cheap-model"), Scenario(model="gpt-4.1-mini"))
    policy = replace(node.policy, models=frozenset({"gpt-4.1-mini"}))
    async with client(node, policy=policy) as llm:
        with pytest.raises(PolicyError) as caught:
            await ask(llm)
        assert (await ask(llm)).model == "gpt-4.1-mini"
    assert caught.value.code == "policy.model"


async def test_the_chosen_settlement_mode_is_the_signed_one(node: Node) -> None:
    class Publishing(Tamper):
        def __call__(self, pin):
            transport = super().__call__(pin)
            inner = transport._inner.request

            async def request(method, url, *, headers=None, **more):
                loud = {**(headers or {}), "x-settlement-type": "individual"}
                return await inner(method, url, headers=loud, **more)

            transport._inner.request = request
            return transport

    async with client(node, transports=Publishing()) as llm:
        with pytest.raises(VerificationError) as caught:
            await ask(llm)
    assert caught.value.code == "receipt.settlement_mode"


# Streams.


def cut(frames):
    return frames[:3]


def done_without_end(frames):
    return [*frames[:3], b"[DONE]"]


def extra_chunk(frames):
    return [frames[0], frames[0], *frames[1:]]


def chunk_after_the_end(frames):
    return [*frames[:-1], frames[0], frames[-1]]


def missing_chunk(frames):
    return frames[1:]


def reordered(frames):
    return [frames[1], frames[0], *frames[2:]]


def changed_chunk(frames):
    return [frames[0].replace(b"Hello", b"Hallo"), *frames[1:]]


def early_finish(frames):
    return [frames[0].replace(b'"finish_reason":null', b'"finish_reason":"stop"'), *frames[1:]]


def unknown_field(frames):
    return [frames[0].replace(b'{"id"', b'{"x":1,"id"'), *frames[1:]]


def not_json(frames):
    return [b"{", *frames[1:]]


def unsigned_error(frames):
    error = {"message": "m", "type": "api_error", "code": "node.error", "param": None,
             "provider_status": None, "retry_after": None}  # fmt: skip
    return [frames[0], json.dumps({"error": error}).encode(), b"[DONE]"]


def broken_line(frames):
    return [*frames[:2], TransportError("the line broke")]


STREAMS = [
    (cut, ProtocolError, "transport.stream_cut"),
    (done_without_end, ProtocolError, "transport.stream_cut"),
    (broken_line, ProtocolError, "transport.stream_cut"),
    (extra_chunk, VerificationError, "receipt.response"),
    (missing_chunk, VerificationError, "receipt.response"),
    (reordered, VerificationError, "receipt.response"),
    (changed_chunk, VerificationError, "receipt.response"),
    (chunk_after_the_end, VerificationError, "receipt.stream"),
    (early_finish, ProtocolError, "transport.protocol"),
    (unknown_field, MalformedError, "format.unknown_field"),
    (not_json, ProtocolError, "transport.protocol"),
    (unsigned_error, ProtocolError, "transport.protocol"),
]


@pytest.mark.parametrize(
    ("change", "kind", "code"), STREAMS, ids=lambda value: getattr(value, "__name__", str(value))
)
async def test_a_changed_stream_is_never_verified(node: Node, change, kind, code) -> None:
    seen: list[og.ChatChunk] = []
    async with client(node, transports=Tamper(frames=change)) as llm:
        with pytest.raises(kind) as caught:
            await read(llm, seen)
    assert caught.value.code == code
    assert not any(chunk.is_final for chunk in seen)


async def test_an_empty_chunk_more_is_seen_by_the_tree_alone(node: Node) -> None:
    """A chunk without text leaves the answer as it is: only the signed tree knows of it."""

    def empty_chunk(frames):
        return [frames[0], frames[1].replace(b'"content":" from"', b'"content":""'), *frames[1:]]

    async with client(node, transports=Tamper(frames=empty_chunk)) as llm:
        with pytest.raises(VerificationError) as caught:
            await read(llm)
    assert caught.value.code == "receipt.stream"


async def test_a_line_that_breaks_after_the_signed_end_loses_nothing(node: Node) -> None:
    def broken(frames):
        return [*frames[:-1], TransportError("the line broke")]

    async with client(node, transports=Tamper(frames=broken)) as llm:
        assert (await read(llm)).text == "Hello from the simulator."


async def test_a_provider_that_hangs_times_out(node: Node) -> None:
    node.sim.enqueue(Scenario(hang_after=0), Scenario(hang_after=2))
    async with client(node, timeout=0.3) as llm:
        with pytest.raises(TimedOutError) as caught:
            await ask(llm)
        with pytest.raises(TimedOutError) as streamed:
            await read(llm)
    assert caught.value.code == streamed.value.code == "transport.timeout"


async def test_a_cancelled_call_ends_at_once(node: Node) -> None:
    node.sim.enqueue(Scenario(hang_after=0))
    async with client(node) as llm:
        with anyio.move_on_after(0.3) as scope:
            await ask(llm)
        assert scope.cancelled_caught
        assert (await ask(llm)).text


# Evidence.


async def test_a_node_below_an_unknown_root_is_refused(node: Node, tmp_path: Path) -> None:
    other = SoftwareRoot.load_or_create(tmp_path / "other", "other", now_ms=system_clock_ms())
    policy = replace(node.policy, roots=(other.unsafe_trust(),))
    async with client(node, policy=policy) as llm:
        with pytest.raises(AttestationError) as caught:
            await ask(llm)
        (view,) = await llm.nodes()
    assert caught.value.code == "x509.root"
    assert view.error.code == "x509.root"
    assert node.sim.requests == []


async def test_the_default_policy_accepts_no_software_enclave(node: Node) -> None:
    async with client(node, policy=TrustPolicy.hardware(frozenset())) as llm:
        with pytest.raises(PolicyError) as caught:
            await ask(llm)
    assert caught.value.code == "policy.simulated"


async def test_forged_evidence_is_refused(node: Node) -> None:
    def flip(body):
        document = bytearray(base64.b64decode(body["fresh"]["document"]))
        document[-1] ^= 1
        body["fresh"]["document"] = base64.b64encode(document).decode()
        return body

    async with client(node, transports=Tamper(json={EVIDENCE: flip})) as llm:
        with pytest.raises(VerificationError) as caught:
            await ask(llm)
    assert caught.value.code == "nitro.cose.signature"


EVIDENCES = {
    "no fresh": (member("fresh", None), FreshnessError, "attestation.freshness"),
    "old nonce": (lambda b: {**b, "fresh": b["standing"]}, FreshnessError, "nitro.nonce.absent"),
    "other id": (member("nodeId", "0x" + "11" * 32), AttestationError, "receipt.node_id"),
    "other network": (member("domain", "chainId", 1), VerificationError, "receipt.domain"),
    "unknown field": (member("extra", 1), MalformedError, "format.unknown_field"),
    "unknown kind": (member("fresh", "kind", "tdx"), og.OpenGradientError, "attestation.kind"),
    "other certificate": (member("tlsCertificate", self_signed().pem), AttestationError, "attestation.binding"),
    "no certificate": (member("tlsCertificate", "x"), MalformedError, "format.malformed"),
    "legacy key that is not bound": (member("legacySigningKey", "x"), MalformedError, "format.malformed"),
    "not json": (lambda body: b"<html>", ProtocolError, "transport.protocol"),
}  # fmt: skip


@pytest.mark.parametrize("name", EVIDENCES)
async def test_changed_evidence_is_refused(node: Node, name: str) -> None:
    change, kind, code = EVIDENCES[name]
    async with client(node, transports=Tamper(json={EVIDENCE: change})) as llm:
        with pytest.raises(kind) as caught:
            await ask(llm)
    assert caught.value.code == code
    assert node.sim.requests == []


async def test_evidence_of_another_node_is_refused(node: Node, tmp_path: Path) -> None:
    """Genuine evidence, shown by somebody who does not hold the TLS key."""
    async with proxy_node(tmp_path / "node2", legacy_signatures=False) as other:
        roots = (*node.policy.roots, *other.policy.roots)
        policy = replace(node.policy, roots=roots)

        async def show(stream, request):
            path = request.split(b" ")[1].decode()
            body = (await other.http.get(other.url + path)).content
            await reply(200, body)(stream, request)

        identity = self_signed()
        async with raw_server(show, identity, tmp_path) as server:
            network = network_of(node, node_urls=(server.url,), trust=policy)
            async with og.LLM(network=network, max_retries=0) as llm:
                with pytest.raises(AttestationError) as caught:
                    await ask(llm)
    assert caught.value.code == "attestation.binding"
    assert all(b"hello" not in request for request in server.requests)


@pytest.mark.parametrize("hours", [24, -24])
async def test_a_wrong_clock_is_noticed(node: Node, hours: int) -> None:
    async with client(node, clock=lambda: system_clock_ms() + hours * 3_600_000) as llm:
        with pytest.raises(AttestationError) as caught:
            await ask(llm)
    assert caught.value.code == ("x509.expired" if hours > 0 else "x509.not_yet_valid")
    assert node.sim.requests == []


async def test_a_clock_that_falls_behind_after_attestation_is_noticed(node: Node) -> None:
    offset = [0]
    async with client(node, clock=lambda: system_clock_ms() + offset[0]) as llm:
        await ask(llm)
        offset[0] = -10 * 60_000
        with pytest.raises(FreshnessError) as caught:
            await ask(llm)
    assert caught.value.code == "receipt.time"


# Repeating.


async def test_a_request_that_may_have_arrived_is_repeated_with_its_key_only_there(
    node: Node, tmp_path: Path
) -> None:
    async with proxy_node(tmp_path / "second", legacy_signatures=False) as second:
        tamper = Tamper(fail={CHAT: [ProtocolError("the answer was lost")]})
        policy = replace(node.policy, roots=(*node.policy.roots, *second.policy.roots))
        network = network_of(node, second, trust=policy)
        async with og.LLM(network=network, transports=tamper, max_retries=1) as llm:
            answer = await ask(llm)
        posts = [(url, headers["idempotency-key"]) for method, url, headers, _ in tamper.requests if method == "POST"]  # fmt: skip
        assert len(posts) == 2
        assert posts[0] == posts[1]
        assert len(node.sim.requests) + len(second.sim.requests) == 1
    assert answer.verdict["nonce"].status == og.Status.PROVEN


async def test_without_retries_the_error_is_shown(node: Node) -> None:
    tamper = Tamper(fail={CHAT: [TimedOutError("x")]})
    async with client(node, transports=tamper, max_retries=0) as llm:
        with pytest.raises(TimedOutError):
            await ask(llm)
    assert len(node.sim.requests) == 1


async def test_a_repeated_key_gives_the_first_answer_also_as_a_stream(node: Node) -> None:
    async with client(node) as llm:
        first = await ask(llm, idempotency_key="one")
        again = await ask(llm, idempotency_key="one")
        streamed = await read(llm, idempotency_key="two")
        restreamed = await read(llm, idempotency_key="two")
        with pytest.raises(NodeError) as caught:
            await llm.chat(MODEL, [{"role": "user", "content": "Other"}], idempotency_key="one")
    assert first.receipt.digest == again.receipt.digest
    assert streamed.receipt.digest == restreamed.receipt.digest
    assert caught.value.code == "node.idempotency_conflict"
    assert len(node.sim.requests) == 2


async def test_a_dead_node_is_passed_over(node: Node) -> None:
    network = network_of(node, node_urls=("https://127.0.0.1:1", node.url))
    async with og.LLM(network=network, max_retries=0) as llm:
        for _ in range(8):
            assert (await ask(llm)).node.url == node.url


async def test_when_no_node_can_be_reached_each_is_named(node: Node) -> None:
    urls = ("https://127.0.0.1:1", "https://127.0.0.1:2")
    async with og.LLM(network=network_of(node, node_urls=urls), max_retries=0) as llm:
        with pytest.raises(ConnectError) as caught:
            await ask(llm)
    assert caught.value.code == "transport.no_node"
    assert all(url in caught.value.message for url in urls)


async def test_what_was_signed_as_not_processed_goes_to_another_node(
    node: Node, tmp_path: Path
) -> None:
    node.sim.enqueue(*[Scenario(status=429)] * 9)
    async with proxy_node(tmp_path / "second", legacy_signatures=False) as second:
        policy = replace(node.policy, roots=(*node.policy.roots, *second.policy.roots))
        network = network_of(node, second, trust=policy)
        async with og.LLM(network=network, max_retries=3) as llm:
            for _ in range(4):
                assert (await ask(llm)).node.url == second.url


async def test_a_restarted_node_with_new_keys_costs_no_call(tmp_path: Path) -> None:
    data = tmp_path / "node"
    async with proxy_node(data, legacy_signatures=False) as node:
        port = int(node.url.rpartition(":")[2])
        llm = og.LLM(network=network_of(node), max_retries=2)
        first = await ask(llm, idempotency_key="kept")
    async with proxy_node(data, legacy_signatures=False, port=port):
        second = await ask(llm)
        recalled = await llm.receipt("kept")
        repeated = await ask(llm, idempotency_key="kept")
        await llm.close()
    assert first.node.node_id != second.node.node_id
    assert first.receipt.digest == recalled.receipt.digest == repeated.receipt.digest
    assert repeated.text == first.text
    assert repeated.verdict["channel"].status == og.Status.ASSERTED


async def test_a_node_that_dies_in_mid_stream(tmp_path: Path) -> None:
    seen: list[og.ChatChunk] = []
    async with anyio.create_task_group() as group:
        dead, ready = anyio.Event(), anyio.Event()
        nodes: list[Node] = []

        async def serve() -> None:
            async with proxy_node(tmp_path, legacy_signatures=False, drain_seconds=0) as running:
                nodes.append(running)
                ready.set()
                await dead.wait()

        group.start_soon(serve)
        await ready.wait()
        nodes[0].sim.enqueue(Scenario(text=("a",) * 1000, pause=0.02))
        async with client(nodes[0]) as llm:

            async def until_it_dies() -> None:
                async with llm.stream(MODEL, HELLO) as stream:
                    async for chunk in stream:
                        seen.append(chunk)
                        dead.set()

            with pytest.raises(TransportError) as caught:
                await until_it_dies()
    assert caught.value.code in ("transport.stream_cut", "node.error")
    assert not any(chunk.is_final for chunk in seen)


async def test_rotated_evidence_is_fetched_and_verified(node: Node) -> None:
    """The node names evidence that we do not know yet."""
    tamper = Tamper()
    async with client(node, transports=tamper) as llm:
        await ask(llm)
        (known,) = llm._pool._nodes.values()
        known._evidence.clear()
        assert (await ask(llm)).text
    assert any("/v1/evidence/0x" in url for _, url, _, _ in tamper.requests)


async def test_named_evidence_that_is_not_the_named_is_refused(node: Node) -> None:
    def standing(body):
        return {**body, "document": base64.b64encode(b"x" * 100).decode()}

    async with client(node, transports=Tamper(json={EVIDENCE + "/": standing})) as llm:
        await ask(llm)
        (known,) = llm._pool._nodes.values()
        known._evidence.clear()
        with pytest.raises(AttestationError) as caught:
            await ask(llm)
    assert caught.value.code == "receipt.evidence_digest"


async def test_an_unknown_key_is_not_found(node: Node) -> None:
    async with client(node) as llm:
        with pytest.raises(NotFoundError):
            await llm.receipt("never-used")


async def test_plain_http_shows_as_an_absent_channel(tmp_path: Path) -> None:
    async with (
        proxy_node(tmp_path, legacy_signatures=False, tls=False) as node,
        client(node) as llm,
    ):
        answer = await ask(llm)
    assert answer.verdict["channel"].status == og.Status.ABSENT
    assert answer.receipt.receipt.kind == ReceiptKind.CHAT
