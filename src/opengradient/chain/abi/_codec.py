"""Calldata, results, events and errors, by a contract's ABI. Structs are dicts by member name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from opengradient.core.digests import keccak256
from opengradient.errors import ChainError, ConfigurationError

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


@final
@dataclass(frozen=True, slots=True)
class Param:
    """A parameter, a result or a struct member."""

    name: str
    type: str
    components: tuple["Param", ...] = ()
    indexed: bool = False

    @property
    def canonical(self) -> str:
        """The type as signatures and eth-abi write it."""
        if not self.type.startswith("tuple"):
            return self.type
        inner = ",".join(member.canonical for member in self.components)
        return f"({inner}){self.type[len('tuple') :]}"

    def to_abi(self, value: Any) -> Any:
        """Turn structs given by name into tuples."""
        if self.type == "tuple":
            members = value if isinstance(value, Mapping) else None
            if members is None:
                raise ConfigurationError(f"{self.name} must be given by member")
            if set(members) != {member.name for member in self.components}:
                raise ConfigurationError(f"{self.name} has other members")
            return tuple(member.to_abi(members[member.name]) for member in self.components)
        return value

    def from_abi(self, value: Any) -> Any:
        """Turn tuples into structs by name."""
        if self.type == "tuple":
            pairs = zip(self.components, value, strict=True)
            return {member.name: member.from_abi(item) for member, item in pairs}
        if self.type == "tuple[]":
            one = Param(self.name, "tuple", self.components)
            return [one.from_abi(item) for item in value]
        return value


def _param(raw: Mapping[str, Any]) -> Param:
    members = tuple(_param(item) for item in raw.get("components", ()))
    return Param(raw["name"], raw["type"], members, raw.get("indexed", False))


def _signature(name: str, params: Sequence[Param]) -> str:
    return f"{name}({','.join(param.canonical for param in params)})"


@final
@dataclass(frozen=True, slots=True)
class Function:
    """A function of a contract."""

    name: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...]

    @property
    def selector(self) -> bytes:
        """The first four bytes of its calldata."""
        return keccak256(_signature(self.name, self.inputs).encode())[:4]

    def encode(self, *args: Any) -> bytes:
        """Calldata of a call."""
        return self.selector + encode_params(self.inputs, args)

    def decode(self, data: bytes) -> Any:
        """The result: a value for one result, a tuple for several.

        Raises:
            ChainError: Not a result of this function (`chain.malformed`).
        """
        values = decode_params(self.outputs, data)
        return values[0] if len(self.outputs) == 1 else values


@final
@dataclass(frozen=True, slots=True)
class Event:
    """An event of a contract."""

    name: str
    inputs: tuple[Param, ...]

    @property
    def topic(self) -> bytes:
        """Its first topic."""
        return keccak256(_signature(self.name, self.inputs).encode())

    def decode(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """Its members by name.

        Raises:
            ChainError: Not this event (`chain.malformed`).
        """
        indexed = tuple(param for param in self.inputs if param.indexed)
        plain = tuple(param for param in self.inputs if not param.indexed)
        if len(topics) != 1 + len(indexed) or topics[0] != self.topic:
            raise ChainError(f"the log is not a {self.name}", code="chain.malformed")
        members = dict(zip((p.name for p in plain), decode_params(plain, data), strict=True))
        for param, topic in zip(indexed, topics[1:], strict=True):
            members[param.name] = decode_params((param,), topic)[0]
        return members


def encode_params(params: Sequence[Param], args: Sequence[Any]) -> bytes:
    """ABI-encode arguments.

    Raises:
        ConfigurationError: They do not fit the types.
    """
    from eth_abi.abi import encode  # noqa: PLC0415
    from eth_abi.exceptions import EncodingError  # noqa: PLC0415

    if len(params) != len(args):
        raise ConfigurationError(f"{len(params)} arguments are needed")
    values = [param.to_abi(arg) for param, arg in zip(params, args, strict=True)]
    try:
        return encode([param.canonical for param in params], values)
    except EncodingError as error:
        raise ConfigurationError(f"an argument does not fit: {error}") from error


def decode_params(params: Sequence[Param], data: bytes) -> tuple[Any, ...]:
    """Decode ABI-encoded values.

    Raises:
        ChainError: They are not encoded so (`chain.malformed`).
    """
    from eth_abi.abi import decode  # noqa: PLC0415
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    try:
        values = decode([param.canonical for param in params], data)
    except (DecodingError, UnicodeDecodeError, OverflowError) as error:
        raise ChainError(f"not what the ABI says: {error}", code="chain.malformed") from error
    return tuple(p.from_abi(value) for p, value in zip(params, values, strict=True))


@final
class ContractAbi:
    """The functions, events and errors of one contract, and its code."""

    __slots__ = ("bytecode", "constructor", "errors", "events", "functions", "name")

    def __init__(self, name: str, entries: Sequence[Mapping[str, Any]], bytecode: bytes) -> None:
        """Index a JSON ABI. Contracts of ours overload no name."""
        self.name = name
        self.bytecode = bytecode
        self.functions: dict[str, Function] = {}
        self.events: dict[str, Event] = {}
        self.errors: dict[bytes, Function] = {}
        self.constructor: tuple[Param, ...] = ()
        for entry in entries:
            self._add(entry)

    def _add(self, entry: Mapping[str, Any]) -> None:
        inputs = tuple(_param(item) for item in entry.get("inputs", ()))
        match entry["type"]:
            case "function":
                outputs = tuple(_param(item) for item in entry["outputs"])
                self.functions[entry["name"]] = Function(entry["name"], inputs, outputs)
            case "event":
                self.events[entry["name"]] = Event(entry["name"], inputs)
            case "error":
                error = Function(entry["name"], inputs, ())
                self.errors[error.selector] = error
            case "constructor":
                self.constructor = inputs
            case _:
                pass

    def encode(self, function: str, *args: Any) -> bytes:
        """Calldata of a call of `function`."""
        return self.functions[function].encode(*args)

    def decode(self, function: str, data: bytes) -> Any:
        """The result of a call of `function`."""
        return self.functions[function].decode(data)

    def creation_code(self, *args: Any) -> bytes:
        """What a deploying transaction carries."""
        return self.bytecode + encode_params(self.constructor, args)


def decode_revert(data: bytes, contracts: Sequence[ContractAbi]) -> str:
    """Say why a contract refused: a custom error with its arguments, a string, or a panic."""
    try:
        if data[:4] == _ERROR_STRING:
            return str(decode_params((Param("", "string"),), data[4:])[0])
        if data[:4] == _PANIC:
            return f"Panic(0x{decode_params((Param('', 'uint256'),), data[4:])[0]:02x})"
        for contract in contracts:
            if (error := contract.errors.get(data[:4])) is not None:
                shown = (_show(value) for value in decode_params(error.inputs, data[4:]))
                return f"{error.name}({', '.join(shown)})"
    except ChainError:
        return f"0x{data.hex()}"
    return f"0x{data.hex()}" if data else ""


def _show(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
