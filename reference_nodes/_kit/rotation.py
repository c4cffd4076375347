"""Replaces a node's channel keys: by the clock, and when its operator asks for it."""

import logging
from collections.abc import AsyncIterable
from typing import Final

import anyio

from opengradient.errors import OpenGradientError
from reference_nodes._kit.identity import NodeIdentity

_log = logging.getLogger("opengradient.node")

_SHORTEST_PAUSE: Final = 0.05
_RETRY_SECONDS: Final = 10.0


async def rotating(identity: NodeIdentity) -> None:
    """Replace the keys whenever it is time, for as long as the node runs."""
    while (left_ms := identity.ms_to_rotation()) is not None:
        await anyio.sleep(max(left_ms / 1000, _SHORTEST_PAUSE))
        if identity.ms_to_rotation() == 0 and not await _rotate(identity):
            await anyio.sleep(_RETRY_SECONDS)


async def rotating_on(demands: AsyncIterable[object], identity: NodeIdentity) -> None:
    """Replace the keys at each demand."""
    async for _ in demands:
        await _rotate(identity)


async def _rotate(identity: NodeIdentity) -> bool:
    try:
        await identity.rotate()
    except OpenGradientError as error:
        # The old keys stay in use; their evidence says how long they may.
        _log.warning("keys not replaced", extra={"code": error.code})
        return False
    _log.info("keys replaced", extra={"evidence": identity.standing.digest.hex()})
    return True
