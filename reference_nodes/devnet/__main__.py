"""Runs a devnet in the foreground: ``python -m reference_nodes.devnet``.

Its stdout tells how it goes, one JSON object per line, until it serves; then it is silent. The
command line shows the same to people: `opengradient devnet up`.
"""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

import anyio

from opengradient.errors import OpenGradientError
from reference_nodes.devnet.config import DevnetConfig
from reference_nodes.devnet.detached import FAILED, NODE, READY, tell
from reference_nodes.devnet.network import Devnet


def parse(arguments: list[str]) -> DevnetConfig:
    """Read the command line."""
    default = DevnetConfig()
    parser = argparse.ArgumentParser(prog="python -m reference_nodes.devnet")
    parser.add_argument("--name", default=default.name)
    parser.add_argument("--home", type=Path, default=default.home)
    parser.add_argument("--llm-nodes", type=int, default=default.llm_nodes)
    parser.add_argument("--port-base", type=int)
    parser.add_argument("--engine", default=default.engine)
    parser.add_argument("--batch-age-ms", type=int, default=default.batch_age_ms)
    parser.add_argument("--confirmations", type=int, default=default.confirmations)
    parser.add_argument("--fresh", action="store_true")
    return DevnetConfig(**vars(parser.parse_args(arguments)))


async def run(config: DevnetConfig) -> None:
    """Run a devnet until SIGTERM or SIGINT, or until one of its nodes ends.

    Raises:
        OpenGradientError: It did not start, or a node ended by itself.
    """
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_asked, tasks.cancel_scope)
        async with Devnet(config, progress=_tell_of_node) as net:
            tell(READY, profile=str(config.profile))
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            await net.watch()


def _tell_of_node(name: str, what: str) -> None:
    tell(NODE, name=name, what=what)


async def _until_asked(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


def main() -> int:
    """Run; the status is 1 where something failed."""
    logging.basicConfig(level=logging.INFO)
    failures: list[OpenGradientError] = []
    try:
        anyio.run(run, parse(sys.argv[1:]))
    except* OpenGradientError as group:
        failures += _leaves(group)
    for error in failures:
        tell(FAILED, code=error.code, message=error.message)
        sys.stderr.write(f"{error.diagnostics()}\n")
    return 1 if failures else 0


def _leaves(group: BaseExceptionGroup[OpenGradientError]) -> list[OpenGradientError]:
    found: list[OpenGradientError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    sys.exit(main())
