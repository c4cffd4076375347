"""Backends and simulators over real sockets: what was built arrives, what comes is understood."""

import json

import httpx
import pytest

from opengradient.core.messages import StreamAccumulator
from opengradient.testing.simulators import ProviderSimulator, Scenario, ScriptedCall
from opengradient.testing.simulators.scenario import PIXEL
from opengradient.wire.openai_request import CHAT_PATH, COMPLETION_PATH, EMBEDDING_PATH
from opengradient.wire.sse import EventDecoder
from reference_nodes.llm_proxy_node.backends import Backends, ProviderSettings, is_refusal
from tests.unit.llm_proxy_node.backends.support import TOOL, request

NAMES = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "xai": "xai",
    "compatible": "local",
}
EVERY = pytest.mark.parametrize("provider", NAMES)
STREAMS = pytest.mark.parametrize("stream", [False, True])
IMAGES = {"openai", "xai", "compatible", "google"}


def simulated(provider):
    return getattr(ProviderSimulator, provider)()


def reach(sim, **changes):
    settings = ProviderSettings.from_env({**sim.environ(), **changes})
    return Backends.from_settings(settings).resolve(f"{NAMES[sim.provider]}/m")[0]


async def send(sim, body, model="m", path=CHAT_PATH, backend=None):
    """One call; gives the reply or the failure, and the choices."""
    backend = backend or reach(sim)
    wanted = request(body, path)
    upstream = backend.build(wanted, model)
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.request(
            upstream.method, upstream.url, headers=dict(upstream.headers), content=upstream.body
        )
    received = sim.requests[-1]
    assert received.body == upstream.body
    assert upstream.url == sim.origin + received.target
    for name, value in upstream.headers.items():
        assert received.headers[name] == value
    if answer.status_code >= 400:
        return backend.parse_error(answer.status_code, answer.headers, answer.content), ()
    if not wanted.stream:
        reply = backend.parse_reply(wanted.kind, answer.content)
        return reply, reply.choices
    parser, whole = backend.new_stream(wanted.kind), StreamAccumulator()
    decoder = EventDecoder()
    for event in decoder.feed(answer.content):
        for delta in parser.feed(event):
            whole.add(delta)
    return parser, whole.choices()


@EVERY
@STREAMS
async def test_plain(provider, stream):
    async with simulated(provider) as sim:
        sim.enqueue(
            Scenario(model="served-1", cached_tokens=4, reasoning=("h", "m"), reasoning_tokens=2)
        )
        reply, choices = await send(sim, {"stream": stream})
    assert [choice.text for choice in choices] == ["Hello from the simulator."]
    assert choices[0].reasoning == "hm"
    assert choices[0].finish_reason == "stop"
    assert reply.model_served == "served-1"
    usage = reply.usage
    assert (usage.input_tokens, usage.output_tokens) == (11, 7)
    assert (usage.cached_input_tokens, usage.reasoning_tokens) == (4, 2)
    assert not stream or reply.done


@EVERY
@STREAMS
async def test_tools(provider, stream):
    async with simulated(provider) as sim:
        sim.enqueue(
            Scenario(
                text=(),
                tool_calls=(ScriptedCall(), ScriptedCall(id="two", name="g", pieces=())),
                finish_reason="tool_calls",
            )
        )
        _, choices = await send(sim, {"stream": stream, "tools": [TOOL]})
    calls = [(call.name, json.loads(call.arguments)) for call in choices[0].tool_calls]
    assert calls == [("get_weather", {"city": "Paris"}), ("g", {})]
    assert choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("provider", sorted(IMAGES))
@STREAMS
async def test_images_out(provider, stream):
    async with simulated(provider) as sim:
        _, choices = await send(sim, {"stream": stream}, "sim-image")
    assert choices[0].images == (PIXEL,)


@EVERY
async def test_images_in(provider):
    part = {"type": "image_url", "image_url": {"url": PIXEL}}
    body = {"messages": [{"role": "user", "content": [part]}]}
    async with simulated(provider) as sim:
        await send(sim, body)
        assert PIXEL.partition(",")[2].encode() in sim.requests[0].body


@EVERY
@STREAMS
async def test_refusals(provider, stream):
    async with simulated(provider) as sim:
        _, choices = await send(sim, {"stream": stream}, "sim-refusal")
    assert is_refusal(choices)
    assert choices[0].refusal == "I cannot help."


@EVERY
@pytest.mark.parametrize(
    ("status", "ours", "code"),
    [
        (400, 400, "provider.rejected"),
        (429, 429, "node.rate_limited"),
        (500, 502, "provider.error"),
        (529, 502, "provider.error"),
    ],
)
async def test_errors(provider, status, ours, code):
    async with simulated(provider) as sim:
        failure, _ = await send(sim, {}, f"sim-status-{status}-retry-7")
    assert (failure.status, failure.code, failure.provider_status) == (ours, code, status)
    assert failure.retry_after == 7.0


@EVERY
async def test_wrong_keys_and_unknown_models(provider):
    async with simulated(provider) as sim:
        key = next(name for name in sim.environ() if name.endswith("_KEY"))
        stranger = reach(sim, **{key: "sk-strange0123456789"})
        failure, _ = await send(sim, {}, backend=stranger)
        assert (failure.status, failure.code) == (502, "provider.error")
        assert "0123456789" not in failure.message
        failure, _ = await send(sim, {}, "sim-unknown")
        assert (failure.status, failure.code) == (404, "provider.unknown_model")


@EVERY
async def test_errors_within_streams(provider):
    async with simulated(provider) as sim:
        parser, _ = await send(sim, {"stream": True}, "sim-error-after-2")
    assert parser.error.code == "provider.error"
    assert not parser.done


@EVERY
@pytest.mark.parametrize("model", ["sim-malformed-json", "sim-malformed-sse"])
async def test_malformed_streams(provider, model):
    async with simulated(provider) as sim:
        parser, _ = await send(sim, {"stream": True}, model)
    assert parser.error.code == "provider.protocol"
    assert not parser.done


@pytest.mark.parametrize("provider", [name for name in NAMES if name != "anthropic"])
async def test_several_choices(provider):
    async with simulated(provider) as sim:
        for stream in (False, True):
            _, choices = await send(sim, {"n": 2, "stream": stream})
            assert [choice.index for choice in choices] == [0, 1]


@pytest.mark.parametrize("provider", ["openai", "google", "compatible"])
async def test_embeddings(provider):
    async with simulated(provider) as sim:
        reply, _ = await send(sim, {"input": ["a", "b"]}, path=EMBEDDING_PATH)
        assert reply.embeddings == ((0.25, -0.5, 0.0), (0.25, -0.5, 1.0))
        reply, _ = await send(sim, {"input": "a"}, path=EMBEDDING_PATH)
        assert len(reply.embeddings) == 1


@pytest.mark.parametrize("provider", ["openai", "xai", "compatible"])
@STREAMS
async def test_completions(provider, stream):
    async with simulated(provider) as sim:
        _, choices = await send(
            sim, {"prompt": "again", "stream": stream}, "sim-echo", COMPLETION_PATH
        )
    assert choices[0].text == "again"


@pytest.mark.parametrize("provider", ["openai", "google"])
async def test_logprobs(provider):
    async with simulated(provider) as sim:
        sim.enqueue(Scenario(text=("a", "b"), logprobs=True))
        _, choices = await send(sim, {"logprobs": True})
    assert [token["logprob"] for token in choices[0].logprobs["content"]] == [-0.25, -0.25]


@EVERY
async def test_everything_a_provider_takes_is_known_to_its_simulator(provider):
    """The simulators refuse unknown fields, so this checks the names that the backends write."""
    common = {
        "temperature": 0.5,
        "top_p": 0.5,
        "stop": ["x"],
        "max_tokens": 5,
        "tools": [TOOL],
        "tool_choice": "auto",
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    }
    own = {
        "openai": {"service_tier": "auto", "verbosity": "low", "safety_identifier": "s"},
        "anthropic": {"service_tier": "auto", "user": "u", "parallel_tool_calls": False},
        "google": {"seed": 1, "n": 1, "presence_penalty": 1, "logprobs": True, "top_logprobs": 1},
        "xai": {"seed": 1, "user": "u"},
        "compatible": {"seed": 1},
    }
    async with simulated(provider) as sim:
        reply, choices = await send(sim, {**common, **own[provider]})
    assert choices
    assert reply.model_served == "m"
