"""og.ConfidentialLLM against real nodes behind a real relay, and behind one that is not honest."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

import opengradient as og
from opengradient.errors import (
    AttestationError,
    ChannelError,
    ConnectError,
    NodeError,
    NotFoundError,
    OpenGradientError,
    ProtocolError,
    RelayError,
    UnsupportedParameterError,
)
from opengradient.testing.simulators import Scenario
from opengradient.transport import HttpResponse, HttpTransport, TlsPin
from tests.interaction.proxy import Node, proxy_node
from tests.interaction.relay import relay_to
from tests.interaction.sdk import HELLO, MODEL, network_of, read
from tests.interaction.wiretap import wiretap

PROMPT = "What is the airspeed velocity of an unladen swallow?"
ASK = [{"role": "user", "content": PROMPT}]
ANSWER = "Twenty-four miles per hour, roughly."


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "node") as running:
        yield running


@pytest.fixture
async def relay(tmp_path: Path, node: Node) -> AsyncIterator[str]:
    async with relay_to(tmp_path, node) as url:
        yield url


def client(relay: str, *nodes: Node, **settings: Any) -> og.LLM:
    chosen = {"network": network_of(*nodes), "max_retries": 0, **settings}
    return og.ConfidentialLLM(relay, **chosen)


async def test_a_call_is_like_any_other_and_its_receipt_names_the_sealed_channel(node, relay):
    async with client(relay, node) as llm:
        reply = await llm.chat(MODEL, HELLO)
        assert reply.text
        claim = reply.verdict["channel"]
        assert (claim.status, claim.source) == ("proven", "Oblivious HTTP to the attested key")
        assert reply.node.url.startswith(relay)
        pieces: list[og.ChatChunk] = []
        streamed = await read(llm, pieces)
        assert len(pieces) > 1
        assert streamed.verdict["channel"].status == "proven"
        assert (await llm.completion(MODEL, "Once")).text
        assert (await llm.embeddings("openai/text-embedding-3-small", ["a"])).verdict
        assert await llm.models() == []  # the simulated provider lists none
        [view] = await llm.nodes()
        assert (view.node_id, view.error) == ("0x" + reply.node.node_id.hex(), None)
        settlement = reply.settlement
    assert (await settlement.state()).value  # asked after the client was closed, through the relay


async def test_the_same_key_gives_the_same_answer(node, relay):
    async with client(relay, node) as llm:
        first = await llm.chat(MODEL, HELLO, idempotency_key="one")
        again = await llm.chat(MODEL, HELLO, idempotency_key="one")
        assert first.receipt.digest == again.receipt.digest
        recalled = await llm.receipt("one")
        assert recalled.receipt is not None
        assert recalled.receipt.digest == first.receipt.digest
        with pytest.raises(NotFoundError):
            await llm.receipt("another")
    assert len(node.sim.requests) == 1


async def test_nothing_readable_crosses_the_relay(node, relay):
    node.sim.enqueue(Scenario(text=(ANSWER,)), Scenario(text=(ANSWER,)))
    async with wiretap(relay) as tap, client(tap.url, node) as llm:
        reply = await llm.chat(MODEL, ASK, idempotency_key="a-key-of-my-own")
        async with llm.stream(MODEL, ASK, idempotency_key="another-key") as stream:
            async for _ in stream:
                pass
    assert reply.text == ANSWER
    seen = tap.everything.lower()
    digest = reply.receipt.digest
    for word in (
        PROMPT,
        ANSWER,
        "swallow",
        "miles",
        "gpt-4.1-mini",
        "a-key-of-my-own",
        "another-key",
        "idempotency-key",
        "x-opengradient",
        "x-settlement-type",
        "chat/completions",
        "event-stream",
        "httpx",
        digest.hex(),
    ):
        assert word.lower().encode() not in seen, word


async def test_of_two_nodes_the_one_that_lives_answers(tmp_path, node):
    leave, left = anyio.Event(), anyio.Event()

    async def serve(*, task_status):
        async with proxy_node(tmp_path / "other") as other:
            task_status.started(other)
            await leave.wait()
        left.set()

    async with anyio.create_task_group() as tasks:
        other = await tasks.start(serve)
        trusted = {"trust": both(node, other)}
        async with (
            relay_to(tmp_path, node, other, network=trusted) as url,
            og.ConfidentialLLM(url, network=network_of(node, other, **trusted)) as llm,
        ):
            assert len(await llm.nodes()) == 2
            urls = {(await llm.chat(MODEL, HELLO)).node.url for _ in range(12)}
            assert len(urls) == 2
            leave.set()
            await left.wait()
        # A new client, and a relay that learns of it with the first request.
        async with (
            relay_to(tmp_path, node, other, network=trusted) as url,
            og.ConfidentialLLM(url, network=network_of(node, other, **trusted)) as llm,
        ):
            answers = [(await llm.chat(MODEL, HELLO)).node.node_id for _ in range(4)]
            assert len(set(answers)) == 1


def both(*nodes: Node):
    first = nodes[0].policy
    roots = tuple(dict.fromkeys(root for node in nodes for root in node.policy.roots))
    return type(first)(roots=roots, measurements=first.measurements)


async def test_a_key_that_was_replaced_is_attested_anew_and_nothing_runs_twice(tmp_path):
    send, receive = anyio.create_memory_object_stream[None](8)
    async with (
        send,
        receive,
        proxy_node(tmp_path / "n", demands=receive, key_grace_seconds=0.001) as n,
        relay_to(tmp_path, n) as relay,
        client(relay, n) as llm,
    ):
        first = await llm.chat(MODEL, HELLO)
        await rotated(n, send)
        second = await llm.chat(MODEL, HELLO)
        await rotated(n, send)
        third = await read(llm)
    bindings = [reply.receipt.receipt.channel_binding for reply in (first, second, third)]
    assert len(set(bindings)) == 3
    assert {reply.verdict["channel"].status for reply in (first, second, third)} == {"proven"}
    assert len(n.sim.requests) == 3


async def rotated(node: Node, demands) -> None:
    async def keyset() -> bytes:
        async with httpx.AsyncClient(verify=False) as fresh:
            shown = (await fresh.get(node.url + "/v1/evidence")).json()
        return hashlib.sha256(json.dumps(shown["standing"]).encode()).digest()

    before = await keyset()
    await demands.send(None)
    with anyio.fail_after(10):
        while await keyset() == before:
            await anyio.lowlevel.checkpoint()


async def test_a_node_without_an_attested_key_gets_nothing(tmp_path):
    async with proxy_node(tmp_path / "n", ohttp=False) as n, relay_to(tmp_path, n) as relay:
        async with wiretap(relay) as tap, client(tap.url, n) as llm:
            with pytest.raises(OpenGradientError) as caught:
                await llm.chat(MODEL, ASK)
        assert isinstance(caught.value, AttestationError | ConnectError)
        assert b"POST" not in bytes(tap.forth)


async def test_errors_inside_are_the_nodes_and_those_outside_the_relays(tmp_path, node):
    token = hashlib.sha256(b"mine").hexdigest()
    (tmp_path / "tokens").write_text(token + "\n")
    async with relay_to(tmp_path, node, tokens_file=tmp_path / "tokens") as relay:
        async with client(relay, node) as stranger:
            with pytest.raises(RelayError) as refused:
                await stranger.chat(MODEL, HELLO)
        assert (refused.value.code, refused.value.status) == ("channel.relay_refused", 401)
        async with client(relay, node, relay_headers={"authorization": "Bearer mine"}) as llm:
            assert (await llm.chat(MODEL, HELLO)).text
            with pytest.raises(UnsupportedParameterError):
                await llm.chat(MODEL, HELLO, seed="not a number")
            node.sim.enqueue(Scenario(status=400))
            with pytest.raises(NodeError) as failed:
                await llm.chat(MODEL, HELLO)
            assert failed.value.receipt is not None


async def test_a_relay_that_is_not_there(node):
    async with client("http://127.0.0.1:1", node) as llm:
        with pytest.raises(ConnectError):
            await llm.chat(MODEL, HELLO)


Meddle = Callable[[bytes], bytes]


class Dishonest:
    """Makes transports whose sealed answers somebody changed."""

    def __init__(self) -> None:
        self.meddle: Meddle = bytes
        self.answers: list[bytes] = []
        self.reply: HttpResponse | None = None

    def __call__(self, pin: TlsPin | None) -> "DishonestTransport":
        return DishonestTransport(self, HttpTransport(pin=pin))


class DishonestTransport:
    def __init__(self, relay: Dishonest, inner: HttpTransport) -> None:
        self._relay = relay
        self._inner = inner

    async def request(self, method: str, url: str, **more: Any) -> HttpResponse:
        answer = await self._inner.request(method, url, **more)
        if method != "POST":
            return answer
        if self._relay.reply is not None:
            return self._relay.reply
        self._relay.answers.append(answer.body)
        return HttpResponse(answer.status, answer.headers, self._relay.meddle(answer.body))

    @asynccontextmanager
    async def stream(self, method: str, url: str, **more: Any):
        async with self._inner.stream(method, url, **more) as stream:
            if method == "POST":
                yield DishonestStream(self._relay, stream)
            else:
                yield stream

    async def aclose(self) -> None:
        await self._inner.aclose()


class DishonestStream:
    def __init__(self, relay: Dishonest, inner: Any) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._relay = relay
        self._inner = inner

    async def __aiter__(self):
        data = await self._inner.read()
        self._relay.answers.append(data)
        yield self._relay.meddle(data)

    async def read(self, max_bytes: int = 2**26) -> bytes:
        return await self._inner.read(max_bytes)


async def test_a_relay_that_replays_or_swaps_answers_is_found_out(node, relay):
    between = Dishonest()
    async with client(relay, node, transports=between) as llm:
        assert (await llm.chat(MODEL, HELLO)).text
        between.meddle = lambda _: between.answers[0]
        with pytest.raises(ChannelError) as caught:
            await llm.chat(MODEL, HELLO)
        assert caught.value.code == "channel.open"
        with pytest.raises(ChannelError):
            await read(llm)


async def test_a_relay_that_answers_itself_is_not_believed(node, relay):
    between = Dishonest()
    async with client(relay, node, transports=between) as llm:
        body = json.dumps({"choices": [{"message": {"content": "trust me"}}]}).encode()
        between.reply = HttpResponse(200, {"content-type": "application/json"}, body)
        with pytest.raises(ChannelError) as caught:
            await llm.chat(MODEL, HELLO)
        assert caught.value.code == "channel.plaintext"


async def test_a_stream_that_the_relay_cuts_is_cut_and_its_receipt_can_be_had(node, relay):
    between = Dishonest()
    async with client(relay, node, transports=between) as llm:
        between.meddle = lambda data: data[: len(data) // 2]
        seen: list[og.ChatChunk] = []
        with pytest.raises((ProtocolError, ChannelError)) as caught:
            await read(llm, seen, idempotency_key="cut")
        assert caught.value.code in ("transport.stream_cut", "channel.open")
        assert all(chunk.reply is None for chunk in seen)
        between.meddle = bytes
        recalled = await llm.receipt("cut")
        assert recalled.receipt is not None


async def test_an_answer_that_was_lost_is_asked_for_again_and_not_made_twice(node, relay):
    between = Dishonest()
    cuts = iter([40, None])

    def lose(data: bytes) -> bytes:
        return data[: next(cuts)]

    between.meddle = lose
    async with client(relay, node, transports=between, max_retries=1) as llm:
        assert (await llm.chat(MODEL, HELLO)).text
    assert len(node.sim.requests) == 1


async def test_a_relay_that_claims_the_key_is_unknown_makes_nothing_run_twice(node, relay):
    """It says so after the node has answered: the request is repeated under the same key."""
    problem = {"type": "https://iana.org/assignments/http-problem-types#ohttp-key"}
    lies = [HttpResponse(400, {"content-type": "application/problem+json"}, json.dumps(problem).encode())]  # fmt: skip

    class Lying(Dishonest):
        def __call__(self, pin):
            inner = super().__call__(pin)
            request = inner.request

            async def lied(method, url, **more):
                answer = await request(method, url, **more)
                return lies.pop() if method == "POST" and lies else answer

            inner.request = lied
            return inner

    async with client(relay, node, transports=Lying()) as llm:
        reply = await llm.chat(MODEL, HELLO)
    assert reply.verdict["channel"].status == "proven"
    assert len(node.sim.requests) == 1
