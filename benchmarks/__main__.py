"""Runs every benchmark, one after the other, and prints one table.

python -m benchmarks                 all
python -m benchmarks receipts client only these
python -m benchmarks --write         also writes docs/benchmarks.md
"""

import argparse
import importlib
import logging
import os
import platform
import sys
from pathlib import Path

from benchmarks._table import Row, render

PAGES = (
    "importing",
    "receipts",
    "evidence",
    "channel",
    "proxy_node",
    "client",
    "alpha",
    "settlement",
)
LONG = ("rotation_soak",)
"""Run only by name: six minutes."""
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
NOTES = Path(__file__).parent / "notes.md"


def machine() -> str:
    """What it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def main() -> int:
    """Measure and print. A missed bar stands in the table; it is no failure of the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", choices=[*PAGES, *LONG, []])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    rows: list[Row] = []
    for name in arguments.pages or PAGES:
        print(f"measuring {name} ...", file=sys.stderr)
        rows += importlib.import_module(f"benchmarks.{name}").rows()
    table = render(rows)
    print(table)
    if arguments.write:
        head = f"# Benchmarks\n\nMade by `make bench ARGS=--write` on {machine()}; load generator, node and\nupstream share the cores.\n\n"
        PAGE.write_text(head + table + "\n\n" + NOTES.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
