"""The CBOR reader against RFC 8949 Appendix A: what it supports it reads, the rest it refuses."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core import cbor
from opengradient.errors import MalformedError

DEFAULT = Path(__file__).parents[3].parent / "shared" / "vectors"
APPENDIX_A = Path(os.environ.get("OPENGRADIENT_VECTORS_DIR", DEFAULT)) / "cbor" / "appendix_a.json"

# What of Appendix A is refused, and why. Everything else must be read.
REFUSED = {
    "tags": """
        c249010000000000000000 c349010000000000000000 c074323031332d30332d32315432303a30343a30305a
        c11a514b67b0 c1fb41d452d9ec200000 d74401020304 d818456449455446
        d82076687474703a2f2f7777772e6578616d706c652e636f6d
    """,
    "floats": """
        f90000 f98000 f93c00 fb3ff199999999999a f93e00 f97bff fa47c35000 fa7f7fffff
        fb7e37e43c8800759c f90001 f90400 f9c400 fbc010666666666666 f97c00 f97e00 f9fc00
        fa7f800000 fa7fc00000 faff800000 fb7ff0000000000000 fb7ff8000000000000
        fbfff0000000000000
    """,
    "undefined and unassigned simple values": "f7 f0 f818 f8ff",
    "strings in chunks": "5f42010243030405ff 7f657374726561646d696e67ff",
}


@pytest.mark.skipif(not APPENDIX_A.is_file(), reason="the RFC 8949 vectors are not here")
def test_appendix_a():
    refused = {text for group in REFUSED.values() for text in group.split()}
    read, seen = [], set()
    for case in json.loads(APPENDIX_A.read_text()):
        data = bytes.fromhex(case["hex"])
        seen.add(case["hex"])
        if case["hex"] in refused:
            with pytest.raises(MalformedError):
                cbor.decode(data)
            continue
        value = cbor.decode(data)
        read.append(data)
        if "decoded" in case:
            assert plain(value) == case["decoded"]
        if case["roundtrip"]:
            assert cbor.encode(value) == data
    assert len(read) == 46
    assert not refused - seen


def plain(value):
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize(
    "data",
    [
        "",  # nothing
        "0000",  # two items
        "1817",  # 23 in two bytes
        "1900ff",  # 255 in three
        "1a0000ffff",
        "1b00000000ffffffff",
        "5800",  # empty string with a long head
        "b800",
        "9800",
        "42ff",  # ends early
        "82f6",
        "a1f6f6",  # null as a key
        "a1f5f6",  # true as a key
        "a140f6",  # bytes as a key
        "a180f6",  # array as a key
        "a20001 0002",  # integer key twice
        "a2 6161 01 6161 02",  # text key twice
        "bf 6161 01 6161 02 ff",
        "bf 6161 ff",  # key without value
        "bf 6161 01",  # no end
        "9f 01",
        "ff",  # end of nothing
        "a1 ff 01",
        "82 01 ff",
        "1c",  # reserved
        "1f",  # integer of indefinite length
        "3f",
        "df00",  # tag of indefinite length
        "5f ff",
        "5f 41 00 ff",
        "7f ff",
        "61ff",  # not UTF-8
        "63eda080",  # a surrogate
        "62c080",  # overlong
        "c0 60",  # tag 0
        "d2 80",  # tag 18
        "c100",  # tag 1 around 0
        "f6 f6",
        "f800",
        "f816",
        "e0",
        "fc",
        "9b7fffffffffffffff",  # more items than bytes
        "bb7fffffffffffffff",
        "5b7fffffffffffffff",
        "818181818181818181 01",  # nine deep and more
        "9f9f9f9f9f9f9f9f01ffffffffffffffff",
    ],
)
def test_refused(data):
    with pytest.raises(MalformedError) as caught:
        cbor.decode(bytes.fromhex(data))
    assert caught.value.code == "cbor.malformed"


def test_depth():
    assert cbor.decode(b"\x81" * 7 + b"\x01") == ((((((((1,),),),),),),))[0:1]
    with pytest.raises(MalformedError):
        cbor.decode(b"\x81" * 8 + b"\x01")
    with pytest.raises(MalformedError):
        cbor.decode(b"\x81" * 100_000)


def test_bool_is_no_integer_key():
    assert cbor.decode(bytes.fromhex("a101f5")) == {1: True}


def test_writer_refuses_what_it_cannot_write():
    with pytest.raises(ValueError, match="64 bits"):
        cbor.encode(2**64)
    with pytest.raises(TypeError):
        cbor.encode(1.5)


def depth(value):
    if isinstance(value, dict):
        value = (*value, *value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, tuple) else 1


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(st.integers(-3, 300) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read(value):
    try:
        assert cbor.decode(cbor.encode(value)) == value
    except MalformedError:
        assert depth(value) > cbor.MAX_DEPTH


@given(st.dictionaries(st.text(max_size=5), st.binary(max_size=30), max_size=5))
def test_indefinite_maps(value):
    assert cbor.decode(cbor.encode_indefinite_map(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_only_our_error(data):
    try:
        value = cbor.decode(data)
    except MalformedError:
        return
    again = cbor.encode(value)
    assert len(again) <= len(data)
    assert cbor.decode(again) == value


def nested(levels: int, opening: bytes, closing: bytes = b"") -> bytes:
    return opening * (levels - 1) + b"\x00" + closing * (levels - 1)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"\x81", b""), (b"\x9f", b"\xff"), (b"\xa1\x00", b""), (b"\xbf\x00", b"\xff")],
)
def test_nesting_of_every_kind_is_counted(opening, closing):
    cbor.decode(nested(8, opening, closing))
    with pytest.raises(MalformedError, match="nested deeper than 8"):
        cbor.decode(nested(9, opening, closing))


@pytest.mark.parametrize("opening", [b"\xa1", b"\xbf", b"\xa1\x9f", b"\xa1\x81"])
def test_keys_within_keys_are_counted(opening):
    for levels in (20, 100_000):
        with pytest.raises(MalformedError, match="nested deeper than 8"):
            cbor.decode(opening * levels)


def test_a_key_counts_as_a_level():
    with pytest.raises(MalformedError, match="nested deeper than 8"):
        cbor.decode(nested(8, b"\x81")[:-1] + b"\xa1\x00\x00")


@pytest.mark.parametrize("head", ["1c", "1d", "1e", "3c", "5c", "9c", "bc", "dc", "fc"])
def test_reserved_heads_are_refused_whatever_follows(head):
    for tail in (b"\xff" * 64, b"\x00" * 64):
        with pytest.raises(MalformedError):
            cbor.decode(bytes.fromhex(head) + tail[: 1 << (bytes.fromhex(head)[0] & 31) - 24])


def test_writer_names_what_it_cannot_write():
    for value in (1.5, object(), {1, 2}):
        with pytest.raises(TypeError, match=type(value).__name__):
            cbor.encode(value)
