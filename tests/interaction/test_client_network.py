"""The client on a whole network: nodes from the registry, settlement on the ledger, both formats."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

import opengradient as og
from opengradient.core.canonical import parse_json_object
from opengradient.core.legacy import tee_id
from opengradient.core.settlement import SettlementState
from opengradient.errors import (
    AttestationError,
    ConfigurationError,
    ConnectError,
    FreshnessError,
    InclusionError,
    MeasurementMismatchError,
    PaymentError,
    ProtocolError,
    SettlementError,
    SignatureError,
    UnsupportedError,
    UnsupportedParameterError,
    VerificationError,
)
from opengradient.networks import Network, NodeProtocol
from opengradient.testing.simulators import Scenario
from reference_nodes._kit.clock import system_clock_ms
from tests.interaction.network import World, until, world
from tests.interaction.sdk import CHAT, HELLO, MODEL, Tamper

pytest.importorskip("eth", reason="the embedded ledger needs py-evm")


async def test_found_in_the_registry_settled_and_proven(tmp_path: Path) -> None:
    async with world(tmp_path) as net, og.LLM(network=net.network, max_retries=0) as llm:
        await until(lambda: _alive(llm))
        reply = await llm.chat(MODEL, HELLO)
        assert reply.tee_payment_address.startswith("0x")
        assert reply.verdict["settlement"].status == og.Status.ABSENT
        proof = await reply.settlement.wait(60)
        assert await reply.settlement.wait() is proof
        assert reply.verdict["settlement"].status == og.Status.PROVEN
        assert reply.data_settlement_transaction_hash == "0x" + proof.anchor.transaction_hash.hex()
        assert reply.data_settlement_blob_id == "0x" + proof.blob_id.hex()
        assert await reply.settlement.state() in (SettlementState.ANCHORED, SettlementState.FINAL)

        path = reply.receipt.save(tmp_path / "receipt.json")
        offline = og.verify(path, network=net.network)
        assert offline["settlement"].status == og.Status.ASSERTED

        private = await llm.chat(MODEL, HELLO, settlement_mode="private")
        with pytest.raises(SettlementError) as caught:
            await private.settlement.wait()
        assert caught.value.code == "settlement.private"

        await _settlement_that_is_not_believed(net, llm)


async def _alive(llm: og.LLM) -> bool:
    try:
        return bool(await llm.nodes())
    except ConnectError:
        return False


async def _settlement_that_is_not_believed(net: World, llm: og.LLM) -> None:
    """A full node that lies, one that is not there, and a ledger that is not there."""

    def other_leaf(body):
        if body["inclusion"]:
            body["inclusion"]["proof"] = ["0x" + "11" * 32]
        return body

    def other_batch(body):
        if body["inclusion"]:
            body["inclusion"]["blobId"] = "0x" + "11" * 32
        return body

    def other_receipt(body):
        return {**body, "digest": "0x" + "11" * 32}

    def refused(body):
        return {**body, "state": "refused", "inclusion": None, "reason": "receipt.time"}

    cases = [
        (other_leaf, InclusionError, "settlement.inclusion"),
        (other_batch, InclusionError, "settlement.not_anchored"),
        (other_receipt, InclusionError, "settlement.inclusion"),
        (refused, SettlementError, "settlement.refused"),
        (lambda body: {**body, "x": 1}, VerificationError, "format.unknown_field"),
        (lambda body: {**body, "state": "lost"}, VerificationError, "format.malformed"),
    ]
    for change, kind, code in cases:
        tamper = Tamper(json={"/v1/settlement/": change})
        async with og.LLM(network=net.network, transports=tamper, max_retries=0) as lied_to:
            reply = await lied_to.chat(MODEL, HELLO)
            with pytest.raises(kind) as caught:
                await reply.settlement.wait(60)
        assert caught.value.code == code
        assert reply.settlement.proof is None
        assert reply.verdict["settlement"].status == og.Status.ABSENT

    dead_ledger = replace(net.network, rpc_url="http://127.0.0.1:1", node_urls=(net.node.url,))
    dead_full_node = replace(net.network, full_node_urls=("http://127.0.0.1:1",))
    for network in (dead_ledger, dead_full_node):
        async with og.LLM(network=network, max_retries=0) as waiting:
            reply = await waiting.chat(MODEL, HELLO)
            with pytest.raises(SettlementError) as caught:
                await reply.settlement.wait(0.5)
        assert caught.value.code == "settlement.timeout"

    no_full_node = replace(net.network, full_node_urls=())
    async with og.LLM(network=no_full_node) as alone:
        reply = await alone.chat(MODEL, HELLO)
        with pytest.raises(ConfigurationError):
            await reply.settlement.wait()


# The public network's format, spoken by our node.


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def net(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(tmp_path_factory.mktemp("world")) as running:
        async with og.LLM(network=running.network) as llm:
            await until(lambda: _alive(llm))
        yield running


def legacy(net: World, **changes) -> Network:
    trust = replace(net.network.trust, measurements=frozenset())
    return replace(
        net.network,
        **{"protocol": NodeProtocol.LEGACY, "settlement": None, "trust": trust, **changes},
    )


ABSENT = {"nonce", "upstream", "finish_reason", "usage", "model", "weights", "sequence", "payment"}


async def test_answers_in_the_legacy_format_are_verified(net: World) -> None:
    async with og.LLM(network=legacy(net)) as llm:
        reply = await llm.chat("gpt-4.1-mini", HELLO, temperature=0.5, max_tokens=9)
        completed = [chunk async for chunk in await llm.chat("gpt-4.1-mini", HELLO, stream=True)]
        with pytest.raises(UnsupportedError):
            await llm.models()
    streamed = completed[-1].reply
    assert "".join(chunk.text for chunk in completed) == "Hello from the simulator."
    for answer in (reply, streamed):
        assert answer.text == "Hello from the simulator."
        assert answer.tee_id == "0x" + answer.node.node_id.hex()
        assert answer.tee_signature
        assert {claim.name for claim in answer.verdict.absent} >= ABSENT
        for name in ("signature", "channel", "request", "response"):
            assert answer.verdict[name].status == og.Status.PROVEN
        assert answer.verdict.simulated
        with pytest.raises(UnsupportedError):
            _ = answer.receipt
        with pytest.raises(UnsupportedError):
            _ = answer.settlement
    assert streamed.verdict["stream"].status == og.Status.ABSENT


def set_text(body):
    body["choices"][0]["message"]["content"] = "Other."
    return body


def signature_of_another(body):
    body["tee_signature"] = body["tee_signature"][:-8] + "AAAAAA=="
    return body


def put(name, value):
    def change(body):
        body[name] = value
        return body

    return change


LEGACY_LIES = {
    "answer": (set_text, VerificationError, "legacy.hash"),
    "request hash": (put("tee_request_hash", "11" * 32), VerificationError, "legacy.hash"),
    "time": (put("tee_timestamp", 1), SignatureError, "legacy.signature"),
    "signature": (signature_of_another, SignatureError, "legacy.signature"),
    "id": (put("tee_id", "0x" + "11" * 32), SignatureError, "legacy.signature"),
    "a field is missing": (lambda b: {k: v for k, v in b.items() if k != "tee_id"}, VerificationError, "format.malformed"),
    "all fields are missing": (lambda b: {k: v for k, v in b.items() if "tee" not in k}, ProtocolError, "transport.protocol"),
    "not json": (lambda b: b"<html>", ProtocolError, "transport.protocol"),
    "error": (put("error", "no"), og.OpenGradientError, "node.error"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEGACY_LIES)
async def test_a_changed_legacy_answer_is_refused(net: World, name: str) -> None:
    change, kind, code = LEGACY_LIES[name]
    async with og.LLM(network=legacy(net), transports=Tamper(json={CHAT: change})) as llm:
        with pytest.raises(kind) as caught:
            await llm.chat("gpt-4.1-mini", HELLO)
    assert caught.value.code == code


@pytest.mark.parametrize("during", [False, True])
@pytest.mark.parametrize("what", ["keys", "measurements"])
async def test_revoked_for_legacy_nodes(net: World, what: str, during: bool) -> None:
    tamper = Tamper()
    async with og.LLM(network=legacy(net), transports=tamper) as llm:
        reply = await llm.chat("gpt-4.1-mini", HELLO)
        (measurement,) = net.network.trust.measurements
        ids = {"keys": reply.tee_id, "measurements": measurement}
        after = replace(llm.policy, **{f"revoked_{what}": frozenset({ids[what]})})
        if during:
            tamper.json[CHAT] = lambda body: llm.use_policy(after) or body
        else:
            llm.use_policy(after)
        with pytest.raises(VerificationError) as caught:
            await llm.chat("gpt-4.1-mini", HELLO)
    assert caught.value.code == f"attestation.revoked_{what.removesuffix('s')}"


async def test_an_old_legacy_answer_is_refused(net: World) -> None:
    offset = [0]
    async with og.LLM(network=legacy(net), clock=lambda: system_clock_ms() + offset[0]) as llm:
        await llm.chat("gpt-4.1-mini", HELLO)
        offset[0] = 10 * 60_000
        with pytest.raises(FreshnessError) as caught:
            await llm.chat("gpt-4.1-mini", HELLO)
    assert caught.value.code == "legacy.stale"


async def test_a_cut_legacy_stream_is_no_answer(net: World) -> None:
    async with og.LLM(network=legacy(net), transports=Tamper(frames=lambda f: f[:2])) as llm:
        with pytest.raises(ProtocolError) as caught:
            _ = [chunk async for chunk in await llm.chat("gpt-4.1-mini", HELLO, stream=True)]
    assert caught.value.code == "transport.stream_cut"


async def test_parameters_that_legacy_nodes_drop_are_refused(net: World) -> None:
    async with og.LLM(network=legacy(net)) as llm:
        with pytest.raises(UnsupportedParameterError) as caught:
            await llm.chat("gpt-4.1-mini", HELLO, seed=1)
    assert caught.value.parameter == "seed"


async def test_a_legacy_node_with_other_code_or_root_is_refused(net: World) -> None:
    other_code = replace(net.network.trust, measurements=frozenset({"0x" + "11" * 32}))
    for trust, kind in ((other_code, MeasurementMismatchError), (og.TrustPolicy.hardware(frozenset()), AttestationError)):  # fmt: skip
        async with og.LLM(network=legacy(net, trust=trust)) as llm:
            with pytest.raises(kind):
                await llm.chat("gpt-4.1-mini", HELLO)


async def test_a_request_to_a_legacy_node_is_never_repeated(net: World) -> None:
    tamper = Tamper(fail={CHAT: [ProtocolError("lost")]})
    before = len(net.node.sim.requests)
    async with og.LLM(network=legacy(net), transports=tamper, max_retries=5) as llm:
        with pytest.raises(ProtocolError):
            await llm.chat("gpt-4.1-mini", HELLO)
    assert len(net.node.sim.requests) == before + 1


async def test_the_tee_fields_beside_a_receipt_are_checked_too(net: World) -> None:
    for change in (put("tee_output_hash", "11" * 32), signature_of_another):
        async with og.LLM(
            network=net.network, transports=Tamper(json={CHAT: change}), max_retries=0
        ) as llm:
            with pytest.raises(VerificationError) as caught:
                await llm.chat(MODEL, HELLO)
        assert caught.value.code.startswith("legacy.")


async def test_the_legacy_id_is_that_of_the_registry(net: World) -> None:
    key = parse_json_object((await net.node.http.get(net.node.url + "/signing-key")).content)
    assert key["tee_id"].startswith("0x")
    async with og.LLM(network=legacy(net)) as llm:
        reply = await llm.chat("gpt-4.1-mini", HELLO)
    assert reply.tee_id == key["tee_id"]
    assert tee_id(b"") != reply.tee_id


async def test_a_node_that_wants_to_be_paid_is_told_apart(net: World) -> None:
    net.node.sim.enqueue(Scenario(status=402))
    async with og.LLM(network=net.network, max_retries=0) as llm:
        with pytest.raises((og.OpenGradientError, PaymentError)) as caught:
            await llm.chat(MODEL, HELLO)
    assert caught.value.code in ("payment.refused", "provider.error", "provider.rejected")
