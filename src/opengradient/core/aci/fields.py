"""Strict readers of single fields, and the constraints on every ACI document (appendix A)."""

import re
from typing import Any, Final

from opengradient.core.canonical import MAX_SAFE_INTEGER, JsonObject, canonical_json
from opengradient.core.digests import sha256
from opengradient.errors import MalformedError, UnsupportedError

API_VERSION: Final = "aci/1"
MAX_DOCUMENT_BYTES: Final = 1024 * 1024
"""Of one receipt or keyset in JCS form; genuine ones have a few kilobytes."""

_MAX_TEXT: Final = 2048
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def jcs(value: Any, what: str) -> bytes:
    """The JCS form of a document under ACI's constraints: ASCII names, whole numbers.

    Raises:
        MalformedError: Code ``aci.json`` for what breaks a constraint, ``format.too_large``.
    """
    _constrain(value, what)
    encoded = canonical_json(value)
    if len(encoded) > MAX_DOCUMENT_BYTES:
        raise MalformedError(f"{what} is too large", code="format.too_large", actual=len(encoded))
    return encoded


def _constrain(value: Any, what: str) -> None:
    """Refuse what ACI's documents do not hold, without recursion on a peer's depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if not all(name.isascii() for name in item):
                raise MalformedError(f"{what}: field names are ASCII", code="aci.json")
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, float) or (
            isinstance(item, int) and not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER
        ):
            raise MalformedError(
                f"{what}: numbers are whole and below 2**53", code="aci.json", actual=item
            )


def members(
    value: Any, what: str, code: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> JsonObject:
    """An object that has the required members, and no other than the optional ones.

    Raises:
        MalformedError: Under `code`.
    """
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be an object", code=code, actual=type(value).__name__)
    for name in required:
        if name not in value:
            raise MalformedError(f"{what} lacks {name!r}", code=code, expected=name)
    for name in value:
        if name not in required and name not in optional:
            raise MalformedError(
                f"{what} has the unknown field {name!r}", code="aci.unknown_field", actual=name
            )
    return value


def version(value: JsonObject, what: str) -> None:
    """Require ``api_version`` to be ours: artifacts of other versions are rejected (appendix B).

    Raises:
        UnsupportedError: Code ``aci.version``.
    """
    if value.get("api_version") != API_VERSION:
        raise UnsupportedError(
            f"{what} has api_version {value.get('api_version')!r}; this release reads "
            f"{API_VERSION!r}",
            code="aci.version",
        )


def text(value: Any, what: str, code: str) -> str:
    """Text that is not empty, without lone surrogates.

    Raises:
        MalformedError: Under `code`.
    """
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise MalformedError(f"{what} must be text of 1 to {_MAX_TEXT} characters", code=code)
    return value


def optional_text(value: Any, what: str, code: str) -> str | None:
    """Text or null.

    Raises:
        MalformedError: Under `code`.
    """
    return None if value is None else text(value, what, code)


def seconds(value: Any, what: str, code: str) -> int:
    """A Unix time in whole seconds.

    Raises:
        MalformedError: Under `code`.
    """
    if type(value) is not int or not 0 <= value < 2**41:
        raise MalformedError(f"{what} must be Unix time in seconds", code=code, actual=value)
    return value


def bare_hex(value: Any, what: str, code: str, size: int) -> bytes:
    """Lower-case hex of a fixed size, without prefix.

    Raises:
        MalformedError: Under `code`.
    """
    if isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value):
        return bytes.fromhex(value)
    raise MalformedError(f"{what} must be {2 * size} lower-case hex digits", code=code)


def digest(value: Any, what: str) -> bytes:
    """A digest in its one spelling, ``sha256:`` and 64 lower-case hex digits.

    Raises:
        MalformedError: Code ``aci.digest``.
    """
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return bytes.fromhex(value[7:])
    raise MalformedError(f"{what} must be sha256: and 64 hex digits", code="aci.digest")


def spelled(value: bytes) -> str:
    """Write a digest as ACI's digest fields have it."""
    return f"sha256:{value.hex()}"


def sha256_of_jcs(value: Any, what: str) -> bytes:
    """SHA-256 over the JCS form."""
    return sha256(jcs(value, what))
