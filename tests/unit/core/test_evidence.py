"""Evidence is named by its exact bytes, without two ways to cut them."""

import dataclasses

import pytest

from opengradient.core.collateral import MAX_COLLATERAL_BYTES, Collateral
from opengradient.core.evidence import MAX_DOCUMENT_BYTES, NITRO, SOFTWARE, Evidence
from opengradient.core.nitriding import encode_user_data, parse_user_data
from opengradient.errors import MalformedError


def test_digest_separates_everything():
    pieces = [
        Evidence(kind=NITRO, document=b"ab"),
        Evidence(kind=SOFTWARE, document=b"ab"),
        Evidence(kind=NITRO, document=b"ac"),
        Evidence(kind=NITRO, document=b"a", runtime_data=b"b"),
        Evidence(kind=NITRO, document=b"a", runtime_data=b"\0\0\0\1b"),
        Evidence(kind=NITRO, document=b"a\0\0\0\1b"),
    ]
    assert len({piece.digest() for piece in pieces}) == len(pieces)


def test_collateral_is_no_part_of_the_name():
    bare = Evidence(kind=NITRO, document=b"a")
    assert dataclasses.replace(bare, collateral=Collateral.of({"crl": b"x"})).digest() == (
        bare.digest()
    )


def test_collateral():
    both = Collateral.of({"b": b"2", "a": b"1"})
    assert both.items == (("a", b"1"), ("b", b"2"))
    assert both
    assert not Collateral()
    assert both.get("a") == both.require("a") == b"1"
    assert both.get("c") is None
    assert both.merged(Collateral.of({"a": b"3"})) == Collateral.of({"a": b"3", "b": b"2"})
    both.require_names(frozenset({"a", "b", "c"}))
    for code, refused in (
        ("collateral.missing", lambda: both.require("c")),
        ("collateral.unknown", lambda: both.require_names(frozenset({"a"}))),
        ("evidence.malformed", lambda: Collateral((("b", b""), ("a", b"")))),
        ("evidence.malformed", lambda: Collateral((("a", b""), ("a", b"")))),
        ("evidence.malformed", lambda: Collateral.of({"": b""})),
        ("evidence.malformed", lambda: Collateral.of({"x" * 65: b""})),
        ("format.too_large", lambda: Collateral.of({"a": bytes(MAX_COLLATERAL_BYTES + 1)})),
    ):
        with pytest.raises(MalformedError) as caught:
            refused()
        assert caught.value.code == code


def test_digest_is_stable():
    assert Evidence(kind=NITRO, document=b"document").digest().hex() == (
        "acc17ccc5dd260f2e3c0b3853d37a2dc793897e48136f983be96a2c05860db3e"
    )


@pytest.mark.parametrize("fields", [{"kind": "", "document": b"x"}, {"kind": "x", "document": b""}])
def test_empty(fields):
    with pytest.raises(MalformedError) as caught:
        Evidence(**fields)
    assert caught.value.code == "evidence.malformed"


def test_too_large():
    Evidence(kind=NITRO, document=bytes(MAX_DOCUMENT_BYTES))
    with pytest.raises(MalformedError) as caught:
        Evidence(kind=NITRO, document=bytes(MAX_DOCUMENT_BYTES), runtime_data=b"x")
    assert caught.value.code == "format.too_large"


def test_nitriding_round_trip():
    encoded = encode_user_data(b"tls", b"rsa")
    assert len(encoded) == 68
    tls, rsa = parse_user_data(encoded)
    assert encoded == b"\x12\x20" + tls + b"\x12\x20" + rsa
    assert tls != rsa
