"""Strict readers and writers of single JSON fields, shared by every codec of this room."""

import base64
import binascii
from typing import Any

from opengradient.core.canonical import JsonObject
from opengradient.core.commitments import FieldValue
from opengradient.errors import MalformedError


def members(
    value: Any, what: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> JsonObject:
    """Check that `value` is an object with exactly these members.

    Raises:
        MalformedError: One is missing (`format.malformed`) or unknown (`format.unknown_field`).
    """
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be an object", actual=type(value).__name__)
    for name in required:
        if name not in value:
            raise MalformedError(f"{what} lacks {name!r}", expected=name)
    if len(value) == len(required):
        return value
    for name in value:
        if name not in required and name not in optional:
            raise MalformedError(
                f"{what} has an unknown field {name!r}", code="format.unknown_field", actual=name
            )
    return value


def parse_hex(value: Any, what: str, size: int | None = None) -> bytes:
    """Read lower-case ``0x`` hex of a fixed size."""
    try:
        data = bytes.fromhex(value[2:]) if isinstance(value, str) else None
    except ValueError:
        data = None
    if data is None or to_hex(data) != value:  # fromhex also reads capitals and blanks
        raise MalformedError(f"{what} must be lower-case 0x hex", step=what)
    if size is not None and len(data) != size:
        raise MalformedError(f"{what} must have {size} bytes", expected=size, actual=len(data))
    return data


def to_hex(data: bytes) -> str:
    """Write ``0x`` hex."""
    return "0x" + data.hex()


def parse_base64(value: Any, what: str) -> bytes:
    """Read canonical base64."""
    if not isinstance(value, str):
        raise MalformedError(f"{what} must be base64", step=what)
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"{what} is not base64", step=what) from error
    if to_base64(data) != value:
        raise MalformedError(f"{what} is not canonical base64", step=what)
    return data


def to_base64(data: bytes) -> str:
    """Write base64."""
    return base64.b64encode(data).decode()


def natural(value: Any, what: str) -> int:
    """Read a whole number that JSON carries exactly."""
    if type(value) is not int or not 0 <= value < 2**53:
        raise MalformedError(f"{what} must be a whole number")
    return value


def encode_value(value: FieldValue) -> JsonObject:
    """One field's value, tagged with its type: raw bytes show as text where they are UTF-8."""
    if isinstance(value, bytes):
        try:
            return {"utf8": value.decode()}
        except UnicodeDecodeError:
            return {"base64": to_base64(value)}
    if isinstance(value, str):
        return {"text": value}
    return {"json": value}


def decode_value(value: JsonObject, what: str) -> FieldValue:
    """Read one field's value; it has exactly one of the three type tags."""
    kinds = [kind for kind in ("utf8", "base64", "text", "json") if kind in value]
    if len(kinds) != 1:
        raise MalformedError(f"{what} must have one of utf8, base64, text, json")
    kind = kinds[0]
    item = value[kind]
    if kind == "json":
        return item
    if not isinstance(item, str):
        raise MalformedError(f"{what}.{kind} must be a string")
    if kind == "base64":
        return parse_base64(item, what)
    if kind == "text":
        return item
    try:
        return item.encode()
    except UnicodeEncodeError as error:
        raise MalformedError(f"{what} holds a lone surrogate") from error
