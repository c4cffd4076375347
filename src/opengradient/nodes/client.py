"""What every client of nodes can do beside its calls: be trusted differently, and be closed."""

from types import TracebackType
from typing import Self

from opengradient.nodes.pool import NodePool
from opengradient.nodes.trust import Trust
from opengradient.verify.policy import TrustPolicy


class NodeClient:
    """A client of one network's nodes. One serves many concurrent calls of one event loop."""

    def __init__(self, trust: Trust, pool: NodePool) -> None:
        """Stand on these nodes."""
        self._trust = trust
        self._pool = pool

    async def __aenter__(self) -> Self:
        """Nothing to do before the first call."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self.close()

    @property
    def policy(self) -> TrustPolicy:
        """Whom and what is trusted now."""
        return self._trust.policy

    def use_policy(self, policy: TrustPolicy) -> None:
        """Trust by another policy from now on, in one step; nothing waits.

        Every node is verified anew before it gets another request, and whatever comes back from
        now on is judged by this policy, also the answer to a request that is under way. Call it
        in the event loop of the client.

        Args:
            policy: For example ``client.policy.with_revocations(verified)``.
        """
        self._trust.policy = policy

    async def close(self) -> None:
        """Close every connection. The client can be used again and then opens new ones."""
        await self._pool.close()
