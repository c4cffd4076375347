"""What the runs found, for people and for machines."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scripts.mutation.session import (
    KILLED,
    SKIPPED,
    SURVIVED,
    TIMEOUT,
    UNREACHED,
    MutationSession,
)

Reasons = Mapping[str, Any]
Row = Mapping[str, Any]
PREFIX = "src/opengradient/"


def reason(row: Row, reasons: Reasons) -> str | None:
    """Why a survivor changes nothing that matters, if somebody has written it down."""
    for entry in reasons.get(row["file"].removeprefix(PREFIX), []):
        same = all(entry.get(name, row[name]) == row[name] for name in ("what", "function"))
        if same and entry["source"] in row["source"]:
            return str(entry["why"])
    return None


def rows_of(session: MutationSession) -> list[dict[str, Any]]:
    """Every mutant and its fate, as JSON values."""
    return [
        {
            "file": item.file,
            "line": item.mutant.line,
            "function": item.mutant.function,
            "what": item.mutant.what,
            "source": item.mutant.source,
            "fate": item.fate,
        }
        for item in session.outcomes
    ]


def merged(parts: Iterable[Iterable[Row]]) -> list[Row]:
    """Several runs as one: of a file that was in several, the last counts."""
    files: dict[str, list[Row]] = {}
    for part in parts:
        run: dict[str, list[Row]] = {}
        for row in part:
            run.setdefault(row["file"], []).append(row)
        files.update(run)
    return [row for file in sorted(files) for row in files[file]]


def survivors(rows: Iterable[Row]) -> Iterator[Row]:
    """Mutants that no test noticed."""
    return (row for row in rows if row["fate"] in {SURVIVED, UNREACHED})


def counts(rows: Iterable[Row], reasons: Reasons, file: str = "") -> dict[str, int]:
    """How many mutants met which fate."""
    mine = [row for row in rows if not file or row["file"] == file]
    alive = list(survivors(mine))
    explained = sum(reason(row, reasons) is not None for row in alive)
    return {
        "mutants": sum(row["fate"] != SKIPPED for row in mine),
        "killed": sum(row["fate"] in {KILLED, TIMEOUT} for row in mine),
        "equivalent": explained,
        "missed": len(alive) - explained,
        "skipped": sum(row["fate"] == SKIPPED for row in mine),
    }


def score(numbers: Mapping[str, int]) -> str:
    """Killed of all, in percent."""
    return f"{100 * numbers['killed'] / numbers['mutants']:.1f}%" if numbers["mutants"] else "-"


def summary(rows: Iterable[Row], reasons: Reasons) -> str:
    """A few lines for the terminal, and every survivor without a reason."""
    rows = list(rows)
    lines = [
        f"{row['file']}:{row['line']} [{row['fate']}] {row['what']}: {row['source']}"
        for row in survivors(rows)
        if reason(row, reasons) is None
    ]
    total = counts(rows, reasons)
    return "\n".join([*lines, f"score {score(total)}: {total}"])


def page(rows: Iterable[Row], reasons: Reasons, unfinished: int = 0) -> str:
    """docs/mutation.md."""
    rows = list(rows)
    total = counts(rows, reasons)
    lines = [
        "# Mutation testing of the checks",
        "",
        "Made by `make mutation`; do not edit by hand. One thing is changed at a time in the code",
        "that decides what is believed: a comparison turned round, an operand or an argument",
        "dropped, a condition fixed, a `raise` or a call removed, a number made one larger, an",
        "error's code exchanged. Then the tests run that touch the changed line. *Killed*: one of",
        "them fails. *Equivalent*: the change makes no difference that matters, reason below.",
        "*Missed*: a test is missing. The score is killed of all, equivalents counted against it.",
        "",
        f"**Score: {score(total)}** of {total['mutants']} mutants; {total['equivalent']} explained,",
        f"{total['missed']} missed. {total['skipped']} more stand in class bodies or decorators",
        "and were not tried. Files that are not in the table were not part of it;",
        "a table can be put together from runs of single files, each with the tests of that file.",
    ]
    if unfinished:
        lines += ["", f"There was no time for {unfinished} further mutants."]
    lines += ["", "| file | mutants | killed | equivalent | missed | score |"]
    lines += ["|---|--:|--:|--:|--:|--:|"]
    for file in dict.fromkeys(row["file"] for row in rows):
        mine = counts(rows, reasons, file)
        if mine["mutants"]:
            lines.append(
                f"| `{file.removeprefix(PREFIX)}` | {mine['mutants']} | {mine['killed']} "
                f"| {mine['equivalent']} | {mine['missed']} | {score(mine)} |"
            )
    lines += ["", "## Survivors", "", "| where | change | why it stands |", "|---|---|---|"]
    lines += [_survivor(row, reasons) for row in survivors(rows)]
    return "\n".join([*lines, ""])


def _survivor(row: Row, reasons: Reasons) -> str:
    why = reason(row, reasons) or "**a test is missing**"
    where = f"`{row['file'].removeprefix(PREFIX)}` {row['function'] or 'module'}"
    source, change = (row[name].replace("|", "\\|") for name in ("source", "what"))
    return f"| {where} | {change} in `{source}` | {why} |"
