"""`opengradient nodes`: the network's nodes, each attested now."""

from typing import TYPE_CHECKING

import click

from opengradient.cli import exits

if TYPE_CHECKING:
    from opengradient.llm import NodeView
    from opengradient.networks import Network


@click.command()
@click.option("--network", "network_", help="Name or profile of a network.")
@exits.json_option
def nodes(network_: str | None, json_: bool) -> None:  # noqa: FBT001
    """List the network's LLM nodes; the evidence of each is fetched and verified now.

    Exit status 1 if none of them can be used.
    """
    from opengradient.cli.console import console, simulated_banner, table  # noqa: PLC0415
    from opengradient.cli.trust import is_simulated, network_for  # noqa: PLC0415

    network = network_for(network_)
    views = exits.run(_look, network)
    if json_:
        exits.print_json(
            {"network": network.name, "source": network.source, "nodes": list(map(as_json, views))}
        )
    else:
        out = console()
        if is_simulated(network):
            out.print(simulated_banner())
        out.print(table("node", "address", "evidence", "state", rows=map(_row, views)))
    if all(view.error is not None for view in views):
        raise click.exceptions.Exit(exits.FAILED)


async def _look(network: "Network") -> list["NodeView"]:
    from opengradient.llm import LLM  # noqa: PLC0415

    async with LLM(network=network) as llm:
        return list(await llm.nodes())


def as_json(view: "NodeView") -> dict[str, object]:
    """A node for machines."""
    return {
        "url": view.url,
        "node_id": view.node_id,
        "evidence": view.evidence,
        "simulated": view.simulated,
        "measurement": view.measurement,
        "error": None if view.error is None else exits.as_json(view.error),
    }


def _row(view: "NodeView") -> tuple[object, ...]:
    from opengradient.cli.console import plain, short  # noqa: PLC0415

    if view.error is not None:
        state = plain(f"✗ not used: {view.error.message} ({view.error.code})", "red")
        return "", view.url, view.evidence or "", state
    state = plain("✓ attested", "green")
    return short(view.node_id or ""), view.url, view.evidence or "", state
