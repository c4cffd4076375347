"""`opengradient network`, `version`."""

from pathlib import Path

from opengradient.networks import Network
from tests.unit.cli.commands import run, run_json


def test_no_network_is_an_error_that_helps() -> None:
    status, report = run_json("network", "show")
    assert (status, report["error"]["code"]) == (1, "config.no_network")
    assert "devnet up" in report["error"]["next"]


def test_show_and_list(devnet: Network) -> None:
    status, report = run_json("network", "show")
    assert status == 0
    assert report["profile"]["name"] == "devnet"
    shown = run("network", "show").stdout
    assert "SIMULATED NETWORK" in shown
    status, report = run_json("network", "list")
    assert report["default"] == "devnet"
    assert [(n["name"], n["simulated"]) for n in report["networks"]] == [
        ("devnet", True),
        ("opengradient", False),
    ]
    assert "SIMULATED" in run("network", "list").stdout
    assert "SIMULATED" not in run("network", "show", "opengradient").stdout


def test_use(devnet: Network, home: Path) -> None:
    assert run("network", "use", "opengradient").exit_code == 0
    assert run_json("network", "show")[1]["profile"]["name"] == "opengradient"
    assert run("network", "use", "nonsense").exit_code == 1
    assert run_json("network", "show")[1]["profile"]["name"] == "opengradient"
    profile = home / "networks" / "devnet.json"
    assert run("network", "use", profile).exit_code == 0
    assert run_json("network", "show")[1]["profile"]["name"] == "devnet"


def test_version() -> None:
    status, report = run_json("version")
    assert status == 0
    assert report["opengradient"]
    assert "python" in run("version").stdout


def test_confidential_needs_a_relay(devnet: Network) -> None:
    status, report = run_json("chat", "Hello", "--confidential")
    assert status == 1
    assert "names no relay" in report["error"]["message"]
    assert "none" in run("network", "show").stdout
