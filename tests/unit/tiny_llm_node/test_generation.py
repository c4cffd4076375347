from dataclasses import replace

import pytest

from reference_nodes.tiny_llm_node.generation import Generation, TokenScore, _Release, generate
from reference_nodes.tiny_llm_node.sampling import Sampling
from reference_nodes.tiny_llm_node.template import Message, Role, chat_prompt


@pytest.fixture
def asked(tokenizer):
    question = Message(role=Role.USER, text="What does a receipt prove?")
    return Generation(prompt=tuple(chat_prompt(tokenizer, [question])))


def _text(pieces):
    return "".join(piece.text for piece in pieces)


def _run(model, tokenizer, generation):
    return list(generate(model, tokenizer, generation))


def test_greedy_answers_are_always_the_same(model, tokenizer, asked):
    assert _run(model, tokenizer, asked) == _run(model, tokenizer, asked)


def test_only_the_last_piece_is_finished(model, tokenizer, asked):
    *before, last = _run(model, tokenizer, asked)
    assert {piece.finish for piece in before} == {None}
    assert last.finish == "stop"
    assert last.tokens == len(before)


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_max_tokens_cuts_the_same_answer_short(model, tokenizer, asked, limit):
    whole = _run(model, tokenizer, asked)
    cut = _run(model, tokenizer, replace(asked, max_tokens=limit))
    assert cut[-1].finish == "length"
    assert cut[-1].tokens == limit
    assert _text(cut) == _text(whole[:limit])


def test_the_context_ends_an_answer(model, tokenizer):
    prompt = (0, *([700] * (model.shape.context - 4)))
    stuck = Generation(prompt=prompt, sampling=Sampling(temperature=2, seed=1))
    pieces = _run(model, tokenizer, stuck)
    assert pieces[-1].finish == "stop" or pieces[-1].tokens == 3


def test_a_seed_repeats_and_another_differs(model, tokenizer, asked):
    def said(seed):
        warm = replace(asked, sampling=Sampling(temperature=2.0, seed=seed), max_tokens=30)
        return _text(_run(model, tokenizer, warm))

    assert said(5) == said(5)
    assert len({said(seed) for seed in (1, 2, 3, -4)}) > 1


def test_without_a_seed_draws_differ(model, tokenizer, asked):
    warm = replace(asked, sampling=Sampling(temperature=2.0), max_tokens=30)
    assert len({_text(_run(model, tokenizer, warm)) for _ in range(4)}) > 1


def test_a_stop_text_ends_the_answer_before_it(model, tokenizer, asked):
    whole = _text(_run(model, tokenizer, asked))
    stop = whole[9:13]
    pieces = _run(model, tokenizer, replace(asked, stop=("never said", stop)))
    assert _text(pieces) == whole[: whole.index(stop)]
    assert pieces[-1].finish == "stop"


def test_an_unseen_stop_text_changes_nothing(model, tokenizer, asked):
    whole = _run(model, tokenizer, asked)
    held = _run(model, tokenizer, replace(asked, stop=(whole[0].text + "!!",)))
    assert _text(held) == _text(whole)


def test_scores_cover_the_text_and_only_on_request(model, tokenizer, asked):
    assert not any(piece.scores for piece in _run(model, tokenizer, asked))
    pieces = _run(model, tokenizer, replace(asked, others=2))
    scores = [score for piece in pieces for score in piece.scores]
    assert b"".join(score.value for score in scores).decode() == _text(pieces)
    assert all(score.logprob <= 0 and len(score.others) == 2 for score in scores)
    assert all(score.others[0] == (score.value, score.logprob) for score in scores)


def _feed(stops, values):
    release = _Release(stops)
    pieces = []
    for number, value in enumerate(values, 1):
        pieces.append(release.add(value, TokenScore(value=value, logprob=0.0, others=()), number))
        if pieces[-1].finish:
            return pieces
    return [*pieces, release.rest("length", len(values))]


def test_half_a_character_is_held_back():
    assert [piece.text for piece in _feed((), [b"\xc3", b"\xa9"])] == ["", "é", ""]


def test_half_a_character_at_the_end_is_replaced():
    assert _text(_feed((), [b"a", b"\xc3"])) == "a\ufffd"


def test_what_may_become_a_stop_text_is_held_back():
    pieces = _feed(("END",), [b"xE", b"N", b"x", b"EN", b"D more"])
    assert [piece.text for piece in pieces] == ["x", "", "ENx", "", ""]
    assert pieces[-1].finish == "stop"


def test_the_earliest_stop_text_wins():
    assert _text(_feed(("d", "bc"), [b"abcd"])) == "a"


def test_tokens_after_a_stop_text_have_no_score():
    pieces = _feed(("END",), [b"x", b"E", b"N", b"D"])
    assert [score.value for piece in pieces for score in piece.scores] == [b"x"]


def test_a_held_token_is_scored_once_it_is_out():
    pieces = _feed(("END",), [b"E", b"x"])
    assert [[score.value for score in piece.scores] for piece in pieces] == [[], [b"E", b"x"], []]
