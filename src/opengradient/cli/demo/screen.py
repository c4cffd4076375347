"""Where the demo's story is told: to people, or to a program as one JSON object at the end."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, final

import click

from opengradient.cli import exits
from opengradient.cli.asking import Flow
from opengradient.cli.console import (
    claims_table,
    console,
    pairs,
    plain,
    simulated_banner,
    summary,
)
from opengradient.verify.verdict import Verdict

_INDENT: Final = "    "


class Screen(Protocol):
    """Shows the steps of a story."""

    def opening(self, *, simulated: bool) -> None:
        """Begin."""

    def step(self, name: str, title: str) -> "Any":
        """A context manager for one step; gives the step's details to fill for programs."""

    def lines(self, rows: Iterable[tuple[str, object]]) -> None:
        """Names and values."""

    def say(self, text: str, style: str = "") -> None:
        """A line."""

    def waiting(self, text: str) -> "Any":
        """A context manager: something moves while the block runs."""

    def flow(self) -> Flow:
        """Where the answer is written as it comes."""

    def verdict(self, verdict: Verdict) -> None:
        """Claims."""

    def closing(self, commands: Iterable[tuple[str, str]], notes: Iterable[str]) -> None:
        """End: what to try, and what to keep in mind."""


@final
class PeopleScreen:
    """For people: calm, indented, in plain words; without colours where nobody looks."""

    def __init__(self) -> None:
        """Begin the clock."""
        self._out = console()
        self._number = 0
        self._begun = time.monotonic()

    def opening(self, *, simulated: bool) -> None:
        """Show what this is."""
        self._out.print(plain("\nOpenGradient: a verified answer, end to end", "bold"))
        if simulated:
            self._out.print(simulated_banner())

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[dict[str, Any]]:
        """Number the step and time it."""
        del name
        self._number += 1
        self._out.print(plain(f"\n{self._number}  {title}", "bold cyan"))
        begun = time.monotonic()
        yield {}
        self.say(f"({time.monotonic() - begun:.1f} s)", "bright_black")

    def lines(self, rows: Iterable[tuple[str, object]]) -> None:
        """Names and values, indented."""
        from rich.padding import Padding  # noqa: PLC0415

        self._out.print(Padding(pairs(rows), (0, 0, 0, len(_INDENT)), expand=False))

    def say(self, text: str, style: str = "") -> None:
        """A line, indented."""
        from rich.padding import Padding  # noqa: PLC0415

        self._out.print(Padding(plain(text, style), (0, 0, 0, len(_INDENT)), expand=False))

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """A spinner on a terminal; nothing elsewhere."""
        if not self._out.is_terminal:
            yield _ignore
            return
        with self._out.status(plain(text)) as status:
            yield lambda now: status.update(plain(now))

    def flow(self) -> Flow:
        """Text as it comes, behind a bar."""

        def write(text: str) -> None:
            click.echo(text, nl=False)

        return Flow(write, width=min(self._out.width, 100), margin=f"{_INDENT}│ ")

    def verdict(self, verdict: Verdict) -> None:
        """The claims and how many stand how well."""
        from rich.padding import Padding  # noqa: PLC0415

        table = claims_table(verdict)
        self._out.print(Padding(table, (0, 0, 0, len(_INDENT) - 1), expand=False))
        self._out.print(Padding(summary(verdict), (0, 0, 0, len(_INDENT)), expand=False))

    def closing(self, commands: Iterable[tuple[str, str]], notes: Iterable[str]) -> None:
        """Show what to try next."""
        seconds = time.monotonic() - self._begun
        line = f"\n✓ Every step did what it should, in {seconds:.1f} s."
        self._out.print(plain(line, "bold green"))
        self._out.print(plain("\nWhat to try next", "bold"))
        for command, why in commands:
            self._out.print(plain(f"{_INDENT}# {why}", "bright_black"))
            self._out.print(plain(f"{_INDENT}{command}"), soft_wrap=True)
        self._out.print(plain("\nTo keep in mind", "bold"))
        self.lines(("-", note) for note in notes)


def _ignore(_text: str) -> None:
    return


@final
class JsonScreen:
    """For programs: one object on stdout when all is done."""

    def __init__(self) -> None:
        """Begin the clock."""
        self._steps: list[dict[str, Any]] = []
        self._simulated = False
        self._begun = time.monotonic()

    def opening(self, *, simulated: bool) -> None:
        """Remember what this is."""
        self._simulated = simulated

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[dict[str, Any]]:
        """Collect the step's details and its time."""
        begun = time.monotonic()
        details: dict[str, Any] = {}
        yield details
        seconds = round(time.monotonic() - begun, 3)
        self._steps.append({"name": name, "title": title, "seconds": seconds, **details})

    def lines(self, rows: Iterable[tuple[str, object]]) -> None:
        """Nothing: the details have it."""

    def say(self, text: str, style: str = "") -> None:
        """Nothing: the details have it."""

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Nothing moves."""
        del text
        yield _ignore

    def flow(self) -> Flow:
        """The text comes with the details."""
        return Flow(_ignore, width=80)

    def verdict(self, verdict: Verdict) -> None:
        """Nothing: the details have it."""

    def closing(self, commands: Iterable[tuple[str, str]], notes: Iterable[str]) -> None:
        """Print the object."""
        exits.print_json(
            {
                "ok": True,
                "simulated": self._simulated,
                "seconds": round(time.monotonic() - self._begun, 3),
                "steps": self._steps,
                "next": [command for command, _ in commands],
                "notes": list(notes),
            }
        )
