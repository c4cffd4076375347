"""Vectors of Intel TDX and SGX quotes: made by our own Intel, each wrong in one thing.

``python -m tests.vectors.evidence.tdx`` writes them; the output is byte-stable.
"""

import base64
import json
from pathlib import Path
from typing import Any

from opengradient.core.digests import sha256
from opengradient.core.evidence import SGX, TDX
from opengradient.core.intel_reports import parse_enclave_report, parse_td_report
from opengradient.verify.attestation import sgx, tdx
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.tdx import TdxPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.requirements import RequiredRegister
from opengradient.verify.trust import TrustedRoot
from tests.vectors.evidence.intel_forge import Case
from tests.vectors.evidence.intel_kit import BOUND, STANDING, Vector, foreign_log, with_log
from tests.vectors.evidence.tdx_cases import every_vector

FILE = Path(__file__).parent / "tdx.json"


def measurements() -> frozenset[str]:
    """Every measurement that the right domains and enclaves of the vectors have."""
    reports = [
        parse_td_report(Case(report=report).signed()[48:])
        for report in (
            {},
            BOUND,
            STANDING,
            with_log()["report"],
            foreign_log(UNPROVEN)["report"],
        )
    ]
    enclave = parse_enclave_report(Case(tdx=False, version=3).signed()[48:])
    return frozenset({*(tdx.measurement_id(r) for r in reports), sgx.measurement_id(enclave)})


UNPROVEN = {
    "imr": 3,
    "event_type": 1,
    "digest": "00" * 48,
    "event": "app-id",
    "event_payload": "00",
}


def roots(vector: Vector) -> tuple[TrustedRoot, ...]:
    kinds = (SGX,) if vector.policy.get("roots") == "sgx" else (TDX, SGX)
    der = vector.case.cert("root")
    return tuple(TrustedRoot(kind=kind, name="test vectors", certificate=der) for kind in kinds)


def policy(vector: Vector) -> TrustPolicy:
    """The policy that a vector is looked at with."""
    accepted = measurements()
    asked = dict(vector.policy)
    asked.pop("roots", None)
    if asked.get("revoked_measurements") == "own":
        asked["revoked_measurements"] = accepted
    registers = asked.pop("registers", {})
    kind = TdxPolicy if vector.case.tdx else SgxPolicy
    settings = {
        name: frozenset(value) if isinstance(value, set) else value
        for name, value in vector.settings.items()
    }
    if "events" in settings:
        settings["events"] = tuple((n, frozenset(p)) for n, p in settings["events"])
    return TrustPolicy(
        roots=roots(vector),
        measurements=accepted,
        platforms=(kind(**settings),) if settings else (),
        registers=tuple(
            RequiredRegister(name=name, values=frozenset({value}))
            for name, value in registers.items()
        ),
        **{n: frozenset(v) if isinstance(v, set) else v for n, v in asked.items()},
    )


class Blobs:
    """Bytes by the start of their hash, each once."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, data: bytes) -> str:
        name = sha256(data).hex()[:16]
        self.texts[name] = base64.b64encode(data).decode()
        return name


def document() -> dict[str, Any]:
    """The whole file."""
    blobs = Blobs()
    policies: dict[str, Any] = {}
    vectors = []
    for vector in every_vector():
        stated = policy(vector).to_json()
        name = sha256(json.dumps(stated, sort_keys=True).encode()).hex()[:8]
        policies[name] = stated
        vectors.append(
            {
                "name": vector.name,
                "clause": vector.expect,
                "kind": TDX if vector.case.tdx else SGX,
                "document": blobs.add(vector.case.quote()),
                "runtime_data": blobs.add(vector.runtime_data) if vector.runtime_data else None,
                "collateral": {
                    item: blobs.add(data) for item, data in sorted(vector.case.collateral().items())
                },
                "policy": name,
                "now_ms": vector.now_ms,
                "nonce": None if vector.nonce is None else vector.nonce.hex(),
                "expect": vector.expect,
            }
        )
    return {
        "kind": TDX,
        "about": "made by tests/vectors/evidence/tdx.py; keys are public test keys",
        "blobs": blobs.texts,
        "policies": policies,
        "vectors": vectors,
    }


def render() -> str:
    """The bytes of the file, as text."""
    return json.dumps(document(), indent=1, ensure_ascii=True) + "\n"


__all__ = ["FILE", "document", "policy", "render"]

if __name__ == "__main__":
    FILE.write_text(render())
