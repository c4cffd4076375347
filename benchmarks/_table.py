"""One row of the table, and how it is printed."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure.

    Attributes:
        what: What was measured.
        ours: The figure, with its unit.
        beside: The same of an alternative, measured in the same run.
        bar: The figure to reach.
        met: Whether it was reached; None where there is no bar.
        note: What bounds it, or how it was measured.
    """

    what: str
    ours: str
    beside: str = ""
    bar: str = ""
    met: bool | None = None
    note: str = ""


def median_ms(run: Callable[[], object], *, repeat: int = 300, warmup: int = 20) -> float:
    """Median time of one call, in milliseconds."""
    for _ in range(warmup):
        run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def render(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = [
        "| what | ours | beside it | bar | met | note |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        met = {True: "yes", False: "**no**", None: ""}[row.met]
        cells = (row.what, row.ours, row.beside, row.bar, met, row.note)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
