"""Compact JSON Web Signatures (RFC 7515 section 7.1), read strictly; nothing is verified here.

A token has exactly one spelling: three parts of base64url without padding, whose last character
carries no unused bits, over JSON objects in which no member stands twice (RFC 7519 section 4
leaves it to the reader; here it is refused). The algorithm and the key are the verifier's
business: this module gives out what was written and believes none of it.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.canonical import JsonObject, compact_json, parse_json_object
from opengradient.errors import MalformedError

MAX_TOKEN_BYTES: Final = 16 * 1024
"""Largest token that is read. Genuine ones: Confidential Space 2 to 4 KiB, Azure 4 to 9 KiB."""

MAX_HEADER_BYTES: Final = 1024
"""Largest header, decoded: an algorithm, a key's name, a type and an address."""

_PART: Final = re.compile(rb"[A-Za-z0-9_-]*")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CompactToken:
    """A token whose form is right.

    Attributes:
        header: The protected header.
        claims: The payload.
        signing_input: The bytes that are signed: header, dot and payload as received.
        signature: The signature, decoded; empty where the token has none.
    """

    header: JsonObject
    claims: JsonObject
    signing_input: bytes
    signature: bytes


def parse_token(data: bytes, *, max_bytes: int = MAX_TOKEN_BYTES) -> CompactToken:
    """Read one token.

    Args:
        data: The token as received, with nothing around it.
        max_bytes: Refuse larger tokens before parsing.

    Raises:
        MalformedError: ``format.too_large``, ``jwt.structure``, ``jwt.base64`` or ``jwt.json``.
    """
    if len(data) > max_bytes:
        raise MalformedError(
            "the token is too large",
            code="format.too_large",
            expected=f"<= {max_bytes}",
            actual=len(data),
        )
    parts = data.split(b".")
    if len(parts) != 3 or not parts[0] or not parts[1]:
        raise MalformedError("a token has three parts", code="jwt.structure", actual=len(parts))
    return CompactToken(
        header=_parse_object(parts[0], "header", MAX_HEADER_BYTES),
        claims=_parse_object(parts[1], "payload", max_bytes),
        signing_input=data[: data.rindex(b".")],
        signature=decode_part(parts[2]),
    )


def decode_part(part: bytes) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2), in its one spelling.

    Raises:
        MalformedError: Code ``jwt.base64``.
    """
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        raise _not_base64()
    decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    if encode_part(decoded) != part:  # bits behind the last whole byte
        raise _not_base64()
    return decoded


def encode_part(data: bytes) -> bytes:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _parse_object(part: bytes, what: str, max_bytes: int) -> JsonObject:
    decoded = decode_part(part)
    try:
        value = parse_json_object(decoded, what=what, max_bytes=max_bytes)
        compact_json(value)  # a lone surrogate or 1e999 parses, and is no text or number
    except MalformedError as error:
        raise MalformedError(
            f"the token's {what} is not strict JSON: {error.message}", code="jwt.json"
        ) from error
    return value


def _not_base64() -> MalformedError:
    return MalformedError(
        "a part of the token is not base64url in its one spelling", code="jwt.base64"
    )
