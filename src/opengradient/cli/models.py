"""`opengradient models`: what the network serves."""

from typing import TYPE_CHECKING

import click

from opengradient.cli import exits

if TYPE_CHECKING:
    from opengradient.networks import Network


@click.command()
@click.option("--network", "network_", help="Name or profile of a network.")
@exits.json_option
def models(network_: str | None, json_: bool) -> None:  # noqa: FBT001
    """List the models that the network says it serves; any provider/model may be tried."""
    from opengradient.cli.trust import network_for  # noqa: PLC0415

    network = network_for(network_)
    found = exits.run(_ask, network)
    if json_:
        exits.print_json({"network": network.name, "models": found})
        return
    for name in found:
        click.echo(name)
    if not found:
        click.echo("the network lists none; name one with --model provider/model", err=True)


async def _ask(network: "Network") -> list[str]:
    from opengradient.llm import LLM  # noqa: PLC0415

    async with LLM(network=network) as llm:
        return [str(name) for name in await llm.models()]
