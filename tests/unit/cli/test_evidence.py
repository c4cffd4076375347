"""`opengradient evidence`: genuine Nitro documents, a software enclave's, and what is refused."""

import base64
import json
from pathlib import Path

import pytest

from opengradient.wire.settlement import encode_evidence
from tests import receipt_factory as factory
from tests.support import vectors
from tests.unit.cli.commands import run, run_json

GENUINE = [
    ("HintedNitroAttestation_repaired.bin", "2026-01-03T20:40:25Z", "2026-01-03T23:40:28Z"),
    ("marlin_aws.bin", "2024-12-13T05:57:42Z", "2024-12-13T08:57:45Z"),
    ("evervault_2022.bin", "2022-10-13T08:57:59Z", "2022-10-13T11:58:02Z"),
]
DEBUG = ("automata_debug_2024.bin", "--kind", "nitro", "--at", "2024-08-16T10:00:00Z")


def nitro(name: str) -> Path:
    return vectors("nitro") / name


@pytest.mark.parametrize(("name", "first", "last"), GENUINE)
def test_genuine_documents_inside_their_windows(name: str, first: str, last: str) -> None:
    for at in (first, last):
        status, report = run_json("evidence", "verify", nitro(name), "--kind", "nitro", "--at", at)
        assert status == 0, report
        assert report["result"] == "accepted"
        assert report["simulated"] is False


@pytest.mark.parametrize(("name", "first", "last"), GENUINE)
def test_genuine_documents_outside(name: str, first: str, last: str) -> None:
    from opengradient.cli.times import parse_time

    outside = {
        parse_time(first) - 1000: "x509.not_yet_valid",
        parse_time(last) + 1000: "x509.expired",
    }
    for at, code in outside.items():
        status, report = run_json("evidence", "verify", nitro(name), "--kind", "nitro", "--at", at)
        assert (status, report["code"]) == (10, code)


def test_age_is_bounded_where_it_is_asked_for() -> None:
    name, _, last = GENUINE[0]
    common = ("evidence", "verify", nitro(name), "--kind", "nitro", "--at", last)
    status, report = run_json(*common, "--max-age", 3600)
    assert (status, report["code"]) == (10, "nitro.timestamp.stale")
    assert run_json(*common, "--max-age", 11_000)[0] == 0


def test_debug_enclaves_need_a_word() -> None:
    arguments = (nitro(DEBUG[0]), *DEBUG[1:])
    status, report = run_json("evidence", "verify", *arguments)
    assert (status, report["code"]) == (10, "nitro.debug")
    status, report = run_json("evidence", "verify", *arguments, "--allow-debug")
    assert (status, report["debug"]) == (0, True)


def test_foreign_root_and_damage() -> None:
    mock = nitro("marlin_mock_root.bin")
    status, report = run_json("evidence", "verify", mock, "--kind", "nitro")
    assert (status, report["code"]) == (10, "x509.root")
    damaged = nitro("HintedNitroAttestation_corrupted_missing3bytes.bin")
    status, report = run_json("evidence", "verify", damaged, "--kind", "nitro")
    assert (status, report["result"]) == (30, "malformed")


def test_root_measurement_and_nonce_options() -> None:
    name, at, _ = GENUINE[2]
    common = ("evidence", "verify", nitro(name), "--kind", "nitro", "--at", at)
    status, report = run_json(*common, "--root", nitro("aws_nitro_root_g1.pem"))
    assert status == 0
    claims = {claim["name"]: claim["status"] for claim in report["claims"]}
    assert (claims["code"], claims["nonce"]) == ("asserted", "asserted")
    right = ("--measurement", report["measurement"], "--nonce", report["nonce"])
    status, report = run_json(*common, *right)
    claims = {claim["name"]: claim["status"] for claim in report["claims"]}
    assert (status, claims["code"], claims["nonce"]) == (0, "proven", "proven")
    status, report = run_json(*common, "--measurement", "0x" + "00" * 32)
    assert (status, report["code"]) == (10, "attestation.measurement")
    status, report = run_json(*common, "--nonce", "00")
    assert (status, report["code"]) == (10, "nitro.nonce.mismatch")


def test_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(factory.evidence().document)
    common = ("evidence", "verify", path, "--kind")
    assert run(*common, "software").exit_code == 2
    assert run(*common, "nitro", "--nonce", "xyz").exit_code == 2
    both = ("--measurement", "0x" + "00" * 32, "--unsafe-any-measurement")
    assert run(*common, "nitro", *both).exit_code == 2


@pytest.fixture
def software(tmp_path: Path) -> tuple[object, ...]:
    root = tmp_path / "root.der"
    root.write_bytes(factory.root().certificate)
    return ("--kind", "software", "--root", root, "--at", factory.NOW)


def test_software_evidence_in_every_wrapping(tmp_path: Path, software: tuple[object, ...]) -> None:
    evidence = factory.evidence()
    path = tmp_path / "document"
    wrappings = [
        evidence.document,
        base64.encodebytes(evidence.document),
        json.dumps(encode_evidence(evidence)).encode(),
    ]
    for data in wrappings:
        path.write_bytes(data)
        status, report = run_json("evidence", "verify", path, *software)
        assert status == 0, report
        assert report["simulated"] is True
        assert report["node_id"] == "0x" + factory.SIGNER.public_key.node_id.hex()
    result = run("evidence", "verify", path, *software)
    assert "SIMULATED" in result.stdout
    assert "compared with nothing" in result.stdout


def test_json_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_text(json.dumps(encode_evidence(factory.evidence())))
    status, report = run_json("evidence", "verify", path, "--kind", "nitro")
    assert (status, report["result"]) == (30, "malformed")


def test_inspect_verifies_nothing(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(factory.evidence().document)
    status, report = run_json("evidence", "inspect", path)
    assert (status, report["verified"]) == (0, False)
    assert "NOT VERIFIED" in run("evidence", "inspect", path).stdout
    path.write_bytes(b"\x84")
    assert run("evidence", "inspect", path).exit_code == 30
