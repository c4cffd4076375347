"""Seeded damage to genuine inputs, and the bombs that must be refused early."""

import json
import random
from typing import Any

INTERESTING = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\x00" * 8, b"\xff" * 8, b"\x30\x80", b"\x30\x84",
    b"\x5f", b"\x9f", b"\xbf", b"\xfb", b"\xc0", b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"null", b'"', b"\\u0000", b"\\ud800", b"1e999", b"-0", b"{}", b"[]", b"\n\n", b"\r",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**64, 10**40, 0.5, -0.0, 1e308, "", "x", "\x00",
    "\ud800", "0x", "0x" + "00" * 32, "A" * 1000, [], {}, [[]], {"": ""}, [None] * 50,
)  # fmt: skip


def damaged(seed: bytes, others: list[bytes], draw: random.Random, *, text: bool) -> bytes:
    """One input that is nearly genuine.

    Args:
        seed: A genuine input.
        others: More of them, to splice with.
        draw: Where chance comes from.
        text: Whether `seed` is JSON.
    """
    if text and draw.random() < 0.6:
        changed = _json_damage(seed, draw)
        if changed is not None:
            return changed
    data = bytearray(seed)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        draw.choice((_flip, _cut, _insert, _repeat, _overwrite, _splice))(data, others, draw)
    return bytes(data)


def _place(data: bytearray, draw: random.Random) -> int:
    return draw.randrange(len(data) + 1)


def _flip(data: bytearray, _others: list[bytes], draw: random.Random) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _cut(data: bytearray, _others: list[bytes], draw: random.Random) -> None:
    start = _place(data, draw)
    del data[start : start + draw.choice((1, 2, 8, 64, len(data)))]


def _insert(data: bytearray, _others: list[bytes], draw: random.Random) -> None:
    data[_place(data, draw) : 0] = draw.choice(INTERESTING)


def _repeat(data: bytearray, _others: list[bytes], draw: random.Random) -> None:
    start = _place(data, draw)
    piece = data[start : start + draw.choice((1, 4, 32, 256))]
    data[start:start] = piece * draw.choice((1, 2, 20))


def _overwrite(data: bytearray, _others: list[bytes], draw: random.Random) -> None:
    start, piece = _place(data, draw), draw.choice(INTERESTING)
    data[start : start + len(piece)] = piece


def _splice(data: bytearray, others: list[bytes], draw: random.Random) -> None:
    other = draw.choice(others)
    data[_place(data, draw) :] = other[draw.randrange(len(other) + 1) :]


def _json_damage(seed: bytes, draw: random.Random) -> bytes | None:
    try:
        value = json.loads(seed)
    except ValueError:
        return None
    places: list[tuple[Any, Any]] = []
    _walk(value, places)
    if not places:
        return None
    for _ in range(draw.choice((1, 1, 2, 5))):
        node, key = draw.choice(places)
        if isinstance(node, dict) and draw.random() < 0.3:
            node.pop(key, None)
            if draw.random() < 0.5:
                node[draw.choice(("unknown", "", "version", str(key)))] = draw.choice(VALUES)
        else:
            node[key] = draw.choice(VALUES)
    return json.dumps(value).encode()


def _walk(node: Any, places: list[tuple[Any, Any]]) -> None:
    if not isinstance(node, dict | list):
        return
    for key, item in list(node.items() if isinstance(node, dict) else enumerate(node)):
        places.append((node, key))
        _walk(item, places)


def bombs() -> dict[str, bytes]:
    """Small inputs that want much: time, memory, depth."""
    big = 256 * 1024
    certificate = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    members = b",".join(b'"%d":0' % number for number in range(20_000))
    return {
        "empty": b"",
        "zeros": bytes(big),
        "ones": b"\xff" * big,
        "json lists": b"[" * big,
        "json lists, closed": b"[" * 100_000 + b"]" * 100_000,
        "json objects": b'{"a":' * (big // 5),
        "json string without end": b'"' + b"a" * big,
        "json escapes": b'"' + b"\\" * big,
        "json escaped quotes": b'["' + b'\\"[' * (big // 3),
        "json quotes and brackets": b'"[",' * (big // 4),
        "json strings of brackets": b'["\\\\",' * (big // 7),
        "json one key many times": b"{" + b",".join([b'"a":0'] * 40_000) + b"}",
        "json many keys, last one twice": b"{" + members + b',"19999":0}',
        "json many members": b"{" + members + b"}",
        "json long integer": b"9" * big,
        "json long negative integer in a list": b"[-" + b"9" * 4000 + b"]",
        "json long float": b"[1." + b"9" * big + b"]",
        "json huge exponent": b"[1e" + b"9" * 1000 + b"]",
        "json blanks": b" " * big,
        "json numbers": b"[" + b"1," * (big // 2) + b"1]",
        "cbor nested lists": b"\x81" * big,
        "cbor nested indefinite lists": b"\x9f" * big,
        "cbor nested maps": b"\xa1\x00" * (big // 2),
        "cbor maps as keys of maps": b"\xa1" * big,
        "cbor indefinite maps as keys": b"\xbf" * big,
        "cbor nested tags": b"\xc0" * big,
        "cbor huge list": b"\x9b\x7f" + b"\xff" * 7,
        "cbor huge map": b"\xbb\x7f" + b"\xff" * 7,
        "cbor huge string": b"\x5b\x7f" + b"\xff" * 7,
        "cbor list as large as it says": b"\x99\xff\xff" + b"\x00" * 65_535,
        "cbor chunks": b"\x5f" + b"\x41\x00" * (big // 2),
        "cbor key many times": b"\xb9\xff\xff" + b"\x00\x00" * 65_535,
        "cose of a large payload": b"\x84\x43\xa1\x01\x38\x22\xa0\x5a\x00\x03\xff\xff" + bytes(big),
        "der nested": b"\x30\x80" * (big // 2),
        "der huge length": b"\x30\x84\xff\xff\xff\xff" + bytes(1000),
        "der absurd length of length": b"\x30\xfe" + b"\xff" * 1000,
        "certificates in PEM": certificate * 4000,
        "pem without end": b"-----BEGIN CERTIFICATE-----\n" + b"A" * big,
        "sse one line": b"data: " + b"x" * big,
        "sse many lines": b"data: x\n" * (big // 8),
        "sse many events": b"data: x\n\n" * (big // 9),
        "sse line ends": b"\n" * big,
        "sse carriage returns": b"\r" * big,
        "dots": b"." * big,
        "base64url": b"A" * (big // 2) + b"." + b"A" * (big // 2 - 2) + b".A",
        "quic varints": b"\xc0" + b"\xff" * 7 + bytes(1000),
    }
