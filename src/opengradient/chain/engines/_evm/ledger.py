"""Puts the embedded ledger together. Blocking: the engine calls it from a worker thread."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import final

from opengradient.chain.engines._evm import jsonrpc
from opengradient.chain.engines._evm.clock import ShiftedClock
from opengradient.chain.engines._evm.dev_methods import DevMethods
from opengradient.chain.engines._evm.machine import Machine
from opengradient.chain.engines._evm.methods import EthMethods
from opengradient.chain.engines._evm.pool import Pool
from opengradient.chain.engines._evm.shapes import block_json
from opengradient.chain.engines._evm.store import Store


@final
class Ledger:
    """A whole chain behind one function: bytes of a request in, bytes of the answer out."""

    def __init__(
        self,
        *,
        folder: Path | None,
        chain_id: int,
        funded: Mapping[bytes, int],
        clock: Callable[[], int],
        automine: bool,
        dev_methods: bool,
        version: str,
    ) -> None:
        """Open or begin the chain. See `EmbeddedSettings`."""
        self._store = Store(folder)
        with ExitStack() as undo:
            undo.callback(self._store.close)
            shifted = ShiftedClock(clock, self._store)
            self._machine = Machine(
                self._store, chain_id=chain_id, funded=funded, genesis_time=shifted(), clock=shifted
            )
            self._keep_genesis()
            self._pool = Pool(self._machine, self._store, automine=automine)
            undo.pop_all()
        self._methods = EthMethods(self._machine, self._store, self._pool, version).table()
        if dev_methods:
            dev = DevMethods(self._machine, self._store, self._pool, shifted)
            self._methods |= dev.table()

    def _keep_genesis(self) -> None:
        if self._store.block_at(0) is None:
            with self._store.transaction():
                self._store.add_block(0, block_json(self._machine.head, [], 0), [])

    def answer(self, body: bytes) -> bytes:
        """Answer a JSON-RPC request or batch."""
        return jsonrpc.answer(body, self._methods)

    def tick(self, last: int) -> int:
        """Add a block unless one came since height `last`; returns the height."""
        if self._machine.head.block_number == last:
            self._pool.mine()
        return int(self._machine.head.block_number)

    def close(self) -> None:
        """Close the file."""
        self._store.close()
