"""Reads the settlement contract: batches, their anchors, and whether they are final."""

from typing import Any, final

from opengradient.chain._quantities import parse_data
from opengradient.chain.abi import SETTLEMENT, contract
from opengradient.chain.calls import Leaf, SettlementCalls
from opengradient.chain.rpc import RpcClient
from opengradient.chain.values import BatchRecord, BatchStatus, Block, Log
from opengradient.core.receipts import ReceiptDomain, SignedReceipt
from opengradient.core.settlement import Anchor, InclusionProof
from opengradient.errors import ChainError, InclusionError, NotFinalError


@final
class SettlementReader:
    """What the ledger knows of batches."""

    __slots__ = ("_abi", "_calls", "_rpc", "address", "first_block")

    def __init__(self, rpc: RpcClient, address: bytes, *, first_block: int = 0) -> None:
        """Read the contract at `address` (20 bytes), which was deployed in `first_block`."""
        self._abi = contract(SETTLEMENT)
        self._calls = SettlementCalls(address)
        self._rpc = rpc
        self.address = address
        self.first_block = first_block

    @property
    def domain(self) -> ReceiptDomain:
        """The domain that receipts of this contract are signed in."""
        return ReceiptDomain(chain_id=self._rpc.chain_id, settlement_contract=self.address)

    async def _read(self, function: str, *args: Any) -> Any:
        answer = await self._rpc.call(self.address, self._abi.encode(function, *args))
        return self._abi.decode(function, answer)

    async def is_anchored(self, root: bytes) -> bool:
        """Whether a root is anchored and was not shown to be wrong."""
        return bool(await self._read("isAnchored", root))

    async def is_submitter(self, address: bytes) -> bool:
        """Whether an address may anchor now."""
        return bool(await self._read("submitters", address) == 1)

    async def batch(self, root: bytes) -> BatchRecord | None:
        """A batch with the block that anchored it; None where the root is unknown.

        Raises:
            ChainError: The contract's storage and its event disagree (`chain.malformed`).
        """
        kept = await self._read("batches", root)
        status = BatchStatus(kept["status"])
        if status is BatchStatus.NONE:
            return None
        log = await self._anchoring_log(root, kept["anchoredAt"])
        event = self._abi.events["BatchAnchored"].decode(log.topics, log.data)
        submitter = parse_data(event["submitter"], "submitter", 20)
        genuine = await self._read("checkBatch", root, event["blobId"], submitter)
        if event["size"] != kept["size"] or not genuine:
            raise ChainError("the batch and its event disagree", code="chain.malformed")
        return BatchRecord(
            root=root,
            size=kept["size"],
            blob_id=event["blobId"],
            submitter=submitter,
            status=status,
            anchor=self._anchor(log, kept["anchoredAt"]),
        )

    def _anchor(self, log: Log, block_time: int) -> Anchor:
        return Anchor(
            chain_id=self._rpc.chain_id,
            settlement_contract=self.address,
            transaction_hash=log.transaction_hash,
            block_number=log.block_number,
            block_hash=log.block_hash,
            block_time=block_time,
        )

    async def verify_inclusion(self, signed: SignedReceipt, inclusion: InclusionProof) -> None:
        """Let the contract check that the receipt is in an anchored batch.

        Raises:
            InclusionError: The root is not anchored, or the proof does not lead to it.
        """
        leaf = Leaf(digest=signed.digest, signature=signed.signature, proof=inclusion.proof)
        call = self._calls.verify_inclusion(root=inclusion.root, leaf=leaf)
        answer = await self._rpc.call(self.address, call.data)
        if self._abi.decode("verifyInclusion", answer):
            return
        if not await self.is_anchored(inclusion.root):
            raise InclusionError(
                "the root is not anchored by the settlement contract",
                code="settlement.not_anchored",
            )
        raise InclusionError("the contract does not find the leaf under the anchored root")

    async def check_final(self, anchor: Anchor, *, confirmations: int) -> None:
        """Check that an anchor is in the chain and buried under `confirmations` blocks.

        Raises:
            NotFinalError: Not deep enough yet.
            ChainError: Its block is no longer part of the chain (`chain.reorganised`).
        """
        head = await self._rpc.block_number()
        block = await self._rpc.block(anchor.block_number)
        if block is None or block.hash != anchor.block_hash:
            raise ChainError(
                f"block {anchor.block_number} is no longer the one that anchored the batch",
                code="chain.reorganised",
            )
        if head - anchor.block_number < confirmations:
            raise NotFinalError(
                f"{head - anchor.block_number} of {confirmations} blocks lie on the anchor"
            )

    # --- finding the event ---

    async def _anchoring_log(self, root: bytes, anchored_at: int) -> Log:
        topics = (self._abi.events["BatchAnchored"].topic, root)
        try:
            logs = await self._rpc.logs(self.address, topics, first=self.first_block)
        except ChainError as error:
            if error.code != "chain.rejected":
                raise
            # Public RPCs refuse wide ranges: the contract knows the time, so look there only.
            first, last = await self._blocks_at(anchored_at)
            logs = await self._rpc.logs(self.address, topics, first=first, last=last)
        if len(logs) != 1:
            raise ChainError(
                f"the ledger shows {len(logs)} events of one batch", code="chain.malformed"
            )
        return logs[0]

    async def _blocks_at(self, timestamp: int) -> tuple[int, int]:
        """The first and the last block of a second."""
        first = await self._first_block_after(timestamp - 1)
        return first, max(first, await self._first_block_after(timestamp) - 1)

    async def _first_block_after(self, timestamp: int) -> int:
        low, high = self.first_block, await self._rpc.block_number() + 1
        while low < high:
            middle = (low + high) // 2
            if (await self._block(middle)).timestamp > timestamp:
                high = middle
            else:
                low = middle + 1
        return low

    async def _block(self, number: int) -> Block:
        block = await self._rpc.block(number)
        if block is None:
            raise ChainError(f"the ledger lacks block {number}", code="chain.malformed")
        return block
