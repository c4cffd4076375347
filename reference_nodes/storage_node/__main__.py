"""Run a storage node: ``python -m reference_nodes.storage_node --data-dir DIR``."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from opengradient.errors import OpenGradientError
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.logs import set_up_logs
from reference_nodes._kit.server import Bind, announce, serving, until_stopped
from reference_nodes.storage_node.app import StorageRoutes
from reference_nodes.storage_node.config import Config, parse_config
from reference_nodes.storage_node.store import BlobFolder


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """A storage node that serves while the block runs.

    Yields:
        Its URL.

    Raises:
        StorageError: The folder cannot be used.
        ConfigurationError: The address cannot be bound.
    """
    store = BlobFolder(
        config.data_dir,
        quota_bytes=config.quota_bytes,
        epoch=lambda: system_clock_ms() // (1000 * config.epoch_seconds),
    )
    try:
        routes = StorageRoutes(
            store, n_shards=config.n_shards, max_blob_bytes=config.max_blob_bytes
        )
        async with serving(routes.app(), Bind(host=config.host, port=config.port), None) as url:
            yield url
    finally:
        store.close()


async def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with running(config) as url:
        announce(url)
        await until_stopped()


def main() -> int:
    """Read the command line and serve; return the exit status."""
    set_up_logs("INFO")
    try:
        anyio.run(serve, parse_config(sys.argv[1:]), backend_options={"use_uvloop": True})
    except OpenGradientError as error:
        sys.stderr.write(f"{error.diagnostics()}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
