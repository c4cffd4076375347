"""What the run found, for people and for machines."""

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.mutation.session import (
    KILLED,
    SKIPPED,
    SURVIVED,
    TIMEOUT,
    UNREACHED,
    MutationSession,
    Outcome,
)

Reasons = Mapping[str, Any]


def reason(outcome: Outcome, reasons: Reasons) -> str | None:
    """Why a survivor changes nothing that matters, if somebody has written it down."""
    for entry in reasons.get(outcome.file.removeprefix("src/opengradient/"), []):
        same = entry["source"] in outcome.mutant.source
        if same and entry.get("what", outcome.mutant.what) == outcome.mutant.what:
            return str(entry["why"])
    return None


def survivors(session: MutationSession) -> Iterator[Outcome]:
    """Mutants that no test noticed."""
    return (item for item in session.outcomes if item.fate in {SURVIVED, UNREACHED})


def counts(session: MutationSession, reasons: Reasons, file: str = "") -> dict[str, int]:
    """How many mutants met which fate."""
    mine = [item for item in session.outcomes if not file or item.file == file]
    alive = [item for item in mine if item.fate in {SURVIVED, UNREACHED}]
    explained = sum(reason(item, reasons) is not None for item in alive)
    return {
        "mutants": sum(item.fate != SKIPPED for item in mine),
        "killed": sum(item.fate in {KILLED, TIMEOUT} for item in mine),
        "equivalent": explained,
        "missed": len(alive) - explained,
        "skipped": sum(item.fate == SKIPPED for item in mine),
    }


def score(numbers: Mapping[str, int]) -> str:
    """Killed of all, in percent."""
    return f"{100 * numbers['killed'] / numbers['mutants']:.1f}%" if numbers["mutants"] else "-"


def summary(session: MutationSession, reasons: Reasons) -> str:
    """A few lines for the terminal, and every survivor without a reason."""
    total = counts(session, reasons)
    lines = [
        f"{item.file}:{item.mutant.line} [{item.fate}] {item.mutant.what}: {item.mutant.source}"
        for item in survivors(session)
        if reason(item, reasons) is None
    ]
    lines.append(f"score {score(total)}: {total}")
    if session.unfinished:
        lines.append(f"no time for {session.unfinished} mutants")
    if session.baseline_failures:
        lines.append(f"failed before any change, left out: {session.baseline_failures}")
    return "\n".join(lines)


def as_json(session: MutationSession, reasons: Reasons) -> dict[str, Any]:
    """Everything."""
    return {
        "total": counts(session, reasons),
        "unfinished": session.unfinished,
        "baseline_failures": session.baseline_failures,
        "mutants": [
            {
                "file": item.file,
                "line": item.mutant.line,
                "function": item.mutant.function,
                "what": item.mutant.what,
                "source": item.mutant.source,
                "fate": item.fate,
                "why_equivalent": reason(item, reasons),
            }
            for item in session.outcomes
        ],
    }


def page(session: MutationSession, reasons: Reasons) -> str:
    """docs/mutation.md."""
    total = counts(session, reasons)
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
        "and were not tried.",
    ]
    if session.unfinished:
        lines += ["", f"There was no time for {session.unfinished} further mutants."]
    lines += [
        "",
        "| file | mutants | killed | equivalent | missed | score |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for file in dict.fromkeys(item.file for item in session.outcomes):
        mine = counts(session, reasons, file)
        if mine["mutants"]:
            lines.append(
                f"| `{file.removeprefix('src/opengradient/')}` | {mine['mutants']} | {mine['killed']} "
                f"| {mine['equivalent']} | {mine['missed']} | {score(mine)} |"
            )
    lines += ["", "## Survivors", "", "| where | change | why it stands |", "|---|---|---|"]
    for item in survivors(session):
        why = reason(item, reasons) or "**a test is missing**"
        where = (
            f"`{item.file.removeprefix('src/opengradient/')}` {item.mutant.function or 'module'}"
        )
        source = item.mutant.source.replace("|", "\\|")
        change = item.mutant.what.replace("|", "\\|")
        lines.append(f"| {where} | {change} in `{source}` | {why} |")
    return "\n".join([*lines, ""])
