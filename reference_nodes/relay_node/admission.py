"""Who may use the relay, and how often. Nothing of it is kept but what a limit needs."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, final

from opengradient.core.digests import equal, sha256
from opengradient.errors import NodeError, RateLimitedError

_REMEMBERED: Final = 100_000
"""Users whose allowance is kept; whoever is forgotten begins with a full one."""


@final
class Allowances:
    """A token bucket per user."""

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float]) -> None:
        """Set the limits.

        Args:
            per_second: Requests that a user gains each second.
            burst: The most that are saved up.
            clock: Seconds that never go back.
        """
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._left: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, user: bytes) -> None:
        """Take one request off a user's allowance.

        Raises:
            RateLimitedError: It is used up.
        """
        now = self._clock()
        left, at = self._left.pop(user, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        self._left[user] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if left < 1:
            raise RateLimitedError(
                "too many requests", retry_after=math.ceil((1 - left) / self._per_second)
            )


@final
class Admission:
    """Lets users in."""

    def __init__(
        self,
        *,
        tokens: Sequence[bytes],
        per_second: float,
        burst: int,
        max_concurrent: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set who may come in.

        Args:
            tokens: SHA-256 of each user's token; none to let everybody in.
            per_second: Requests that a user gains each second.
            burst: The most that are saved up.
            max_concurrent: Requests at once, of all.
            clock: Seconds that never go back.
        """
        self._tokens = tuple(tokens)
        self._allowances = Allowances(per_second, burst, clock=clock)
        self._max_concurrent = max_concurrent
        self._running = 0

    def check(self, authorization: str | None, peer: str) -> None:
        """Let a request in.

        Args:
            authorization: The header of that name.
            peer: Where the request comes from.

        Raises:
            NodeError: Code ``relay.unauthorized``.
            RateLimitedError: The user's allowance is used up.
        """
        self._allowances.take(self._user(authorization) if self._tokens else sha256(peer.encode()))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take one of the places for the block.

        Raises:
            RateLimitedError: All are taken.
        """
        if self._running >= self._max_concurrent:
            raise RateLimitedError("the relay carries as many requests as it can", retry_after=1)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def _user(self, authorization: str | None) -> bytes:
        scheme, _, token = (authorization or "").partition(" ")
        shown = sha256(token.encode("utf-8", "surrogateescape"))
        # Every digest is compared, so that the time says nothing about which one it is.
        matches = [equal(shown, known) for known in self._tokens]
        if scheme.lower() != "bearer" or not any(matches):
            raise NodeError(
                "a token of this relay is required", status=401, code="relay.unauthorized"
            )
        return shown
