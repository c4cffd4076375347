"""Run a relay: ``python -m reference_nodes.relay_node``."""

import os
import sys

import anyio
import click

from opengradient.errors import OpenGradientError
from reference_nodes._kit.logs import set_up_logs
from reference_nodes._kit.server import announce, until_stopped
from reference_nodes.relay_node.config import Settings
from reference_nodes.relay_node.node import running


async def _run(settings: Settings) -> None:
    async with running(settings) as url:
        announce(url)
        await until_stopped()


@click.command()
def main() -> None:
    """Carry sealed requests to nodes, without being able to read them.

    Settings come from the environment: OPENGRADIENT_RELAY_NETWORK (a network's profile),
    OPENGRADIENT_RELAY_PORT, OPENGRADIENT_RELAY_TOKENS_FILE, and more: see config.py.
    """
    try:
        settings = Settings.from_env(os.environ)
        set_up_logs(settings.log_level)
        anyio.run(_run, settings, backend_options={"use_uvloop": True})
    except OpenGradientError as error:
        click.echo(error.diagnostics(), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
