"""Learns the merges of the tokenizer from the text."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable

from reference_nodes.tiny_llm_node.tokenizer import (
    FIRST_BYTE,
    FIRST_MERGE,
    Pair,
    Tokenizer,
    pieces,
    replace_pair,
)


def learn(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a tokenizer with the given number of ids.

    The most frequent pair is merged first; of equally frequent ones that with the lowest ids, so
    that the result is the same everywhere.
    """
    counts = Counter(piece for text in texts for piece in pieces(text))
    words = [
        ([FIRST_BYTE + value for value in piece.encode()], count) for piece, count in counts.items()
    ]
    pairs: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, (tokens, count) in enumerate(words):
        for pair in itertools.pairwise(tokens):
            pairs[pair] += count
            where[pair].add(index)
    merges: list[Pair] = []
    while FIRST_MERGE + len(merges) < size:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        merged = FIRST_MERGE + len(merges)
        merges.append(best)
        for index in sorted(where.pop(best)):
            tokens, count = words[index]
            for pair in itertools.pairwise(tokens):
                pairs[pair] -= count
            tokens = replace_pair(tokens, best, merged)
            words[index] = (tokens, count)
            for pair in itertools.pairwise(tokens):
                pairs[pair] += count
                where[pair].add(index)
        del pairs[best]
    return Tokenizer(merges=tuple(merges))
