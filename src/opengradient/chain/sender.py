"""Sends transactions of one key so that each happens once, whatever is lost on the way.

A transaction is signed once and can then be handed in any number of times: who keeps the
`Submission` (or its raw bytes) before `broadcast` can take up the wait after a crash.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

import anyio

from opengradient.chain.calls import Call
from opengradient.chain.rpc import RpcClient
from opengradient.chain.transactions import SignedTransaction, Transaction
from opengradient.chain.values import TransactionReceipt
from opengradient.core.keys import Signer
from opengradient.errors import ChainError, RevertedError

FEE_BUMP_PERCENT: Final = 125
"""What a replacement pays of the fees before, in per cent; nodes ask for 110 (go-ethereum)."""

_KNOWN: Final = ("already known", "already imported", "known transaction")
_NONCE_USED: Final = ("nonce too low", "nonce is too low", "replacement transaction underpriced")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    """How long and how hard a sender tries.

    Attributes:
        confirmations: Blocks that must lie on a transaction's block before it counts.
        timeout_s: Seconds until `chain.timeout`.
        poll_s: Seconds between two looks at the ledger.
        bump_after_s: Seconds without being mined after which fees are raised.
        gas_margin_percent: Gas limit as a percentage of the estimate.
        max_fee_per_gas: Wei per gas that is never exceeded.
    """

    confirmations: int = 0
    timeout_s: float = 120.0
    poll_s: float = 0.25
    bump_after_s: float = 30.0
    gas_margin_percent: int = 120
    max_fee_per_gas: int = 500 * 10**9


@final
@dataclass(slots=True)
class Submission:
    """One intended transaction: the same nonce, signed once or several times with rising fees.

    Attributes:
        attempts: The signed versions, oldest first; at most one of them is ever mined.
    """

    attempts: list[SignedTransaction] = field(default_factory=list)

    @property
    def latest(self) -> SignedTransaction:
        """The version with the highest fees."""
        return self.attempts[-1]

    @property
    def nonce(self) -> int:
        """The nonce that all versions share."""
        return self.latest.transaction.nonce


@final
class TransactionSender:
    """Sends with one key. Use one sender per key: it counts the nonces."""

    __slots__ = ("_clock", "_lock", "_next_nonce", "_open", "_policy", "_rpc", "_signer")

    def __init__(
        self,
        rpc: RpcClient,
        signer: Signer,
        policy: SendPolicy | None = None,
        *,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Send through `rpc` with the key of `signer`.

        Args:
            rpc: The ledger.
            signer: Holds the key.
            policy: How long and how hard to try.
            clock: Monotonic seconds; the event loop's clock by default.
        """
        self._rpc = rpc
        self._signer = signer
        self._policy = policy or SendPolicy()
        self._clock = clock or anyio.current_time
        self._lock = anyio.Lock()
        self._next_nonce = 0
        self._open: set[int] = set()

    @property
    def rpc(self) -> RpcClient:
        """The ledger that this sends to."""
        return self._rpc

    @property
    def address(self) -> bytes:
        """The 20-byte address that pays."""
        return self._signer.public_key.address

    async def execute(
        self, call: Call, *, value: int = 0, confirmations: int | None = None
    ) -> TransactionReceipt:
        """Send a call and wait until it is mined and confirmed.

        Raises:
            RevertedError: The contract refused it: before sending, or in its block.
            ChainError: Not confirmed in time (`chain.timeout`), or another reason.
        """
        return await self.wait(await self.send(call, value=value), confirmations=confirmations)

    async def send(self, call: Call, *, value: int = 0) -> Submission:
        """Sign a call and hand it in; does not wait until it is mined."""
        async with self._lock:
            submission = await self._prepare(call, value)
            await self.broadcast(submission)
            self._next_nonce = submission.nonce + 1
            self._open.add(submission.nonce)
        return submission

    async def broadcast(self, submission: Submission) -> None:
        """Hand a submission in, again if need be. Doing it twice changes nothing.

        Raises:
            ChainError: The ledger refuses it.
        """
        signed = submission.latest
        try:
            await self._rpc.send_raw(signed.raw)
        except ChainError as error:
            if error.code != "chain.rejected" or not _says(error, (*_KNOWN, *_NONCE_USED)):
                raise
            # It is in the pool, or mined already, or another version of it is.
            if _says(error, _NONCE_USED) and await self._mined(submission) is None:
                await self._refuse_if_replaced(submission)

    async def wait(
        self, submission: Submission, *, confirmations: int | None = None
    ) -> TransactionReceipt:
        """Wait until a submission is mined and enough blocks lie on it.

        A reorganisation that throws it out is noticed; it is then handed in again.

        Raises:
            RevertedError: It was mined and reverted.
            ChainError: Not confirmed in time (`chain.timeout`), or its nonce was used by another
                transaction (`chain.replaced`).
        """
        policy = self._policy
        depth = policy.confirmations if confirmations is None else confirmations
        self._open.add(submission.nonce)
        try:
            with anyio.fail_after(policy.timeout_s):
                receipt = await self._wait_confirmed(submission, depth)
            self._open.discard(submission.nonce)
        except TimeoutError as error:
            raise ChainError(
                f"transaction 0x{submission.latest.hash.hex()} was not confirmed in "
                f"{policy.timeout_s:g} s",
                code="chain.timeout",
            ) from error
        if not receipt.succeeded:
            raise await self._explain(submission, receipt)
        return receipt

    # --- preparing ---

    async def _prepare(self, call: Call, value: int) -> Submission:
        estimate = await self._rpc.estimate_gas(self.address, call.to, call.data, value)
        tip, max_fee = await self._fees()
        nonce = await self._free_nonce()
        transaction = Transaction(
            chain_id=self._rpc.chain_id,
            nonce=nonce,
            max_priority_fee=tip,
            max_fee=max_fee,
            gas=estimate * self._policy.gas_margin_percent // 100,
            to=call.to,
            value=value,
            data=call.data,
        )
        return Submission([transaction.sign(self._signer)])

    async def _free_nonce(self) -> int:
        """The ledger's count with its pool, or our own while something of ours is under way.

        A pool that lost what we sent leaves a gap, which would block every later transaction:
        `wait` hands the lost one in again, and the gap closes.
        """
        pending = await self._rpc.nonce(self.address, pending=True)
        return max(self._next_nonce, pending) if self._open else pending

    async def _fees(self) -> tuple[int, int]:
        head, tip = await self._rpc.head(), await self._rpc.priority_fee()
        # Twice the base fee survives six full blocks in a row (EIP-1559: +12.5 % each).
        max_fee = min(2 * head.base_fee + tip, self._policy.max_fee_per_gas)
        return min(tip, max_fee), max_fee

    # --- waiting ---

    async def _wait_confirmed(self, submission: Submission, depth: int) -> TransactionReceipt:
        next_bump = self._clock() + self._policy.bump_after_s
        was_mined = False
        while True:
            receipt = await self._mined(submission)
            if receipt is not None:
                was_mined = True
                if await self._is_deep(receipt, depth):
                    return receipt
            else:
                await self._refuse_if_replaced(submission)
                if was_mined or self._clock() >= next_bump:
                    await self._push(submission, raise_fees=not was_mined)
                    was_mined, next_bump = False, self._clock() + self._policy.bump_after_s
            await anyio.sleep(self._policy.poll_s)

    async def _mined(self, submission: Submission) -> TransactionReceipt | None:
        for signed in reversed(submission.attempts):
            receipt = await self._rpc.transaction_receipt(signed.hash)
            if receipt is not None:
                return receipt
        return None

    async def _is_deep(self, receipt: TransactionReceipt, depth: int) -> bool:
        if await self._rpc.block_number() - receipt.block_number < depth:
            return False
        block = await self._rpc.block(receipt.block_number)
        return block is not None and block.hash == receipt.block_hash

    async def _refuse_if_replaced(self, submission: Submission) -> None:
        if await self._rpc.nonce(self.address) <= submission.nonce:
            return
        # Mined between two looks, or really replaced: the second look tells.
        if await self._mined(submission) is None:
            raise ChainError(
                f"another transaction took nonce {submission.nonce}", code="chain.replaced"
            )

    async def _push(self, submission: Submission, *, raise_fees: bool) -> None:
        if raise_fees and (bumped := self._bumped(submission.latest)) is not None:
            submission.attempts.append(bumped)
        await self.broadcast(submission)

    def _bumped(self, signed: SignedTransaction) -> SignedTransaction | None:
        old = signed.transaction
        tip = max(old.max_priority_fee * FEE_BUMP_PERCENT // 100, old.max_priority_fee + 1)
        max_fee = max(old.max_fee * FEE_BUMP_PERCENT // 100, old.max_fee + 1)
        if max_fee > self._policy.max_fee_per_gas:
            return None
        return Transaction(
            chain_id=old.chain_id,
            nonce=old.nonce,
            max_priority_fee=min(tip, max_fee),
            max_fee=max_fee,
            gas=old.gas,
            to=old.to,
            value=old.value,
            data=old.data,
        ).sign(self._signer)

    async def _explain(self, submission: Submission, receipt: TransactionReceipt) -> RevertedError:
        """Run the reverted call again on the state before its block, for the reason."""
        sent = submission.latest.transaction
        reason = ""
        if sent.to is not None:
            try:
                await self._rpc.estimate_gas(self.address, sent.to, sent.data, sent.value)
            except RevertedError as error:
                reason = error.reason
        message = f"transaction 0x{receipt.transaction_hash.hex()} was reverted: {reason or '?'}"
        return RevertedError(message, reason=reason)


def _says(error: ChainError, phrases: tuple[str, ...]) -> bool:
    text = error.message.lower()
    return any(phrase in text for phrase in phrases)
