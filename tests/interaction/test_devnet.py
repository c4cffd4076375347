"""`opengradient devnet`: up, status, down; memory; no process is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import opengradient as og
from opengradient.errors import OpenGradientError
from opengradient.llm import HeldReceipt
from opengradient.networks import load_network
from reference_nodes.devnet.config import DevnetConfig
from reference_nodes.devnet.network import Devnet
from reference_nodes.devnet.process import NodeProcess, NodeSpec
from reference_nodes.devnet.state import choose_port, load_state, locked, supervisor

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="watches processes by Linux's pidfd"
)
PROVIDERS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "XAI_API_KEY")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No provider: the tiny model answers."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("OPENGRADIENT_")}
    for name in PROVIDERS:
        plain.pop(name, None)
    return {**plain, "OPENGRADIENT_HOME": str(tmp_path)}


@pytest.fixture
def devnet(environment: dict[str, str]) -> Iterator[Any]:
    def run(*arguments: str) -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "opengradient", "devnet", *arguments, "--json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    yield run
    run("down")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].startswith("Z")


async def until_gone(pids: list[int]) -> None:
    with anyio.fail_after(40):
        for pid in pids:
            try:
                watched = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            await anyio.wait_readable(watched)
            os.close(watched)


async def ask(home: Path) -> HeldReceipt:
    network = load_network(home / "networks" / "devnet.json")
    async with og.LLM(network=network) as llm:
        reply = await llm.chat("og/tiny", [{"role": "user", "content": "What is a receipt?"}])
        assert reply.receipt is not None
        assert reply.settlement is not None
        await reply.settlement.wait(timeout=30)
        return reply.receipt


@pytest.mark.slow
async def test_up_status_down_and_memory(devnet: Any, tmp_path: Path) -> None:
    assert devnet("status")[0] == 1
    code, first = devnet("up")
    assert code == 0, first
    assert [node["name"] for node in first["nodes"]] == ["model", "full-node", "llm-0", "relay"]
    assert devnet("status") == (0, first)
    code, twice = devnet("up")
    assert (code, twice["error"]["code"]) == (1, "devnet.running")
    before = await ask(tmp_path)
    assert devnet("down") == (0, {"name": "devnet", "stopped": True})
    await until_gone([node["pid"] for node in first["nodes"]])
    assert devnet("down") == (0, {"name": "devnet", "stopped": False})

    code, second = devnet("up")
    assert code == 0, second
    assert [node["url"] for node in second["nodes"]] == [node["url"] for node in first["nodes"]]
    after = await ask(tmp_path)
    assert after.bundle.signed.domain == before.bundle.signed.domain
    assert before.bundle.inclusion is not None
    assert after.bundle.inclusion is not None
    assert before.bundle.inclusion.anchor is not None
    assert after.bundle.inclusion.anchor is not None
    old, new = before.bundle.inclusion.anchor, after.bundle.inclusion.anchor
    assert new.block_number > old.block_number
    file = tmp_path / "before.json"
    before.save(file)
    rpc = load_network(tmp_path / "networks" / "devnet.json").rpc_url
    command = [sys.executable, "-m", "opengradient", "verify", str(file), "--rpc", str(rpc)]
    done = await anyio.run_process(
        command, env={**os.environ, "OPENGRADIENT_HOME": str(tmp_path)}, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
async def test_nothing_outlives_a_killed_supervisor(devnet: Any) -> None:
    code, up = devnet("up")
    assert code == 0, up
    os.kill(up["pid"], signal.SIGKILL)
    await until_gone([up["pid"], *(node["pid"] for node in up["nodes"])])
    assert devnet("status")[0] == 1


@pytest.mark.slow
async def test_a_node_that_dies_ends_the_foreground(environment: dict[str, str]) -> None:
    home = Path(environment["OPENGRADIENT_HOME"])
    config = DevnetConfig(home=home, environment=environment)
    async with Devnet(config) as net:
        victim = net.nodes[-1]
        os.kill(victim.pid, signal.SIGKILL)
        with pytest.raises(ExceptionGroup) as group, anyio.fail_after(20):
            await net.watch()
        (error,) = group.value.exceptions
        assert isinstance(error, OpenGradientError)
        assert error.code == "devnet.start"
        assert "llm-0" in error.message
    assert supervisor(config.folder) is None


def spec(tmp_path: Path, body: str, seconds: float = 20) -> NodeSpec:
    package = tmp_path / "some_node.py"
    package.write_text(body)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    return NodeSpec(
        name="some",
        module="some_node",
        arguments=["--secretless"],
        environment=environment,
        log=tmp_path / "some.log",
        ready_seconds=seconds,
    )


async def test_a_node_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    body = "import sys\nprint('starting')\nsys.exit('no such luck')\n"
    async with anyio.create_task_group() as tasks:
        with pytest.raises(OpenGradientError) as failed:
            await NodeProcess.start(spec(tmp_path, body), tasks)
    assert failed.value.code == "devnet.start"
    assert "no such luck" in failed.value.message
    assert "starting" in failed.value.message


async def test_a_node_that_never_serves_is_ended(tmp_path: Path) -> None:
    body = "import os, signal\nprint(os.getpid(), flush=True)\nsignal.pause()\n"
    async with anyio.create_task_group() as tasks:
        with pytest.raises(OpenGradientError) as failed:
            await NodeProcess.start(spec(tmp_path, body, seconds=1), tasks)
    assert "did not serve within 1 s" in failed.value.message
    await until_gone([int((tmp_path / "some.log").read_text().split()[0])])


async def test_a_stopped_node_takes_its_children_along(tmp_path: Path) -> None:
    body = (
        "import subprocess, sys, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "print('READY', child.pid, flush=True)\n"
        "signal.pause()\n"
    )
    async with anyio.create_task_group() as tasks:
        node = await NodeProcess.start(spec(tmp_path, body), tasks)
        assert not gone(int(node.url))
        await node.stop()
        await until_gone([node.pid, int(node.url)])
        tasks.cancel_scope.cancel()


def test_keys_of_providers_reach_the_proxies_only(tmp_path: Path) -> None:
    secret = {
        "OPENAI_API_KEY": "sk-secret",
        "OPENGRADIENT_UPSTREAM_API_KEY": "also",
        "PATH": "/bin",
    }
    config = DevnetConfig(home=tmp_path, environment={**secret, "OPENGRADIENT_NETWORK": "x"})
    assert config.plain_environment() == {"PATH": "/bin"}
    assert config.proxy_environment() == secret
    assert config.providers == ("OPENAI_API_KEY",)
    assert "sk-secret" not in repr(config)
    given = spec(tmp_path, "")
    assert "PATH" not in repr(given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Upper"},
        {"name": "../x"},
        {"name": "opengradient"},
        {"llm_nodes": 0},
        {"llm_nodes": 9},
        {"port_base": 80},
        {"engine": "rpc:https://ledger.example"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OpenGradientError) as refused:
        DevnetConfig(**wrong)
    assert refused.value.code == "config.invalid"


def test_the_lock_tells_who_runs_it(tmp_path: Path) -> None:
    assert supervisor(tmp_path) is None
    with locked(tmp_path):
        assert supervisor(tmp_path) == os.getpid()
        with pytest.raises(OpenGradientError) as refused, locked(tmp_path):
            pass
        assert refused.value.code == "devnet.running"
    assert supervisor(tmp_path) is None


def test_ports_are_remembered_and_given_up_when_taken() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert choose_port("x", 0, base=None, remembered={"x": port}) != port
        with pytest.raises(OpenGradientError):
            choose_port("x", 0, base=port, remembered={})
    assert choose_port("x", 0, base=None, remembered={"x": port}) == port
    assert choose_port("x", 0, base=port, remembered={}) == port


def test_a_damaged_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version":"opengradient.devnet/1"}')
    with pytest.raises(OpenGradientError) as refused:
        load_state(tmp_path)
    assert "state.json" in refused.value.message
