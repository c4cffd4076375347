"""The chain's clock: the world's, moved forward."""

from collections.abc import Callable
from typing import final

from opengradient.chain.engines._evm.store import Store


@final
class ShiftedClock:
    """Unix seconds. How far it was moved is kept, because a chain's time never goes back."""

    __slots__ = ("_clock", "_shift", "_store")

    def __init__(self, clock: Callable[[], int], store: Store) -> None:
        """Follow `clock`."""
        self._clock = clock
        self._store = store
        self._shift = int.from_bytes(store.meta("clock shift") or b"")

    def __call__(self) -> int:
        """Unix seconds now."""
        return self._clock() + self._shift

    def advance(self, seconds: int) -> None:
        """Move forward for good."""
        self._shift += seconds
        with self._store.transaction():
            self._store.set_meta("clock shift", self._shift.to_bytes(8))
