"""`opengradient policy`: what a file accepts, in words, and what about it is weak."""

from dataclasses import replace
from pathlib import Path

import pytest

from opengradient.core.canonical import canonical_json
from opengradient.verify.policy import RequiredRegister, TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.releases import verify_releases
from opengradient.verify.trust import amd_ark, aws_nitro_root
from tests import receipt_factory as factory
from tests.unit.cli.commands import run, run_json
from tests.unit.verify import releases_factory as make

LISTED = "0x" + "ab" * 32


def written(path: Path, policy: TrustPolicy) -> Path:
    path.write_bytes(canonical_json(policy.to_json()))
    return path


def test_a_policy_without_weakness(tmp_path: Path) -> None:
    register = RequiredRegister(name="PCR8", values=frozenset({"cd" * 48}))
    policy = TrustPolicy(
        roots=(aws_nitro_root(),), measurements=frozenset({LISTED}), registers=(register,)
    )
    path = written(tmp_path / "p.json", policy)
    status, report = run_json("policy", "check", path, "--strict")
    assert (status, report["valid"], report["warnings"]) == (0, True, [])
    shown = run("policy", "show", path).stdout
    for part in (LISTED, "cd" * 48, "AWS Nitro", "refused", "10800 s"):
        assert part in shown
    status, report = run_json("policy", "show", path)
    assert TrustPolicy.from_json(report["policy"]) == policy


WEAK = [
    (TrustPolicy.hardware(UnsafeAnyMeasurement()), "any code"),
    (TrustPolicy.hardware(frozenset()), "no measurement"),
    (replace(TrustPolicy.hardware(frozenset({LISTED})), allow_debug=True), "debug"),
    (TrustPolicy(roots=(), measurements=frozenset({LISTED})), "no root"),
    (TrustPolicy(roots=(amd_ark("Milan"),), measurements=frozenset({LISTED})), "Milan"),
]


@pytest.mark.parametrize(("policy", "word"), WEAK)
def test_what_is_weak_is_said(tmp_path: Path, policy: TrustPolicy, word: str) -> None:
    path = written(tmp_path / "p.json", policy)
    assert run("policy", "check", path).exit_code == 0
    status, report = run_json("policy", "check", path, "--strict")
    assert status == 10
    assert len(report["warnings"]) == 1
    assert word in report["warnings"][0]
    assert word in run("policy", "show", path).stdout


def test_simulation_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "p.json", factory.policy())
    assert "prove nothing about hardware" in run("policy", "check", path).stdout


def test_releases_are_named(tmp_path: Path) -> None:
    releases = verify_releases(
        *make.signed(make.manifest()), keys=make.KEYS, threshold=2, now_ms=make.NOW
    )
    path = written(tmp_path / "p.json", TrustPolicy.hardware(releases))
    shown = run("policy", "show", path).stdout
    assert "llm-proxy 1.4.0: https://example.org/node at " + "ab" * 20 in shown
    assert "signed by 2" in shown


def test_what_is_no_policy(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    for text in ("{", "{}", "[]"):
        path.write_text(text)
        status, report = run_json("policy", "check", path)
        assert (status, report["error"]["code"]) == (1, "policy.malformed")
