"""Every command that docs/trust.md shows is run, and says what the page says that it says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, vectors
from tests.unit.cli.commands import run

PAGE = (ROOT / "docs" / "trust.md").read_text()
SESSIONS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


def _commands(session: str, folder: Path) -> tuple[list[list[str]], list[str]]:
    lines = session.splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    shown = [line for line in lines if not line.startswith("$ ")]
    places = {"$VECTORS": str(vectors("nitro").parent), "OUT": str(folder)}
    for name, place in places.items():
        commands = [command.replace(name, place) for command in commands]
    return [shlex.split(command) for command in commands], shown


def _plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("session", SESSIONS, ids=lambda text: text.split("--kind ")[1][:6])
def test_what_the_page_shows(session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENGRADIENT_HOME", str(tmp_path / "home"))
    commands, shown = _commands(session, tmp_path)
    output, status = "", 0
    for program, *arguments in commands:
        if program == "python":
            subprocess.run([sys.executable, ROOT / arguments[0], *arguments[1:]], check=True)
            continue
        assert program == "opengradient"
        result = run(*arguments)
        output, status = _plain(result.stdout), result.exit_code
    assert shown
    for line in shown:
        assert _plain(line) in output
    assert status == (10 if shown[0].startswith("REFUSED") else 0)


def test_every_kind_has_its_command() -> None:
    kinds = set(re.findall(r"--kind ([a-z]+)", "".join(SESSIONS)))
    assert kinds == {"nitro", "tdx", "sgx", "snp", "gcp"}
    assert len(SESSIONS) >= 8


@pytest.mark.parametrize("kind", ["gcp", "maa", "nvidia", "nvidia_report", "snp", "tdx"])
def test_our_own_vectors_as_files(kind: str, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "scripts" / "vector.py", kind, tmp_path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    at, nonce = re.search(r"--at (\d+)(?: --nonce (\w+))?", made).groups()
    options = [
        "--kind",
        kind.removesuffix("_report"),
        "--policy",
        tmp_path / "policy.json",
        "--at",
        at,
    ]
    options += ["--nonce", nonce] if nonce else []
    for name, option in (("runtime_data", "--runtime-data"), ("collateral.json", "--collateral")):
        if (tmp_path / name).exists():
            options += [option, tmp_path / name]
    result = run("evidence", "verify", tmp_path / "document", *options)
    assert result.exit_code == 0, result.stdout


def test_the_example_of_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import opengradient as og
    from opengradient.networks import Network
    from tests.unit.verify import releases_factory as make

    (tmp_path / "publishers.txt").write_text("\n".join(key.hex() for key in make.KEYS))
    key = {"id": "0x" + "11" * 32, "reason": "stolen"}
    for name, value in (
        ("manifest.json", make.manifest()),
        ("revoked.json", make.revocations(revoked=make.revoked(keys=[key]))),
    ):
        payload, signatures = make.signed(value)
        (tmp_path / name).write_bytes(payload)
        (tmp_path / f"{name}.sig").write_bytes(signatures)
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec((ROOT / "docs" / "examples" / "releases.py").read_text(), scope)
    policy = scope["trust"](make.NOW, 7)
    assert policy.measurements.manifest.number == 7
    network = Network(
        name="test",
        chain_id=1,
        settlement=bytes(20),
        trust=policy,
        node_urls=("https://127.0.0.1:1",),
    )
    llm = og.LLM(network=network)
    scope["revoke"](llm, make.NOW)
    assert llm.policy.revoked_keys == {key["id"]}
    assert llm.policy.measurements is policy.measurements
