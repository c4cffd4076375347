"""Receipt files: round trip, every byte flipped, every cut, any bytes at all."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core.canonical import canonical_json
from opengradient.errors import MalformedError, UnsupportedError, VerificationError
from opengradient.verify.expectation import Expectation
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.receipts import (
    decode_attached,
    decode_bundle,
    encode_attached,
    encode_bundle,
)
from tests.receipt_factory import CHUNKS, DOMAIN, NOW, Exchange, policy
from tests.unit.verify.test_receipts import included

REFUSALS = (VerificationError, UnsupportedError)


def genuine():
    bundle = Exchange(chunks=CHUNKS).bundle()
    bundle = bundle.redacted("response", "choice.0.reasoning")
    return dataclasses.replace(bundle, inclusion=included(bundle))


FILE = encode_bundle(genuine())


def accept(data: bytes):
    return verify_receipt(
        decode_bundle(data), policy=policy(), now_ms=NOW, expect=Expectation(domain=DOMAIN)
    )


def test_files_round_trip_byte_for_byte():
    assert decode_bundle(FILE) == genuine()
    assert encode_bundle(decode_bundle(FILE)) == FILE
    accept(FILE)


def test_attached_receipts_round_trip():
    attached = Exchange(chunks=CHUNKS, upstream={"body": b"\xff\x00", "status": 200}).attached()
    wire = json.loads(json.dumps(encode_attached(attached)))
    assert decode_attached(wire) == attached


ANCHOR = FILE.index(b'"anchor":'), FILE.index(b'"blobId"')
UNBOUND = {b'"blobId"', b'"submitter"'}


def asserted_only(position: int) -> bool:
    """Positions whose bytes nothing offline can check, and which the verdict calls asserted.

    The anchor's transaction, block and time, the blob id and the submitter are the full node's
    word until the ledger is asked; `size` is only bounded from below.
    """
    start = FILE.index(b'"inclusion":')
    end = FILE.index(b'"receipt":')
    inside = start < position < end
    proof = FILE.index(b'"proof":'), FILE.index(b'"size"')
    return inside and not proof[0] <= position < proof[1]


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_no_flipped_byte_is_accepted(mask):
    survivors = []
    for position in range(len(FILE)):
        forged = bytearray(FILE)
        forged[position] ^= mask
        try:
            accept(bytes(forged))
        except REFUSALS:
            continue
        survivors.append(position)
    assert [position for position in survivors if not asserted_only(position)] == []


def test_no_cut_and_no_addition_is_accepted():
    for length in range(len(FILE)):
        with pytest.raises(REFUSALS):
            accept(FILE[:length])
    for extra in (b"\x00", b"{}", FILE):
        with pytest.raises(REFUSALS):
            accept(FILE + extra)


def members(value, at=()):
    if isinstance(value, dict):
        yield at
        for name, item in value.items():
            yield from members(item, (*at, name))


def test_an_unknown_field_anywhere_is_refused():
    value = json.loads(FILE)
    for path in members(value):
        if "json" in path:
            continue
        forged = json.loads(FILE)
        node = forged
        for step in path:
            node = node[step]
        node["unknown"] = {"salt": "0x" + "00" * 32, "text": "x"}
        with pytest.raises(REFUSALS):
            accept(canonical_json(forged))


def test_a_missing_field_anywhere_is_refused_or_withholds():
    value = json.loads(FILE)
    may_go = {("evidence",), ("stream",), ("inclusion",)} | {
        ("sections", name) for name in value["sections"]
    }
    for path in members(value):
        node = value
        for step in path:
            node = node[step]
        for name in node:
            if (*path, name) in may_go or "json" in path:
                continue
            forged = json.loads(FILE)
            target = forged
            for step in path:
                target = target[step]
            del target[name]
            with pytest.raises(REFUSALS):
                accept(canonical_json(forged))


@pytest.mark.parametrize("version", ["opengradient.receipt-file/2", "", 1, None])
def test_other_versions_are_unsupported(version):
    value = json.loads(FILE) | {"version": version}
    with pytest.raises(UnsupportedError) as caught:
        decode_bundle(value)
    assert caught.value.code == "receipt.version"


@given(st.binary(max_size=300))
def test_any_bytes_give_a_typed_error(data):
    with pytest.raises(REFUSALS):
        accept(data)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@settings(max_examples=300)
@given(st.data())
def test_any_value_in_any_place_gives_a_typed_error_or_withholds(data):
    value = json.loads(FILE)
    path = data.draw(st.sampled_from([path for path in members(value) if path]))
    node = value
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = data.draw(JSON)
    try:
        accept(json.dumps(value).encode())
    except REFUSALS:
        return
    # An anchor is the full node's word, and may be absent; sections may be empty or gone.
    assert path == ("inclusion", "anchor") or node[path[-1]] in ({}, None)


def test_bombs_are_refused_early():
    for bomb in (b"[" * 10_000_000, b'{"a":' * 1_000_000, b" " * (64 * 1024 * 1024 + 1)):
        with pytest.raises(MalformedError):
            decode_bundle(bomb)
