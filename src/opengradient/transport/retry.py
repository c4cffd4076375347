"""When a request may be sent again, and how long to wait before. Nothing is sent here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import (
    ConnectError,
    NodeError,
    OpenGradientError,
    TransportError,
)

NOTHING_DONE: Final = frozenset(
    {
        "node.overloaded",
        "node.rate_limited",
        "provider.unreachable",
        "channel.relay_rate_limited",
    }
)
"""Codes of errors that say that no provider did the work: any node may be asked, and the same
idempotency key gives a new try. Every other signed error is the answer, and final."""

REFUSED: Final = "channel.relay_refused"
"""A relay that does not let its user in does not do so the next moment either."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and after which pause.

    Attributes:
        max_retries: Repetitions after the first try.
        first_pause: Seconds before the first repetition; each next one waits twice as long.
        longest_pause: Bound of one pause, in seconds; also of what a node asks for.
    """

    max_retries: int = 2
    first_pause: float = 0.25
    longest_pause: float = 8.0

    def may_repeat(self, error: OpenGradientError, *, attempt: int, has_key: bool) -> bool:
        """Whether a request that failed so may be sent again.

        Args:
            error: How it failed.
            attempt: How often it was sent, 1 for the first time.
            has_key: Whether it carries an idempotency key and goes to the same node again.
                Without one only what was surely not processed is repeated.
        """
        if attempt > self.max_retries or not isinstance(error, TransportError):
            return False
        if error.code == REFUSED:
            return False
        if isinstance(error, ConnectError) or error.code in NOTHING_DONE:
            return True
        return has_key and (not isinstance(error, NodeError) or error.code == "node.in_progress")

    def pause(
        self, attempt: int, *, retry_after: float | None, uniform: Callable[[], float]
    ) -> float:
        """Seconds to wait before the next try.

        Args:
            attempt: How often it was sent, 1 for the first time.
            retry_after: What the node asked for.
            uniform: Gives a number from 0 to 1, so that clients do not come back all at once.
        """
        backoff: float = self.first_pause * 2.0 ** (attempt - 1)
        wanted = max(retry_after or 0.0, backoff * (0.5 + uniform() / 2))
        return min(wanted, self.longest_pause)
