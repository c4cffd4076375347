"""Fuzz every parser for as long as wanted (`make fuzz`).

python -m scripts.fuzz [NAME ...] [--seconds N] [--seed S]   damaged genuine inputs, seeded
python -m scripts.fuzz NAME --atheris [...]                  guided by coverage, where installed

An input that breaks a limit is written to tests/fuzz/found/ and named; the exit code is then 1.
"""

import argparse
import logging
import random
import sys
import time
from pathlib import Path

from opengradient.core.digests import sha256
from tests.fuzz.damage import bombs, damaged
from tests.fuzz.limits import LimitError, accepts, check, check_seconds
from tests.fuzz.registry import PARSERS, Parser

LEAST_INPUTS = 200
FOUND = Path(__file__).resolve().parents[1] / "tests" / "fuzz" / "found"


def keep(parser: Parser, data: bytes, why: str) -> None:
    """Write an input down."""
    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"{parser.name}-{sha256(data).hex()[:12]}.bin"
    path.write_bytes(data)
    print(f"{path}: {why}")


def fuzz(parser: Parser, until: float, draw: random.Random) -> tuple[int, int]:
    """Damage inputs until the time is up.

    Returns:
        How many inputs were tried, and how many broke a limit.
    """
    seeds, tried, found = parser.seeds(), 0, 0
    corpus = [*seeds, *bombs().values()]
    for data in corpus:
        try:
            check(parser, data)
        except LimitError as error:
            keep(parser, data, str(error))
            found += 1
    while tried < LEAST_INPUTS or time.monotonic() < until:
        data = damaged(draw.choice(seeds), seeds, draw, text=parser.text)
        tried += 1
        try:
            check_seconds(parser, data)
            if tried % 100 == 0:
                check(parser, data)
        except LimitError as error:
            keep(parser, data, str(error))
            found += 1
    return tried, found


def guided(parser: Parser, rest: list[str]) -> None:
    """Run atheris (libFuzzer) on one parser; it does not return."""
    import atheris

    def one_input(data: bytes) -> None:
        accepts(parser, data)

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *rest], one_input)
    atheris.Fuzz()


def main() -> int:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("names", nargs="*", help="parsers; all where none is named")
    options.add_argument("--seconds", type=float, default=600, help="for all parsers together")
    options.add_argument("--seed", type=int, default=None, help="to see the same run again")
    options.add_argument("--atheris", action="store_true", help="guided by coverage")
    chosen, rest = options.parse_known_args()
    logging.disable()
    unknown = set(chosen.names) - {parser.name for parser in PARSERS}
    if unknown:
        options.error(f"no such parser: {', '.join(sorted(unknown))}")
    parsers = [p for p in PARSERS if not chosen.names or p.name in chosen.names]
    if chosen.atheris:
        guided(parsers[0], rest)
    seed = random.SystemRandom().getrandbits(32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}")
    share, failures = chosen.seconds / len(parsers), 0
    for parser in parsers:
        draw = random.Random(f"{seed} {parser.name}")
        tried, found = fuzz(parser, time.monotonic() + share, draw)
        failures += found
        print(f"{parser.name:24} {tried:9} inputs, {found} found")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
