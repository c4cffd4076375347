"""The test kit's network, and the command line against it: real processes and sockets."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

import opengradient as og
from opengradient.core.settlement import SettlementState
from opengradient.errors import ConfigurationError, NodeError
from opengradient.networks import write_profile
from opengradient.testing.local_network import LocalNetwork
from opengradient.testing.simulators import Scenario

pytestmark = pytest.mark.slow
QUESTION = [{"role": "user", "content": "Hello"}]


@asynccontextmanager
async def installed(net: LocalNetwork, folder: Path) -> AsyncIterator[dict[str, str]]:
    """The environment in which the command line uses this network by default."""
    write_profile(net.network, folder / "networks" / "devnet.json")
    yield {**os.environ, "OPENGRADIENT_HOME": str(folder)}


async def command(environment: dict[str, str], *arguments: object, stdin: bytes = b"") -> tuple:
    done = await anyio.run_process(
        [sys.executable, "-m", "opengradient", *map(str, arguments)],
        input=stdin,
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_every_provider_answers_and_settles(tmp_path: Path) -> None:
    providers = ("openai", "anthropic", "google", "xai", "compatible")
    dump = tmp_path / "dump"
    async with LocalNetwork(providers=providers, llm_nodes=2, dump_dir=dump) as net:
        async with og.LLM(network=net.network) as llm:
            assert len(await llm.models()) == 5
            for model in net.devnet.served.models:
                reply = await llm.chat(model, QUESTION)
                assert reply.text
                assert reply.verdict["response"].status == "proven"
            assert reply.settlement is not None
            proof = await reply.settlement.wait(timeout=30)
            assert proof.anchor is not None
            assert reply.verdict["settlement"].status == "proven"
            # The full node takes note a moment after the ledger has it deep enough.
            seen = await reply.settlement.state()
            assert seen in {SettlementState.ANCHORED, SettlementState.FINAL}
        for name in providers:
            (request,) = net.simulators[name].requests
            assert b"Hello" in request.body
    kept = {path.name for path in dump.rglob("*") if path.is_file()}
    assert {"full-node.log", "llm-0.log", "llm-1.log", "policy.json"} <= kept
    assert not [name for name in kept if name.endswith((".key", "root.pem"))]
    for path in dump.rglob("*"):
        if path.is_file():
            assert b"simulated-openai-key" not in path.read_bytes(), path


async def test_commands(tmp_path: Path) -> None:
    async with LocalNetwork() as net, installed(net, tmp_path) as environment:
        simulator = net.simulators["compatible"]

        status, out, _ = await command(environment, "models", "--json")
        assert (status, json.loads(out)["models"]) == (0, ["local/sim"])

        status, out, _ = await command(environment, "nodes", "--json")
        (node,) = json.loads(out)["nodes"]
        assert (status, node["error"], node["simulated"]) == (0, None, True)

        file = tmp_path / "receipt.json"
        simulator.enqueue(Scenario(text=("Well", " met\x1b[2J!")))
        chat = ("chat", "--system", "Be brief.", "--save", file, "Hello there")
        status, out, err = await command(environment, *chat)
        assert (status, out) == (0, "Well met\\x1b[2J!\n")
        assert "✓ verified" in err
        assert "SIMULATED" in err
        sent = json.loads(simulator.requests[-1].body)
        assert [m["role"] for m in sent["messages"]] == ["system", "user"]
        assert sent["stream"] is True

        status, out, _ = await command(environment, "verify", file, "--json")
        assert (status, json.loads(out)["result"]) == (0, "accepted")

        piped = ("chat", "--no-stream", "--json", "-m", "local/sim")
        status, out, _ = await command(environment, *piped, stdin=b"From a pipe\n")
        answer = json.loads(out)
        assert (status, answer["receipt"][:2]) == (0, "0x")
        assert b"From a pipe" in simulator.requests[-1].body

        status, out, err = await command(environment, "chat", "-m", "local/sim-status-429", "Hello")
        assert status == 1
        assert "node.rate_limited" in err
        assert "Traceback" not in err


async def test_the_ledger_confirms_an_old_file(tmp_path: Path) -> None:
    async with LocalNetwork() as net, installed(net, tmp_path) as environment:
        file = tmp_path / "receipt.json"
        async with og.LLM(network=net.network) as llm:
            reply = await llm.chat(net.model, QUESTION)
            assert reply.settlement is not None
            assert reply.receipt is not None
            await reply.settlement.wait(timeout=30)
            reply.receipt.save(file)
        rpc = ("--rpc", net.network.rpc_url)
        status, out, _ = await command(environment, "verify", file, "--json")
        claims = {claim["name"]: claim["status"] for claim in json.loads(out)["claims"]}
        assert (status, claims["settlement"]) == (0, "asserted")
        status, out, _ = await command(environment, "verify", file, *rpc, "--json")
        claims = {claim["name"]: claim["status"] for claim in json.loads(out)["claims"]}
        assert (status, claims["settlement"]) == (0, "proven")


async def test_a_simulated_error_is_a_signed_error() -> None:
    async with LocalNetwork(providers=("openai",)) as net, og.LLM(network=net.network) as llm:
        with pytest.raises(NodeError) as failed:
            await llm.chat("openai/sim-status-500", QUESTION)
        assert failed.value.code == "provider.error"


def test_unknown_simulators_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        LocalNetwork(providers=("nobody",))
    with pytest.raises(ConfigurationError):
        _ = LocalNetwork().network


def test_importing_the_kit_loads_no_nodes() -> None:
    code = "import sys, opengradient.testing.local_network as _; assert 'reference_nodes' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_confidential_calls_settle_like_others(tmp_path: Path) -> None:
    async with LocalNetwork() as net:
        async with og.ConfidentialLLM(net.relay_url, network=net.network) as llm:
            reply = await llm.chat(net.model, QUESTION)
            assert reply.verdict["channel"].status == "proven"
            assert "Oblivious HTTP" in reply.verdict["channel"].source
            assert reply.settlement is not None
            await reply.settlement.wait(timeout=30)
            # The full node takes note a moment after the ledger has it deep enough.
            seen = await reply.settlement.state()
            assert seen in {SettlementState.ANCHORED, SettlementState.FINAL}
            async with llm.stream(net.model, QUESTION) as stream:
                text = "".join([chunk.text or "" async for chunk in stream])
            assert text == stream.reply.text
            assert "Oblivious HTTP" in stream.reply.verdict["channel"].source
        async with installed(net, tmp_path) as environment:
            for way in (("--confidential",), ("--relay", net.relay_url)):
                code, out, err = await command(environment, "chat", "Hello", "--json", *way)
                assert code == 0, err
                claims = {c["name"]: c for c in json.loads(out)["verdict"]["claims"]}
                assert "Oblivious HTTP" in claims["channel"]["source"]
            code, out, _ = await command(environment, "network", "show")
            assert net.relay_url in out
