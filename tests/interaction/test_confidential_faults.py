"""Relays and machines that cheat: the client fails closed, and nothing readable leaves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

import opengradient as og
from opengradient.core.canonical import compact_json
from opengradient.errors import OpenGradientError
from opengradient.networks import Network
from opengradient.testing.simulators import Scenario
from opengradient.transport.ohttp import CHUNKED_RESPONSE_MEDIA_TYPE
from opengradient.wire.varint import size_of_varint, value_of_varint
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.credentials import make_tls_credentials
from reference_nodes._kit.tls import LiveTls
from tests.interaction.meddler import Meddler, Passing, meddling
from tests.interaction.proxy import Node, proxy_node
from tests.interaction.relay import relay_to
from tests.interaction.sdk import MODEL, network_of, read

SECRET = "the-prompt-that-nobody-may-see"
ASK = [{"role": "user", "content": SECRET}]
DAY_MS = 24 * 60 * 60 * 1000


@asynccontextmanager
async def meddled(
    folder: Path, *, client: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Node, Meddler, og.ConfidentialLLM]]:
    """A node, a relay, somebody in between, and a client of that one."""
    async with (
        proxy_node(folder / "node") as node,
        relay_to(folder, node) as relay,
        meddling(relay) as meddler,
        og.ConfidentialLLM(
            meddler.url, network=network_of(node), **{"max_retries": 0, **(client or {})}
        ) as llm,
    ):
        yield node, meddler, llm
        assert_unreadable(meddler, node)


def assert_unreadable(meddler: Meddler, node: Node) -> None:
    """What passed holds nothing of prompt, answer, model, keys."""
    passed = meddler.everything
    for word in (SECRET, "Hello from", "gpt-4.1-mini", "chat/completions", "idempotency-key"):
        assert word.encode() not in passed


async def refused(llm: og.LLM, code: str) -> OpenGradientError:
    with pytest.raises(OpenGradientError) as caught, anyio.fail_after(30):
        await llm.chat(MODEL, ASK)
    assert caught.value.code == code, caught.value
    assert caught.value.diagnostics()
    return caught.value


def chunks(sealed: bytes) -> tuple[bytes, list[bytes], bytes]:
    """A sealed answer: its nonce, its framed chunks, what ends it."""
    at, found = 32, []
    while (length := value_of_varint(sealed[at : at + size_of_varint(sealed[at])])) != 0:
        end = at + size_of_varint(sealed[at]) + length
        found.append(sealed[at:end])
        at = end
    return sealed[:32], found, sealed[at:]


async def test_an_answer_to_another_request_is_refused(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (_, meddler, llm):
        kept: list[bytes] = []

        def swap(passing: Passing) -> None:
            if passing.method == "POST":
                kept.append(passing.answer)
                passing.answer = kept[0]

        meddler.after = swap
        assert (await llm.chat(MODEL, ASK)).text
        await refused(llm, "channel.open")


async def test_a_request_that_is_sent_again_is_processed_once(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (node, meddler, llm):
        assert (await llm.chat(MODEL, ASK)).text
        sealed = meddler.posts[0]
        meddler.before = lambda passing: setattr(passing, "body", sealed.body)
        await refused(llm, "channel.open")
        assert len(node.sim.requests) == 1


async def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (node, meddler, llm):
        assert (await llm.chat(MODEL, ASK)).text

        def flip(passing: Passing) -> None:
            if passing.method == "POST":
                middle = len(passing.answer) // 2
                changed = bytes([passing.answer[middle] ^ 1])
                passing.answer = passing.answer[:middle] + changed + passing.answer[middle + 1 :]

        meddler.after = flip
        await refused(llm, "channel.open")
        meddler.after = None

        def flip_request(passing: Passing) -> None:
            if passing.method == "POST":
                passing.body = passing.body[:-1] + bytes([passing.body[-1] ^ 1])

        meddler.before = flip_request
        before = len(node.sim.requests)
        await refused(llm, "channel.key_unknown")
        assert len(node.sim.requests) == before


async def test_a_truncated_answer_is_no_answer(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (node, meddler, llm):

        def cut(passing: Passing) -> None:
            if passing.method == "POST":
                nonce, whole, _ = chunks(passing.answer)
                passing.answer = nonce + b"".join(whole)

        def cut_stream(passing: Passing) -> None:
            # Without the chunk of the receipt: what stands before it came and is signed by nobody.
            nonce, whole, _ = chunks(passing.answer)
            passing.answer = nonce + b"".join(whole[:1])

        meddler.after = cut
        await refused(llm, "channel.truncated")
        meddler.after = cut_stream
        node.sim.enqueue(Scenario(text=tuple("abcdefgh"), pause=0.01))
        with pytest.raises(OpenGradientError) as caught:
            await read(llm)
        assert caught.value.code == "transport.stream_cut"


async def test_reordered_and_dropped_chunks_are_refused(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (node, meddler, llm):

        def reorder(passing: Passing) -> None:
            nonce, whole, end = chunks(passing.answer)
            whole[1], whole[2] = whole[2], whole[1]
            passing.answer = nonce + b"".join(whole) + end

        def drop(passing: Passing) -> None:
            nonce, whole, end = chunks(passing.answer)
            passing.answer = nonce + b"".join(whole[:1] + whole[2:]) + end

        await llm.models()
        for meddle in (reorder, drop):
            node.sim.enqueue(Scenario(text=tuple("abcdefgh"), pause=0.01))
            meddler.after = meddle
            with pytest.raises(OpenGradientError) as caught:
                await read(llm)
            assert caught.value.code == "channel.open"


async def test_an_answer_in_clear_is_never_believed(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (_, meddler, llm):
        await llm.models()
        answer = compact_json({"choices": [{"message": {"content": "Trust me."}}]})

        def inject(kind: str) -> Any:
            def meddle(passing: Passing) -> None:
                passing.status, passing.answer_kind, passing.answer = 200, kind, answer

            return meddle

        meddler.before = inject("application/json")
        await refused(llm, "channel.plaintext")
        meddler.before = inject("text/event-stream")
        with pytest.raises(OpenGradientError) as caught:
            await read(llm)
        assert caught.value.code == "channel.plaintext"
        meddler.before = inject(CHUNKED_RESPONSE_MEDIA_TYPE)
        await refused(llm, "channel.truncated")


async def test_a_relay_that_keeps_silent_is_not_waited_for(tmp_path: Path) -> None:
    async with meddled(tmp_path, client={"timeout": 1.0}) as (_, meddler, llm):
        await llm.models()
        meddler.before = lambda _: anyio.sleep_forever()
        await refused(llm, "transport.timeout")


async def test_evidence_of_another_node_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    async with meddled(tmp_path) as (_, meddler, llm), proxy_node(tmp_path / "other") as other:

        async def another(passing: Passing) -> None:
            if "/evidence" in passing.path:
                nonce = passing.path.partition("?")[2]
                passing.answer = (await other.http.get(f"{other.url}/v1/evidence?{nonce}")).content

        meddler.after = another
        await refused(llm, "channel.node")
        assert meddler.posts == []


async def test_a_key_that_is_not_attested_is_refused(tmp_path: Path) -> None:
    """The relay puts its own key into the document."""
    async with meddled(tmp_path) as (_, meddler, llm):

        def own_key(passing: Passing) -> None:
            if "/evidence" in passing.path:
                import base64
                import json

                shown = json.loads(passing.answer)
                for name in ("standing", "fresh"):
                    document = base64.b64decode(shown[name]["document"])
                    at = document.index(b'"hpke":') + 90
                    at = document.index(b'"public_key":"', at - 90) + len(b'"public_key":"')
                    document = document[:at] + b"00" + document[at + 2 :]
                    shown[name]["document"] = base64.b64encode(document).decode()
                passing.answer = json.dumps(shown).encode()

        meddler.after = own_key
        error = await refused(llm, "nitro.cose.signature")
        assert error.code.startswith("nitro.")
        assert meddler.posts == []


async def test_stolen_evidence_is_of_no_use_to_another_machine(tmp_path: Path) -> None:
    """It shows genuine evidence, fresh for our nonce, and has none of the keys."""
    tls = LiveTls(make_tls_credentials(now_ms=system_clock_ms()))
    async with (
        proxy_node(tmp_path / "node") as node,
        meddling(node.url, tls=tls) as thief,
        og.LLM(network=network_of(node, node_urls=(thief.url,)), max_retries=0) as llm,
    ):
        with pytest.raises(OpenGradientError) as caught:
            await llm.chat(MODEL, ASK)
        assert caught.value.code == "attestation.binding"
        assert [passing.method for passing in thief.seen] == ["GET"]
        assert SECRET.encode() not in thief.everything
        assert not node.sim.requests


async def test_stolen_evidence_is_of_no_use_behind_a_relay_either(tmp_path: Path) -> None:
    async with meddled(tmp_path) as (node, meddler, llm):

        def thief(passing: Passing) -> None:
            """What a machine can do that has the evidence and not the key."""
            if passing.method == "POST":
                passing.status, passing.answer_kind = 200, CHUNKED_RESPONSE_MEDIA_TYPE
                passing.answer = bytes(32) + b"\x00" + bytes(1024 + 16)

        meddler.before = thief
        await refused(llm, "channel.open")
        assert not node.sim.requests


@pytest.mark.parametrize("wrong_by", [DAY_MS, -DAY_MS])
@pytest.mark.parametrize("relayed", [True, False])
async def test_a_clock_that_is_wrong_by_a_day_sends_nothing(
    tmp_path: Path, wrong_by: int, relayed: bool
) -> None:
    async with (
        proxy_node(tmp_path / "node", tls=not relayed, legacy_signatures=False) as node,
        relay_to(tmp_path, node) as relay,
        meddling(relay) as meddler,
    ):
        network: Network = network_of(node)
        way = {"relay": meddler.url} if relayed else {}
        async with og.LLM(
            network=network, clock=lambda: system_clock_ms() + wrong_by, max_retries=0, **way
        ) as llm:
            with pytest.raises(OpenGradientError) as caught:
                await llm.chat(MODEL, ASK)
        assert "clock" in caught.value.diagnostics()
        assert meddler.posts == []
        assert not node.sim.requests


async def test_a_node_whose_clock_is_wrong_is_refused(tmp_path: Path) -> None:
    for wrong_by in (DAY_MS, -DAY_MS):
        folder = tmp_path / str(wrong_by)
        async with (
            proxy_node(folder, clock=lambda by=wrong_by: system_clock_ms() + by) as node,
            og.LLM(network=network_of(node), max_retries=0) as llm,
        ):
            with pytest.raises(OpenGradientError) as caught:
                await llm.chat(MODEL, ASK)
            assert "clock" in caught.value.diagnostics()
            assert not node.sim.requests
