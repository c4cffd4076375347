"""`opengradient receipt`: looking and withholding."""

from pathlib import Path

from tests import receipt_factory as factory
from tests.unit.cli.commands import run, run_json


def test_show(receipt_file: Path) -> None:
    result = run("receipt", "show", receipt_file)
    assert result.exit_code == 0
    assert "NOT VERIFIED" in result.stdout
    assert "Paris." in result.stdout
    assert "local/tiny" in result.stdout
    status, report = run_json("receipt", "show", receipt_file)
    assert status == 0
    assert report["verified"] is False
    assert report["file"]["receipt"]["sequence"] == 7


def test_redact_still_verifies(receipt_file: Path, policy_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.json"
    status, _ = run_json("receipt", "redact", receipt_file, "--section", "request", "-o", out)
    assert status == 0
    assert b"messages" in receipt_file.read_bytes()
    smaller = tmp_path / "smaller.json"
    field = ("--section", "response", "--field", "choice.0.text", "-o", smaller)
    assert run("receipt", "redact", out, *field).exit_code == 0
    out = smaller
    assert b"Paris." not in out.read_bytes()
    status, report = run_json("verify", out, "--policy", policy_file, "--at", factory.NOW)
    assert status == 0
    claims = {claim["name"]: claim for claim in report["claims"]}
    assert claims["request"]["status"] == "absent"
    assert "1 withheld" in claims["response"]["detail"]


def test_redact_refuses(receipt_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.json"
    common = ("receipt", "redact", receipt_file)
    assert run(*common, "--section", "nonsense", "-o", out).exit_code == 2
    assert run(*common, "--section", "request", "--field", "no", "-o", out).exit_code == 2
    assert run(*common, "--section", "request", "-o", receipt_file).exit_code == 2
    assert not out.exists()


def test_unreadable_files_have_their_statuses(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{")
    assert run("receipt", "show", path).exit_code == 30
    assert run("receipt", "redact", path, "--section", "request", "-o", "y").exit_code == 30
