"""Carries a stream from its provider to its client, and watches both."""

import math
from typing import Final, Protocol, final

import anyio

from opengradient.core.messages import ErrorReply
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.http_client import ResponseStream
from reference_nodes.llm_proxy_node.outcome import Plan, provider_failure
from reference_nodes.llm_proxy_node.stream import StreamRun
from reference_nodes.llm_proxy_node.upstream import (
    MAX_ERROR_BYTES,
    Fetched,
    Trace,
    Upstream,
    UpstreamFailedError,
)

_GONE: Final = ErrorReply(
    status=499, code="node.client_gone", message="the client left before the answer was complete"
)
_DRAIN_SECONDS: Final = 0.05


class Client(Protocol):
    """Whoever is being answered."""

    async def send(self, events: bytes) -> None:
        """Send frames of a stream; the first call begins it."""

    async def gone(self) -> None:
        """Return when the client has left."""


@final
class Carrier:
    """Runs streams over one upstream."""

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        """Take the way to the providers, and the node's clock."""
        self._upstream = upstream
        self._clock = clock

    async def carry(self, plan: Plan, run: StreamRun, trace: Trace, client: Client) -> None:
        """Carry the stream until either side ends it."""

        async def watch() -> None:
            await client.gone()
            run.fail(_GONE)
            tasks.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                async with self._upstream.open(plan.upstream, trace) as stream:
                    await self._read(plan, run, trace, client, stream)
                tasks.cancel_scope.cancel()
        except* UpstreamFailedError as group:
            run.fail(_first(group).reply)
        run.end()

    async def _read(
        self, plan: Plan, run: StreamRun, trace: Trace, client: Client, stream: ResponseStream
    ) -> None:
        if not 200 <= stream.status < 300:
            body = await self._upstream.read_all(stream, trace, MAX_ERROR_BYTES)
            run.fail(provider_failure(plan, Fetched(stream.status, stream.headers, body)))
            return
        with anyio.CancelScope() as patience:
            async for piece in stream:
                trace.read(piece)
                frames = run.feed(piece, now_ms=self._clock())
                if frames:
                    await client.send(frames)
                if run.over and patience.deadline == math.inf:
                    # Reading to the end lets the connection serve again; it is nearly there.
                    patience.deadline = anyio.current_time() + _DRAIN_SECONDS


def _first(group: "BaseExceptionGroup[UpstreamFailedError]") -> UpstreamFailedError:
    error = group.exceptions[0]
    return error if isinstance(error, UpstreamFailedError) else _first(error)
