"""Strict JSON in, RFC 8785 out."""

import sys

import pytest

from opengradient.core.canonical import (
    canonical_json,
    compact_json,
    load_foreign_json,
    parse_json,
    parse_json_object,
)
from opengradient.errors import MalformedError
from tests.support import vectors


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_rfc_8785_vectors(name):
    folder = vectors("jcs") / "testdata"
    value = parse_json((folder / "input" / f"{name}.json").read_bytes())
    assert canonical_json(value) == (folder / "output" / f"{name}.json").read_bytes()
    wanted = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
    assert canonical_json(value) == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1 2",
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
        b"'a'",
        b"[1,]",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_not_strict_json_is_refused(data):
    with pytest.raises(MalformedError):
        parse_json(data)


def test_a_key_that_comes_twice_is_found_in_linear_time():
    """Past bug: 300 KB of keys, the last one twice, took seconds."""
    keys = ",".join(f'"{number}":0' for number in range(100_000))
    with pytest.raises(MalformedError, match="'99999' stands twice"):
        parse_json("{" + keys + ',"99999":0}')


def test_size_is_checked_before_parsing():
    with pytest.raises(MalformedError) as caught:
        parse_json(b"[" * 100, max_bytes=99)
    assert caught.value.code == "format.too_large"


@pytest.mark.parametrize("data", [b"[]", b"1", b'"a"', b"null"])
def test_objects_are_objects(data):
    with pytest.raises(MalformedError):
        parse_json_object(data)


@pytest.mark.parametrize("value", [float("inf"), "\ud800", object(), {"a": {1, 2}}], ids=repr)
def test_compact_json_refuses_what_is_not_json(value):
    with pytest.raises(MalformedError):
        compact_json(value)


def test_compact_json_keeps_unicode():
    assert compact_json({"a": "ü", "b": [1, 2.5]}) == '{"a":"ü","b":[1,2.5]}'.encode()


@pytest.mark.parametrize("limit", [1_000, 200_000])
def test_depth_does_not_lean_on_the_recursion_limit(limit):
    """Past bug: some library raises the limit, and the C parser then overran its stack."""
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        for bomb in (b"[" * 100_000, b'{"a":' * 100_000, b'["]",' * 100_000):
            with pytest.raises(MalformedError):
                parse_json(bomb)
    finally:
        sys.setrecursionlimit(old)


def test_brackets_in_strings_are_no_depth():
    text = '["' + "[" * 500 + '\\"' + "{" * 500 + '"]'
    assert parse_json(text) == ["[" * 500 + '"' + "{" * 500]
    assert parse_json("[" * 128 + "]" * 128)
    assert parse_json("[" + ",".join(["[]"] * 1000) + "]") == [[]] * 1000


@pytest.mark.parametrize("bomb", ["[" * 1000, '{"a":' * 1000, "NaN", "[1e", "\ud800"])
def test_foreign_json_is_bounded_too(bomb):
    with pytest.raises(ValueError, match="."):
        load_foreign_json(bomb)
    assert load_foreign_json(b'{"a":1,"a":2}') == {"a": 2}
