"""Strict readers of JSON-RPC parameters."""

import re
from collections.abc import Mapping
from typing import Any, Final

from opengradient.chain.engines._evm.jsonrpc import INVALID_PARAMS, RpcError

_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")

_CALL_FIELDS: Final = frozenset(
    {"from", "to", "data", "input", "value", "gas", "gasPrice", "maxFeePerGas"}
    | {"maxPriorityFeePerGas", "nonce", "type", "chainId", "accessList"}
)
_FILTER_FIELDS: Final = frozenset({"fromBlock", "toBlock", "blockHash", "address", "topics"})
MAX_TOPICS: Final = 4
MAX_SMALL: Final = 2**40
"""Above every height and every second of a chain, within what SQLite and headers hold."""


def refuse(message: str) -> RpcError:
    """The error of a wrong parameter."""
    return RpcError(INVALID_PARAMS, message)


def arguments(params: list[Any], least: int, most: int) -> list[Any]:
    """Check how many parameters there are; missing ones become None."""
    if not least <= len(params) <= most:
        raise refuse(f"{least} to {most} parameters are needed, not {len(params)}")
    return params + [None] * (most - len(params))


def only(params: list[Any]) -> Any:
    """The one parameter of a method that has one."""
    return arguments(params, 1, 1)[0]


def data(value: Any, what: str, size: int | None = None) -> bytes:
    """Read bytes."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise refuse(f"{what} must be 0x hex")
    found = bytes.fromhex(value[2:])
    if size is not None and len(found) != size:
        raise refuse(f"{what} must have {size} bytes")
    return found


def quantity(value: Any, what: str) -> int:
    """Read a number."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise refuse(f"{what} must be a number in 0x hex")


def small(value: Any, what: str) -> int:
    """Read a height, a count or seconds: in hex or, as test tools send it, in decimal."""
    number = value if type(value) is int else quantity(value, what)
    if not 0 <= number < MAX_SMALL:
        raise refuse(f"{what} is out of range")
    return number


def call_object(value: Any) -> Mapping[str, Any]:
    """Read the object of eth_call and eth_estimateGas; unknown members are refused."""
    if not isinstance(value, dict) or not _CALL_FIELDS.issuperset(value):
        raise refuse(f"a call is an object of {', '.join(sorted(_CALL_FIELDS))}")
    if "data" in value and "input" in value and value["data"] != value["input"]:
        raise refuse("data and input differ")
    return value


def filter_object(value: Any) -> Mapping[str, Any]:
    """Read the object of eth_getLogs; unknown members are refused."""
    if not isinstance(value, dict) or not _FILTER_FIELDS.issuperset(value):
        raise refuse(f"a filter is an object of {', '.join(sorted(_FILTER_FIELDS))}")
    if "blockHash" in value and ("fromBlock" in value or "toBlock" in value):
        raise refuse("a filter has a block hash or a range, not both")
    return value


def one_or_many(value: Any, what: str, size: int) -> list[bytes]:
    """Read one value or a list of them; None gives an empty list."""
    if value is None:
        return []
    many = value if isinstance(value, list) else [value]
    return [data(item, what, size) for item in many]


def topics(value: Any) -> list[list[bytes]]:
    """Read a filter's topics, position by position."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_TOPICS:
        raise refuse(f"topics is a list of at most {MAX_TOPICS}")
    return [one_or_many(item, "topic", 32) for item in value]
