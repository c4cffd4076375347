"""Run a local inference node, or add a model: ``python -m reference_nodes.local_inference_node``."""

import os
import signal
import sys
from pathlib import Path

import anyio
import click

from opengradient.errors import OpenGradientError
from reference_nodes._kit.journal import SWITCH_SECONDS
from reference_nodes._kit.logs import set_up_logs
from reference_nodes._kit.server import announce, until_stopped
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes.local_inference_node.adding import add_model
from reference_nodes.local_inference_node.config import MODELS_FOLDER, Settings
from reference_nodes.local_inference_node.node import running


async def _run(settings: Settings) -> None:
    with anyio.open_signal_receiver(signal.SIGHUP) as demands:
        async with running(settings, demands=demands) as url:
            announce(url)
            await until_stopped()


@click.group(invoke_without_command=True)
@click.option("--demo", is_flag=True, help="Software enclave, no ledger, everything in ./.demo.")
@click.pass_context
def main(context: click.Context, *, demo: bool) -> None:
    """Run the models of a folder and sign what came of it.

    Settings come from the environment: OPENGRADIENT_DATA_DIR, OPENGRADIENT_CHAIN_ID,
    OPENGRADIENT_SETTLEMENT_CONTRACT, OPENGRADIENT_FULL_NODES and more: see config.py.

    SIGHUP replaces the TLS and HPKE keys at once.
    """
    if context.invoked_subcommand is not None:
        return
    try:
        settings = Settings.from_env(os.environ, **(DEMO_DEFAULTS if demo else {}))
        set_up_logs(settings.log_level)
        sys.setswitchinterval(SWITCH_SECONDS)
        anyio.run(_run, settings, backend_options={"use_uvloop": True})
    except OpenGradientError as error:
        _fail(error)


@main.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="owner/name")
@click.option("--version", default="1.0", show_default=True, help="The owner's name of it.")
@click.option("--licence", default="other", show_default=True, help="SPDX identifier.")
@click.option(
    "--data-dir", required=True, type=click.Path(file_okay=False, path_type=Path), help="The node's"
)
def add(model: Path, *, name: str, version: str, licence: str, data_dir: Path) -> None:
    """Add MODEL, a file in ONNX, to a node's models; prints its root. The node reads it at start."""
    folder = data_dir / MODELS_FOLDER

    async def work() -> bytes:
        return await add_model(model, folder, name=name, version=version, licence=licence)

    try:
        click.echo(anyio.run(work).hex())
    except OpenGradientError as error:
        _fail(error)


def _fail(error: OpenGradientError) -> None:
    click.echo(error.diagnostics(), err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
