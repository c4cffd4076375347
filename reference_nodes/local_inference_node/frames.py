"""Frames between a node and its workers: a JSON header and bytes, each behind its length."""

import struct
from typing import Final

from opengradient.core.canonical import JsonObject, compact_json, parse_json_object

LENGTHS: Final = struct.Struct("<IQ")


def pack(header: JsonObject, payload: bytes = b"") -> bytes:
    """Write a frame."""
    head = compact_json(header)
    return LENGTHS.pack(len(head), len(payload)) + head + payload


def header_of(data: bytes) -> JsonObject:
    """Read a frame's header."""
    return parse_json_object(data, what="a frame's header")
