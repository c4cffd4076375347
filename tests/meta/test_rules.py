"""Rules of the house that a reviewer would otherwise have to remember."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opengradient import errors
from opengradient.errors import CODES, OpenGradientError
from tests.support import ROOT

SOURCES = [
    path for folder in ("src", "reference_nodes") for path in sorted((ROOT / folder).rglob("*.py"))
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_every_code_is_raised_somewhere():
    """Codes are written whole, or as a family and a last part that are joined in the source."""
    strings: set[str] = set()
    for path in SOURCES:
        if "_codes" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value)
    joined = {code for code in CODES if code.split(".")[-1] in strings}
    unused = set(CODES) - strings - joined
    assert unused == set()


def test_codes_have_one_form():
    for code, entry in CODES.items():
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+){0,3}", code), code
        assert entry.meaning.endswith((".", "!")), code
        assert entry.hint.endswith((".", "!", ")")), code


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = set(re.findall(r"\b(\w+Error)\b", errors.__doc__ or ""))
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, OpenGradientError)
    }
    assert drawn == classes
    assert classes <= set(errors.__all__)


def test_an_unknown_code_cannot_be_raised():
    with pytest.raises(AssertionError):
        OpenGradientError("x", code="no.such.code")


def test_no_test_sleeps():
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                waits = node.func.attr == "sleep" and not (
                    node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
                )
                assert not waits, f"{path.relative_to(ROOT)}:{node.lineno} sleeps"


def test_no_broad_except_outside_the_top():
    allowed = {"core/keys.py": "coincurve raises bare Exception when no key fits a signature"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            last = node.body[-1]
            passed_on = isinstance(last, ast.Raise) and last.exc is None
            if broad and not passed_on and not any(str(path).endswith(name) for name in allowed):
                pytest.fail(f"{path.relative_to(ROOT)}:{node.lineno} catches everything")


def test_generated_pages_are_fresh():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_no_machine_paths_in_the_tree():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(r"/wo" + r"rk/|/ro" + r"ot/")
    for name in listed.stdout.split():
        path = Path(ROOT / name)
        if path.suffix in {".py", ".md", ".toml", ".json", ".sol", ".yml"} and path.exists():
            assert not pattern.search(path.read_text()), name
