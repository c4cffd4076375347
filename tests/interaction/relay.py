"""A relay in front of nodes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from opengradient.networks import write_profile
from reference_nodes.relay_node.config import Settings
from reference_nodes.relay_node.node import running
from tests.interaction.proxy import Node
from tests.interaction.sdk import network_of


@asynccontextmanager
async def relay_to(
    folder: Path,
    *nodes: Node,
    payer: Any = None,
    network: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[str]:
    """Run a relay to running nodes; gives its URL."""
    profile = folder / "relay-network.json"
    write_profile(network_of(*nodes, **(network or {})), profile)
    settings = Settings.from_env({}, network=profile, port=0, drain_seconds=1, **more)
    async with running(settings, payer=payer) as url:
        yield url
