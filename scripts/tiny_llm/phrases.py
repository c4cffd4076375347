"""Sentence patterns: ``{a|b}`` means either, ``{|a}`` means with or without."""

import itertools
import re
from collections.abc import Iterator

_CHOICE = re.compile(r"\{([^{}]*)\}")


def expand(pattern: str) -> Iterator[str]:
    """Yield every sentence of a pattern, in order, with its spaces tidied.

    Args:
        pattern: Text with alternatives in braces, which do not nest.
    """
    pieces = _CHOICE.split(pattern)
    options = [piece.split("|") if odd else [piece] for odd, piece in _numbered(pieces)]
    for chosen in itertools.product(*options):
        yield re.sub(r" +", " ", "".join(chosen)).replace(" ?", "?").replace(" .", ".").strip()


def _numbered(pieces: list[str]) -> Iterator[tuple[bool, str]]:
    for position, piece in enumerate(pieces):
        yield position % 2 == 1, piece


def capital(text: str) -> str:
    """Return the text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def without_article(term: str) -> str:
    """Return the term without its leading article."""
    return re.sub(r"^(a|an|the) ", "", term)
