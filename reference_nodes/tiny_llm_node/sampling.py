"""Chooses the next token from the model's scores."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_nodes.tiny_llm_node.model import Floats
from reference_nodes.tiny_llm_node.tokenizer import END, FIRST_BYTE

_FORBIDDEN = [token for token in range(FIRST_BYTE) if token != END]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How much chance there is in an answer.

    Attributes:
        temperature: 0 always takes the most likely token.
        top_p: Only the likeliest tokens that together reach this probability may be drawn.
        seed: The same seed draws the same tokens; None draws a fresh seed.
        presence_penalty: Taken off the score of each token that was said before.
        frequency_penalty: The same, for each time it was said.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A chosen token.

    Attributes:
        token: Its id.
        logprob: Natural logarithm of its probability, before temperature and penalties.
        others: The likeliest tokens with theirs, the likeliest first.
    """

    token: int
    logprob: float
    others: tuple[tuple[int, float], ...]


def choose(
    scores: Floats,
    said: Mapping[int, int],
    sampling: Sampling,
    random: np.random.Generator,
    *,
    others: int = 0,
) -> Choice:
    """Choose a token.

    Args:
        scores: The model's score for each token id.
        said: How often each token was said in this answer.
        sampling: Temperature, nucleus and penalties.
        random: Draws the token, unless the temperature is 0.
        others: How many of the likeliest tokens to name.
    """
    allowed = scores.astype(np.float64)
    # A turn is opened by its speaker, never by the model.
    allowed[_FORBIDDEN] = -np.inf
    logprobs = _log_softmax(allowed)
    for token, times in said.items():
        allowed[token] -= sampling.presence_penalty + times * sampling.frequency_penalty
    if sampling.temperature == 0:
        token = int(np.argmax(allowed))
    else:
        token = _draw(np.exp(_log_softmax(allowed / sampling.temperature)), sampling.top_p, random)
    ranked = np.argsort(-logprobs, kind="stable")[:others]
    return Choice(
        token=token,
        logprob=float(logprobs[token]),
        others=tuple((int(other), float(logprobs[other])) for other in ranked),
    )


def _draw(probabilities: NDArray[np.float64], top_p: float, random: np.random.Generator) -> int:
    order = np.argsort(-probabilities, kind="stable")
    sums = np.cumsum(probabilities[order])
    # The nucleus is the shortest head that reaches top_p; it holds one token at least.
    size = min(int(np.searchsorted(sums, top_p)) + 1, len(order))
    return int(
        order[
            min(
                int(np.searchsorted(sums[:size], random.random() * sums[size - 1], "right")),
                size - 1,
            )
        ]
    )


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = scores - scores.max()
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return result
