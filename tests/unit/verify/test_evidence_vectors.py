"""Every vector of every kind of evidence gives exactly what it says, and no other code."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import Evidence
from opengradient.errors import CODES, OpenGradientError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.policy import TrustPolicy
from tests.support import ROOT

FOLDER = ROOT / "tests" / "vectors" / "evidence"


@cache
def load(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text())


def cases() -> list[Any]:
    return [
        pytest.param(path.name, index, id=f"{path.stem}-{vector['name']}")
        for path in sorted(Path(FOLDER).glob("*.json"))
        for index, vector in enumerate(load(path.name)["vectors"])
    ]


def run(file: dict[str, Any], vector: dict[str, Any]) -> str:
    """The vector's outcome: ``"accept"`` or an error code."""

    def blob(name: str | None) -> bytes:
        return b"" if name is None else base64.b64decode(file["blobs"][name], validate=True)

    try:
        evidence = Evidence(
            kind=vector.get("kind", file["kind"]),
            document=blob(vector["document"]),
            runtime_data=blob(vector["runtime_data"]),
            collateral=Collateral.of(
                {item: blob(name) for item, name in vector["collateral"].items()}
            ),
        )
        verify_evidence(
            evidence,
            policy=TrustPolicy.from_json(file["policies"][vector["policy"]]),
            now_ms=vector["now_ms"],
            nonce=None if vector["nonce"] is None else bytes.fromhex(vector["nonce"]),
        )
    except OpenGradientError as error:
        return error.code
    return "accept"


@pytest.mark.parametrize(("name", "index"), cases())
def test_vector(name, index):
    file = load(name)
    vector = file["vectors"][index]
    assert vector["expect"] == "accept" or vector["expect"] in CODES
    assert run(file, vector) == vector["expect"]


def test_names_are_unique():
    for path in FOLDER.glob("*.json"):
        names = [vector["name"] for vector in load(path.name)["vectors"]]
        assert len(names) == len(set(names)), path.name
