"""Nodes behind a relay: which ones there are, and whom the client takes them for."""

import json
from dataclasses import replace

import pytest

import opengradient as og
from opengradient.chain.registry import NodeRegistryReader
from opengradient.core.evidence import SOFTWARE, Evidence
from opengradient.errors import (
    AttestationError,
    ChainError,
    ConfigurationError,
    ConnectError,
    OpenGradientError,
    ProtocolError,
    RelayError,
    UnsupportedError,
)
from opengradient.nodes.environment import Environment
from opengradient.nodes.pool import NodePool
from opengradient.nodes.ways import Relay, RelayedWay
from opengradient.transport import TlsPin
from opengradient.wire.settlement import encode_evidence
from tests.net.server import raw_server
from tests.unit.llm.test_client import refuse
from tests.unit.nodes.test_pool import NETWORK

A, B, C = (bytes([number] * 32) for number in (1, 2, 3))


class TinyRelay:
    """Answers what a relay serves in clear."""

    def __init__(self, *ids: bytes) -> None:
        self.nodes: object = {"nodes": ["0x" + node_id.hex() for node_id in ids]}
        self.status = 200
        self.evidence: object = None

    async def __call__(self, stream, request: bytes) -> None:
        listing = request.startswith(b"GET /v1/relay/nodes ")
        body = json.dumps(self.nodes if listing else self.evidence).encode()
        head = (
            f"HTTP/1.1 {self.status} X\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        await stream.send(head.encode() + body)


class Record:
    def __init__(self, node_id: bytes) -> None:
        self.node_id = node_id
        self.payee = node_id[:20]


class Clock:
    now = 1000

    def __call__(self) -> int:
        return self.now


def pool_of(url, clock=None, network=NETWORK):
    environment = Environment(clock=clock or Clock())
    return NodePool(network, network.trust, environment, Relay(url, environment))


async def test_the_nodes_are_those_that_the_relay_carries_to():
    relay = TinyRelay(A, B, A)
    async with raw_server(relay) as server:
        pool = pool_of(server.url)
        nodes = await pool.nodes()
        await pool.close()
    assert [node.url for node in nodes] == [
        f"{server.url}/v1/relay/0x{node_id.hex()}" for node_id in (A, B)
    ]
    assert all(node.way.confidential for node in nodes)


async def test_the_registry_decides_which_of_them_are_nodes(monkeypatch):
    async def listed(self, kind, *, now_ms):
        return [Record(B), Record(C)]

    monkeypatch.setattr(NodeRegistryReader, "list_active_nodes", listed)
    network = replace(NETWORK, rpc_url="http://127.0.0.1:1", registry=bytes(20))
    async with raw_server(TinyRelay(A, B)) as server:
        pool = pool_of(server.url, network=network)
        [node] = await pool.nodes()
        await pool.close()
    assert isinstance(node.way, RelayedWay)
    assert node.way.node_id == B
    assert node.payee == "0x" + B[:20].hex()


async def test_a_registry_that_is_down_leaves_what_is_known_and_adds_nothing(monkeypatch):
    async def listed(self, kind, *, now_ms):
        if up:
            return [Record(A)]
        raise ChainError("down")

    monkeypatch.setattr(NodeRegistryReader, "list_active_nodes", listed)
    network = replace(NETWORK, rpc_url="http://127.0.0.1:1", registry=bytes(20))
    relay = TinyRelay(A, B)
    async with raw_server(relay) as server:
        up = False
        pool = pool_of(server.url, network=network)
        with pytest.raises(ChainError):
            await pool.nodes()
        up = True
        assert len(await pool.nodes()) == 1
        up = False
        pool.read_again()
        assert len(await pool.nodes()) == 1
        await pool.close()


async def test_the_list_is_read_again_in_time_or_when_it_is_known_to_be_old():
    relay, clock = TinyRelay(A), Clock()
    async with raw_server(relay) as server:
        pool = pool_of(server.url, clock)
        [first] = await pool.nodes()
        relay.nodes = TinyRelay(A, B).nodes
        assert await pool.nodes() == [first]
        pool.read_again()
        assert (await pool.nodes())[0] is first
        assert len(await pool.nodes()) == 2
        clock.now += 60_001
        relay.status = 500
        assert len(await pool.nodes()) == 2
        relay.status, relay.nodes = 200, {"nodes": []}
        clock.now += 60_001
        with pytest.raises(ConnectError, match="behind http") as caught:
            await pool.nodes()
        assert caught.value.code == "transport.no_node"
        await pool.close()


@pytest.mark.parametrize(
    "nodes",
    [[], {}, {"nodes": {}}, {"nodes": ["0x12"]}, {"nodes": [1]}, {"nodes": [], "more": 1}],
)
async def test_a_list_that_is_none(nodes):
    relay = TinyRelay()
    relay.nodes = nodes
    async with raw_server(relay) as server:
        with pytest.raises(ProtocolError):
            await pool_of(server.url).nodes()


async def test_a_relay_that_lets_nobody_in():
    relay = TinyRelay(A)
    relay.status = 401
    async with raw_server(relay) as server:
        with pytest.raises(RelayError) as caught:
            await pool_of(server.url).nodes()
    assert caught.value.code == "channel.relay_refused"
    assert caught.value.status == 401


def evidence(node_id):
    return {
        "nodeId": "0x" + node_id.hex(),
        "standing": encode_evidence(Evidence(kind=SOFTWARE, document=b"document")),
        "fresh": None,
        "tlsCertificate": None,
        "legacySigningKey": None,
        "devices": [],
        "domain": {"chainId": 1, "settlementContract": "0x" + "00" * 20},
    }


async def test_the_evidence_of_another_node_is_refused_before_anything_is_sent():
    relay = TinyRelay(A)
    async with raw_server(relay) as server:
        way = RelayedWay(Relay(server.url, Environment()), A)
        relay.evidence = evidence(B)
        with pytest.raises(AttestationError) as caught:
            await way.present(b"nonce")
        assert caught.value.code == "channel.node"
        relay.evidence = evidence(A)
        presented, certificate = await way.present(b"nonce")
        assert (presented.node_id, certificate) == (A, None)
        assert presented.standing == Evidence(kind=SOFTWARE, document=b"document")
        relay.status = 404
        with pytest.raises(ConnectError) as caught:
            await way.present(b"nonce")
        assert caught.value.code == "channel.no_node"
        await way.relay.aclose()
    assert f"GET /v1/relay/0x{A.hex()}/evidence?nonce=6e6f6e6365 ".encode() in server.requests[0]
    assert b"\r\nuser-agent: opengradient\r\n" in server.requests[0].lower()


async def test_a_node_that_proves_nothing_gets_nothing():
    """Whatever the relay shows: without evidence that passes no request leaves."""
    relay = TinyRelay(A)
    async with raw_server(relay) as server:
        relay.evidence = {"nodeId": "0x" + A.hex()}
        async with og.ConfidentialLLM(server.url, network=NETWORK, max_retries=0) as llm:
            with pytest.raises(OpenGradientError):
                await llm.chat("openai/gpt-5", [{"role": "user", "content": "secret"}])
    assert all(request.startswith(b"GET ") for request in server.requests)
    assert all(b"secret" not in request for request in server.requests)


def test_settings():
    llm = og.ConfidentialLLM("https://relay", network=NETWORK, transports=refuse)
    assert isinstance(llm, og.LLM)
    for settings in (
        {"relay": "http://relay"},
        {"relay_headers": {"a": "b"}},
        {"relay_pin": TlsPin.none_for_bootstrap()},
    ):
        with pytest.raises(ConfigurationError):
            og.LLM(network=NETWORK, transports=refuse, **settings)
    with pytest.raises(ConfigurationError, match="no address"):
        og.LLM.from_url("https://one", network=NETWORK, relay="https://relay")
    with pytest.raises(ConfigurationError, match="opengradient-legacy"):
        og.LLM(network="opengradient", relay="https://relay")
    with pytest.raises(ConfigurationError, match="receipts"):
        og.ConfidentialLLM("https://relay", profile="opengradient-legacy", network=NETWORK)
    with pytest.raises(ConfigurationError):
        og.LLM(network="opengradient", relay_profile="opengradient-legacy")
    og.ConfidentialLLM("https://relay", profile="opengradient-legacy", network="opengradient")


async def test_relays_of_the_public_network_carry_chat_only():
    settings = {"network": "opengradient", "transports": refuse}
    async with og.ConfidentialLLM("https://r", profile="opengradient-legacy", **settings) as llm:
        with pytest.raises(UnsupportedError):
            await llm.completion("openai/gpt-5", "Once")
