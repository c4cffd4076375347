"""Puts the text together: questions with their right answers, split, roughened and strung into talks."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from scripts.tiny_llm import facts, smalltalk, tables, unknown
from scripts.tiny_llm.definitions import DEFINITIONS
from scripts.tiny_llm.phrases import capital, expand, without_article
from scripts.tiny_llm.questions import QUESTIONS

# Every HELD_OUT-th wording of a question is never trained on: it measures the model.
HELD_OUT = 12
_WEIGHTS = {
    "definitions": 22,
    "questions": 16,
    "words": 6,
    "capitals": 9,
    "colours": 3,
    "opposites": 5,
    "places": 4,
    "animals": 2,
    "counts": 4,
    "orders": 5,
    "letters": 2,
    "counting": 5,
    "sums": 9,
    "short_sums": 4,
    "word_sums": 3,
    "smalltalk": 8,
}
_FREE_WEIGHTS = {"unknown": 20, "big_sum": 3, "names": 3, "follow_up": 3}
_SINGULAR = (
    "{What is|What's|What exactly is|So what is} {t}?",
    "{Explain|Describe|Please explain|Can you explain|Could you explain} {t}{| to me| in simple words| briefly}.",
    "{Tell me about|Tell me what|I want to know about|Say something about|Can you tell me about} {t}.",
    "{Do you know|Can you tell me|Tell me|Please tell me|I want to know} what {t} is.",
    "{What does|What does the word|What does the term} {b} mean?",
    "{Define|Please define|Give me a definition of|Definition of|What is the definition of|What is the meaning of|What is meant by|What do you mean by} {b}?",
    "{How would you|How do you|Can you} {explain|describe|define} {t}?",
    "{b}?",
    "What {b} is?",
    "{b}",
    "I do not understand {t}.",
    "{In one sentence, what is|In short, what is|In simple words, what is|And what is} {t}?",
    "What is {t} {and why does it matter|good for|used for|in one sentence|in simple words}?",
    "{Explain|Describe} {t} {in one sentence|to a child|like I am five}.",
)
_PLURAL = (
    "{What are|What exactly are} {p}?",
    "{Explain|Describe|Please explain|Can you explain} {p}{| to me}.",
    "{Tell me about|I want to know about|Say something about} {p}.",
    "{Do you know|Tell me} what {p} are.",
    "{p}?",
)
_SYSTEM = (
    "You are a helpful assistant.",
    "You are a helpful and honest assistant.",
    "Answer in one sentence.",
    "Be brief.",
    "You are tiny, a small language model.",
    "Answer the question of the user.",
    "You are an assistant for OpenGradient.",
    "Be concise and polite.",
    "You are an AI assistant. Answer truthfully.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question and its right answers."""

    question: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question as a person might type it, and the answer to learn."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """All items by group, and those kept back to measure the model."""

    train: dict[str, list[Item]] = field(default_factory=dict)
    held_out: dict[str, list[Item]] = field(default_factory=dict)


def build() -> Corpus:
    """Return the whole corpus; it is the same on every machine."""
    corpus = Corpus()
    merged: dict[tuple[str, str], set[str]] = {}
    for group, question, answers in _items():
        merged.setdefault((group, question), set()).update(answers)
    for (group, question), right in merged.items():
        digest = hashlib.sha256(question.lower().encode()).digest()
        side = corpus.held_out if int.from_bytes(digest[:4]) % HELD_OUT == 0 else corpus.train
        side.setdefault(group, []).append(Item(question=question, answers=tuple(sorted(right))))
    return corpus


def _items() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for term, plural, answer in DEFINITIONS:
        for question in _definition_questions(term, plural):
            yield "definitions", question, (answer,)
    for term, answer in tables.WORDS:
        for question in _definition_questions(term, ""):
            yield "words", question, (answer,)
    for group, table in (("questions", QUESTIONS), ("smalltalk", smalltalk.SMALLTALK)):
        for pattern, *answers in table:
            for question in expand(pattern):
                yield group, capital(question), tuple(answers)
    for group, (question, right) in facts.facts():
        yield group, question, right


def _definition_questions(term: str, plural: str) -> Iterator[str]:
    for pattern in _SINGULAR:
        filled = pattern.replace("{t}", term).replace("{b}", without_article(term))
        for question in expand(filled):
            yield capital(question)
    for pattern in _PLURAL if plural else ():
        for question in expand(pattern.replace("{p}", plural)):
            yield capital(question)


class Sampler:
    """Draws talks for training, always in the same order for the same seed."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self._rng = random.Random(seed)
        # Answers are drawn before questions, so that each is seen equally often however many wordings it has.
        self._by_answer: dict[str, list[list[Item]]] = {}
        for group, items in corpus.train.items():
            buckets: dict[tuple[str, ...], list[Item]] = {}
            for item in items:
                buckets.setdefault(item.answers, []).append(item)
            self._by_answer[group] = list(buckets.values())
        weights = _WEIGHTS | _FREE_WEIGHTS
        self._groups, self._weights = list(weights), list(weights.values())

    def talk(self) -> tuple[str | None, list[Turn]]:
        """Return a system prompt, or None, and one to six turns."""
        rng = self._rng
        turns: list[Turn] = []
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6))):
            turns += self._turns(rng.choices(self._groups, self._weights)[0])
        return (rng.choice(_SYSTEM) if rng.random() < 0.25 else None), turns

    def _turns(self, group: str) -> list[Turn]:
        rng = self._rng
        if group == "unknown":
            return [
                Turn(
                    question=roughen(unknown.unknown_question(rng), rng),
                    answer=rng.choice(unknown.ANSWERS),
                )
            ]
        if group == "big_sum":
            return [Turn(question=unknown.big_sum(rng), answer=unknown.BIG_SUM)]
        if group == "names":
            return self._names()
        if group == "follow_up":
            return self._follow_up()
        item = rng.choice(rng.choice(self._by_answer[group]))
        return [Turn(question=roughen(item.question, rng), answer=rng.choice(item.answers))]

    def _names(self) -> list[Turn]:
        rng = self._rng
        name = capital(unknown.made_up_word(rng))
        asked = rng.choice(smalltalk.NAME_QUESTIONS)
        if rng.random() < 0.2:
            return [Turn(question=asked, answer=smalltalk.NO_NAME)]
        told = rng.choice(smalltalk.NAME_FORMS).replace("NAME", name)
        turns = [Turn(question=told, answer=f"Nice to meet you, {name}.")]
        if rng.random() < 0.3:
            turns += self._turns("capitals")
        return [*turns, Turn(question=asked, answer=f"Your name is {name}.")]

    def _follow_up(self) -> list[Turn]:
        rng = self._rng
        if rng.random() < 0.5:
            table, answer = tables.CAPITALS, "The capital of {} is {}."
            first = "What is the capital of {}?"
        else:
            table, answer, first = tables.COLOURS, "{} is {}.", "What colour is {}?"
        one, two = rng.sample(list(table.items()), 2)
        form = rng.choice(
            ("And {}?", "And of {}?", "What about {}?", "And what about {}?", "And that of {}?")
        )
        return [
            Turn(question=roughen(first.format(one[0]), rng), answer=capital(answer.format(*one))),
            Turn(question=form.format(two[0]), answer=capital(answer.format(*two))),
        ]


_POLITE = (
    "Please: ",
    "Hello, ",
    "Hi! ",
    "Tell me, ",
    "I have a question. ",
    "Excuse me, ",
    "Ok, ",
    "Now ",
    "So, ",
    "And ",
    "Quick question: ",
)


def roughen(question: str, rng: random.Random) -> str:
    """Return the question as a person might type it: lower case, no mark at the end, a slip of the finger."""
    chance = rng.random()
    if chance < 0.10:
        opening = rng.choice(_POLITE)
        question = opening + (
            question[:1].lower() + question[1:]
            if opening[-2] in ",w:" and not question.startswith("I ")
            else question
        )
    if rng.random() < 0.20:
        question = question.lower()
    if rng.random() < 0.20:
        question = question.rstrip("?.!")
    elif rng.random() < 0.06:
        question = question.rstrip("?.!") + rng.choice((" ?", "??", "!", ".", "?!"))
    if rng.random() < 0.10 and len(question) > 12:
        question = _slip(question, rng)
    return question.upper() if rng.random() < 0.01 else question


def _slip(text: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(text) - 2)
    if not (text[place].isalpha() and text[place + 1].isalpha()):
        return text
    kind = rng.randrange(3)
    if kind == 0:
        return text[:place] + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place] + text[place:]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
