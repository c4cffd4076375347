"""Blocks, transactions and receipts as JSON-RPC shows them (execution-apis, schemas)."""

from typing import Any

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI

from opengradient.chain._quantities import to_data
from opengradient.chain.engines._evm.machine import MinedBlock
from opengradient.chain.transactions import contract_address

TYPE_LEGACY, TYPE_ACCESS_LIST = 0, 1


def block_json(header: BlockHeaderAPI, hashes: list[str], size: int) -> dict[str, Any]:
    """A block with the hashes of its transactions."""
    fields: Any = header
    return {
        "number": hex(header.block_number),
        "hash": to_data(header.hash),
        "parentHash": to_data(header.parent_hash),
        "nonce": to_data(header.nonce),
        "sha3Uncles": to_data(header.uncles_hash),
        "logsBloom": to_data(header.bloom.to_bytes(256)),
        "transactionsRoot": to_data(header.transaction_root),
        "stateRoot": to_data(header.state_root),
        "receiptsRoot": to_data(header.receipt_root),
        "miner": to_data(header.coinbase),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": "0x0",
        "extraData": to_data(header.extra_data),
        "mixHash": to_data(header.mix_hash),
        "size": hex(size),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "baseFeePerGas": hex(fields.base_fee_per_gas),
        "withdrawalsRoot": to_data(fields.withdrawals_root),
        "withdrawals": [],
        "blobGasUsed": hex(fields.blob_gas_used),
        "excessBlobGas": hex(fields.excess_blob_gas),
        "parentBeaconBlockRoot": to_data(fields.parent_beacon_block_root),
        "requestsHash": to_data(fields.requests_hash),
        "transactions": hashes,
        "uncles": [],
    }


def effective_gas_price(transaction: SignedTransactionAPI, base_fee: int) -> int:
    """Wei per gas that the sender pays (EIP-1559)."""
    tip = min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee)
    return base_fee + tip


def transaction_json(
    transaction: SignedTransactionAPI, header: BlockHeaderAPI | None, position: int
) -> dict[str, Any]:
    """A transaction; with no block's header, one that waits."""
    tx: Any = transaction
    kind = _type_of(tx)
    price = tx.max_fee_per_gas
    if header is not None:
        price = effective_gas_price(tx, _base_fee(header))
    shown: dict[str, Any] = {
        "hash": to_data(tx.hash),
        "type": hex(kind),
        "nonce": hex(tx.nonce),
        "from": to_data(tx.sender),
        "to": to_data(tx.to) if tx.to else None,
        "value": hex(tx.value),
        "input": to_data(tx.data),
        "gas": hex(tx.gas),
        "gasPrice": hex(price),
        "chainId": hex(tx.chain_id),
        "blockHash": None if header is None else to_data(header.hash),
        "blockNumber": None if header is None else hex(header.block_number),
        "transactionIndex": None if header is None else hex(position),
        "r": hex(tx.r),
        "s": hex(tx.s),
    }
    if kind == TYPE_LEGACY:
        return shown | {"v": hex(tx.v)}
    shown |= {"v": hex(tx.y_parity), "yParity": hex(tx.y_parity)}
    shown["accessList"] = [
        {"address": to_data(address), "storageKeys": [to_data(key.to_bytes(32)) for key in keys]}
        for address, keys in tx.access_list
    ]
    if kind != TYPE_ACCESS_LIST:
        shown["maxFeePerGas"] = hex(tx.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = hex(tx.max_priority_fee_per_gas)
    return shown


def mined_json(mined: MinedBlock) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The transactions of a block with their receipts."""
    header, shown = mined.block.header, []
    gas_before, log_index = 0, 0
    pairs = zip(mined.block.transactions, mined.receipts, strict=True)
    for position, (transaction, receipt) in enumerate(pairs):
        place = {
            "transactionHash": to_data(transaction.hash),
            "transactionIndex": hex(position),
            "blockHash": to_data(header.hash),
            "blockNumber": hex(header.block_number),
        }
        body = transaction_json(transaction, header, position)
        logs = _logs_json(receipt, place, log_index)
        summary = _receipt_json(transaction, receipt, header, gas_before)
        shown.append((body, place | summary | {"logs": logs}))
        gas_before, log_index = receipt.gas_used, log_index + len(logs)
    return shown


def _receipt_json(
    transaction: SignedTransactionAPI, receipt: ReceiptAPI, header: BlockHeaderAPI, before: int
) -> dict[str, Any]:
    created = None
    if not transaction.to:
        created = to_data(contract_address(transaction.sender, transaction.nonce))
    return {
        "type": hex(_type_of(transaction)),
        "status": hex(int.from_bytes(receipt.state_root)),
        "from": to_data(transaction.sender),
        "to": to_data(transaction.to) if transaction.to else None,
        "contractAddress": created,
        "cumulativeGasUsed": hex(receipt.gas_used),
        "gasUsed": hex(receipt.gas_used - before),
        "effectiveGasPrice": hex(effective_gas_price(transaction, _base_fee(header))),
        "logsBloom": to_data(receipt.bloom.to_bytes(256)),
    }


def _logs_json(receipt: ReceiptAPI, place: dict[str, str], first: int) -> list[dict[str, Any]]:
    return [
        place
        | {
            "address": to_data(log.address),
            "topics": [to_data(topic.to_bytes(32)) for topic in log.topics],
            "data": to_data(log.data),
            "logIndex": hex(first + number),
            "removed": False,
        }
        for number, log in enumerate(receipt.logs)
    ]


def _type_of(transaction: Any) -> int:
    kind = getattr(transaction, "type_id", None)
    return TYPE_LEGACY if kind is None else int(kind)


def _base_fee(header: Any) -> int:
    return int(header.base_fee_per_gas)
