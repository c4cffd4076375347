"""`opengradient demo`: the whole of it in one run; also the smoke test of every change."""

from pathlib import Path
from typing import Final

import click

from opengradient.cli import exits

QUESTION: Final = "What does a receipt prove?"


@click.command()
@click.option("--question", default=QUESTION, show_default=True, help="What to ask.")
@click.option("-m", "--model", help="provider/model; by default one that your keys allow.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("opengradient-receipt.json"),
    show_default=True,
    help="Where the receipt file goes.",
)
@click.option("--name", default="devnet", show_default=True, help="Devnet to use or to start.")
@click.option("--fresh", is_flag=True, help="Start with a new chain.")
@exits.json_option
def demo(
    *, question: str, model: str | None, save: Path, name: str, fresh: bool, json_: bool
) -> None:
    """Start a network, ask a question, verify and settle the answer, tamper with the receipt.

    Without OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY, XAI_API_KEY or
    OPENGRADIENT_UPSTREAM_URL the answer comes from a tiny language model of our own. The exit
    status is 0 only if every step did what it should.
    """
    from opengradient.cli.console import banner_instead_of_warnings  # noqa: PLC0415
    from opengradient.cli.demo.screen import JsonScreen, PeopleScreen  # noqa: PLC0415
    from opengradient.cli.demo.story import Wishes, tell  # noqa: PLC0415
    from opengradient.cli.devnet import nodes_installed  # noqa: PLC0415

    nodes_installed()
    wishes = Wishes(question=question, model=model, save=save, name=name, fresh=fresh)
    with banner_instead_of_warnings():
        exits.run(tell, wishes, JsonScreen() if json_ else PeopleScreen())
