"""Writes an answer token by token; plain and synchronous, so that it is easy to reason about."""

import codecs
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from reference_nodes.tiny_llm_node.model import Cache, Model, advance, logits
from reference_nodes.tiny_llm_node.sampling import Choice, Sampling, choose
from reference_nodes.tiny_llm_node.tokenizer import END, Tokenizer

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What to write.

    Attributes:
        prompt: Token ids to start from; fewer than the model's context.
        max_tokens: Most tokens to write; None writes until the context is full.
        stop: Texts before which the answer ends.
        sampling: How tokens are chosen.
        others: How many likely tokens to name beside each; None gives no probabilities at all.
    """

    prompt: tuple[int, ...]
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    others: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScore:
    """The probability of a written token, and of those that could have stood there."""

    value: bytes
    logprob: float
    others: tuple[tuple[bytes, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of an answer.

    Attributes:
        text: New text, perhaps none.
        scores: The tokens of that text, if they were asked for.
        finish: Why the answer ended; None while it goes on.
        tokens: How many tokens were written so far.
    """

    text: str
    scores: tuple[TokenScore, ...]
    finish: FinishReason | None
    tokens: int


def generate(model: Model, tokenizer: Tokenizer, generation: Generation) -> Iterator[Piece]:
    """Write an answer; yields a piece after every token, the last with its finish reason."""
    sampling = generation.sampling
    seed = secrets.randbits(64) if sampling.seed is None else sampling.seed % 2**64
    random = np.random.default_rng(seed)
    room = model.shape.context - len(generation.prompt)
    limit = room if generation.max_tokens is None else min(room, generation.max_tokens)
    cache, said, release = Cache(model.shape), Counter[int](), _Release(generation.stop)
    unread: list[int] = list(generation.prompt)
    written = 0
    while written < limit:
        scores = logits(model, advance(model, cache, unread)[-1])
        choice = choose(scores, said, sampling, random, others=generation.others or 0)
        if choice.token == END:
            yield release.rest("stop", written)
            return
        written += 1
        said[choice.token] += 1
        score = None if generation.others is None else _score(tokenizer, choice)
        piece = release.add(tokenizer.token_bytes(choice.token), score, written)
        yield piece
        if piece.finish is not None:
            return
        unread = [choice.token]
    yield release.rest("length", written)


def _score(tokenizer: Tokenizer, choice: Choice) -> TokenScore:
    return TokenScore(
        value=tokenizer.token_bytes(choice.token),
        logprob=choice.logprob,
        others=tuple((tokenizer.token_bytes(token), value) for token, value in choice.others),
    )


class _Release:
    """Holds bytes back while they may turn out to be a stop text or half a character."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stops = [text.encode() for text in stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = b""
        # Offsets count from the start of what is held; a token is named once its first byte is out.
        self._waiting: list[tuple[int, TokenScore]] = []

    def add(self, value: bytes, score: TokenScore | None, tokens: int) -> Piece:
        """Take the bytes of a token and return what can be shown now."""
        if score is not None:
            self._waiting.append((len(self._held), score))
        self._held += value
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            return self._release(min(found), "stop", tokens)
        return self._release(len(self._held) - self._doubtful(), None, tokens)

    def rest(self, finish: FinishReason, tokens: int) -> Piece:
        """Return what was held back: no stop text came of it."""
        return self._release(len(self._held), finish, tokens)

    def _release(self, count: int, finish: FinishReason | None, tokens: int) -> Piece:
        text = self._decoder.decode(self._held[:count], final=finish is not None)
        scores = tuple(score for place, score in self._waiting if place < count)
        self._waiting = [(place - count, score) for place, score in self._waiting if place >= count]
        self._held = self._held[count:]
        return Piece(text=text, scores=scores, finish=finish, tokens=tokens)

    def _doubtful(self) -> int:
        longest = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:size]):
                    longest = size
                    break
        return longest
