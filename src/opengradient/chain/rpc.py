"""A JSON-RPC client over whatever carries bytes. It opens no connection itself."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, final

from opengradient.chain._quantities import parse_data, parse_quantity, to_data
from opengradient.chain.abi import NODE_REGISTRY, SETTLEMENT, contract, decode_revert
from opengradient.chain.values import Block, Log, TransactionReceipt
from opengradient.core.canonical import load_foreign_json
from opengradient.errors import ChainError, ConfigurationError, RevertedError, TransportError

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024

REVERT_CODE: Final = 3
"""JSON-RPC error code of a reverted call, as go-ethereum, anvil and our own engine send it."""

BlockTag = int | str | bytes


class Post(Protocol):
    """Carries one JSON-RPC request body to the ledger and its answer back."""

    async def __call__(self, body: bytes, /) -> bytes:
        """Send `body`, return the answer's body.

        Raises:
            TransportError: The bytes did not arrive.
        """
        ...


@final
class RpcClient:
    """Typed JSON-RPC. Before its first request it makes sure that it talks to the right chain."""

    __slots__ = ("_checked", "_ids", "_post", "chain_id")

    def __init__(self, post: Post, *, chain_id: int) -> None:
        """Talk to the chain `chain_id` through `post`."""
        self._post = post
        self._ids = itertools.count(1)
        self._checked = False
        self.chain_id = chain_id

    async def request(self, method: str, *params: Any) -> Any:
        """Call a JSON-RPC method and return its result.

        Raises:
            ChainError: No answer (`chain.unreachable`), another chain (`chain.wrong_chain`), a
                refusal (`chain.rejected`), or not JSON-RPC (`chain.malformed`).
            RevertedError: A contract refused.
        """
        if not self._checked:
            actual = parse_quantity(await self._exchange("eth_chainId", ()), "eth_chainId")
            if actual != self.chain_id:
                raise ChainError(
                    f"the RPC serves chain {actual}, not {self.chain_id}", code="chain.wrong_chain"
                )
            self._checked = True
        return await self._exchange(method, params)

    async def _exchange(self, method: str, params: Sequence[Any]) -> Any:
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        try:
            raw = await self._post(json.dumps(request).encode())
        except TransportError as error:
            raise ChainError(f"the ledger did not answer {method}: {error.message}") from error
        answer = _parse_answer(raw, number, method)
        if "error" in answer:
            raise _rpc_error(answer["error"], method)
        return answer["result"]

    # --- reading the chain ---

    async def block_number(self) -> int:
        """Height of the newest block."""
        return parse_quantity(await self.request("eth_blockNumber"), "eth_blockNumber")

    async def block(self, at: BlockTag = "latest") -> Block | None:
        """A block by height, tag or hash; None where there is none."""
        if isinstance(at, bytes):
            value = await self.request("eth_getBlockByHash", to_data(at), False)  # noqa: FBT003
        else:
            value = await self.request("eth_getBlockByNumber", block_tag(at), False)  # noqa: FBT003
        return None if value is None else _parse_block(value)

    async def head(self) -> Block:
        """The newest block."""
        block = await self.block("latest")
        if block is None:
            raise ChainError("the ledger has no newest block", code="chain.malformed")
        return block

    async def call(self, to: bytes, data: bytes, *, at: BlockTag = "latest") -> bytes:
        """Call a contract without a transaction."""
        request = {"to": to_data(to), "data": to_data(data)}
        where = {"blockHash": to_data(at)} if isinstance(at, bytes) else block_tag(at)
        return parse_data(await self.request("eth_call", request, where), "eth_call")

    async def logs(
        self,
        address: bytes,
        topics: Sequence[bytes | None],
        *,
        first: BlockTag = 0,
        last: BlockTag = "latest",
    ) -> list[Log]:
        """Events of one contract; a topic of None matches every one."""
        query = {
            "address": to_data(address),
            "topics": [None if topic is None else to_data(topic) for topic in topics],
            "fromBlock": block_tag(first),
            "toBlock": block_tag(last),
        }
        value = await self.request("eth_getLogs", query)
        if not isinstance(value, list):
            raise ChainError("eth_getLogs must give a list", code="chain.malformed")
        return [_parse_log(item) for item in value]

    async def code(self, address: bytes) -> bytes:
        """A contract's code; empty where there is none."""
        return parse_data(await self.request("eth_getCode", to_data(address), "latest"), "code")

    async def balance(self, address: bytes) -> int:
        """An account's balance in wei."""
        value = await self.request("eth_getBalance", to_data(address), "latest")
        return parse_quantity(value, "eth_getBalance")

    async def nonce(self, address: bytes, *, pending: bool = False) -> int:
        """How many transactions an account has sent."""
        tag = "pending" if pending else "latest"
        value = await self.request("eth_getTransactionCount", to_data(address), tag)
        return parse_quantity(value, "eth_getTransactionCount")

    # --- transactions ---

    async def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes, value: int) -> int:
        """Gas that a transaction would need now."""
        request = {"from": to_data(sender), "data": to_data(data), "value": hex(value)}
        if to is not None:
            request["to"] = to_data(to)
        return parse_quantity(await self.request("eth_estimateGas", request), "eth_estimateGas")

    async def priority_fee(self) -> int:
        """The tip that the ledger suggests, in wei per gas."""
        value = await self.request("eth_maxPriorityFeePerGas")
        return parse_quantity(value, "eth_maxPriorityFeePerGas")

    async def send_raw(self, raw: bytes) -> bytes:
        """Hand in a signed transaction; returns its hash."""
        value = await self.request("eth_sendRawTransaction", to_data(raw))
        return parse_data(value, "eth_sendRawTransaction", 32)

    async def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        """How a transaction ended; None while it is not mined."""
        value = await self.request("eth_getTransactionReceipt", to_data(transaction_hash))
        return None if value is None else _parse_receipt(value)


def block_tag(at: BlockTag) -> str:
    """A height or tag as JSON-RPC writes it."""
    if isinstance(at, bytes):
        raise ConfigurationError("a block hash cannot stand here")
    return hex(at) if isinstance(at, int) else at


def _parse_answer(raw: bytes, number: int, method: str) -> dict[str, Any]:
    if len(raw) > MAX_ANSWER_BYTES:
        raise ChainError(f"the answer to {method} is too large", code="chain.malformed")
    try:
        answer = load_foreign_json(raw)
    except ValueError as error:
        raise ChainError(f"the answer to {method} is not JSON", code="chain.malformed") from error
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        raise ChainError(f"the answer to {method} is not JSON-RPC 2.0", code="chain.malformed")
    # A request that could not even be read is answered with an id of null (JSON-RPC 2.0, 5).
    unread = answer.get("id") is None and "error" in answer
    if (answer.get("id") != number and not unread) or ("error" in answer) == ("result" in answer):
        raise ChainError(f"the answer to {method} is not its answer", code="chain.malformed")
    return answer


def _rpc_error(error: Any, method: str) -> ChainError:
    if not isinstance(error, Mapping):
        return ChainError(f"{method} failed without a reason", code="chain.malformed")
    message, data = str(error.get("message", "")), error.get("data")
    if error.get("code") == REVERT_CODE or message.startswith("execution reverted"):
        payload = parse_data(data, "revert data") if isinstance(data, str) else b""
        reason = decode_revert(payload, (contract(SETTLEMENT), contract(NODE_REGISTRY)))
        return RevertedError(f"{method}: the contract refused: {reason or message}", reason=reason)
    return ChainError(f"{method} was refused: {message}", code="chain.rejected")


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ChainError(f"{what} must be an object", code="chain.malformed")
    return value


def _parse_block(value: Any) -> Block:
    block = _object(value, "block")
    return Block(
        number=parse_quantity(block.get("number"), "block.number"),
        hash=parse_data(block.get("hash"), "block.hash", 32),
        parent_hash=parse_data(block.get("parentHash"), "block.parentHash", 32),
        timestamp=parse_quantity(block.get("timestamp"), "block.timestamp"),
        base_fee=parse_quantity(block.get("baseFeePerGas", "0x0"), "block.baseFeePerGas"),
    )


def _parse_log(value: Any) -> Log:
    log = _object(value, "log")
    topics = log.get("topics")
    if not isinstance(topics, list):
        raise ChainError("log.topics must be a list", code="chain.malformed")
    return Log(
        address=parse_data(log.get("address"), "log.address", 20),
        topics=tuple(parse_data(topic, "log.topics", 32) for topic in topics),
        data=parse_data(log.get("data"), "log.data"),
        block_number=parse_quantity(log.get("blockNumber"), "log.blockNumber"),
        block_hash=parse_data(log.get("blockHash"), "log.blockHash", 32),
        transaction_hash=parse_data(log.get("transactionHash"), "log.transactionHash", 32),
        index=parse_quantity(log.get("logIndex"), "log.logIndex"),
    )


def _parse_receipt(value: Any) -> TransactionReceipt:
    receipt = _object(value, "receipt")
    created, logs = receipt.get("contractAddress"), receipt.get("logs")
    if not isinstance(logs, list):
        raise ChainError("receipt.logs must be a list", code="chain.malformed")
    return TransactionReceipt(
        transaction_hash=parse_data(receipt.get("transactionHash"), "transactionHash", 32),
        block_number=parse_quantity(receipt.get("blockNumber"), "receipt.blockNumber"),
        block_hash=parse_data(receipt.get("blockHash"), "receipt.blockHash", 32),
        succeeded=parse_quantity(receipt.get("status"), "receipt.status") == 1,
        gas_used=parse_quantity(receipt.get("gasUsed"), "receipt.gasUsed"),
        effective_gas_price=parse_quantity(receipt.get("effectiveGasPrice", "0x0"), "gas price"),
        contract_address=None if created is None else parse_data(created, "contractAddress", 20),
        logs=tuple(_parse_log(item) for item in logs),
    )
