import math

import numpy as np
import pytest

from reference_nodes.tiny_llm_node.sampling import Sampling, choose
from reference_nodes.tiny_llm_node.tokenizer import BEGIN, END, USER

SIZE = 10


def _scores(**values):
    scores = np.full(SIZE, -5.0, np.float32)
    for name, value in values.items():
        scores[int(name[1:])] = value
    return scores


def _draws(scores, sampling, times=400, said=None):
    random = np.random.default_rng(3)
    return [choose(scores, said or {}, sampling, random).token for _ in range(times)]


def test_temperature_zero_takes_the_likeliest():
    assert set(_draws(_scores(t6=2, t7=1.9), Sampling())) == {6}


def test_a_tie_goes_to_the_lowest_id():
    assert set(_draws(_scores(t8=2, t7=2), Sampling(), 5)) == {7}


def test_speaker_marks_are_never_chosen():
    scores = np.zeros(SIZE, np.float32)
    scores[[BEGIN, USER]] = 50
    drawn = set(_draws(scores, Sampling(temperature=1)))
    assert drawn == {END, *range(5, SIZE)}


def test_draws_follow_the_probabilities():
    drawn = _draws(
        _scores(t6=math.log(3), t7=0, t5=-30, t8=-30, t9=-30, t4=-30), Sampling(temperature=1), 2000
    )
    assert drawn.count(6) / 2000 == pytest.approx(0.75, abs=0.04)


def test_low_temperature_sharpens():
    scores = _scores(t6=1, t7=0)
    warm = _draws(scores, Sampling(temperature=1)).count(6)
    cold = _draws(scores, Sampling(temperature=0.1)).count(6)
    assert cold > 395 > warm


def test_top_p_cuts_the_tail():
    scores = _scores(t6=math.log(6), t7=math.log(3), t8=0, t5=-30, t9=-30, t4=-30)
    assert set(_draws(scores, Sampling(temperature=1))) == {6, 7, 8}
    assert set(_draws(scores, Sampling(temperature=1, top_p=0.8))) == {6, 7}
    assert set(_draws(scores, Sampling(temperature=1, top_p=0.5))) == {6}
    assert set(_draws(scores, Sampling(temperature=1, top_p=0.0))) == {6}


def test_presence_penalty_counts_once_and_frequency_each_time():
    scores = _scores(t6=2, t7=1)
    assert set(_draws(scores, Sampling(presence_penalty=0.6), 3, {6: 3})) == {6}
    assert set(_draws(scores, Sampling(presence_penalty=1.2), 3, {6: 1})) == {7}
    assert set(_draws(scores, Sampling(frequency_penalty=0.6), 3, {6: 3})) == {7}


def test_logprobs_are_those_of_the_model_whatever_the_sampling():
    scores = _scores(t6=math.log(3), t7=0, t5=-40, t8=-40, t9=-40, t4=-40)
    choice = choose(
        scores,
        {6: 1},
        Sampling(presence_penalty=2, temperature=0.01),
        np.random.default_rng(1),
        others=2,
    )
    assert choice.token == 7
    assert choice.logprob == pytest.approx(math.log(0.25), abs=1e-6)
    assert [token for token, _ in choice.others] == [6, 7]
    assert choice.others[0][1] == pytest.approx(math.log(0.75), abs=1e-6)
