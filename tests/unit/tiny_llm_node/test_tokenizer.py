import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.errors import ConfigurationError, UnsupportedError
from reference_nodes.tiny_llm_node.config import WEIGHTS
from reference_nodes.tiny_llm_node.template import Message, Role, chat_prompt
from reference_nodes.tiny_llm_node.tokenizer import (
    ASSISTANT,
    BEGIN,
    END,
    FIRST_BYTE,
    SPECIALS,
    USER,
    load_tokenizer,
    pieces,
    save_tokenizer,
)

TOKENIZER = load_tokenizer(WEIGHTS / "tokenizer.json")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_round_trip(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.text())
def test_pieces_lose_nothing_and_are_short(text):
    assert "".join(pieces(text)) == text
    assert all(len(piece) <= 33 for piece in pieces(text))


@given(st.text(alphabet=st.sampled_from("<|>beginduserassistant ")))
def test_text_never_encodes_to_a_special_token(text):
    assert all(token >= FIRST_BYTE for token in TOKENIZER.encode(text))


@pytest.mark.parametrize("name", SPECIALS)
def test_the_name_of_a_special_token_is_plain_text(name):
    tokens = TOKENIZER.encode(name)
    assert min(tokens) >= FIRST_BYTE
    assert TOKENIZER.decode(tokens) == name


def test_a_lone_surrogate_becomes_the_replacement_character():
    assert "\ufffd" in TOKENIZER.decode(TOKENIZER.encode("a\ud800b"))


def test_common_words_are_one_token():
    assert len(TOKENIZER.encode("What does a receipt prove?")) <= 7


def test_layout_of_a_talk():
    tokens = chat_prompt(TOKENIZER, [Message(role=Role.USER, text=" Hi ")])
    assert tokens == [BEGIN, USER, *TOKENIZER.encode("Hi"), END, ASSISTANT]


def test_file_round_trip(tmp_path):
    save_tokenizer(TOKENIZER, tmp_path / "t.json")
    assert load_tokenizer(tmp_path / "t.json").merges == TOKENIZER.merges


def _document():
    return json.loads((WEIGHTS / "tokenizer.json").read_bytes())


def _load(tmp_path, document):
    path = tmp_path / "t.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return load_tokenizer(path)


def test_another_format_is_unsupported(tmp_path):
    with pytest.raises(UnsupportedError):
        _load(tmp_path, _document() | {"format": "og-tiny-bpe-2"})


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"specials": ["<|begin|>"]},
        {"merges": 3},
        {"merges": [[300, 5]]},
        {"merges": [[5, 5], [5, 999]]},
        {"merges": [[5, 6, 7]]},
        {"merges": [[True, 6]]},
        {"merges": [[0, 6]]},
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change):
    with pytest.raises(ConfigurationError):
        _load(tmp_path, _document() | change)


def test_bytes_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        _load(tmp_path, "{")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError):
        load_tokenizer(tmp_path / "none.json")
