"""`opengradient release`: keys, two signers, what verify says, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from opengradient.errors import ConfigurationError
from tests.unit.cli.commands import run, run_json
from tests.unit.verify import releases_factory as make
from tests.unit.verify.releases_factory import DAY, NOW

Signer = tuple[Path, str]


@pytest.fixture
def signers(tmp_path: Path) -> list[Signer]:
    found = []
    for name in ("a.key", "b.key"):
        status, report = run_json("release", "keygen", tmp_path / name)
        assert status == 0
        found.append((tmp_path / name, report["public_key"]))
    return found


def draft(tmp_path: Path, value: dict[str, Any]) -> Path:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(value, indent=2))
    return path


def sign(path: Path, signer: Signer, *more: object) -> Any:
    return run_json("release", "sign", path, "--key", signer[0], *more)


def verify(path: Path, signers: list[Signer], *more: object) -> Any:
    keys = [word for _, public in signers for word in ("--key", public)]
    return run_json("release", "verify", path, *keys, *more)


@pytest.mark.parametrize("value", [make.manifest(), make.revocations()])
def test_two_sign_and_anybody_checks(
    tmp_path: Path, signers: list[Signer], value: dict[str, Any]
) -> None:
    path = draft(tmp_path, value)
    assert sign(path, signers[0])[0] == 0
    status, report = verify(path, signers, "--at", NOW)
    assert (status, report["code"]) == (10, "releases.threshold")
    status, report = verify(path, signers, "--at", NOW, "--threshold", 1)
    assert (status, report["signed_by"]) == (0, [signers[0][1]])
    status, report = sign(path, signers[1])
    assert sorted(report["keys"]) == sorted(public for _, public in signers)
    status, report = verify(path, signers, "--at", NOW)
    assert (status, report["result"], report["number"]) == (0, "accepted", value["number"])
    assert "ACCEPTED" in run("release", "verify", path, "--at", NOW, "--key", signers[0][1]).stdout
    status, report = verify(path, signers, "--at", NOW + 40 * DAY)
    assert (status, report["code"]) == (10, "releases.expired")
    status, report = verify(path, signers, "--at", NOW, "--last-seen", 8)
    assert (status, report["code"]) == (10, "releases.rollback")
    shown = run("release", "verify", path, "--at", NOW + 40 * DAY, "--key", signers[0][1])
    assert "REFUSED" in shown.stdout
    path.write_bytes(path.read_bytes() + b"\n")
    status, report = verify(path, signers, "--at", NOW)
    assert (status, report["code"]) == (30, "releases.not_canonical")


def test_keys_are_the_owners_alone(tmp_path: Path, signers: list[Signer]) -> None:
    key, _ = signers[0]
    assert key.stat().st_mode & 0o777 == 0o600
    status, report = run_json("release", "keygen", key)
    assert status == 1
    path = draft(tmp_path, make.manifest())
    key.chmod(0o644)
    status, report = sign(path, signers[0])
    assert (status, report["error"]["code"]) == (1, "config.invalid")
    assert "chmod" in report["error"]["message"]


def test_other_keys(tmp_path: Path) -> None:
    path, key = draft(tmp_path, make.manifest()), tmp_path / "key"
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for data in (other, b"no key"):
        key.write_bytes(data)
        key.chmod(0o600)
        assert sign(path, (key, ""))[0] == 1


def test_signatures_of_another_file_are_not_mixed(tmp_path: Path, signers: list[Signer]) -> None:
    path = draft(tmp_path, make.manifest())
    sign(path, signers[0])
    path.write_text(json.dumps(make.manifest(number=8)))
    status, report = sign(path, signers[1])
    assert (status, report["error"]["code"]) == (1, ConfigurationError("x").code)
    assert sign(path, signers[1], "--signatures", tmp_path / "new.sig")[0] == 0
    status, report = verify(path, signers[1:], "--at", NOW, "--signatures", tmp_path / "new.sig")
    assert (status, report["number"]) == (0, 8)


def test_a_draft_is_kept_where_the_signed_form_goes_elsewhere(
    tmp_path: Path, signers: list[Signer]
) -> None:
    path, out = draft(tmp_path, make.manifest()), tmp_path / "signed.json"
    before = path.read_bytes()
    assert sign(path, signers[0], "-o", out)[0] == 0
    assert path.read_bytes() == before
    assert verify(out, signers[:1], "--at", NOW)[0] == 0


def test_a_threshold_above_the_keys(tmp_path: Path, signers: list[Signer]) -> None:
    path = draft(tmp_path, make.manifest())
    sign(path, signers[0])
    status, report = verify(path, signers, "--at", NOW, "--threshold", 3)
    assert (status, report["error"]["code"]) == (1, "policy.malformed")


def test_show(tmp_path: Path) -> None:
    path = draft(tmp_path, make.manifest())
    status, report = run_json("release", "show", path)
    assert (status, report["verified"], report["number"]) == (0, False, 7)
    shown = run("release", "show", path).stdout
    assert "NOT VERIFIED" in shown
    assert "https://example.org/node" in shown
    path.write_text("{}")
    assert run("release", "show", path).exit_code == 20
    path.write_text("{")
    assert run("release", "show", path).exit_code == 30


def test_wrong_usage(tmp_path: Path) -> None:
    path = draft(tmp_path, make.manifest())
    assert run("release", "verify", path, "--key", "00" * 32).exit_code == 2
    path.with_name(path.name + ".sig").write_text("{}")
    assert run("release", "verify", path, "--key", "xyz").exit_code == 2
    assert run("release", "verify", path, "--key", "00" * 31).exit_code == 2
    assert run("release", "verify", path).exit_code == 2
