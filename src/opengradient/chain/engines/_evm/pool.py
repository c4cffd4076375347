"""Transactions that were acknowledged and wait for a block, and the block that takes them."""

from typing import Any, Final, final

from eth.abc import SignedTransactionAPI
from eth_typing import Address

from opengradient.chain.engines._evm.jsonrpc import SERVER_ERROR, RpcError
from opengradient.chain.engines._evm.machine import GAS_LIMIT, InvalidTransactionError, Machine
from opengradient.chain.engines._evm.shapes import block_json, mined_json
from opengradient.chain.engines._evm.store import Store

REPLACEMENT_PERCENT: Final = 110
"""What a replacement must offer of the fees before, in per cent (go-ethereum's price bump)."""

MAX_POOL: Final = 4096


@final
class Pool:
    """Checks transactions as they come in and mines them when it may."""

    __slots__ = ("_dropped", "_machine", "_store", "_waiting", "automine")

    def __init__(self, machine: Machine, store: Store, *, automine: bool) -> None:
        """Take up what was waiting when the ledger was last stopped."""
        self._machine = machine
        self._store = store
        self.automine = automine
        self._waiting: dict[tuple[bytes, int], SignedTransactionAPI] = {}
        self._dropped: dict[bytes, str] = {}
        for raw in store.pool_rows():
            transaction = machine.decode(raw)
            self._waiting[transaction.sender, transaction.nonce] = transaction
        if automine:
            self._mine_ready()

    def find(self, transaction_hash: bytes) -> SignedTransactionAPI | None:
        """A waiting transaction."""
        return next((tx for tx in self._waiting.values() if tx.hash == transaction_hash), None)

    def next_nonce(self, sender: bytes, mined: int) -> int:
        """The nonce after all that an account has sent, mined or waiting without a gap."""
        while (sender, mined) in self._waiting:
            mined += 1
        return mined

    def submit(self, raw: bytes) -> bytes:
        """Check, keep and perhaps mine a transaction; returns its hash.

        Raises:
            RpcError: It cannot be mined, now or ever.
        """
        try:
            transaction = self._machine.decode(raw)
        except InvalidTransactionError as error:
            raise RpcError(SERVER_ERROR, str(error)) from error
        if self.find(transaction.hash) or self._store.transaction_by_hash(transaction.hash):
            raise RpcError(SERVER_ERROR, "already known")
        next_nonce = self._check(transaction)
        self._check_replacement(transaction)
        # Mined at once, it is durable with its block: one write to disk, and no state between.
        if not (self.automine and transaction.nonce == next_nonce):
            with self._store.transaction():
                self._store.pool_put(transaction.sender, transaction.nonce, transaction.hash, raw)
        self._waiting[transaction.sender, transaction.nonce] = transaction
        if self.automine:
            self._mine_ready()
        if (reason := self._dropped.pop(transaction.hash, None)) is not None:
            raise _refuse(reason)
        return transaction.hash

    def _mine_ready(self) -> None:
        while self._waiting and (ready := self._ready()):
            self._mine_some(ready[:1])

    def mine(self) -> None:
        """Add a block of the waiting transactions that can be executed; an empty one if none can."""
        self._mine_some(self._ready())

    def _mine_some(self, chosen: list[SignedTransactionAPI]) -> None:
        while True:
            try:
                return self._mine(chosen)
            except InvalidTransactionError as error:
                # Valid when it came in, but no longer: find it by halves and drop it.
                if not chosen:
                    raise
                if len(chosen) == 1:
                    self._drop(chosen[0], str(error))
                chosen = chosen[: len(chosen) // 2]

    def _mine(self, chosen: list[SignedTransactionAPI]) -> None:
        with self._store.transaction():
            mined = self._machine.mine(chosen)
            shown = mined_json(mined)
            header = mined.block.header
            hashes = [body["hash"] for body, _ in shown]
            block = block_json(header, hashes, self._machine.size(mined.block))
            self._store.add_block(header.block_number, block, shown)
        for transaction in chosen:
            del self._waiting[transaction.sender, transaction.nonce]

    def _drop(self, transaction: SignedTransactionAPI, reason: str) -> None:
        with self._store.transaction():
            self._store.pool_drop(transaction.hash)
        del self._waiting[transaction.sender, transaction.nonce]
        self._dropped[transaction.hash] = reason

    def _ready(self) -> list[SignedTransactionAPI]:
        """What could be mined now: per sender in order of nonces, within a block's gas and fees."""
        state = self._machine.pending_state()
        base_fee = _base_fee(self._machine)
        ready, gas, nonces = list[SignedTransactionAPI](), 0, dict[bytes, int]()
        for (sender, nonce), transaction in sorted(self._waiting.items(), key=lambda item: item[0]):
            expected = nonces.get(sender, state.get_nonce(Address(sender)))
            if nonce != expected or transaction.max_fee_per_gas < base_fee:
                continue
            if gas + transaction.gas > GAS_LIMIT:
                break
            ready.append(transaction)
            gas, nonces[sender] = gas + transaction.gas, nonce + 1
        return ready

    def _check(self, transaction: SignedTransactionAPI) -> int:
        """Refuse what can never be mined; returns the sender's next nonce."""
        state = self._machine.pending_state()
        nonce = state.get_nonce(transaction.sender)
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        if transaction.nonce < nonce:
            raise _refuse(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        if transaction.nonce > nonce + MAX_POOL:
            raise _refuse(f"nonce too high: next nonce {nonce}, tx nonce {transaction.nonce}")
        if transaction.gas > GAS_LIMIT:
            raise _refuse(f"exceeds block gas limit: {transaction.gas} > {GAS_LIMIT}")
        if transaction.gas < transaction.intrinsic_gas:
            raise _refuse(f"intrinsic gas too low: {transaction.gas}")
        if state.get_balance(transaction.sender) < cost:
            raise _refuse("insufficient funds for gas * price + value")
        if transaction.max_fee_per_gas < _base_fee(self._machine):
            raise _refuse("max fee per gas less than block base fee")
        if len(self._waiting) >= MAX_POOL:
            raise _refuse("txpool is full")
        return int(nonce)

    def _check_replacement(self, transaction: SignedTransactionAPI) -> None:
        old = self._waiting.get((transaction.sender, transaction.nonce))
        if old is None:
            return
        pairs = (
            (transaction.max_fee_per_gas, old.max_fee_per_gas),
            (transaction.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        )
        if any(new * 100 < before * REPLACEMENT_PERCENT for new, before in pairs):
            raise _refuse("replacement transaction underpriced")


def _refuse(message: str) -> RpcError:
    return RpcError(SERVER_ERROR, message)


def _base_fee(machine: Machine) -> int:
    header: Any = machine.next_header()
    return int(header.base_fee_per_gas)
