"""What people see: calm tables, words beside every symbol and colour, banners that cannot be missed.

Rich is loaded by the first thing that is shown, never by `--help`.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from opengradient.verify.verdict import Claim, Verdict

PLAIN_WIDTH: Final = 120
"""Columns where nobody looks: in a log nothing is gained by wrapping at 80."""

_LONG_HEX = re.compile(r"(?:0x)?[0-9a-f]{40,}")

_STATUS_STYLE: Final = {
    "proven": ("✓", "green"),
    "asserted": ("~", "yellow"),
    "absent": ("·", "bright_black"),
}

SIMULATED: Final = "SIMULATED NETWORK: software enclaves; nothing is proven about hardware."


def console(*, stderr: bool = False) -> "Console":
    """A console on the present stdout or stderr."""
    from rich.console import Console  # noqa: PLC0415

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def plain(text: object, style: str = "") -> "Text":
    """Text in which nothing is markup, and no control character reaches the terminal.

    Models and nodes write this text: an escape sequence of theirs must not act.
    """
    from rich.text import Text  # noqa: PLC0415

    return Text(printable(str(text)), style=style)


def printable(text: str) -> str:
    """The text with every control character but line feed and tab made visible."""
    return "".join(
        character
        if character in "\n\t" or (character.isprintable() or character == "\u00a0")
        else f"\\x{ord(character):02x}"
        for character in text
    )


def table(*columns: str, rows: Iterable[Sequence[object]], title: str | None = None) -> "Table":
    """A table without lines that nobody needs."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    result = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    return result


def pairs(rows: Iterable[tuple[str, object]]) -> "Table":
    """Names on the left, values on the right."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    result = Table.grid(padding=(0, 2))
    result.add_column(style="bold", no_wrap=True)
    result.add_column(overflow="fold")
    for name, value in rows:
        result.add_row(plain(name), value if isinstance(value, Text) else plain(value))
    return result


def claims_table(claims: Iterable["Claim"]) -> "Table":
    """Claim by claim: how well it stands, and on what it rests."""
    return table(
        "claim",
        "status",
        "rests on",
        "detail",
        rows=[
            (claim.name, _status(claim.status), claim.source, shortened(claim.detail))
            for claim in claims
        ],
    )


def shortened(text: str) -> str:
    """The text with long hex in short; `--json` has it in full."""
    return _LONG_HEX.sub(lambda found: short(found.group(), 8), text)


def summary(verdict: "Verdict") -> "Text":
    """How many claims stand how well."""
    from rich.text import Text  # noqa: PLC0415

    parts: list[Text] = []
    for name, claims in (
        ("proven", verdict.proven),
        ("asserted", verdict.asserted),
        ("absent", verdict.absent),
    ):
        symbol, style = _STATUS_STYLE[name]
        parts.append(Text(f"{symbol} {len(claims)} {name}", style=style))
    return Text("   ").join(parts)


def _status(status: str) -> "Text":
    symbol, style = _STATUS_STYLE[status]
    return plain(f"{symbol} {status}", style)


def simulated_banner() -> "RenderableType":
    """The line that stands above whatever comes from a software enclave."""
    return plain(f" {SIMULATED} ", "black on yellow")


@contextmanager
def banner_instead_of_warnings() -> Iterator[None]:
    """Hold back the library's warnings about simulation where the banner is shown anyway."""
    logger = logging.getLogger("opengradient.verify")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def fraction_bar(what: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr while the block runs, where a person looks; it goes when done.

    Args:
        what: A word for what is being done.

    Yields:
        Takes the part done, 0 to 1.
    """
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=1.0)

        def tell(part: float) -> None:
            progress.update(task, completed=part)

        yield tell


def at(milliseconds: int) -> str:
    """A time for people, in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def short(value: str, keep: int = 10) -> str:
    """The two ends of a long identifier."""
    return value if len(value) <= 2 * keep + 1 else f"{value[:keep]}…{value[-6:]}"
