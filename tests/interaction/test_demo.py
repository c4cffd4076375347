"""`opengradient demo`, run as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def demo(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    variables.pop("OPENGRADIENT_UPSTREAM_URL", None)
    paths = [os.path.abspath(path) for path in (*sys.path, ".") if path]  # noqa: PTH100
    environment = {
        **variables,
        "OPENGRADIENT_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    return subprocess.run(
        [sys.executable, "-m", "opengradient", "demo", *arguments],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_the_whole_story(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in (
        "SIMULATED NETWORK",
        "A receipt proves",
        "✓ proven",
        "~ asserted",
        "· absent",
        "final",
        "accepted (exit 0)",
        "refused (exit 10), code receipt.response",
        "What to try next",
    ):
        assert expected in done.stdout
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "opengradient-receipt.json"]

    again = demo(tmp_path, "--json", "--question", "What is the capital of France?")
    assert again.returncode == 0, again.stdout + again.stderr
    story = json.loads(again.stdout)
    assert story["ok"] is True
    steps = {step["name"]: step for step in story["steps"]}
    assert "Paris" in steps["ask"]["answer"]
    assert steps["settle"]["states"][-1]["state"] == "final"
    assert steps["tamper"]["status"] == 10
    assert story["seconds"] < 90


def test_a_model_that_nobody_serves_ends_it(tmp_path: Path) -> None:
    done = demo(tmp_path, "--model", "openai/gpt-none", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "provider.no_key"
    assert not (tmp_path / "opengradient-receipt.json").exists()
