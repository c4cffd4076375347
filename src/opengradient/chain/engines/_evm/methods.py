"""The eth_, net_ and web3_ methods of the embedded ledger."""

from collections.abc import Mapping
from typing import Any, Final, final

from eth.abc import BlockHeaderAPI
from eth_typing import Address

from opengradient.chain._quantities import to_data
from opengradient.chain.abi import NODE_REGISTRY, SETTLEMENT, contract, decode_revert
from opengradient.chain.engines._evm import params as read
from opengradient.chain.engines._evm.fees import PRIORITY_FEE, fee_history
from opengradient.chain.engines._evm.jsonrpc import REVERTED, SERVER_ERROR, Method, RpcError
from opengradient.chain.engines._evm.machine import GAS_LIMIT, Machine, Message, Outcome
from opengradient.chain.engines._evm.pool import Pool
from opengradient.chain.engines._evm.shapes import transaction_json
from opengradient.chain.engines._evm.store import Store

MAX_LOGS: Final = 10_000
ZERO_ADDRESS: Final = bytes(20)


@final
class EthMethods:
    """Reads and writes as any Ethereum client offers them."""

    def __init__(self, machine: Machine, store: Store, pool: Pool, version: str) -> None:
        """Answer from `machine`, `store` and `pool`."""
        self._machine = machine
        self._store = store
        self._pool = pool
        self._version = version

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        number = hex(self._machine.chain_id)
        return {
            "web3_clientVersion": lambda _: self._version,
            "net_version": lambda _: str(self._machine.chain_id),
            "net_listening": lambda _: True,
            "eth_chainId": lambda _: number,
            "eth_syncing": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_blockNumber": lambda _: hex(self._machine.head.block_number),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getTransactionByHash": self._transaction_by_hash,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getBalance": self._balance,
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage_at,
            "eth_getLogs": self._logs,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_gasPrice": lambda _: hex(self._base_fee() + PRIORITY_FEE),
            "eth_maxPriorityFeePerGas": lambda _: hex(PRIORITY_FEE),
            "eth_feeHistory": self._fee_history,
            "eth_sendRawTransaction": self._send_raw,
        }

    # --- blocks and transactions ---

    def _block_by_number(self, params: list[Any]) -> Any:
        tag, full = read.arguments(params, 1, 2)
        return self._shown(self._store.block_at(self._number(tag)), full)

    def _block_by_hash(self, params: list[Any]) -> Any:
        block_hash, full = read.arguments(params, 1, 2)
        return self._shown(self._store.block_by_hash(read.data(block_hash, "hash", 32)), full)

    def _shown(self, block: dict[str, Any] | None, full: Any) -> dict[str, Any] | None:
        if block is not None and full is True:
            bodies = self._store.transactions_of(int(block["number"], 16))
            return block | {"transactions": [body for body, _ in bodies]}
        return block

    def _transaction_by_hash(self, params: list[Any]) -> Any:
        key = read.data(read.only(params), "hash", 32)
        waiting = self._pool.find(key)
        if waiting is not None:
            return transaction_json(waiting, None, 0)
        return self._store.transaction_by_hash(key)

    def _receipt(self, params: list[Any]) -> Any:
        return self._store.receipt(read.data(read.only(params), "hash", 32))

    def _send_raw(self, params: list[Any]) -> Any:
        raw = read.data(read.only(params), "transaction")
        return to_data(self._pool.submit(raw))

    def _logs(self, params: list[Any]) -> Any:
        wanted = read.filter_object(read.only(params))
        if "blockHash" in wanted:
            block = self._store.block_by_hash(read.data(wanted["blockHash"], "blockHash", 32))
            if block is None:
                raise RpcError(SERVER_ERROR, "unknown block")
            first = last = int(block["number"], 16)
        else:
            first = self._number(wanted.get("fromBlock", "latest"))
            last = self._number(wanted.get("toBlock", "latest"))
        addresses = read.one_or_many(wanted.get("address"), "address", 20)
        topics = read.topics(wanted.get("topics"))
        logs = self._store.logs(first, last, addresses, topics, MAX_LOGS + 1)
        if len(logs) > MAX_LOGS:
            raise RpcError(SERVER_ERROR, f"query returned more than {MAX_LOGS} results")
        return logs

    # --- accounts ---

    def _transaction_count(self, params: list[Any]) -> Any:
        address, tag = read.arguments(params, 1, 2)
        sender = read.data(address, "address", 20)
        mined = self._state(tag).get_nonce(Address(sender))
        return hex(self._pool.next_nonce(sender, mined) if tag == "pending" else mined)

    def _balance(self, params: list[Any]) -> Any:
        address, tag = read.arguments(params, 1, 2)
        return hex(self._state(tag).get_balance(Address(read.data(address, "address", 20))))

    def _code(self, params: list[Any]) -> Any:
        address, tag = read.arguments(params, 1, 2)
        return to_data(self._state(tag).get_code(Address(read.data(address, "address", 20))))

    def _storage_at(self, params: list[Any]) -> Any:
        address, slot, tag = read.arguments(params, 2, 3)
        key, where = read.quantity(slot, "slot"), Address(read.data(address, "address", 20))
        return to_data(self._state(tag).get_storage(where, key).to_bytes(32))

    # --- calls ---

    def _call(self, params: list[Any]) -> Any:
        call, tag, *_ = read.arguments(params, 1, 2)
        outcome = self._machine.try_call(self._state(tag), self._message(call))
        _raise_unless(outcome)
        return to_data(outcome.output)

    def _estimate_gas(self, params: list[Any]) -> Any:
        call, tag = read.arguments(params, 1, 2)
        state, message = self._state(tag), self._message(call)
        outcome = self._machine.try_call(state, message)
        _raise_unless(outcome)
        low, high = outcome.gas_used, message.gas
        if self._suffices(state, message, low):
            return hex(low)
        # A call may use less than it must be given: inner calls keep 1/64 back (EIP-150).
        while high - low > max(low // 128, 1):
            middle = (low + high) // 2
            if self._suffices(state, message, middle):
                high = middle
            else:
                low = middle
        return hex(high)

    def _suffices(self, state: Any, message: Message, gas: int) -> bool:
        limited = Message(
            sender=message.sender, to=message.to, data=message.data, value=message.value, gas=gas
        )
        return self._machine.try_call(state, limited).succeeded

    def _message(self, value: Any) -> Message:
        call = read.call_object(value)
        to = call.get("to")
        payload = call.get("data", call.get("input", "0x"))
        gas = read.quantity(call["gas"], "gas") if call.get("gas") is not None else GAS_LIMIT
        return Message(
            sender=read.data(call["from"], "from", 20) if call.get("from") else ZERO_ADDRESS,
            to=None if to is None else read.data(to, "to", 20),
            data=read.data(payload, "data"),
            value=read.quantity(call.get("value") or "0x0", "value"),
            gas=min(gas, GAS_LIMIT),
        )

    # --- fees ---

    def _base_fee(self) -> int:
        header: Any = self._machine.next_header()
        return int(header.base_fee_per_gas)

    def _fee_history(self, params: list[Any]) -> Any:
        count, newest, percentiles = read.arguments(params, 2, 3)
        wanted = read.small(count, "block count")
        shares = [] if percentiles is None else percentiles
        return fee_history(self._store, self._number(newest), wanted, shares, self._base_fee())

    # --- which block ---

    def _number(self, tag: Any) -> int:
        head = self._machine.head.block_number
        match tag:
            case "latest" | "pending" | "safe" | "finalized":
                return head
            case "earliest":
                return 0
            case _:
                return read.small(tag, "block")

    def _state(self, tag: Any) -> Any:
        """The state that a tag, height or hash names. The newest is seen as the next block will."""
        if tag is None or tag in ("latest", "pending"):
            return self._machine.pending_state()
        return self._machine.state_after(self._header(tag))

    def _header(self, tag: Any) -> BlockHeaderAPI:
        if isinstance(tag, Mapping):
            block = self._named_block(tag)
        else:
            block = self._store.block_at(self._number(tag))
        if block is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return self._machine.header(bytes.fromhex(block["hash"][2:]))

    def _named_block(self, tag: Mapping[str, Any]) -> dict[str, Any] | None:
        """EIP-1898: a block by hash or number."""
        if set(tag) <= {"blockHash", "requireCanonical"} and "blockHash" in tag:
            return self._store.block_by_hash(read.data(tag["blockHash"], "blockHash", 32))
        if set(tag) == {"blockNumber"}:
            return self._store.block_at(self._number(tag["blockNumber"]))
        raise read.refuse("a block is named by blockHash or blockNumber")


def _raise_unless(outcome: Outcome) -> None:
    if outcome.reverted:
        reason = decode_revert(outcome.output, (contract(SETTLEMENT), contract(NODE_REGISTRY)))
        message = f"execution reverted: {reason}" if reason else "execution reverted"
        raise RpcError(REVERTED, message, to_data(outcome.output))
    if outcome.failure:
        raise RpcError(SERVER_ERROR, outcome.failure)
