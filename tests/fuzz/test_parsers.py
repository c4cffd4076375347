"""The short run: bombs, damaged genuine inputs, and any bytes, for every parser."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.damage import bombs, damaged
from tests.fuzz.limits import accepts, check, check_seconds
from tests.fuzz.registry import PARSERS, Parser

BOMBS = bombs()
NAMES = [parser.name for parser in PARSERS]
every_parser = pytest.mark.parametrize("parser", PARSERS, ids=NAMES)
ROUNDS = 150


@every_parser
@pytest.mark.parametrize("bomb", BOMBS, ids=str)
def test_bombs_are_refused_early(parser: Parser, bomb: str):
    check(parser, BOMBS[bomb])


@every_parser
def test_genuine_inputs_are_taken(parser: Parser):
    seeds = parser.seeds()
    assert seeds
    assert any(accepts(parser, seed) for seed in seeds)
    for seed in seeds:
        check(parser, seed)


@every_parser
def test_damaged_inputs(parser: Parser):
    draw, seeds = random.Random(parser.name), parser.seeds()
    for _ in range(ROUNDS):
        data = damaged(draw.choice(seeds), seeds, draw, text=parser.text)
        check_seconds(parser, data)


@every_parser
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes(parser: Parser, data: bytes):
    accepts(parser, data)


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES)
