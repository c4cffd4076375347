"""The committed artifacts of contracts/, and calldata encoded and decoded by them."""

from opengradient.chain.abi._codec import ContractAbi, Event, Function, Param, decode_revert
from opengradient.chain.abi._load import NODE_REGISTRY, SETTLEMENT, contract

__all__ = [
    "NODE_REGISTRY",
    "SETTLEMENT",
    "ContractAbi",
    "Event",
    "Function",
    "Param",
    "contract",
    "decode_revert",
]
