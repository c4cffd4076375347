"""Mutation testing over the checks (`make mutation`).

python -m scripts.mutation                          everything in `verify/` and the parsers
python -m scripts.mutation --files F... --tests T   some files, some tests
python -m scripts.mutation --write                  also write docs/mutation.md
python -m scripts.mutation --json OUT               every mutant and its fate
python -m scripts.mutation --from OUT... --write    the page of several such runs together

A survivor is a change that no test noticed. Each one is either a missing test or changes nothing
that matters; the latter stand with their reason in `scripts/mutation/equivalent.toml`.
"""

import argparse
import json
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts.mutation.report import merged, page, rows_of, summary
from scripts.mutation.session import MutationSession

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).parent / "equivalent.toml"
TESTS = ["tests/conformance", "tests/unit/verify", "tests/unit/core", "tests/unit/wire"]
"""Not the property tests: they take long under a tracer, and are no place to find one check."""


def targets() -> list[Path]:
    """What is mutated by default: all of `verify/`, and the parsers in `core/` and `wire/`."""
    verify = sorted((ROOT / "src" / "opengradient" / "verify").rglob("*.py"))
    core = ROOT / "src" / "opengradient"
    parsers = [
        core / "core" / name
        for name in ("cbor.py", "cose.py", "keyset.py", "nitro_document.py", "merkle.py")
    ]
    wire = [core / "wire" / name for name in ("fields.py", "receipts.py", "batches.py")]
    chosen = [path for path in (*verify, *parsers, *wire) if "_roots" not in path.parts]
    return [path.relative_to(ROOT) for path in chosen]


def main() -> int:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--files", nargs="+", type=Path, help="source files to mutate")
    options.add_argument("--tests", nargs="+", default=TESTS, help="tests to run, as for pytest")
    options.add_argument("--seconds", type=float, default=3600, help="begin no mutant after this")
    options.add_argument("--slowest", type=float, default=4, help="leave slower tests out")
    options.add_argument("--json", type=Path, help="write every mutant here")
    options.add_argument("--write", action="store_true", help="write docs/mutation.md")
    options.add_argument("--from", nargs="+", type=Path, dest="earlier", help="runs kept by --json")
    chosen = options.parse_args()
    if chosen.earlier:
        return _from_files(chosen.earlier, write=chosen.write)
    session = MutationSession(
        targets=chosen.files or targets(),
        root=ROOT,
        slowest=chosen.slowest,
        until=time.monotonic() + chosen.seconds,
    )
    quiet = [
        "-o",
        "addopts=-qq --no-header --no-summary",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
    ]
    code = pytest.main([*quiet, "-m", "not slow", *chosen.tests], plugins=[session])
    if not session.outcomes:
        sys.stderr.write(f"nothing was mutated (pytest says {code})\n")
        return 2
    rows: list[Any] = list(rows_of(session))
    if chosen.json:
        chosen.json.write_text(json.dumps({"unfinished": session.unfinished, "mutants": rows}))
    if session.unfinished:
        sys.stderr.write(f"no time for {session.unfinished} mutants\n")
    if session.baseline_failures:
        sys.stderr.write(f"failed unchanged, left out: {session.baseline_failures}\n")
    return _conclude(rows, write=chosen.write, unfinished=session.unfinished)


def _conclude(rows: list[Any], *, write: bool, unfinished: int) -> int:
    reasons = tomllib.loads(EQUIVALENT.read_text())
    if write:
        (ROOT / "docs" / "mutation.md").write_text(page(rows, reasons, unfinished))
    print(summary(rows, reasons))
    return 0


def _from_files(paths: list[Path], *, write: bool) -> int:
    runs = [json.loads(path.read_text()) for path in paths]
    rows = merged(run["mutants"] for run in runs)
    return _conclude(list(rows), write=write, unfinished=sum(run["unfinished"] for run in runs))


if __name__ == "__main__":
    sys.exit(main())
