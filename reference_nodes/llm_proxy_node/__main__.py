"""Run an LLM proxy node: ``python -m reference_nodes.llm_proxy_node``."""

import os
import signal
import sys

import anyio
import click

from opengradient.errors import OpenGradientError
from reference_nodes._kit.journal import SWITCH_SECONDS
from reference_nodes._kit.logs import set_up_logs
from reference_nodes._kit.server import announce, until_stopped
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from reference_nodes.llm_proxy_node.node import running


async def _run(settings: Settings, providers: ProviderSettings) -> None:
    with anyio.open_signal_receiver(signal.SIGHUP) as demands:
        async with running(settings, providers, demands=demands) as url:
            announce(url)
            await until_stopped()


@click.command()
@click.option("--demo", is_flag=True, help="Software enclave, no ledger, journal in ./.demo.")
def main(*, demo: bool) -> None:
    """Carry requests to LLM providers and sign what came of them.

    Settings come from the environment: OPENGRADIENT_DATA_DIR, OPENGRADIENT_CHAIN_ID,
    OPENGRADIENT_SETTLEMENT_CONTRACT, OPENGRADIENT_FULL_NODES, the providers' keys
    (OPENAI_API_KEY, ...) or OPENGRADIENT_UPSTREAM_URL, and more: see config.py.

    SIGHUP replaces the TLS and HPKE keys at once.
    """
    try:
        settings = Settings.from_env(os.environ, **(DEMO_DEFAULTS if demo else {}))
        read = ProviderSettings.addresses_from_env
        providers = (read if settings.sealed_keys else ProviderSettings.from_env)(os.environ)
        set_up_logs(settings.log_level)
        sys.setswitchinterval(SWITCH_SECONDS)
        anyio.run(_run, settings, providers, backend_options={"use_uvloop": True})
    except OpenGradientError as error:
        click.echo(error.diagnostics(), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
