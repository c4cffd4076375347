"""`opengradient devnet`: a whole network on this machine."""

from typing import TYPE_CHECKING, Any

import click

from opengradient.cli import exits
from opengradient.cli.program import program
from opengradient.errors import ConfigurationError

if TYPE_CHECKING:
    from reference_nodes.devnet.config import DevnetConfig
    from reference_nodes.devnet.detached import Status

_NAME = click.option("--name", default="devnet", show_default=True, help="Name of the network.")


def nodes_installed() -> None:
    """Make sure that the nodes can run here.

    Raises:
        ConfigurationError: They are not installed.
    """
    import importlib.util  # noqa: PLC0415

    for package in ("reference_nodes", "uvicorn", "eth"):
        if importlib.util.find_spec(package) is None:
            raise ConfigurationError(
                f"a devnet needs the nodes, and {package} is not installed here: "
                "pip install 'opengradient[nodes]'"
            )


@click.group()
def devnet() -> None:
    """A whole network on this machine: ledger and full node, LLM proxy nodes, a model.

    Its enclaves are software: everything is checked, nothing is proven about hardware. With
    OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_API_KEY, XAI_API_KEY or OPENGRADIENT_UPSTREAM_URL
    set it uses that provider, else a tiny language model of our own.
    """


@devnet.command()
@_NAME
@click.option("--llm-nodes", default=1, show_default=True, help="How many LLM proxy nodes.")
@click.option("--port-base", type=int, help="First port; by default free ones, remembered.")
@click.option(
    "--engine",
    type=click.Choice(["embedded", "anvil"]),
    default="embedded",
    show_default=True,
    help="What runs the ledger; anvil must be on PATH.",
)
@click.option("--fresh", is_flag=True, help="Forget the chain and the keys of earlier runs.")
@click.option(
    "--detach/--foreground", default=True, show_default=True, help="Go on in the background."
)
@exits.json_option
def up(*, detach: bool, json_: bool, **settings: Any) -> None:
    """Start the network, or start it again: it remembers its chain."""
    nodes_installed()
    from reference_nodes.devnet.config import DevnetConfig  # noqa: PLC0415

    config = DevnetConfig(**settings)
    if detach:
        _up_detached(config, json_=json_)
    else:
        from opengradient.cli.console import banner_instead_of_warnings  # noqa: PLC0415

        with banner_instead_of_warnings():
            exits.run(_foreground, config, json_)


def _up_detached(config: "DevnetConfig", *, json_: bool) -> None:
    from reference_nodes.devnet.detached import up as start  # noqa: PLC0415

    async def go() -> "Status":
        return await start(config, progress=_progress)

    state = exits.run(go)
    if json_:
        exits.print_json(as_json(config, state))
    else:
        _show(config, state)
        _next_steps(config)


async def _foreground(config: "DevnetConfig", json_: bool) -> None:  # noqa: FBT001
    import signal  # noqa: PLC0415

    import anyio  # noqa: PLC0415

    from reference_nodes.devnet.detached import status as look  # noqa: PLC0415
    from reference_nodes.devnet.network import Devnet  # noqa: PLC0415

    async def until_asked(scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                scope.cancel()
                return

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_asked, tasks.cancel_scope)
        async with Devnet(config, progress=_progress) as net:
            state = look(config)
            if json_:
                exits.print_json(as_json(config, state))
            else:
                _show(config, state)
                click.echo("Ctrl-C stops it.")
            await net.watch()


@devnet.command()
@_NAME
@exits.json_option
def status(name: str, json_: bool) -> None:  # noqa: FBT001
    """Show whether the network runs, and where. Exit status 1 if it does not."""
    nodes_installed()
    from reference_nodes.devnet.config import DevnetConfig  # noqa: PLC0415
    from reference_nodes.devnet.detached import status as look  # noqa: PLC0415

    config = DevnetConfig(name=name)
    state = look(config)
    if json_:
        exits.print_json(as_json(config, state))
    elif state.running:
        _show(config, state)
    else:
        click.echo(f"devnet {name} does not run; start it: {program()} devnet up")
    if not state.running:
        raise click.exceptions.Exit(exits.FAILED)


@devnet.command()
@_NAME
@exits.json_option
def down(name: str, json_: bool) -> None:  # noqa: FBT001
    """Stop the network. It keeps its chain for the next time."""
    nodes_installed()
    from reference_nodes.devnet.config import DevnetConfig  # noqa: PLC0415
    from reference_nodes.devnet.detached import down as stop  # noqa: PLC0415

    stopped = exits.run(stop, DevnetConfig(name=name))
    if json_:
        exits.print_json({"name": name, "stopped": stopped})
    else:
        click.echo(f"devnet {name} " + ("stopped" if stopped else "was not running"))


def as_json(config: "DevnetConfig", state: "Status") -> dict[str, object]:
    """A devnet for machines."""
    return {
        "name": config.name,
        "running": state.running,
        "simulated": True,
        "pid": state.pid,
        "profile": str(config.profile),
        "folder": str(config.folder),
        "model": state.model,
        "started_at": state.started_at_ms,
        "nodes": [{"name": n.name, "pid": n.pid, "url": n.url} for n in state.nodes],
    }


def _progress(name: str, what: str) -> None:
    click.secho(f"  {name:<10} {what}", dim=True, err=True)


def _show(config: "DevnetConfig", state: "Status") -> None:
    from opengradient.cli.console import (  # noqa: PLC0415
        console,
        pairs,
        simulated_banner,
        table,
    )

    out = console()
    out.print(simulated_banner())
    out.print(
        pairs(
            [
                ("network", config.name),
                ("model", state.model),
                ("profile", config.profile),
                ("logs", config.logs),
            ]
        )
    )
    out.print(table("node", "pid", "address", rows=[(n.name, n.pid, n.url) for n in state.nodes]))


def _next_steps(config: "DevnetConfig") -> None:
    choice = "" if config.name == "devnet" else f" --network {config.name}"
    stop = "" if config.name == "devnet" else f" --name {config.name}"
    click.echo(f'Ask it something:  {program()} chat{choice} "What does a receipt prove?"')
    click.echo(f"Stop it:           {program()} devnet down{stop}")
