"""The evm_ methods of test chains: blocks on demand, snapshots, a movable clock.

They undo acknowledged transactions, so they exist only where the engine was told to offer them.
"""

from typing import Any, final

from opengradient.chain.engines._evm import params as read
from opengradient.chain.engines._evm.clock import ShiftedClock
from opengradient.chain.engines._evm.jsonrpc import Method
from opengradient.chain.engines._evm.machine import Machine
from opengradient.chain.engines._evm.pool import Pool
from opengradient.chain.engines._evm.store import Store


@final
class DevMethods:
    """What only a test chain does."""

    def __init__(self, machine: Machine, store: Store, pool: Pool, clock: ShiftedClock) -> None:
        """Act on `machine`, `store`, `pool` and `clock`."""
        self._machine = machine
        self._store = store
        self._pool = pool
        self._clock = clock
        self._snapshots: dict[int, bytes] = {}

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "evm_mine": self._mine,
            "evm_setAutomine": self._set_automine,
            "evm_snapshot": self._snapshot,
            "evm_revert": self._revert,
            "evm_increaseTime": self._increase_time,
        }

    def _mine(self, params: list[Any]) -> Any:
        read.arguments(params, 0, 0)
        self._pool.mine()
        return "0x0"

    def _set_automine(self, params: list[Any]) -> Any:
        on = read.only(params)
        if not isinstance(on, bool):
            raise read.refuse("automine is true or false")
        self._pool.automine = on
        return True

    def _snapshot(self, params: list[Any]) -> Any:
        read.arguments(params, 0, 0)
        number = len(self._snapshots) + 1
        self._snapshots[number] = self._machine.head.hash
        return hex(number)

    def _revert(self, params: list[Any]) -> Any:
        """Make the snapshot's block the newest. What came after it is gone, also from the pool."""
        number = read.small(read.only(params), "snapshot")
        block_hash = self._snapshots.get(number)
        if block_hash is None or self._store.block_by_hash(block_hash) is None:
            return False
        with self._store.transaction():
            self._machine.rewind(block_hash)
            self._store.cut(self._machine.head.block_number)
        self._snapshots = {n: found for n, found in self._snapshots.items() if n < number}
        return True

    def _increase_time(self, params: list[Any]) -> Any:
        by = read.small(read.only(params), "seconds")
        self._clock.advance(by)
        return hex(by)
