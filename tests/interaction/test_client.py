"""The client against the real node over real sockets and TLS: what works."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from pydantic import BaseModel

import opengradient as og
from opengradient.core.modes import ReceiptKind, SettlementMode
from opengradient.errors import (
    ConfigurationError,
    NodeError,
    NotFoundError,
    OutputError,
    ProtocolError,
    RateLimitedError,
    UnsupportedParameterError,
)
from opengradient.testing.simulators import Scenario, ScriptedCall
from opengradient.testing.simulators.scenario import PIXEL
from reference_nodes._kit.clock import system_clock_ms
from tests.interaction.proxy import Node, proxy_node
from tests.interaction.sdk import HELLO, MODEL, client, network_of, read


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "node") as running:
        yield running


def script(node: Node, scenario: Scenario) -> None:
    """The provider's next answers."""
    node.sim.enqueue(scenario, scenario)


async def test_chat_is_verified_and_has_all_its_names(node: Node, tmp_path: Path) -> None:
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO, temperature=0.5, seed=1)
    assert reply.text == "Hello from the simulator."
    assert reply.message == {"role": "assistant", "content": reply.text}
    assert reply.chat_output["content"] == reply.text
    assert reply.completion_output is None
    assert reply.finish_reason == "stop"
    assert reply.usage["total_tokens"] == reply.usage.total_tokens == 18
    assert dict(reply.usage)["prompt_tokens"] == reply.usage.prompt_tokens == 11
    assert isinstance(reply, og.TextGenerationOutput)
    assert reply.tee_endpoint == node.url
    assert len(reply.tee_id) == 66
    assert reply.tee_signature
    assert abs(reply.tee_timestamp * 1000 - system_clock_ms()) < 60_000
    assert reply.payment_hash is None
    assert reply.data_settlement_transaction_hash is None
    assert reply.parsed is None
    for name in ("network", "signature", "channel", "nonce", "request", "response"):
        assert reply.verdict[name].status == og.Status.PROVEN, name
    assert reply.verdict.simulated
    assert reply.receipt.receipt.settlement_mode == SettlementMode.BATCH_HASHED
    path = reply.receipt.save(tmp_path / "receipt.json")
    assert path.stat().st_mode & 0o777 == 0o600
    again = og.verify(path, network=network_of(node))
    assert again["response"].status == og.Status.PROVEN
    sent = json.loads(node.sim.requests[-1].body)
    assert {"temperature", "seed"} <= set(sent)
    assert not {"max_tokens", "max_completion_tokens", "top_p"} & set(sent)


async def test_a_saved_receipt_can_withhold(node: Node, tmp_path: Path) -> None:
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO)
    path = reply.receipt.save(tmp_path / "r.json", withhold={"request": ("body",), "upstream": ()})
    assert b"Say hello" not in path.read_bytes()
    verdict = og.verify(path, network=network_of(node))
    assert verdict["request"].status == og.Status.ABSENT
    assert verdict["response"].status == og.Status.PROVEN


async def test_stream_shows_pieces_and_ends_verified(node: Node) -> None:
    async with client(node) as llm, llm.stream(MODEL, HELLO) as stream:
        with pytest.raises(ProtocolError):
            _ = stream.reply
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks) == "Hello from the simulator."
    assert [chunk.is_final for chunk in chunks[-2:]] == [False, True]
    assert chunks[-1].reply is stream.reply
    assert chunks[-1].usage.total_tokens == 18
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert stream.reply.text == "Hello from the simulator."
    assert stream.reply.verdict["stream"].status == og.Status.PROVEN
    assert stream.reply.tee_signature


async def test_stream_the_published_way(node: Node) -> None:
    async with client(node) as llm:
        chunks = [chunk async for chunk in await llm.chat(MODEL, HELLO, stream=True)]
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello from the simulator."
    assert chunks[-1].is_final
    assert chunks[-1].tee_id


async def test_a_stream_without_its_block_works(node: Node) -> None:
    async with client(node) as llm:
        stream = llm.stream(MODEL, HELLO)
        assert [chunk.is_final async for chunk in stream][-1]
        assert stream.reply.text


async def test_leaving_a_stream_early_stops_the_provider_and_leaves_a_receipt(node: Node) -> None:
    script(node, Scenario(text=("a",) * 500, pause=0.02))
    async with client(node) as llm:
        async with llm.stream(MODEL, HELLO) as stream:
            async for chunk in stream:
                assert not chunk.is_final
                break
        with anyio.fail_after(10):
            while True:
                try:
                    recalled = await llm.receipt(stream.idempotency_key)
                except NotFoundError:
                    continue
                if not recalled.running:
                    break
    assert recalled.status == 499
    assert recalled.receipt.receipt.kind == ReceiptKind.ERROR
    assert recalled.receipt.receipt.stream_chunks < 500
    assert recalled.receipt.verdict["nonce"].status == og.Status.PROVEN


async def test_tools_whole_and_streamed(node: Node) -> None:
    script(node, Scenario(text=(), tool_calls=(ScriptedCall(),), finish_reason="tool_calls"))
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO, tools=tools, tool_choice="auto")
        async with llm.stream(MODEL, HELLO, tools=tools) as stream:
            async for _ in stream:
                pass
    for answer in (reply, stream.reply):
        assert answer.finish_reason == "tool_calls"
        assert answer.tool_calls[0].name == "get_weather"
        assert json.loads(answer.tool_calls[0].arguments) == {"city": "Paris"}
        assert answer.message["tool_calls"][0]["function"]["name"] == "get_weather"
        assert answer.parsed is None


class City(BaseModel):
    name: str
    country: str = "unknown"


async def test_structured_output_comes_back_as_the_class(node: Node) -> None:
    script(node, Scenario(text=('{"name": "Paris", ', '"country": "France"}')))
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO, response_format=City)
        plain = await llm.chat(MODEL, HELLO, response_format=og.ResponseFormat("json_object"))
    assert reply.parsed == City(name="Paris", country="France")
    assert plain.parsed == {"name": "Paris", "country": "France"}
    schema = json.loads(node.sim.requests[-2].body)["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["required"] == ["name", "country"]
    assert schema["schema"]["additionalProperties"] is False


async def test_an_answer_of_another_form_says_so_and_keeps_the_reply(node: Node) -> None:
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO, response_format=City)
    with pytest.raises(OutputError) as caught:
        _ = reply.parsed
    assert caught.value.code == "output.schema"
    assert caught.value.reply is reply


async def test_images_go_and_come(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, provider="google") as node, client(node) as llm:
        script(node, Scenario(images=(PIXEL,)))
        part = og.image(PIXEL)
        message = {"role": "user", "content": [{"type": "text", "text": "Draw."}, part]}
        reply = await llm.chat(
            "google/gemini-2.5-flash-image", [message], modalities=["text", "image"]
        )
    assert reply.images == (PIXEL,)


async def test_embeddings(node: Node) -> None:
    async with client(node) as llm:
        reply = await llm.embeddings("openai/text-embedding-3-small", ["a", "b"])
    assert len(reply.embeddings) == 2
    assert reply.verdict["response"].status == og.Status.PROVEN


async def test_completion(node: Node) -> None:
    async with client(node) as llm:
        reply = await llm.completion("openai/gpt-3.5-turbo-instruct", "Say", max_tokens=5)
    assert reply.text == reply.completion_output == "Hello from the simulator."
    assert reply.chat_output is None
    assert reply.message == {"role": "assistant", "content": reply.text}
    assert reply.receipt.receipt.kind == ReceiptKind.COMPLETION


async def test_a_refusal_is_a_verified_answer(node: Node) -> None:
    script(node, Scenario(text=(), refusal="No.", finish_reason="content_filter"))
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO)
    assert reply.refusal == "No."
    assert reply.receipt.receipt.kind == ReceiptKind.REFUSAL


async def test_private_leaves_nothing_to_settle(node: Node) -> None:
    async with client(node, settlement_mode="private") as llm:
        reply = await llm.chat(MODEL, HELLO)
        other = await llm.chat(
            MODEL, HELLO, x402_settlement_mode=og.x402SettlementMode.INDIVIDUAL_FULL
        )
    assert reply.receipt.receipt.settlement_mode == SettlementMode.PRIVATE
    assert await reply.settlement.state() == "private"
    assert other.receipt.receipt.settlement_mode == SettlementMode.INDIVIDUAL_FULL
    with pytest.raises(og.OpenGradientError) as caught:
        await reply.settlement.wait()
    assert caught.value.code == "settlement.private"


async def test_the_outbox_is_asked_while_no_full_node_knows(node: Node) -> None:
    async with client(node) as llm:
        reply = await llm.chat(MODEL, HELLO)
    assert await reply.settlement.state() == "queued"


async def test_models_and_nodes(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, models=("openai/gpt-4.1-mini",)) as node, client(node) as llm:
        assert await llm.models() == ["openai/gpt-4.1-mini"]
        (view,) = await llm.nodes()
    assert view.url == node.url
    assert view.error is None
    assert view.simulated


async def test_many_calls_at_once_keep_one_order(node: Node) -> None:
    async with client(node) as llm:
        replies: list[og.ChatReply] = []

        async def ask() -> None:
            replies.append(await llm.chat(MODEL, HELLO))

        async with anyio.create_task_group() as group:
            for _ in range(30):
                group.start_soon(ask)
    assert sorted(reply.receipt.receipt.sequence for reply in replies) == list(range(1, 31))


# Errors that a node signs.


async def test_a_parameter_that_the_provider_lacks_is_named(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, provider="anthropic") as node, client(node) as llm:
        with pytest.raises(UnsupportedParameterError) as caught:
            await llm.chat("anthropic/claude-sonnet-4-5", HELLO, logprobs=True)
    assert caught.value.parameter == "logprobs"
    assert caught.value.receipt.receipt.kind == ReceiptKind.ERROR


@pytest.mark.parametrize(
    ("scenario", "kind", "code"),
    [
        (Scenario(status=429, headers={"retry-after": "3"}), RateLimitedError, "node.rate_limited"),
        (Scenario(status=500), NodeError, "provider.error"),
        (Scenario(status=400), (NodeError, ConfigurationError), "provider.rejected"),
        (Scenario(malformed="json"), NodeError, "provider.protocol"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failing_provider_is_a_signed_error(
    node: Node, scenario: Scenario, kind: type[Exception], code: str, stream: bool
) -> None:
    script(node, scenario)
    async with client(node) as llm:
        with pytest.raises(kind) as caught:
            await (read(llm) if stream else llm.chat(MODEL, HELLO))
    assert caught.value.code == code
    assert caught.value.receipt.verdict["signature"].status == og.Status.PROVEN
    if isinstance(caught.value, RateLimitedError):
        assert caught.value.retry_after == 3


async def test_a_provider_that_breaks_off_is_a_signed_error_after_the_pieces(node: Node) -> None:
    script(node, Scenario(cut_after=3))
    seen: list[og.ChatChunk] = []
    async with client(node) as llm:
        with pytest.raises(NodeError) as caught:
            await read(llm, seen)
    assert seen
    assert caught.value.code == "provider.protocol"
    assert caught.value.receipt.receipt.stream_chunks == len(seen)


async def test_an_unknown_model_is_not_found(node: Node) -> None:
    async with client(node) as llm:
        with pytest.raises(NotFoundError) as caught:
            await llm.chat("nobody/nothing", HELLO)
    assert caught.value.code == "provider.unknown_model"


# What is refused before anything is sent.


async def test_unknown_options_are_type_errors(node: Node) -> None:
    async with client(node) as llm:
        with pytest.raises(TypeError):
            await llm.chat(MODEL, HELLO, temprature=1)
        with pytest.raises(TypeError):
            llm.stream(MODEL, HELLO, best_of=1)
        with pytest.raises(TypeError):
            await llm.completion(MODEL, "x", tools=[])
    assert node.sim.requests == []


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 9},
        {"temperature": float("nan")},
        {"n": 0},
        {"stop": ["a"], "stop_sequence": ["b"]},
        {"settlement_mode": "loud"},
        {"settlement_mode": "batch", "x402_settlement_mode": "batch"},
        {"idempotency_key": ""},
        {"idempotency_key": "ä"},
        {"response_format": {"type": "xml"}},
    ],
    ids=str,
)
async def test_wrong_values_are_refused_before_anything_is_sent(node: Node, options) -> None:
    async with client(node) as llm:
        with pytest.raises((ConfigurationError, og.OpenGradientError)):
            await llm.chat(MODEL, HELLO, **options)
    assert node.sim.requests == []
