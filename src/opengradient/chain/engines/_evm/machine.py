"""py-evm behind a small face: run calls, mine blocks. Blocking; one caller at a time."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import rlp  # type: ignore[import-untyped]
from eth.abc import BlockAPI, BlockHeaderAPI, ComputationAPI, ReceiptAPI, SignedTransactionAPI
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.db.schema import SchemaV1
from eth.exceptions import PyEVMError, Revert
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_keys.exceptions import BadSignature
from eth_typing import Address
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]
from typing_extensions import override

from opengradient.chain.engines._evm.store import SCHEMA_VERSION, Store
from opengradient.errors import ChainError

GAS_LIMIT: Final = 30_000_000
"""Of a block, as on most public chains; a call may use as much."""

INITIAL_BASE_FEE: Final = 10**9
"""INITIAL_BASE_FEE of EIP-1559."""

TRANSACTION_TYPES: Final = (None, 1, 2)
"""Legacy (EIP-155), access list (EIP-2930), dynamic fee (EIP-1559). No blobs, no delegation."""

_UNREADABLE: Final = (
    PyEVMError,
    ValidationError,
    BadSignature,
    RLPException,
    ValueError,
    TypeError,
    AttributeError,
)
"""What py-evm and the libraries under it raise on bytes that are no signed transaction."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A call that is only tried."""

    sender: bytes
    to: bytes | None
    data: bytes
    value: int
    gas: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a tried call ended.

    Attributes:
        output: What it returned, or the revert data.
        reverted: Whether a contract refused.
        failure: Why it failed otherwise (out of gas, invalid opcode); empty if it did not.
        gas_used: Gas before refunds.
    """

    output: bytes
    reverted: bool
    failure: str
    gas_used: int

    @property
    def succeeded(self) -> bool:
        """Neither reverted nor failed."""
        return not self.reverted and not self.failure


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MinedBlock:
    """A block and what its transactions left."""

    block: BlockAPI
    receipts: tuple[ReceiptAPI, ...]
    computations: tuple[ComputationAPI, ...]


class InvalidTransactionError(Exception):
    """A transaction that no block can hold."""


class _SharedSecondsVM(PragueVM):
    """Ethereum's newest rules in py-evm, but several blocks may share a second, as on rollups.

    Else a burst of transactions, a block each, would drive the chain's clock ahead of the world's.
    """

    @classmethod
    @override
    def validate_header(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        if header.timestamp == parent_header.timestamp:
            header = header.copy(timestamp=header.timestamp + 1)
        super().validate_header(header, parent_header)


@final
class Machine:
    """A chain of blocks over a store. Every write happens inside `store.transaction()`."""

    def __init__(
        self,
        store: Store,
        *,
        chain_id: int,
        funded: Mapping[bytes, int],
        genesis_time: int,
        clock: Callable[[], int],
    ) -> None:
        """Open the chain in `store`, or begin it.

        Args:
            store: Where it is kept.
            chain_id: EIP-155 id.
            funded: Balance in wei of each address in the first block.
            genesis_time: Unix seconds of the first block, if there is none yet.
            clock: Unix seconds.

        Raises:
            ChainError: The store holds a chain with other settings (`chain.state`).
        """
        self._store = store
        self._clock = clock
        self.chain_id = chain_id
        vm = _SharedSecondsVM.configure(consensus_class=NoProofConsensus)
        factory: Any = MiningChain.configure(
            __name__="EmbeddedChain", vm_configuration=((0, vm),), chain_id=chain_id
        )
        settings = _fingerprint(chain_id, funded)
        kept = store.meta("settings")
        if kept not in (None, settings):
            raise ChainError(
                "the ledger's folder holds a chain with another id or other funded accounts",
                code="chain.state",
            )
        if kept is None:
            with store.transaction():
                self._chain = factory.from_genesis(
                    AtomicDB(store), _genesis(genesis_time), _accounts(funded)
                )
                store.set_meta("settings", settings)
                store.set_meta("schema", SCHEMA_VERSION)
        else:
            self._chain = factory(AtomicDB(store))
        self._factory = factory
        self._head: BlockHeaderAPI | None = None
        self._next: tuple[tuple[bytes, int], BlockHeaderAPI] | None = None
        self._pending: Any = None

    def size(self, block: BlockAPI) -> int:
        """Bytes of a block as Ethereum's peers would send it."""
        return len(rlp.encode(block))

    @property
    def head(self) -> BlockHeaderAPI:
        """Header of the newest block."""
        if self._head is None:
            self._head = self._chain.get_canonical_head()
        return self._head

    def header(self, block_hash: bytes) -> BlockHeaderAPI:
        """Header of a block."""
        found: BlockHeaderAPI = self._chain.get_block_header_by_hash(block_hash)
        return found

    def next_header(self) -> BlockHeaderAPI:
        """Header that the next block would start from."""
        head = self.head
        timestamp = max(head.timestamp, self._clock())
        key = (head.hash, timestamp)
        if self._next is None or self._next[0] != key:
            # py-evm wants a later second here; what it computes from it does not depend on it.
            fresh = self._chain.create_header_from_parent(head, timestamp=head.timestamp + 1)
            self._next = (key, fresh.copy(timestamp=timestamp, gas_limit=GAS_LIMIT))
            self._pending = None
        return self._next[1]

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """Read a signed transaction.

        Raises:
            InvalidTransactionError: Not one, or for another chain.
        """
        builder = self._chain.get_vm(self.head).get_transaction_builder()
        try:
            transaction: SignedTransactionAPI = builder.decode(raw)
            transaction.validate()
            sender = transaction.sender
        except _UNREADABLE as error:
            raise InvalidTransactionError(f"not a valid transaction: {error}") from error
        if getattr(transaction, "type_id", None) not in TRANSACTION_TYPES:
            raise InvalidTransactionError("transaction type not supported")
        if transaction.chain_id != self.chain_id or not sender:
            raise InvalidTransactionError(
                f"invalid chain id: {transaction.chain_id}, this is {self.chain_id}"
            )
        return transaction

    def mine(self, transactions: Sequence[SignedTransactionAPI]) -> MinedBlock:
        """Add a block. Only inside `store.transaction()`, which takes it back on an error.

        Raises:
            InvalidTransactionError: One of them cannot be executed.
        """
        self._chain.header, self._head = self.next_header(), None
        try:
            result, receipts, computations = self._chain.mine_all(transactions)
        except ValidationError as error:
            raise InvalidTransactionError(str(error)) from error
        return MinedBlock(
            block=result.imported_block, receipts=tuple(receipts), computations=tuple(computations)
        )

    def rewind(self, block_hash: bytes) -> None:
        """Make an older block the newest. Only inside `store.transaction()`."""
        key = SchemaV1.make_canonical_head_hash_lookup_key()
        self._store[key] = block_hash
        self._chain = self._factory(AtomicDB(self._store))
        self._head = None

    def state_after(self, header: BlockHeaderAPI) -> Any:
        """The state after a block, in the context of that block."""
        vm = self._chain.get_vm(header)
        return self._build(vm, header, vm.previous_hashes)

    def pending_state(self) -> Any:
        """The newest state, in the context of the block that comes next."""
        context = self.next_header()
        if self._pending is None:
            head = self.head
            vm = self._chain.get_vm(head)
            hashes = itertools.chain((head.hash,), vm.previous_hashes)
            self._pending = self._build(vm, context.copy(state_root=head.state_root), hashes)
        return self._pending

    def _build(self, vm: Any, context: Any, hashes: Iterable[bytes]) -> Any:
        free = context.copy(base_fee_per_gas=0, gas_used=0)
        return vm.build_state(self._chain.chaindb.db, free, vm.chain_context, hashes)

    def try_call(self, state: Any, message: Message) -> Outcome:
        """Run a call on a state and take it back."""
        builder = self._chain.get_vm(self.head).get_transaction_builder()
        sender = Address(message.sender)
        unsigned = builder.create_unsigned_transaction(
            nonce=state.get_nonce(sender),
            gas_price=0,
            gas=message.gas,
            to=Address(message.to or b""),
            value=message.value,
            data=message.data,
        )
        transaction: Any = SpoofTransaction(unsigned, from_=sender)
        snapshot = state.snapshot()
        try:
            computation = state.apply_transaction(transaction)
        except ValidationError as error:
            return Outcome(output=b"", reverted=False, failure=str(error), gas_used=0)
        finally:
            state.revert(snapshot)
        return _outcome(computation, transaction.intrinsic_gas)


def _outcome(computation: ComputationAPI, intrinsic_gas: int) -> Outcome:
    error = computation.error if computation.is_error else None
    reverted = isinstance(error, Revert)
    failure = "" if error is None or reverted else f"{type(error).__name__}: {error}"
    return Outcome(
        output=computation.output,
        reverted=reverted,
        failure=failure,
        gas_used=intrinsic_gas + computation.get_gas_used(),
    )


def _genesis(timestamp: int) -> dict[str, Any]:
    return {
        "difficulty": 0,
        "gas_limit": GAS_LIMIT,
        "timestamp": timestamp,
        "base_fee_per_gas": INITIAL_BASE_FEE,
    }


def _accounts(funded: Mapping[bytes, int]) -> dict[Address, dict[str, Any]]:
    return {
        Address(address): {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
        for address, balance in funded.items()
    }


def _fingerprint(chain_id: int, funded: Mapping[bytes, int]) -> bytes:
    accounts = ",".join(f"{address.hex()}={wei}" for address, wei in sorted(funded.items()))
    return f"{chain_id};{accounts}".encode()
