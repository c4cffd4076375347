"""Every vector of receipts, settlement and batches gives exactly what it says."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from opengradient.errors import CODES
from tests.conformance.__main__ import main
from tests.conformance.cases import outcome, resolve
from tests.support import ROOT

PATH = ROOT / "tests" / "vectors" / "receipt_files.json"
FILE = json.loads(PATH.read_text())
VECTORS = FILE["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector):
    assert vector["expect"] == "accept" or vector["expect"] in CODES
    assert outcome(resolve(FILE, vector)) == vector["expect"]


def test_names_are_unique():
    assert [name for name, n in Counter(v["name"] for v in VECTORS).items() if n > 1] == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("right", 0),
        ("status 201", 10),
        ("proof that is not known", 20),
    ],
)
def test_the_command_runs_one_case(name, code, tmp_path, capsys):
    vector = next(vector for vector in VECTORS if vector["name"] == name)
    path = tmp_path / "case.json"
    path.write_text(json.dumps(resolve(FILE, vector)))
    assert main([str(path)]) == code
    assert json.loads(capsys.readouterr().out) == {
        "outcome": vector["expect"],
        "expect": vector["expect"],
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind":"nothing"}', '{"kind":"batch"}'])
def test_what_is_no_case(text, tmp_path, capsys):
    path = tmp_path / "case.json"
    path.write_text(text)
    assert main([str(path)]) == 30
    assert "error" in json.loads(capsys.readouterr().out)
    assert main([]) == 30


@pytest.mark.parametrize(
    "path", sorted((PATH.parent / "evidence").glob("*.json")), ids=lambda p: p.stem
)
def test_the_command_runs_files_of_evidence(path, capsys):
    assert main([str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["otherwise"] == {}


def test_a_whole_file_as_a_program(tmp_path):
    few = {**FILE, "vectors": VECTORS[:5]}
    wrong = {**FILE, "vectors": [{**VECTORS[0], "expect": "receipt.nonce"}]}
    for content, code in ((few, 0), (wrong, 10)):
        path = tmp_path / "vectors.json"
        path.write_text(json.dumps(content))
        done = subprocess.run(
            [sys.executable, "-m", "tests.conformance", path],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
