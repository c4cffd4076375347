"""Receipts on their way from the proxy to the full nodes; nothing is lost, whatever is killed."""

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import anyio
import httpx
import pytest

from opengradient.core.modes import ReceiptKind
from opengradient.core.settlement import SettlementState
from opengradient.testing.simulators import ProviderSimulator, Scenario
from opengradient.wire.receipts import decode_attached, decode_signed
from reference_nodes._kit.answers import AnswerStore
from reference_nodes._kit.assembly import JOURNAL_FILE, MIGRATIONS
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.journal import Journal
from reference_nodes._kit.outbox import Outbox
from tests.interaction.full_node import full_node
from tests.interaction.proxy import CHAT, chat, proxy_node
from tests.support import ROOT


async def until(condition, seconds: float = 10) -> None:
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def test_receipts_reach_the_full_node_once_with_their_evidence(tmp_path: Path) -> None:
    async with full_node() as full, proxy_node(tmp_path, full_nodes=full.url) as node:
        digests = set()
        for mode in ("batch", "individual", "private"):
            response = await node.post(chat(), headers={"x-settlement-type": mode})
            _, verified = node.checked(response)
            if mode != "private":
                digests.add(verified.bundle.signed.digest)
        await until(lambda: full.accepted.keys() >= digests)
        assert full.accepted.keys() == digests
        assert sum(bundle is not None for bundle in full.accepted.values()) == 1
        assert list(full.evidence.values()) == [node.standing]
        with anyio.fail_after(5):
            while True:
                answer = await node.http.get(f"{node.url}/v1/settlement/{min(digests).hex()}")
                if answer.json()["state"] == "accepted":
                    break


@pytest.mark.parametrize("trouble", ["failing", "garbage"])
async def test_a_full_node_in_trouble_only_delays(tmp_path: Path, trouble: str) -> None:
    async with full_node() as full, proxy_node(tmp_path, full_nodes=full.url) as node:
        if trouble == "failing":
            full.failing = 1
        else:
            full.garbage = [b'{"results":[]}']
        _, verified = node.checked(await node.post(chat()))
        await until(lambda: verified.bundle.signed.digest in full.accepted)


async def test_a_dead_full_node_is_passed_over(tmp_path: Path) -> None:
    async with full_node() as full:
        nodes = f"http://127.0.0.1:9,{full.url}"
        async with proxy_node(tmp_path, full_nodes=nodes) as node:
            _, verified = node.checked(await node.post(chat()))
            await until(lambda: verified.bundle.signed.digest in full.accepted)


async def test_what_is_refused_stays_refused_and_holds_nothing_up(tmp_path: Path) -> None:
    async with full_node() as full:
        async with proxy_node(tmp_path) as node:
            verified = [node.checked(await node.post(chat()))[1] for _ in range(3)]
        digests = [item.bundle.signed.digest for item in verified]
        full.refuse.add("0x" + digests[0].hex())
        full.later.add("0x" + digests[1].hex())
        async with proxy_node(tmp_path, full_nodes=full.url) as node:
            await until(lambda: digests[2] in full.accepted)
            await until(lambda: full.seen.count(digests[1]) > 1)
            full.later.clear()
            await until(lambda: digests[1] in full.accepted)
            states = [
                (await node.http.get(f"{node.url}/v1/settlement/{digest.hex()}")).json()["state"]
                for digest in digests[:1]
            ]
    assert states == ["refused"]
    assert full.seen.count(digests[0]) == 1


async def test_receipts_of_an_earlier_life_are_delivered(tmp_path: Path) -> None:
    async with proxy_node(tmp_path) as node:
        _, verified = node.checked(await node.post(chat()))
        standing = node.standing
    async with full_node() as full, proxy_node(tmp_path, full_nodes=full.url):
        await until(lambda: verified.bundle.signed.digest in full.accepted)
        assert standing in full.evidence.values()


async def test_kill_at_any_moment_loses_no_receipt_that_a_client_holds(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    held: set[bytes] = set()
    async with ProviderSimulator.openai() as sim:
        for _ in range(3):
            held |= await _run_and_kill(tmp_path, sim, after=chance.randrange(5, 60))
    assert held
    async with Journal(tmp_path / JOURNAL_FILE, MIGRATIONS) as journal:
        outbox = Outbox(journal)
        for digest in held:
            assert await outbox.state(digest) == SettlementState.QUEUED
        for item in await outbox.waiting(10_000):
            assert await outbox.evidence(item.evidence) is not None


async def _run_and_kill(data_dir: Path, sim: ProviderSimulator, *, after: int) -> set[bytes]:
    """Load a node in a process of its own and kill it after so many answers."""
    environ = {
        **os.environ,
        **sim.environ(),
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "OPENGRADIENT_DATA_DIR": str(data_dir),
        "OPENGRADIENT_PORT": "0",
        "OPENGRADIENT_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "reference_nodes.llm_proxy_node", "--demo"]
    held: set[bytes] = set()
    async with await anyio.open_process(
        command, env=environ, stdout=subprocess.PIPE, stderr=None
    ) as process:
        try:
            with anyio.fail_after(30):
                ready = await process.stdout.receive()
            url = ready.decode().split()[1]
            async with anyio.create_task_group() as tasks:
                for number in range(8):
                    tasks.start_soon(_ask_until_dead, url, held, number % 2 == 0)
                await until(lambda: len(held) >= after, 30)
                process.send_signal(signal.SIGKILL)
        finally:
            if process.returncode is None:
                process.kill()
    return held


async def _ask_until_dead(url: str, held: set[bytes], stream: bool) -> None:
    async with httpx.AsyncClient(verify=False, timeout=10) as client:
        while True:
            try:
                response = await client.post(url + CHAT, json=chat(stream=stream))
            except httpx.TransportError:
                return
            body = response.content
            if stream:
                *_, final, _done, _end = body.split(b"\n\n")
                body = final.removeprefix(b"data: ")
            held.add(decode_attached(json.loads(body)["opengradient"]).signed.digest)


async def test_stops_in_order_on_sigterm(tmp_path: Path) -> None:
    async with ProviderSimulator.openai() as sim:
        environ = {
            **os.environ,
            **sim.environ(),
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "OPENGRADIENT_DATA_DIR": str(tmp_path),
            "OPENGRADIENT_PORT": "0",
        }
        command = [sys.executable, "-m", "reference_nodes.llm_proxy_node", "--demo"]
        async with await anyio.open_process(command, env=environ) as process:
            with anyio.fail_after(30):
                url = (await process.stdout.receive()).decode().split()[1]
            async with httpx.AsyncClient(verify=False, timeout=10) as client:
                body = json.dumps(chat("openai/sim-slow-50ms", stream=True)).encode()
                async with client.stream("POST", url + CHAT, content=body) as response:
                    text = b""
                    async for piece in response.aiter_bytes():
                        if not text:
                            process.send_signal(signal.SIGTERM)
                        text += piece
            assert text.endswith(b"data: [DONE]\n\n")
            assert b'"error"' not in text
            with anyio.fail_after(10):
                assert await process.wait() == 0
            logs = (await process.stderr.receive()).decode()
    events = [json.loads(line)["event"] for line in logs.splitlines()]
    assert "serving" in events
    assert "inference" in events


async def test_wrong_settings_are_named_without_their_values(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "OPENGRADIENT_DATA_DIR": str(tmp_path),
        "OPENGRADIENT_PORT": "seven-secret",
    }
    command = [sys.executable, "-m", "reference_nodes.llm_proxy_node", "--demo"]
    done = await anyio.run_process(command, env=environ, check=False)
    assert done.returncode == 2
    assert b"OPENGRADIENT_PORT" in done.stderr
    assert b"seven-secret" not in done.stderr + done.stdout
    assert b"Traceback" not in done.stderr


async def test_a_stream_that_the_stop_cuts_is_signed_and_kept(tmp_path: Path) -> None:
    headers = {"idempotency-key": "cut by the stop"}
    # The client outlives the node.
    async with anyio.create_task_group() as tasks, proxy_node(tmp_path, drain_seconds=0) as node:
        node.sim.enqueue(Scenario(text=("a", "b", "c"), hang_after=3))
        opened = anyio.Event()

        async def read() -> None:
            body = json.dumps(chat(stream=True)).encode()
            url = node.url + CHAT
            async with httpx.AsyncClient(verify=False, timeout=20) as http:
                with suppress(httpx.TransportError):
                    async with http.stream("POST", url, content=body, headers=headers) as answer:
                        async for _ in answer.aiter_bytes():
                            opened.set()

        tasks.start_soon(read)
        await opened.wait()
        standing = node.standing.digest()
    async with Journal(tmp_path / JOURNAL_FILE, MIGRATIONS) as journal:
        (waiting,) = await Outbox(journal).waiting(10)
        answer = await AnswerStore(journal).look_up("cut by the stop", now_ms=system_clock_ms())
    receipt = decode_signed(json.loads(waiting.signed)).receipt
    assert receipt.evidence_digest == standing
    assert (receipt.kind, receipt.status) == (ReceiptKind.ERROR, 503)
    assert receipt.stream_chunks == 2
    assert answer.body.count(b"data: ") == 4  # two chunks, the final frame, [DONE]
