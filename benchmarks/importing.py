"""`import opengradient` beside `import httpx`, and what it loads; the light install."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._table import Row

HEAVY = ("web3", "eth_account", "torch", "httpx", "pydantic", "cryptography", "numpy")
ROOT = Path(__file__).parent.parent


def _seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def import_rows() -> list[Row]:
    """Whole interpreter runs, alternating, medians of 15; the empty interpreter is taken off."""
    times: dict[str, list[float]] = {"pass": [], "import opengradient": [], "import httpx": []}
    for _ in range(15):
        for statement, values in times.items():
            values.append(_seconds(statement))
    empty, ours, theirs = (statistics.median(values) * 1000 for values in times.values())
    probe = f"import opengradient, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)
    return [
        Row(
            what="`import opengradient`",
            ours=f"{ours - empty:.0f} ms",
            beside=f"`import httpx` {theirs - empty:.0f} ms",
            bar="no slower than httpx",
            met=ours <= theirs,
            note=f"heavy modules loaded: {loaded.stdout.decode().strip()}",
        )
    ]


def install_rows() -> list[Row]:
    """A fresh environment with the library alone: distributions and size, pip left out."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-q", str(ROOT)], check=True)
        listed = subprocess.run([*pip, "list", "--format=json"], check=True, capture_output=True)
        names = {item["name"] for item in json.loads(listed.stdout)} - {"pip", "setuptools"}
        site = next((Path(folder) / "lib").glob("python*/site-packages"))
        size = sum(
            file.stat().st_size
            for file in site.rglob("*")
            if file.is_file() and not file.relative_to(site).parts[0].startswith(("pip", "setup"))
        )
    megabytes = size / 1e6
    return [
        Row(
            what="light install",
            ours=f"{len(names)} distributions, {megabytes:.0f} MB",
            beside="published client 1.1.4: 104, 342 MB (measured earlier)",
            bar="60, 130 MB",
            met=len(names) <= 60 and megabytes <= 130,
        )
    ]


def rows() -> list[Row]:
    """All rows of this page."""
    return [*import_rows(), *install_rows()]
