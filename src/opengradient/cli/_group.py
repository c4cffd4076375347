"""A click group that loads a command's module only when that command runs."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import click

from opengradient.cli import exits
from opengradient.errors import OpenGradientError


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives and what `--help` says about it.

    Attributes:
        target: ``module:attribute`` of the click command.
        summary: One line of help, so that listing commands loads none of them.
    """

    target: str
    summary: str


@final
class LazyGroup(click.Group):
    """The root of the command line."""

    def __init__(self, *, entries: Mapping[str, Entry], **options: Any) -> None:
        """Take the table of commands; `options` go to click."""
        super().__init__(**options)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's)
        """Names in the order of the table, which goes from the first use to the rare ones."""
        return list(self._entries)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's)
        cmd_name: str,
    ) -> click.Command | None:
        """Load one command."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is no click command")
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's)
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._entries.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the library raises on purpose becomes a message and a status."""
        exits.show_warnings()
        try:
            return super().invoke(ctx)
        except OpenGradientError as error:
            exits.report(error, ctx)
            ctx.exit(exits.FAILED)
        except BaseExceptionGroup as group:
            known = exits.known(group)
            if known is None:
                raise
            for each in known:
                exits.report(each, ctx)
            ctx.exit(exits.FAILED)
        except (KeyboardInterrupt, EOFError):
            ctx.exit(exits.INTERRUPTED)
