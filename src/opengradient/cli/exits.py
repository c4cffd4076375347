"""Exit statuses, and how an error reaches the person or the program that asked."""

import json
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import click

from opengradient.errors import (
    CODES,
    MalformedError,
    OpenGradientError,
    UnsupportedError,
    VerificationError,
)

FAILED: Final = 1
"""Something did not work; the message says what. Wrong usage is 2, as click has it."""

REFUSED: Final = 10
"""Checked, and not to be believed."""

UNSUPPORTED: Final = 20
"""A format or version that this release does not know: neither accepted nor refused."""

MALFORMED: Final = 30
"""Cannot be read at all."""

INTERRUPTED: Final = 130
"""128 and SIGINT, as shells have it."""

JSON_MODE: Final = "opengradient.json"

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


def judge(error: VerificationError | UnsupportedError) -> tuple[str, int]:
    """The word and the exit status for a file that was not accepted."""
    if isinstance(error, UnsupportedError):
        return "unsupported", UNSUPPORTED
    if isinstance(error, MalformedError):
        return "malformed", MALFORMED
    return "refused", REFUSED


def as_json(error: OpenGradientError) -> dict[str, object]:
    """An error for machines."""
    shown: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "next": CODES[error.code].hint,
    }
    if isinstance(error, VerificationError):
        shown["step"] = error.step
        shown["expected"] = None if error.expected is None else str(error.expected)
        shown["actual"] = None if error.actual is None else str(error.actual)
    return shown


def print_json(value: object) -> None:
    """Write one JSON value to stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def report(error: OpenGradientError, ctx: click.Context) -> None:
    """Say what happened: to stderr for a person, on stdout for a program that asked for JSON."""
    if ctx.find_root().meta.get(JSON_MODE):
        print_json({"error": as_json(error)})
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(error.diagnostics(), err=True)


def known(group: BaseExceptionGroup[BaseException]) -> list[OpenGradientError] | None:
    """The errors inside a group if all of them are the library's own; None otherwise."""
    found: list[OpenGradientError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            inner = known(error)
            if inner is None:
                return None
            found += inner
        elif isinstance(error, OpenGradientError):
            found.append(error)
        else:
            return None
    return found


def json_option(command: _F) -> _F:
    """Add `--json`; the command gets it as `json_`."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:  # noqa: FBT001
        ctx.find_root().meta[JSON_MODE] = value
        return value

    option = click.option(
        "--json",
        "json_",
        is_flag=True,
        is_eager=True,
        callback=remember,
        help="Print JSON for programs, and nothing else, on stdout.",
    )
    return option(command)


def run(function: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any) -> _T:
    """Run an async function to its end."""
    import anyio  # noqa: PLC0415  (a fifth of a second that --help need not pay)

    return anyio.run(function, *arguments)


class _Stderr(logging.Handler):
    """Shows each warning once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record to stderr, unless it was shown before."""
        message = record.getMessage()
        if message not in self._shown:
            self._shown.add(message)
            click.secho(f"warning: {message}", fg="yellow", err=True)


def show_warnings() -> None:
    """Let the library's warnings reach stderr, each once."""
    logger = logging.getLogger("opengradient")
    if not any(isinstance(handler, _Stderr) for handler in logger.handlers):
        logger.addHandler(_Stderr())
        logger.propagate = False


def is_terminal() -> bool:
    """Whether a person sits in front of stdout."""
    return sys.stdout.isatty()
