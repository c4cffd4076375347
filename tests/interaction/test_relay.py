"""A relay over real sockets: it carries, it bounds, and it learns nothing."""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import TaskStatus

from opengradient.core.digests import sha256
from opengradient.errors import PaymentError
from opengradient.networks import write_profile
from opengradient.testing.simulators import Scenario
from opengradient.transport.ohttp import CHUNKED_REQUEST_MEDIA_TYPE, padded_size, seal_request
from opengradient.wire.bhttp import Content, ResponseHead
from reference_nodes._kit.gateway import KEY_PROBLEM
from reference_nodes.relay_node.config import Settings
from reference_nodes.relay_node.node import running as relay_running
from tests.interaction.network import until, world
from tests.interaction.proxy import Node, chat, proxy_node
from tests.interaction.relay import relay_to
from tests.interaction.sealed import Sealed, sealed_way
from tests.interaction.wiretap import wiretap

PROMPT = "What is the airspeed velocity of an unladen swallow?"
ANSWER = "Twenty-four miles per hour, roughly."
KEY = "idempotency-key-that-nobody-sees"
NONCE = "5eed" * 16


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path / "node") as running:
        yield running


@pytest.fixture
async def relay(tmp_path: Path, node: Node) -> AsyncIterator[str]:
    async with relay_to(tmp_path, node) as url:
        yield url


@pytest.fixture
async def way(node: Node, relay: str) -> Sealed:
    return await sealed_way(node, relay=relay)


async def test_a_call_through_a_relay_has_a_receipt_like_any_other(way: Sealed) -> None:
    reply, verified = way.node.checked(await way.post(chat()))
    assert reply is not None
    assert verified.receipt.channel_binding == way.key.digest()
    assert verified.verdict["channel"].status == "proven"
    _, streamed = way.node.checked_stream(
        await way.post(chat(stream=True), headers={"idempotency-key": "s"})
    )
    assert streamed.receipt.channel_binding == way.key.digest()


async def test_a_stream_comes_through_as_it_comes(way: Sealed) -> None:
    way.node.sim.enqueue(Scenario(text=("a", "b", "c"), hang_after=2))
    with anyio.fail_after(10):
        async with way.stream(way.request(chat(stream=True))) as parts:
            assert isinstance(await anext(parts), ResponseHead)
            assert isinstance(await anext(parts), Content)  # while the provider hangs
    with anyio.fail_after(10):  # and the user who left ended the call
        while True:
            answer = await way.node.http.get(
                way.node.url + "/v1/receipts", headers={"idempotency-key": "key-1"}
            )
            if answer.json()["state"] == "done":
                break
    assert answer.json()["status"] == 499


async def test_nothing_readable_crosses_the_sockets_of_a_relay(tmp_path: Path) -> None:
    """Plain HTTP on both sides, so that the tap sees what a relay's memory holds."""
    async with (
        proxy_node(tmp_path / "node", tls=False, legacy_signatures=False) as node,
        wiretap(node.url) as behind,
        relay_to(tmp_path, node, network={"node_urls": (behind.url,)}) as relay,
        wiretap(relay) as before,
    ):
        way = await sealed_way(node, relay=before.url)
        for tap in (before, behind):
            tap.forth.clear()
            tap.back.clear()
        bodies = []
        for stream in (False, True):
            node.sim.enqueue(Scenario(text=tuple(re.findall(r"\S+\s*", ANSWER))))
            body = chat("openai/gpt-4.1-mini", stream=stream)
            body["messages"][0]["content"] = PROMPT
            headers = {
                "idempotency-key": f"{KEY}-{stream}",
                "x-opengradient-nonce": NONCE,
                "x-settlement-type": "batch",
            }
            answer = await way.post(body, headers=headers)
            (way.node.checked_stream if stream else way.node.checked)(answer)
            bodies += [body, answer]
        failed = await way.post(
            chat("openai/sim-status-429-retry-7"), headers={"idempotency-key": "other"}
        )
        assert failed.status_code == 429
        secrets = [
            *(PROMPT.split() + ANSWER.split()),
            *(KEY, NONCE, "idempotency", "x-opengradient", "x-settlement", "retry-after"),
            *("gpt-4.1-mini", "openai", "chat/completions", "chatcmpl", "data:", "event-stream"),
            *("price", "receipt", "signature", "choices", "usage", 'message"', "application/json"),
            *("error", "node.", "provider.", node.sim.url, node.sim.key),
        ]
        for tap in (before, behind):
            assert len(tap.forth) > 3000
            assert len(tap.back) > 3000
            text = tap.everything.lower()
            found = [word for word in secrets if len(word) > 3 and word.lower().encode() in text]
            assert found == []
        # Towards the node nothing says who asks, and each request is like the other.
        heads = re.findall(
            rb"POST /v1/ohttp HTTP/1.1\r\n(.*?)\r\n\r\n", bytes(behind.forth), re.DOTALL
        )
        names = {line.partition(b":")[0].lower() for head in heads for line in head.split(b"\r\n")}
        assert len(heads) == 3
        assert names <= {
            b"host", b"accept", b"accept-encoding", b"connection", b"user-agent",
            b"content-type", b"content-length",
        }  # fmt: skip
        assert b"user-agent: opengradient-relay" in behind.forth.lower()
        assert b"python-httpx" not in behind.forth.lower()
        # Lengths are those of buckets: whole requests to the byte, whole answers too.
        framing = 7 + 32 + 1 + 16
        lengths = [
            int(n) - framing
            for n in re.findall(rb"content-length: (\d+)", bytes(behind.forth).lower())
        ]
        assert all(length == padded_size(length) for length in lengths)


async def test_what_a_user_sends_along_does_not_reach_the_node(tmp_path: Path) -> None:
    async with (
        proxy_node(tmp_path / "node", tls=False, legacy_signatures=False) as node,
        wiretap(node.url) as behind,
        relay_to(tmp_path, node, network={"node_urls": (behind.url,)}) as relay,
    ):
        way = await sealed_way(node, relay=relay)
        way.outer = {
            "cookie": "who=me",
            "x-forwarded-for": "203.0.113.7",
            "user-agent": "my-program/1",
            "referer": "https://me.example/",
            "x-anything": "else",
        }
        assert (await way.post(chat())).status_code == 200
        for value in (b"who=me", b"203.0.113.7", b"my-program", b"me.example", b"x-anything"):
            assert value not in behind.forth


async def test_the_relay_shows_evidence_and_the_nodes_it_knows(node: Node, relay: str) -> None:
    async with httpx.AsyncClient() as http:
        ids = (await http.get(relay + "/v1/relay/nodes")).json()["nodes"]
        assert len(ids) == 1
        url = f"{relay}/v1/relay/{ids[0]}/evidence"
        shown = (await http.get(url + "?nonce=" + "ab" * 32)).json()
        assert shown["nodeId"] == ids[0]
        assert shown["fresh"] is not None
        assert (await http.get(url)).status_code == 400
        assert (await http.get(url + "?nonce=xyz")).status_code == 400
        assert (await http.get(relay + "/health")).json() == {"status": "ok", "nodes": 1}


@pytest.mark.parametrize(
    ("path", "kind", "status", "code"),
    [
        ("/v1/relay/" + "00" * 32, CHUNKED_REQUEST_MEDIA_TYPE, 404, "relay.unknown_node"),
        ("/v1/relay/xyz", CHUNKED_REQUEST_MEDIA_TYPE, 400, "request.invalid"),
        ("/v1/relay/{}", "application/json", 415, "relay.media_type"),
        ("/v1/relay/{}/x", CHUNKED_REQUEST_MEDIA_TYPE, 404, "node.unknown_path"),
        ("/v1/relay/*/evidence", CHUNKED_REQUEST_MEDIA_TYPE, 405, "node.method"),
    ],
)
async def test_refusals_of_the_relay(
    relay: str, path: str, kind: str, status: int, code: str
) -> None:
    async with httpx.AsyncClient() as http:
        ids = (await http.get(relay + "/v1/relay/nodes")).json()["nodes"]
        answer = await http.post(
            relay + path.format(ids[0]), content=b"x", headers={"content-type": kind}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_bodies_are_bounded(tmp_path: Path, node: Node) -> None:
    async with relay_to(tmp_path, node, max_body_bytes=2048) as relay:
        way = await sealed_way(node, relay=relay)
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                way.url, content=bytes(2049), headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
            )
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request.too_large")


async def test_each_user_has_an_allowance(tmp_path: Path, node: Node) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# users\n{sha256(b'one').hex()}\n{sha256(b'two').hex()}\n")
    async with (
        relay_to(tmp_path, node, tokens_file=tokens, burst=2, requests_per_second=0.001) as relay,
        httpx.AsyncClient() as http,
    ):
        url = relay + "/v1/relay/nodes"
        for header in ({}, {"authorization": "Bearer three"}, {"authorization": "Basic one"}):
            answer = await http.get(url, headers=header)
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                401,
                "relay.unauthorized",
            )
        for token in ("one", "two"):
            header = {"authorization": f"Bearer {token}"}
            assert [(await http.get(url, headers=header)).status_code for _ in range(3)] == [
                200,
                200,
                429,
            ]
        assert int((await http.get(url, headers=header)).headers["retry-after"]) > 100


async def test_as_many_at_once_as_it_can(tmp_path: Path, node: Node) -> None:
    async with relay_to(tmp_path, node, max_concurrent=1) as relay:
        way = await sealed_way(node, relay=relay)
        node.sim.enqueue(Scenario(text=("a", "b", "c"), hang_after=2))
        async with way.stream(way.request(chat(stream=True))) as parts:
            await anext(parts)
            async with httpx.AsyncClient() as http:
                answer = await http.post(
                    way.url, content=b"x", headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
                )
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "node.rate_limited")


async def test_an_unknown_key_is_passed_on_as_the_node_says_it(way: Sealed) -> None:
    sealed, _ = seal_request(way.key, way.binary(way.request(chat())))
    answer = await way.node.http.post(
        way.url,
        content=bytes([way.key.key_id + 1]) + sealed[1:],
        headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE},
    )
    assert (answer.status_code, answer.content) == (400, KEY_PROBLEM)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_node_that_is_gone_is_out_of_reach(tmp_path: Path) -> None:
    stop, stopped = anyio.Event(), anyio.Event()

    async def run(*, task_status: TaskStatus[Node]) -> None:
        async with proxy_node(tmp_path / "node") as node:
            task_status.started(node)
            await stop.wait()
        stopped.set()

    async with anyio.create_task_group() as tasks:
        node = await tasks.start(run)
        async with relay_to(tmp_path, node) as relay, httpx.AsyncClient() as http:
            way = await sealed_way(node, relay=relay)
            stop.set()
            await stopped.wait()
            kind = {"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
            answer = await http.post(way.url, content=b"x", headers=kind)
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                503,
                "relay.unreachable",
            )
            assert node.url not in answer.text


async def test_unsealed_answers_are_not_passed_on(tmp_path: Path) -> None:
    async with (
        proxy_node(tmp_path / "node", ohttp=False) as node,
        relay_to(tmp_path, node) as relay,
        httpx.AsyncClient() as http,
    ):
        ids = (await http.get(relay + "/v1/relay/nodes")).json()["nodes"]
        answer = await http.post(
            f"{relay}/v1/relay/{ids[0]}",
            content=b"x",
            headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE},
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "relay.answer")


async def test_a_node_that_does_not_pass_the_policy_is_left_out(tmp_path: Path) -> None:
    async with (
        proxy_node(tmp_path / "one") as one,
        proxy_node(tmp_path / "two") as two,  # below another root
        relay_to(tmp_path, one, network={"node_urls": (one.url, two.url)}) as relay,
        httpx.AsyncClient() as http,
    ):
        assert len((await http.get(relay + "/v1/relay/nodes")).json()["nodes"]) == 1
        refused = await sealed_way(two, relay=relay)
        answer = await http.post(
            refused.url, content=b"x", headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
        )
        assert answer.status_code == 404


async def test_a_node_may_rotate_its_keys_behind_a_relay(tmp_path: Path) -> None:
    send, receive = anyio.create_memory_object_stream[None](8)
    async with (
        send,
        receive,
        proxy_node(tmp_path / "node", demands=receive) as node,
        relay_to(tmp_path, node) as relay,
    ):
        way = await sealed_way(node, relay=relay)
        for number in range(4):
            reply, verified = way.node.checked(
                await way.post(chat(), headers={"idempotency-key": str(number)})
            )
            assert reply is not None
            assert verified.receipt.channel_binding == way.key.digest()
            await send.send(None)
            old = way.key
            with anyio.fail_after(10):
                while way.key == old:
                    way = await sealed_way(node, relay=relay)


async def test_a_payer_pays_for_what_is_carried_or_it_is_not(tmp_path: Path) -> None:
    class Payer:
        def __init__(self) -> None:
            self.asked: list[tuple[bytes, int]] = []

        async def headers(self, *, node_id: bytes, sealed_bytes: int) -> Mapping[str, str]:
            self.asked.append((node_id, sealed_bytes))
            if len(self.asked) > 1:
                raise PaymentError("the budget is spent")
            return {"x-payment": "paid"}

    payer = Payer()
    async with (
        proxy_node(tmp_path / "node", tls=False, legacy_signatures=False) as node,
        wiretap(node.url) as behind,
        relay_to(tmp_path, node, payer=payer, network={"node_urls": (behind.url,)}) as relay,
    ):
        way = await sealed_way(node, relay=relay)
        assert (await way.post(chat())).status_code == 200
        assert b"x-payment: paid" in behind.forth
        sent = len(behind.forth)
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                way.url, content=b"x", headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
            )
        assert (answer.status_code, answer.json()["error"]["code"]) == (402, "payment.refused")
        assert len(behind.forth) == sent


async def test_logs_hold_no_bodies_and_no_addresses(way: Sealed, caplog) -> None:
    caplog.set_level(logging.INFO)
    await way.post(chat())
    text = " ".join(str(vars(record)) for record in caplog.records if record.name != "httpx")
    assert "Say hello" not in text
    assert "127.0.0.1:" not in text.replace(way.node.sim.url, "")


async def test_nodes_are_found_in_the_registry(tmp_path: Path) -> None:
    async with world(tmp_path) as running:
        profile = tmp_path / "network.json"
        write_profile(running.network, profile)
        settings = Settings.from_env({}, network=profile, port=0, look_seconds=0.2)
        async with relay_running(settings) as relay, httpx.AsyncClient() as http:

            async def listed() -> list[str]:
                ids: list[str] = (await http.get(relay + "/v1/relay/nodes")).json()["nodes"]
                return ids

            (node_id,) = await until(listed)
            node = replace(running.node, policy=running.network.trust)
            way = await sealed_way(node, relay=relay)
            assert way.url.endswith(node_id)
            way.node.checked(await way.post(chat()))


async def test_sighup_replaces_the_keys_of_a_node(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "OPENGRADIENT_DATA_DIR": str(tmp_path),
        "OPENGRADIENT_PORT": "0",
        "OPENGRADIENT_UPSTREAM_URL": "http://127.0.0.1:9/v1",
    }
    command = [sys.executable, "-m", "reference_nodes.llm_proxy_node", "--demo"]
    async with (
        await anyio.open_process(command, env=environ, stderr=subprocess.DEVNULL) as process,
        httpx.AsyncClient(verify=False) as http,
    ):
        assert process.stdout is not None
        line = b""
        with anyio.fail_after(60):
            while not line.endswith(b"\n"):
                line += await process.stdout.receive()
            url = line.split()[1].decode()
            certificates = {(await http.get(url + "/v1/evidence")).json()["tlsCertificate"]}
            process.send_signal(signal.SIGHUP)
            while len(certificates) == 1:
                async with httpx.AsyncClient(verify=False) as fresh:
                    shown = (await fresh.get(url + "/v1/evidence")).json()
                certificates.add(shown["tlsCertificate"])
        process.terminate()
        assert await process.wait() == 0
