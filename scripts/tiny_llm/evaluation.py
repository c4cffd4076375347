"""Measures the exported model, through the numpy code that serves it."""

import random
from collections.abc import Iterable

import numpy as np

from reference_nodes.tiny_llm_node.model import Cache, Floats, Model, advance, embed, logits
from reference_nodes.tiny_llm_node.template import Message, Role, chat_prompt, text_prompt
from reference_nodes.tiny_llm_node.tokenizer import END, Tokenizer
from scripts.tiny_llm import unknown
from scripts.tiny_llm.corpus import Corpus, Item, roughen
from scripts.tiny_llm.free_questions import KNOWN, UNKNOWN

_LONGEST = 96


def answer(model: Model, tokenizer: Tokenizer, question: str) -> str:
    """Return the model's greedy answer to one question."""
    tokens = chat_prompt(tokenizer, [Message(role=Role.USER, text=question)])
    cache = Cache(model.shape)
    said: list[int] = []
    while len(said) < _LONGEST:
        token = int(np.argmax(logits(model, advance(model, cache, tokens)[-1])))
        if token == END:
            break
        said.append(token)
        tokens = [token]
    return tokenizer.decode(said)


def evaluate(model: Model, tokenizer: Tokenizer, corpus: Corpus, limit: int) -> dict[str, float]:
    """Return the share of exactly right answers per group of held-out wordings.

    Args:
        model: The exported weights.
        tokenizer: Their tokenizer.
        corpus: Its held-out side is asked, clean, then as people type.
        limit: At most so many questions per group.
    """
    rng = random.Random(7)
    report: dict[str, float] = {}
    right = asked = rough = 0
    for group, items in corpus.held_out.items():
        chosen = rng.sample(items, min(limit, len(items)))
        hits = sum(answer(model, tokenizer, item.question) in item.answers for item in chosen)
        rough += sum(
            answer(model, tokenizer, roughen(item.question, rng)) in item.answers for item in chosen
        )
        report[f"exact_{group}"] = round(hits / len(chosen), 4)
        right, asked = right + hits, asked + len(chosen)
    # Freshly made questions; the lists of words are those of training, most combinations are new.
    strange = [unknown.unknown_question(rng) for _ in range(limit)]
    known = sum(answer(model, tokenizer, question) in unknown.ANSWERS for question in strange)
    report["admits_not_knowing"] = round(known / limit, 4)
    report["free_known"] = _share(
        text in answer(model, tokenizer, question) for question, text in KNOWN
    )
    report["free_admits_not_knowing"] = _share(
        answer(model, tokenizer, question) in (*unknown.ANSWERS, unknown.BIG_SUM)
        for question in UNKNOWN
    )
    report["exact_held_out"] = round(right / asked, 4)
    report["exact_held_out_roughened"] = round(rough / asked, 4)
    report["held_out_questions"] = asked
    report["embedding_neighbour"] = _neighbours(model, tokenizer, corpus, limit, rng)
    return report


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return round(sum(values) / len(values), 4)


def _neighbours(
    model: Model, tokenizer: Tokenizer, corpus: Corpus, limit: int, rng: random.Random
) -> float:
    """Return how often the nearest training wording has the same answer as the held-out one."""
    groups = ("definitions", "questions", "smalltalk")
    pool = [
        item
        for group in groups
        for item in rng.sample(corpus.train[group], min(5 * limit, len(corpus.train[group])))
    ]
    table = np.stack([_vector(model, tokenizer, item) for item in pool])
    asked = [item for group in groups for item in corpus.held_out[group][:limit]]
    hits = sum(
        pool[int(np.argmax(table @ _vector(model, tokenizer, item)))].answers == item.answers
        for item in asked
    )
    return round(hits / len(asked), 4)


def _vector(model: Model, tokenizer: Tokenizer, item: Item) -> Floats:
    return embed(model, text_prompt(tokenizer, item.question))
