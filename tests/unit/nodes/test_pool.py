"""Which node is asked next."""

from dataclasses import replace

import pytest

from opengradient.errors import ConnectError
from opengradient.networks import Network
from opengradient.nodes.environment import Environment
from opengradient.nodes.node import Health
from opengradient.nodes.pool import NodePool
from opengradient.nodes.trust import Trust
from opengradient.verify.policy import TrustPolicy

NETWORK = Network(
    name="x",
    chain_id=1,
    settlement=bytes(20),
    trust=TrustPolicy.hardware(frozenset()),
    node_urls=("https://a", "https://b/", "https://c"),
)


def pool(numbers=(0.0,), now=1000):
    drawn = iter(numbers)
    environment = Environment(clock=lambda: now, uniform=lambda: next(drawn))
    return NodePool(NETWORK, Trust(NETWORK.trust), environment)


async def test_of_two_drawn_the_less_loaded_is_taken():
    nodes = pool((0.0, 0.99, 0.0, 0.99))
    first, _, last = await nodes.nodes()
    first.health.served(1.0)
    last.health.served(0.5)
    assert await nodes.pick() is last
    last.health.running = 5
    assert await nodes.pick() is first


async def test_a_resting_node_is_passed_over_while_others_are_awake():
    nodes = pool((0.0, 0.0, 0.0, 0.0))
    first, second, third = await nodes.nodes()
    assert second.url == "https://b"
    first.health.failed(1000)
    assert await nodes.pick() is second
    second.health.failed(1000)
    second.health.failed(1000)
    third.health.failed(1000)
    third.health.failed(1000)
    assert await nodes.pick() is first  # all rest: the one that rests shortest


async def test_tried_nodes_are_excluded():
    nodes = pool()
    assert await nodes.pick({"https://a", "https://b", "https://c"}) is None


def test_rest_doubles_up_to_a_minute_and_ends_with_an_answer():
    health = Health()
    rests = []
    for _ in range(9):
        health.failed(0)
        rests.append(health.resting_until_ms)
    assert rests == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]
    health.served(2.0)
    assert (health.failures, health.resting_until_ms, health.seconds) == (0, 0, 2.0)
    health.served(1.0)
    assert health.seconds == pytest.approx(1.8)


async def test_an_unreachable_registry_is_an_error_only_while_nothing_is_known():
    dead = replace(NETWORK, rpc_url="http://127.0.0.1:1", registry=bytes(20))
    assert len(await NodePool(dead, Trust(dead.trust), Environment()).nodes()) == 3
    nothing = replace(dead, node_urls=())
    with pytest.raises(Exception, match="did not answer") as caught:
        await NodePool(nothing, Trust(nothing.trust), Environment()).nodes()
    assert caught.value.code == "chain.unreachable"
    assert not isinstance(caught.value, ConnectError)
