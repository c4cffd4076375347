"""The constructor: no connection, clear choices."""

from dataclasses import replace

import pytest

import opengradient as og
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.networks import NodeProtocol, write_profile
from tests.unit.nodes.test_pool import NETWORK


def refuse(pin):
    raise AssertionError("the constructor opens no connection")


def test_the_constructor_sends_nothing_and_says_which_network(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENGRADIENT_HOME", str(tmp_path))
    monkeypatch.delenv("OPENGRADIENT_NETWORK", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        og.LLM(transports=refuse)
    assert caught.value.code == "config.no_network"
    write_profile(replace(NETWORK, name="devnet"), tmp_path / "networks" / "devnet.json")
    llm = og.LLM("0x" + "11" * 32, transports=refuse)
    assert llm.network.name == "devnet"
    assert "devnet of this machine" in llm.network.source
    assert llm.policy == llm.network.trust


def test_published_arguments():
    address = "0x703cB174AEadB35D611858369B4b1111dC9Abda6"
    llm = og.LLM(None, "http://127.0.0.1:1", address, network=NETWORK)
    assert llm.network.rpc_url == "http://127.0.0.1:1"
    assert llm.network.registry.hex() == address[2:].lower()
    with pytest.raises(MalformedError):
        og.LLM(tee_registry_address="0x12", network=NETWORK)
    assert og.LLM(network="opengradient").network.protocol is NodeProtocol.LEGACY


def test_one_node_only():
    network = replace(NETWORK, registry=bytes(20), rpc_url="http://127.0.0.1:1")
    llm = og.LLM.from_url("https://one/", network=network, max_retries=0)
    assert llm.network.node_urls == ("https://one",)
    assert llm.network.registry is None


@pytest.mark.parametrize(
    "settings", [{"timeout": 0}, {"max_retries": -1}, {"settlement_mode": "x"}]
)
def test_wrong_settings(settings):
    with pytest.raises(ConfigurationError):
        og.LLM(network=NETWORK, **settings)


async def test_a_client_that_was_never_used_closes():
    async with og.LLM(network=NETWORK, transports=refuse):
        pass
