"""A configuration folder and receipt files for the command line."""

from pathlib import Path

import pytest

from opengradient.core.canonical import canonical_json
from opengradient.networks import Network, write_profile
from opengradient.wire.receipts import encode_bundle
from tests import receipt_factory as factory


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: nothing of the person who runs the tests is read."""
    folder = tmp_path / "home"
    monkeypatch.setenv("OPENGRADIENT_HOME", str(folder))
    monkeypatch.delenv("OPENGRADIENT_NETWORK", raising=False)
    return folder


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_bytes(canonical_json(factory.policy().to_json()))
    return path


@pytest.fixture
def devnet(home: Path) -> Network:
    """A devnet's profile in its place; nothing runs."""
    network = Network(
        name="devnet",
        chain_id=factory.DOMAIN.chain_id,
        settlement=factory.DOMAIN.settlement_contract,
        trust=factory.policy(),
        node_urls=("https://127.0.0.1:1",),
    )
    write_profile(network, home / "networks" / "devnet.json")
    return network


@pytest.fixture
def receipt_file(tmp_path: Path) -> Path:
    path = tmp_path / "receipt.json"
    path.write_bytes(encode_bundle(factory.Exchange().bundle()))
    return path
