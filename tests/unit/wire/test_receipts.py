"""The codecs by themselves: what they refuse although a later check would refuse it as well."""

import dataclasses
import json

import pytest

from opengradient.core.settlement import InclusionProof
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.wire.batches import MAX_BATCH_BYTES, decode_batch
from opengradient.wire.fields import decode_value, members, natural, parse_base64, parse_hex
from opengradient.wire.receipts import (
    MAX_FILE_BYTES,
    decode_attached,
    decode_bundle,
    decode_receipt,
    decode_signed,
    encode_attached,
    encode_bundle,
    encode_receipt,
    encode_signed,
)
from tests.receipt_factory import CHUNKS, Exchange

MADE = Exchange(chunks=CHUNKS)
BUNDLE = json.loads(encode_bundle(MADE.bundle()))
SIGNED = encode_signed(MADE.bundle().signed)
ATTACHED = json.loads(json.dumps(encode_attached(MADE.attached())))


def refused(code, decode, value, error=MalformedError):
    with pytest.raises(error) as caught:
        decode(value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("decode", "right"),
    [(decode_signed, SIGNED), (decode_attached, ATTACHED), (decode_bundle, BUNDLE)],
)
def test_members_and_version(decode, right):
    decode(right)
    refused("format.unknown_field", decode, {**right, "more": 1})
    refused("receipt.version", decode, {**right, "version": "x/1"}, UnsupportedError)
    for name in right:
        if decode is not decode_bundle or name not in ("stream", "evidence"):
            refused("format.malformed", decode, {k: v for k, v in right.items() if k != name})
    refused("format.malformed", decode, [])


def test_words_are_checked_by_the_decoder():
    right = encode_receipt(MADE.receipt())
    decode_receipt(right)
    for word, value in (("kind", 99), ("kind", True), ("status", -1), ("price", 7), ("price", "07"),
                        ("price", "1e3"), ("price", None), ("inputTokens", "1")):  # fmt: skip
        refused("format.malformed", decode_receipt, {**right, word: value})
    assert decode_receipt({**right, "price": "12"}).price == 12


@pytest.mark.parametrize("chain_id", ["1", 1.0, True, None])
def test_the_chain_id_is_a_whole_number(chain_id):
    domain = {**SIGNED["domain"], "chainId": chain_id}
    refused("format.malformed", decode_signed, {**SIGNED, "domain": domain})


@pytest.mark.parametrize("section", ["upstream", "model", "payment"])
def test_sections_of_an_attached_receipt(section):
    refused("format.malformed", decode_attached, {**ATTACHED, section: []})
    unknown = {**ATTACHED, section: {"x": {"text": "y"}}}
    refused("format.unknown_field", decode_attached, unknown)
    name = {"upstream": "url", "model": "served", "payment": "asset"}[section]
    for field in ({"text": "y", "salt": "0x"}, {"text": "y", "x": 1}):
        refused("format.unknown_field", decode_attached, {**ATTACHED, section: {name: field}})


def test_sections_of_a_file():
    for section in ("request", "response"):
        sections = {**BUNDLE["sections"], section: []}
        refused("format.malformed", decode_bundle, {**BUNDLE, "sections": sections})
    stream = {**BUNDLE["stream"], "chunkDigests": {}}
    refused("format.malformed", decode_bundle, {**BUNDLE, "stream": stream})


def test_evidence_may_be_missing():
    bundle = decode_bundle({k: v for k, v in BUNDLE.items() if k != "evidence"})
    assert bundle.evidence is None
    assert b'"evidence"' not in encode_bundle(bundle)


def test_sizes_are_checked_before_parsing():
    assert MAX_FILE_BYTES == 67_108_864
    assert MAX_BATCH_BYTES == 67_108_864 + 4096 * 4096
    refused("format.too_large", decode_bundle, b" " * (67_108_864 + 1))
    refused("format.malformed", decode_bundle, b" " * 67_108_864)
    refused("format.too_large", decode_batch, b" " * (67_108_864 + 4096 * 4096 + 1))


def test_base64_has_one_spelling():
    assert parse_base64("AAA=", "x") == b"\0\0"
    for value in ("AAB=", "AAA", "AAA=\n", "AA A=", "-_-_", "====", 1, None, "\u00e4AAA"):
        with pytest.raises(MalformedError):
            parse_base64(value, "x")


def test_hex_has_one_spelling():
    assert parse_hex("0x00ff", "x", 2) == b"\0\xff"
    for value in ("00ff", "0x00FF", "0x00 ff", "0x0", "0X00", 1, None, "0xzz"):
        with pytest.raises(MalformedError):
            parse_hex(value, "x")
    with pytest.raises(MalformedError):
        parse_hex("0x00ff", "x", 3)


def test_whole_numbers():
    assert natural(0, "x") == 0
    assert natural(2**53 - 1, "x") == 2**53 - 1
    for value in (2**53, -1, 1.0, True, "1", None):
        with pytest.raises(MalformedError):
            natural(value, "x")


def test_values_have_one_type():
    assert decode_value({"json": {"a": 1}}, "x") == {"a": 1}
    assert decode_value({"utf8": "ä"}, "x") == "ä".encode()
    assert decode_value({"base64": "AAE="}, "x") == b"\0\1"
    assert decode_value({"text": "AAE="}, "x") == "AAE="
    for value in ({}, {"text": "a", "utf8": "a"}, {"text": 1}, {"utf8": None}, {"base64": 7},
                  {"utf8": "\ud800"}):  # fmt: skip
        with pytest.raises(MalformedError):
            decode_value(value, "x")


def test_members():
    assert members({"a": 1}, "x", ("a",), ("b",)) == {"a": 1}
    assert members({"a": 1, "b": 2}, "x", ("a",), ("b",)) == {"a": 1, "b": 2}
    for value, code in (({"a": 1, "c": 2}, "format.unknown_field"), ({"b": 2}, "format.malformed")):
        with pytest.raises(MalformedError) as caught:
            members(value, "x", ("a",), ("b",))
        assert caught.value.code == code


def test_what_is_written_is_read():
    whole = MADE.bundle()
    proof = InclusionProof(
        root=bytes(32), size=1, proof=(), blob_id=bytes(32), submitter=bytes(20), anchor=None
    )
    for bundle in (
        whole,
        whole.redacted("response", "choice.0.text"),
        whole.redacted("request"),
        dataclasses.replace(whole, inclusion=proof),
        dataclasses.replace(whole, stream=None, evidence=None),
    ):
        assert decode_bundle(encode_bundle(bundle)) == bundle
