"""`opengradient verify`: statuses and reports for files made by a real enclave and issuer."""

import json
import subprocess
import sys
from pathlib import Path

from opengradient.networks import Network
from opengradient.wire.receipts import encode_bundle
from tests import receipt_factory as factory
from tests.unit.cli.commands import run, run_json

AT = ("--at", factory.NOW)


def test_accepted(receipt_file: Path, policy_file: Path) -> None:
    status, report = run_json("verify", receipt_file, "--policy", policy_file, *AT)
    assert status == 0
    assert report["result"] == "accepted"
    assert report["code"] is None
    assert report["simulated"] is True
    assert report["digest"] == "0x" + factory.Exchange().bundle().signed.digest.hex()
    claims = {claim["name"]: claim["status"] for claim in report["claims"]}
    assert claims["signature"] == "proven"
    assert claims["nonce"] == "asserted"


def test_the_network_says_which_chain(receipt_file: Path, devnet: Network) -> None:
    status, report = run_json("verify", receipt_file, *AT)
    assert (status, report["network"]) == (0, "devnet")
    other = factory.Exchange(
        domain=factory.DOMAIN.__class__(chain_id=1, settlement_contract=b"1" * 20)
    )
    receipt_file.write_bytes(encode_bundle(other.bundle()))
    status, report = run_json("verify", receipt_file, *AT)
    assert (status, report["code"]) == (10, "receipt.domain")


def test_changed_answer_is_refused(receipt_file: Path, policy_file: Path) -> None:
    receipt_file.write_bytes(receipt_file.read_bytes().replace(b"Paris.", b"Parts."))
    status, report = run_json("verify", receipt_file, "--policy", policy_file, *AT)
    assert status == 10
    assert report["result"] == "refused"
    assert report["code"] == "receipt.response"
    assert report["next"]


def test_without_a_network_hardware_only(receipt_file: Path) -> None:
    status, report = run_json("verify", receipt_file, *AT)
    assert (status, report["code"]) == (10, "policy.simulated")


def test_unsupported_is_20(receipt_file: Path, policy_file: Path) -> None:
    value = json.loads(receipt_file.read_bytes())
    value["version"] = "opengradient.receipt-file/99"
    receipt_file.write_text(json.dumps(value))
    status, report = run_json("verify", receipt_file, "--policy", policy_file, *AT)
    assert (status, report["result"]) == (20, "unsupported")


def test_malformed_is_30(tmp_path: Path, policy_file: Path) -> None:
    path = tmp_path / "x.json"
    for data in (b"", b"{", b"[]", b"{}", b"\xff", b'{"a":1,"a":1}'):
        path.write_bytes(data)
        status, report = run_json("verify", path, "--policy", policy_file)
        assert (status, report["result"]) == (30, "malformed"), data


def test_expired_evidence_names_the_time_to_judge_at(receipt_file: Path, policy_file: Path) -> None:
    late = factory.NOW + 24 * 3600 * 1000
    result = run("verify", receipt_file, "--policy", policy_file, "--at", late)
    assert result.exit_code == 10
    assert f"--at {factory.NOW - 100}" in result.stdout


def test_for_people(receipt_file: Path, policy_file: Path) -> None:
    result = run("verify", receipt_file, "--policy", policy_file, *AT)
    assert result.exit_code == 0
    assert "SIMULATED NETWORK" in result.stdout
    assert "ACCEPTED" in result.stdout
    assert "✓ proven" in result.stdout
    receipt_file.write_bytes(receipt_file.read_bytes().replace(b"Paris.", b"Parts."))
    result = run("verify", receipt_file, "--policy", policy_file, *AT)
    assert "REFUSED" in result.stdout
    assert "receipt.response" in result.stdout


def test_stdin(receipt_file: Path, policy_file: Path) -> None:
    text = receipt_file.read_text()
    assert run("verify", "-", "--policy", policy_file, *AT, stdin=text).exit_code == 0


def test_a_missing_file_and_a_wrong_policy(tmp_path: Path, receipt_file: Path) -> None:
    assert run("verify", tmp_path / "none.json").exit_code == 2
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    status, report = run_json("verify", receipt_file, "--policy", wrong)
    assert (status, report["error"]["code"]) == (1, "policy.malformed")


def test_no_proof_to_look_up_on_a_ledger(receipt_file: Path, policy_file: Path) -> None:
    arguments = ("--policy", policy_file, *AT, "--rpc", "http://127.0.0.1:1")
    status, report = run_json("verify", receipt_file, *arguments)
    assert (status, report["code"]) == (10, "settlement.inclusion")
    assert run("verify", receipt_file, "--offline", "--rpc", "http://127.0.0.1:1").exit_code == 2


def test_offline_needs_no_socket(receipt_file: Path, policy_file: Path) -> None:
    command = [sys.executable, "-m", "opengradient", "verify", receipt_file, "--offline"]
    command += ["--policy", policy_file, "--at", factory.NOW, "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"] == "accepted"


def test_offline_forbids_sockets() -> None:
    code = (
        "import socket\n"
        "from opengradient.cli.verify import forbid_sockets\n"
        "forbid_sockets()\n"
        "for use in (socket.socket, lambda: socket.create_connection(('127.0.0.1', 1))):\n"
        "    try:\n        use()\n"
        "    except PermissionError:\n        continue\n"
        "    raise AssertionError(use)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
