"""Salted commitments: binding, hiding, disclosed field by field."""

import pytest

from opengradient.core.commitments import (
    Disclosed,
    Withheld,
    check_section,
    commit_field,
    commit_section,
    derive_salt,
    redact,
    seal_section,
    section_commitment,
)
from opengradient.errors import MalformedError, VerificationError

SEED = bytes(range(32))
VALUES = {"text": "hello", "body": b"\x00\xff", "usage": {"b": 1, "a": [1.5, None]}}


def test_a_section_checks_against_its_commitment():
    section = seal_section(SEED, "response", VALUES)
    check_section(
        "response", section, section_commitment("response", section), code="receipt.response"
    )


@pytest.mark.parametrize("name", list(VALUES))
def test_changing_any_value_breaks_it(name):
    section = seal_section(SEED, "response", VALUES)
    commitment = section_commitment("response", section)
    forged = dict(section) | {name: Disclosed(section[name].salt, "other")}
    with pytest.raises(VerificationError) as caught:
        check_section("response", forged, commitment, code="receipt.response")
    assert caught.value.code == "receipt.response"
    assert caught.value.expected == commitment.hex()


@pytest.mark.parametrize("name", list(VALUES))
def test_leaving_out_or_adding_a_field_breaks_it(name):
    section = seal_section(SEED, "response", VALUES)
    commitment = section_commitment("response", section)
    less = {key: value for key, value in section.items() if key != name}
    more = dict(section) | {"extra": Disclosed(bytes(32), "x")}
    for forged in (less, more):
        with pytest.raises(VerificationError):
            check_section("response", forged, commitment, code="receipt.response")


def test_a_withheld_field_keeps_the_commitment_and_hides_the_value():
    section = seal_section(SEED, "response", VALUES)
    shown = redact("response", section, "text")
    assert isinstance(shown["text"], Withheld)
    assert section_commitment("response", shown) == section_commitment("response", section)
    assert redact("response", shown, "text") == shown
    with pytest.raises(MalformedError):
        redact("response", section, "nothing")


def test_types_names_and_sections_are_apart():
    salt = bytes(32)
    commitments = {
        commit_field("response", "text", salt, "1"),
        commit_field("response", "text", salt, b"1"),
        commit_field("response", "text", salt, 1),
        commit_field("response", "tex", salt, "t1"),
        commit_field("request", "text", salt, "1"),
        commit_field("response", "text", b"\x01" * 32, "1"),
    }
    assert len(commitments) == 6


def test_every_field_has_its_own_salt():
    salts = {
        derive_salt(seed, section, field)
        for seed in (SEED, bytes(32))
        for section in ("a", "ab")
        for field in ("b", "bb")
    }
    assert len(salts) == 8


def test_the_empty_section_is_zero():
    assert commit_section({}) == bytes(32)


def test_order_of_fields_does_not_matter():
    reverse = dict(reversed(VALUES.items()))
    assert section_commitment("r", seal_section(SEED, "r", VALUES)) == section_commitment(
        "r", seal_section(SEED, "r", reverse)
    )


@pytest.mark.parametrize(
    "value", [float("nan"), 2**53, "\ud800", {"a": object()}, {1: 2}], ids=repr
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(MalformedError):
        commit_field("s", "f", bytes(32), value)


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_salts_have_32_bytes(salt):
    with pytest.raises(MalformedError):
        commit_field("s", "f", salt, "x")


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_names_have_1_to_255_bytes(name):
    with pytest.raises(MalformedError):
        commit_field("s", name, bytes(32), "x")
