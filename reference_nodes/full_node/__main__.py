"""Run a full node: ``python -m reference_nodes.full_node --data-dir DIR --policy FILE``."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio

from opengradient.errors import OpenGradientError
from reference_nodes._kit.logs import set_up_logs
from reference_nodes._kit.server import Bind, announce, serving, until_stopped
from reference_nodes.full_node.app import create_app
from reference_nodes.full_node.assembly import assemble
from reference_nodes.full_node.config import FullNodeConfig, parse_arguments


@asynccontextmanager
async def running(config: FullNodeConfig) -> AsyncIterator[str]:
    """A full node that serves while the block runs.

    Yields:
        Its URL.
    """
    async with assemble(config) as (node, ledger), anyio.create_task_group() as tasks:
        app = create_app(node, max_body_bytes=config.max_body_bytes, ledger=ledger)
        tasks.start_soon(node.run)
        async with serving(app, Bind(host=config.host, port=config.port), None) as url:
            yield url
        tasks.cancel_scope.cancel()


async def serve(config: FullNodeConfig) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with running(config) as url:
        announce(url)
        await until_stopped()


def main() -> None:
    """Read the command line and serve."""
    set_up_logs("INFO")
    try:
        anyio.run(serve, parse_arguments(), backend_options={"use_uvloop": True})
    except* OpenGradientError as errors:
        for error in _leaves(errors):
            sys.stderr.write(error.diagnostics() + "\n")
        sys.exit(2)


def _leaves(group: BaseExceptionGroup[OpenGradientError]) -> Iterator[OpenGradientError]:
    """The errors in a group of groups: each task group on the way wraps them once."""
    for item in group.exceptions:
        if isinstance(item, BaseExceptionGroup):
            yield from _leaves(item)
        else:
            yield item


if __name__ == "__main__":
    main()
