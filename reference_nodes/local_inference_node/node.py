"""Puts the parts of the node together and runs them, in order, until it is stopped."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio.to_thread

from opengradient.chain.values import NodeKind
from reference_nodes._kit.assembly import assembled, running_node
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes.local_inference_node.app import InferenceRoutes
from reference_nodes.local_inference_node.config import Settings
from reference_nodes.local_inference_node.library import Library
from reference_nodes.local_inference_node.pool import worker_pool
from reference_nodes.local_inference_node.service import InferenceService, Limits

PACKAGE: Final = "reference_nodes.local_inference_node"


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock = system_clock_ms,
    demands: AsyncIterable[object] | None = None,
) -> AsyncIterator[str]:
    """Run a node while the block runs.

    Args:
        settings: The operator's choices.
        clock: The node's clock.
        demands: Gives an item whenever the operator wants the keys replaced at once.

    Yields:
        The base URL.
    """
    library = await anyio.to_thread.run_sync(Library, settings.library)
    async with (
        assembled(
            settings,
            package=PACKAGE,
            attested=settings.attested(),
            legacy_signatures=False,
            clock=clock,
        ) as parts,
        worker_pool(settings.pool) as pool,
    ):
        service = InferenceService(
            library=library,
            pool=pool,
            issuer=parts.issuer,
            store=parts.store,
            limits=Limits(
                max_body_bytes=settings.max_body_bytes,
                max_answer_bytes=settings.max_answer_bytes,
                max_concurrent=settings.max_concurrent,
                patience=settings.patience_seconds,
            ),
        )
        app = InferenceRoutes(parts, service, library).app()
        async with running_node(parts, app, kind=NodeKind.LOCAL_INFERENCE, demands=demands) as url:
            yield url
