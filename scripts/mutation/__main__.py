"""Mutation testing over the checks (`make mutation`).

python -m scripts.mutation                          everything in `verify/` and the parsers
python -m scripts.mutation --files F... --tests T   some files, some tests
python -m scripts.mutation --write                  also write docs/mutation.md
python -m scripts.mutation --json OUT               every mutant and its fate

A survivor is a change that no test noticed. Each one is either a missing test or changes nothing
that matters; the latter stand with their reason in `scripts/mutation/equivalent.toml`.
"""

import argparse
import json
import sys
import time
import tomllib
from pathlib import Path

import pytest

from scripts.mutation.report import as_json, page, summary
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
    chosen = options.parse_args()
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
    reasons = tomllib.loads(EQUIVALENT.read_text())
    if chosen.json:
        chosen.json.write_text(json.dumps(as_json(session, reasons), indent=1) + "\n")
    if chosen.write:
        (ROOT / "docs" / "mutation.md").write_text(page(session, reasons))
    print(summary(session, reasons))
    return 0


if __name__ == "__main__":
    sys.exit(main())
