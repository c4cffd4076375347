"""Verifying evidence of every kind: time and memory of one check, on our own vectors.

Each kind's own vectors that are to be accepted are measured, the slowest counts; the documents,
chains and collateral have the sizes of genuine ones.
"""

import importlib.util
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._table import Row, median_ms
from opengradient.core.evidence import GCP, MAA, NITRO, SGX, SNP, SOFTWARE, TDX
from tests.unit.verify.test_evidence_vectors import FOLDER, run

BARS_MS = {NITRO: 10.0, TDX: 30.0, SGX: 30.0, SNP: 10.0, GCP: None, MAA: None, SOFTWARE: None}
MEMORY_MIB = 16.0


def rows() -> list[Row]:
    """A row per kind, and one for memory."""
    found: dict[str, tuple[float, float]] = {}
    for path in sorted(FOLDER.glob("*.json")):
        file = json.loads(path.read_text())
        for vector in file["vectors"]:
            kind = vector.get("kind", file["kind"])
            if vector["expect"] == "accept" and kind in BARS_MS:
                slowest, largest = found.get(kind, (0.0, 0.0))
                taken = _time_of(file, vector)
                found[kind] = (max(slowest, taken), max(largest, _memory_of(file, vector)))
    beside = {TDX: _dcap_qvl()}
    table = [
        Row(
            what=f"verify evidence: {kind}",
            ours=f"{taken:.1f} ms",
            beside=beside.get(kind, ""),
            bar="" if (bar := BARS_MS[kind]) is None else f"{bar:.0f} ms",
            met=None if bar is None else taken <= bar,
            note="collateral and its signatures included" if kind in {TDX, SGX, SNP} else "",
        )
        for kind, (taken, _) in sorted(found.items())
    ]
    peak = max((memory for _, memory in found.values()), default=0.0)
    table.append(
        Row(
            what="verify evidence: memory of the largest",
            ours=f"{peak:.1f} MiB",
            bar=f"{MEMORY_MIB:.0f} MiB",
            met=peak <= MEMORY_MIB,
            note="peak of what Python allocated",
        )
    )
    return table


def _time_of(file: dict[str, Any], vector: dict[str, Any]) -> float:
    return median_ms(lambda: _accept(file, vector), repeat=15, warmup=2)


def _memory_of(file: dict[str, Any], vector: dict[str, Any]) -> float:
    tracemalloc.start()
    try:
        _accept(file, vector)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _accept(file: dict[str, Any], vector: dict[str, Any]) -> None:
    outcome = run(file, vector)
    if outcome != "accept":
        raise AssertionError(f"{vector['name']}: {outcome}")


def _dcap_qvl() -> str:
    """The same job by dcap-qvl, on a genuine quote."""
    base = Path(__file__).parent.parent.parent / "shared" / "vectors"
    folder = Path(os.environ.get("OPENGRADIENT_VECTORS_DIR", base)) / "tdx"
    if importlib.util.find_spec("dcap_qvl") is None or not folder.exists():
        return ""
    import dcap_qvl

    quote = (folder / "tdx_quote").read_bytes()
    collateral = dcap_qvl.QuoteCollateralV3.from_json(
        (folder / "tdx_quote_collateral.json").read_text()
    )
    check: Callable[[], object] = lambda: dcap_qvl.verify(quote, collateral, 1_750_329_147)  # noqa: E731
    return f"dcap-qvl (Rust), the DCAP part alone: {median_ms(check, repeat=30):.1f} ms"
