"""Sealed requests to a real node: receipts, streams, refusals, and what nobody but the client sees."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest

from opengradient.core.canonical import parse_json_object
from opengradient.core.keyset import HpkeKey
from opengradient.core.modes import ChannelKind, ReceiptKind
from opengradient.testing.simulators import Scenario
from opengradient.transport.ohttp import (
    CHUNKED_REQUEST_MEDIA_TYPE,
    CHUNKED_RESPONSE_MEDIA_TYPE,
    RESPONSE_MEDIA_TYPE,
    padded_size,
    seal_request,
)
from opengradient.wire.bhttp import Content, ResponseHead
from reference_nodes._kit.gateway import KEY_PROBLEM, UNREADABLE
from tests.interaction.proxy import CHAT, Node, chat, proxy_node
from tests.interaction.sealed import KEYED, Sealed, sealed_way


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with proxy_node(tmp_path) as running:
        yield running


@pytest.fixture
async def way(node: Node) -> Sealed:
    return await sealed_way(node)


async def test_a_sealed_call_has_a_receipt_that_names_the_hpke_key(way: Sealed) -> None:
    headers = {**KEYED, "x-opengradient-nonce": "ab" * 32}
    reply, receipt = way.node.checked(await way.post(chat(), headers=headers))
    assert reply is not None
    assert reply.choices[0].text == "Hello from the simulator."
    assert receipt.receipt.channel_kind == ChannelKind.HPKE
    assert receipt.receipt.channel_binding == way.key.digest()
    (outer,) = way.answers
    assert outer.headers["content-type"] == CHUNKED_RESPONSE_MEDIA_TYPE
    assert set(outer.headers) == {"content-type", "content-length", "cache-control"}


async def test_a_client_without_chunks_gets_a_whole_answer(way: Sealed) -> None:
    reply, _ = way.node.checked(await way.post(chat(), chunked=False))
    assert reply is not None
    assert way.answers[0].headers["content-type"] == RESPONSE_MEDIA_TYPE
    stream = await way.post(chat(stream=True), chunked=False, headers={"idempotency-key": "s"})
    way.node.checked_stream(stream)


async def test_a_stream_comes_as_it_comes(way: Sealed) -> None:
    way.node.sim.enqueue(Scenario(text=("a", "b", "c"), hang_after=2))
    request = way.request(chat(stream=True))
    with anyio.fail_after(10):
        async with way.stream(request) as parts:
            first = await anext(parts)
            assert isinstance(first, ResponseHead)
            assert first.status == 200
            second = await anext(parts)
            assert isinstance(second, Content)  # while the provider hangs
    response = await way.post(chat(stream=True), headers={"idempotency-key": "key-2"})
    deltas, receipt = way.node.checked_stream(response)
    assert "".join(d.text for d in deltas) == "Hello from the simulator."
    assert receipt.receipt.channel_kind == ChannelKind.HPKE


async def test_a_client_that_leaves_cancels_its_call(way: Sealed) -> None:
    way.node.sim.enqueue(Scenario(text=("a", "b", "c", "d"), hang_after=3))
    request = way.request(chat(stream=True))
    async with way.stream(request) as parts:
        await anext(parts)
    with anyio.fail_after(10):
        while True:
            answer = await way.node.http.get(way.node.url + "/v1/receipts", headers=KEYED)
            if answer.status_code == 200 and answer.json()["state"] == "done":
                break
    assert answer.json()["opengradient"]["receipt"]["status"] == 499


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        ({"path": "/v1/ohttp"}, 404, "node.unknown_path"),
        ({"path": "/v1/ohttp/"}, 404, "node.unknown_path"),
        ({"path": "/v1/%6fhttp"}, 404, "node.unknown_path"),
        ({"path": "/health", "method": "GET"}, 404, "node.unknown_path"),
        ({"path": "/signing-key", "method": "GET"}, 404, "node.unknown_path"),
        ({"path": "/v1/evidence/a/b", "method": "GET"}, 404, "node.unknown_path"),
        ({"path": CHAT, "method": "GET"}, 405, "node.method"),
        ({"path": CHAT, "headers": {}}, 400, "node.sealed_key"),
        ({"path": CHAT + "?a=1"}, 400, "request.invalid"),
    ],
)
async def test_refusals_are_sealed(way: Sealed, request_of, status: int, code: str) -> None:
    answer = await way.post(chat(), **request_of)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not way.node.sim.requests
    assert len(way.answers[0].content) == len((await _ok(way)).content)


async def _ok(way: Sealed) -> httpx.Response:
    await way.post(path="/v1/models", method="GET", headers={})
    return way.answers[-1]


async def test_failures_are_signed_and_sealed(way: Sealed) -> None:
    _, receipt = way.node.checked(await way.post(chat("openai/sim-status-400")))
    assert receipt.receipt.kind == ReceiptKind.ERROR
    assert [answer.status_code for answer in way.answers] == [200]


async def test_too_large_a_request_is_refused_inside_and_outside(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, max_body_bytes=2048) as node:
        way = await sealed_way(node)
        answer = await way.post(b"x" * 2049)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request.too_large")
        outer = await node.http.post(
            way.url, content=b"x" * 400_000, headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
        )
        assert outer.status_code == 413


async def test_what_cannot_be_opened_is_answered_in_clear_and_says_nothing(way: Sealed) -> None:
    sealed, _ = seal_request(way.key, way.binary(way.request(chat())))
    unknown = HpkeKey(key_id=200, public_key=way.key.public_key)
    other = HpkeKey(key_id=way.key.key_id, public_key=b"\x09" + bytes(31))
    for content, body in (
        (seal_request(unknown, way.binary(way.request(chat())))[0], KEY_PROBLEM),
        (seal_request(other, way.binary(way.request(chat())))[0], KEY_PROBLEM),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), KEY_PROBLEM),
        (sealed[:-40], KEY_PROBLEM),  # what is left of the last chunk does not open
        (sealed[:20], UNREADABLE),
        (b"", UNREADABLE),
    ):
        answer = await way.node.http.post(
            way.url, content=content, headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
        )
        assert (answer.status_code, answer.content) == (400, body)
        assert answer.headers["content-type"] == "application/problem+json"
    answer = await way.node.http.post(way.url, json=chat(), headers=KEYED)
    assert (answer.status_code, answer.content) == (415, UNREADABLE)
    assert not way.node.sim.requests


async def test_nothing_of_the_outer_request_counts(way: Sealed) -> None:
    way.outer = {
        "idempotency-key": "outer",
        "x-opengradient-nonce": "cd" * 32,
        "x-settlement-type": "private",
    }
    reply, receipt = way.node.checked(await way.post(chat()))
    assert reply is not None
    assert receipt.receipt.client_nonce == bytes(32)
    assert receipt.receipt.settlement_mode == 1
    answer = await way.node.http.get(
        way.node.url + "/v1/receipts", headers={"idempotency-key": "outer"}
    )
    assert answer.status_code == 404


async def test_a_repeated_sealed_request_is_processed_once(way: Sealed) -> None:
    sealed, _ = seal_request(way.key, way.binary(way.request(chat())))
    for _ in range(2):
        answer = await way.node.http.post(
            way.url, content=sealed, headers={"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
        )
        assert answer.status_code == 200
    assert len(way.node.sim.requests) == 1


async def test_sizes_are_of_a_few_kinds(way: Sealed) -> None:
    for number, text in enumerate(("a", "b" * 400, "c" * 900)):
        way.node.sim.enqueue(Scenario(text=(text,)))
        await way.post(chat(), headers={"idempotency-key": str(number)})
    overhead = 32 + 1 + 16  # nonce, mark of the last chunk, tag
    sizes = {len(answer.content) - overhead for answer in way.answers}
    assert all(size == padded_size(size) for size in sizes)
    assert len(sizes) <= 2


async def test_keys_rotate_in_mid_traffic(tmp_path: Path) -> None:
    send, receive = anyio.create_memory_object_stream[None](8)
    async with send, receive, proxy_node(tmp_path, demands=receive) as node:
        old = await sealed_way(node)
        node.sim.enqueue(Scenario(text=("a", "b", "c"), pause=0.1))
        async with old.stream(old.request(chat(stream=True))) as parts:
            await anext(parts)
            await send.send(None)
            new = old
            with anyio.fail_after(10):
                while new.key == old.key:
                    new = await sealed_way(node)
            content = [part async for part in parts]
        assert content  # to its end
        assert new.key.key_id == old.key.key_id + 1
        # The connections are those of the old TLS key: each serves once more and closes.
        evidence = old.node.standing
        for number, way in enumerate((old, new)):
            way.node.http = httpx.AsyncClient(verify=False)
            async with way.node.http:
                keyed = {"idempotency-key": f"after-{number}"}
                reply, receipt = way.node.checked(await way.post(chat(), headers=keyed))
            assert reply is not None
            assert receipt.receipt.channel_binding == way.key.digest()
            assert (receipt.receipt.evidence_digest == evidence.digest()) == (way is old)


async def test_tls_keys_rotate_under_standing_connections(tmp_path: Path) -> None:
    send, receive = anyio.create_memory_object_stream[None](8)
    async with send, receive, proxy_node(tmp_path, demands=receive) as node:
        _, before = node.checked(await node.post(chat()))
        await send.send(None)
        certificate = node.certificate
        with anyio.fail_after(10):
            while certificate == node.certificate:
                async with httpx.AsyncClient(verify=False) as fresh:
                    shown = (await fresh.get(node.url + "/v1/evidence")).json()
                certificate = shown["tlsCertificate"]
        # Over the connection that stands: under the old key, with the old evidence, once.
        evidence = await node.http.get(node.url + "/v1/evidence?nonce=" + "ab" * 32)
        assert evidence.json()["tlsCertificate"] == node.certificate
        assert evidence.headers["connection"] == "close"
        with pytest.raises(httpx.ConnectError):  # pinned to the old certificate
            await node.post(chat())
        digest = before.receipt.evidence_digest.hex()
        async with httpx.AsyncClient(verify=False) as fresh:
            old = await fresh.get(f"{node.url}/v1/evidence/{digest}")
        assert old.status_code == 200


async def test_the_configuration_that_is_shown_is_the_attested_one(tmp_path: Path) -> None:
    async with proxy_node(tmp_path, max_body_bytes=4096) as node:
        shown = parse_json_object((await node.http.get(node.url + "/v1/evidence")).content)
        settings = shown["configuration"]["settings"]
        assert settings["max_body_bytes"] == 4096
        assert settings["providers"] == {"openai": node.sim.url}
        text = json.dumps(shown["configuration"])
        assert node.sim.key not in text
        assert str(tmp_path) not in text
