import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_nodes.tiny_llm_node.app import load_service
from reference_nodes.tiny_llm_node.config import WEIGHTS, Config
from scripts.tiny_llm import unknown
from scripts.tiny_llm.corpus import Sampler, build, roughen
from scripts.tiny_llm.evaluation import answer, evaluate
from scripts.tiny_llm.merges import learn
from scripts.tiny_llm.phrases import capital, expand, without_article

CORPUS = build()


def _wordings(side):
    return {item.question.lower() for items in side.values() for item in items}


def test_patterns_expand_in_order_and_tidily():
    assert list(expand("{What is|Explain} {|the} ledger ?")) == [
        "What is ledger?",
        "What is the ledger?",
        "Explain ledger?",
        "Explain the ledger?",
    ]
    assert (capital("a b"), without_article("a leaf"), without_article("TLS")) == (
        "A b",
        "leaf",
        "TLS",
    )


def test_wordings_kept_back_are_never_trained_on():
    held = _wordings(CORPUS.held_out)
    assert len(held) > 3000
    assert not held & _wordings(CORPUS.train)


def test_the_corpus_is_the_same_every_time():
    assert build() == CORPUS


def test_talks_repeat_for_a_seed():
    def talks(seed):
        sampler = Sampler(CORPUS, seed)
        return [sampler.talk() for _ in range(200)]

    assert talks(3) == talks(3)
    assert talks(3) != talks(4)


def test_talks_never_hold_a_question_that_was_kept_back():
    held = {item.question for items in CORPUS.held_out.values() for item in items}
    sampler = Sampler(CORPUS, 9)
    asked = [turn.question for _ in range(2000) for turn in sampler.talk()[1]]
    # Roughening may by chance turn one wording into another one.
    assert sum(question in held for question in asked) < len(asked) / 200


def test_no_slot_is_left_in_made_up_questions():
    rng = random.Random(5)
    questions = [unknown.unknown_question(rng) for _ in range(3000)]
    slots = ("WORD", "THING", "PERSON", "PLACE", "OBJECT", "VERB", "{", "}", "|")
    assert not [question for question in questions if any(slot in question for slot in slots)]


@given(st.text(min_size=1), st.integers())
def test_roughening_takes_any_text(text, seed):
    assert isinstance(roughen(text, random.Random(seed)), str)


def test_merges_are_learned_by_frequency_then_by_id():
    tokenizer = learn(["abab abab", "cd"] * 2, 264)
    assert tokenizer.size <= 264
    assert [tokenizer.token_bytes(token) for token in tokenizer.encode("abab")] == [b"abab"]
    assert learn(["abab abab", "cd"] * 2, 264).merges == tokenizer.merges


@pytest.fixture(scope="module")
def service():
    return load_service(Config())


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "What does a receipt prove?",
            "which model, which request and which answer belong together",
        ),
        ("What is the capital of France?", "The capital of France is Paris."),
        ("what's the capital of japan", "Tokyo"),
        ("What is a Merkle tree?", "tree of hashes"),
        ("What is 7 plus 5?", "12"),
        ("Who are you?", "very small"),
        ("Who won the world cup?", "very small model"),
    ],
)
def test_the_weights_answer(service, question, expected):
    assert expected in answer(service.model, service.tokenizer, question)


@pytest.mark.slow
def test_the_weights_keep_what_their_evaluation_says(service):
    report = evaluate(service.model, service.tokenizer, CORPUS, 8)
    written = json.loads((WEIGHTS / "evaluation.json").read_text())
    for name in ("exact_held_out", "exact_held_out_roughened", "admits_not_knowing"):
        assert report[name] >= written[name] - 0.08
