"""Profiles and the choice among them."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from opengradient.errors import ConfigurationError, MalformedError, UnsupportedError
from opengradient.networks import (
    Network,
    NodeProtocol,
    built_in,
    decode_network,
    encode_network,
    known_networks,
    load_network,
    profile_path,
    read_profile,
    write_profile,
)
from opengradient.verify.policy import TrustPolicy

NETWORK = Network(
    name="somewhere",
    chain_id=31337,
    trust=TrustPolicy.hardware(frozenset({"0x" + "ab" * 32})),
    rpc_url="http://127.0.0.1:8545/rpc",
    registry=bytes(range(20)),
    settlement=bytes(range(1, 21)),
    full_node_urls=("http://127.0.0.1:9000",),
    node_urls=("https://127.0.0.1:9443",),
    confirmations=3,
    first_block=7,
    relay_url="http://127.0.0.1:8440",
)


@pytest.fixture
def home(tmp_path):
    return {"OPENGRADIENT_HOME": str(tmp_path)}


def install(home, network, name):
    write_profile(replace(network, name=name), profile_path(name, home))


def test_a_profile_comes_back_as_it_was(tmp_path):
    path = tmp_path / "a" / "somewhere.json"
    write_profile(NETWORK, path)
    assert read_profile(path, source=NETWORK.source) == NETWORK


def test_the_public_network_is_built_in_and_comes_back():
    network = built_in("opengradient")
    assert network.protocol is NodeProtocol.LEGACY
    assert network.chain_id == 10740
    assert network.registry.hex() == "703cb174aeadb35d611858369b4b1111dc9abda6"
    assert network.domain is None
    assert decode_network(encode_network(network), source=network.source) == network
    assert built_in("other") is None


@pytest.mark.parametrize("name", ["version", "name", "protocol", "chainId", "trust"])
def test_a_missing_field_is_refused(name):
    profile = encode_network(NETWORK)
    del profile[name]
    with pytest.raises(MalformedError):
        decode_network(profile, source="x")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"other": 1}, MalformedError),
        ({"version": "opengradient.network/2"}, UnsupportedError),
        ({"protocol": "smoke"}, UnsupportedError),
        ({"protocol": []}, UnsupportedError),
        ({"name": "UPPER"}, ConfigurationError),
        ({"name": 1}, MalformedError),
        ({"chainId": "1"}, MalformedError),
        ({"chainId": 0}, ConfigurationError),
        ({"registry": "0x12"}, MalformedError),
        ({"settlement": "0x" + "AB" * 20}, MalformedError),
        ({"fullNodes": "http://x"}, MalformedError),
        ({"fullNodes": [1]}, MalformedError),
        ({"nodes": ["ftp://x"]}, ConfigurationError),
        ({"nodes": ["https://user:pass@x"]}, ConfigurationError),
        ({"nodes": ["https://x?y"]}, ConfigurationError),
        ({"nodes": ["https://[x"]}, ConfigurationError),
        ({"rpcUrl": "x"}, ConfigurationError),
        ({"confirmations": -1}, MalformedError),
        ({"trust": {}}, MalformedError),
    ],
    ids=str,
)
def test_what_no_profile_may_have(change, error):
    with pytest.raises(error):
        decode_network({**encode_network(NETWORK), **change}, source="x")


def test_a_network_needs_nodes_or_a_registry():
    with pytest.raises(ConfigurationError):
        replace(NETWORK, node_urls=(), registry=None)
    with pytest.raises(ConfigurationError):
        replace(NETWORK, node_urls=(), rpc_url=None)
    assert replace(NETWORK, node_urls=()).node_urls == ()


def test_receipts_need_a_settlement_contract():
    with pytest.raises(ConfigurationError):
        replace(NETWORK, settlement=None)


@pytest.mark.parametrize("address", [b"", bytes(19), bytes(32)])
def test_addresses_have_20_bytes(address):
    with pytest.raises(ConfigurationError):
        replace(NETWORK, registry=address)


def test_the_argument_comes_first(home, caplog):
    install(home, NETWORK, "devnet")
    install(home, NETWORK, "mine")
    home["OPENGRADIENT_NETWORK"] = "devnet"
    with caplog.at_level(logging.INFO, "opengradient.networks"):
        network = load_network("mine", environment=home)
    assert network.name == "mine"
    assert network.source.startswith("given as an argument")
    assert "mine (given as an argument" in caplog.text


def test_then_the_environment_then_the_file_then_a_devnet(home):
    with pytest.raises(ConfigurationError) as caught:
        load_network(environment=home)
    assert caught.value.code == "config.no_network"
    for name in ("devnet", "mine", "yours"):
        install(home, NETWORK, name)
    assert load_network(environment=home).source.startswith("the devnet of this machine")
    config = Path(home["OPENGRADIENT_HOME"]) / "config.toml"
    config.write_text('network = "mine"\n')
    assert load_network(environment=home).source.startswith(f"from {config}")
    home["OPENGRADIENT_NETWORK"] = "yours"
    network = load_network(environment=home)
    assert (network.name, network.source.split(":")[0]) == ("yours", "from $OPENGRADIENT_NETWORK")


def test_a_path_is_a_profile(home, tmp_path):
    path = tmp_path / "x.json"
    write_profile(NETWORK, path)
    assert load_network(path, environment=home).name == "somewhere"
    assert load_network(str(path), environment=home).name == "somewhere"


def test_a_network_is_itself(home):
    assert load_network(NETWORK, environment=home) is NETWORK


def test_names(home):
    assert load_network("opengradient", environment=home).name == "opengradient"
    assert known_networks(home) == ["opengradient"]
    install(home, NETWORK, "mine")
    assert known_networks(home) == ["mine", "opengradient"]


@pytest.mark.parametrize("choice", ["nowhere", "../x", "a/b", "missing.json"])
def test_an_unknown_network_is_refused(home, choice):
    with pytest.raises(ConfigurationError):
        load_network(choice, environment=home)


@pytest.mark.parametrize("text", ["network = 1", "network", 'other = "x"', "\x00"])
def test_a_wrong_configuration_file_is_refused(home, text):
    (Path(home["OPENGRADIENT_HOME"]) / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError):
        load_network(environment=home)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1, "version": 1}', json.dumps({"a": 1})]
)
def test_a_wrong_profile_is_refused_with_its_path(home, text):
    path = profile_path("mine", home)
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="mine.json"):
        load_network("mine", environment=home)
