"""Byte-level byte-pair encoding: text to token ids and back, without loss."""

import functools
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opengradient.errors import ConfigurationError, UnsupportedError

FORMAT = "og-tiny-bpe-1"
SPECIALS = ("<|begin|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
BEGIN, SYSTEM, USER, ASSISTANT, END = range(len(SPECIALS))
FIRST_BYTE = len(SPECIALS)
FIRST_MERGE = FIRST_BYTE + 256

# Text is cut into words, single digits, signs and spaces before bytes are merged; together the
# alternatives match every character. A piece has 32 characters at most, so that merging, which is
# quadratic in a piece, stays linear in the text.
_PIECES = re.compile(r" ?[^\W\d_]{1,32}| ?\d| ?[^\w\s]{1,32}| ?_{1,32}|\s{1,32}?(?=\s\S)|\s{1,32}")

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """Encodes and decodes with a fixed list of merges.

    Ids stand for the special tokens, then the 256 bytes, then the merges in order. Text never
    encodes to a special token, so a user cannot end a turn by typing its name.

    Attributes:
        merges: The pairs of ids that are joined, the first learned first.
    """

    merges: tuple[Pair, ...]
    _ranks: dict[Pair, int] = field(init=False, repr=False)
    _bytes: tuple[bytes, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values: list[bytes] = [b""] * FIRST_BYTE + [bytes([value]) for value in range(256)]
        for left, right in self.merges:
            if not (FIRST_BYTE <= left < len(values) and FIRST_BYTE <= right < len(values)):
                raise ConfigurationError(f"merge ({left}, {right}) names a later token")
            values.append(values[left] + values[right])
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(self.merges)})
        object.__setattr__(self, "_bytes", tuple(values))

    @property
    def size(self) -> int:
        """The number of token ids."""
        return len(self._bytes)

    @property
    def longest(self) -> int:
        """The number of bytes in the longest token."""
        return max(map(len, self._bytes))

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text; lone surrogates, which are no text, become U+FFFD."""
        clean = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return [token for piece in pieces(clean) for token in _merge(self, piece)]

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one token; a special token has none."""
        return self._bytes[token]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of ids; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(map(self.token_bytes, tokens)).decode("utf-8", "replace")

    # Identity is enough for the cache below, and hashing every merge for each word would be slow.
    __hash__ = object.__hash__


def pieces(text: str) -> list[str]:
    """Cut a text into the pieces inside which bytes are merged; joined, they are the text."""
    return _PIECES.findall(text)


@functools.lru_cache(maxsize=8192)
def _merge(tokenizer: Tokenizer, piece: str) -> Sequence[int]:
    tokens = [FIRST_BYTE + value for value in piece.encode()]
    ranks = tokenizer._ranks  # noqa: SLF001 - this function is the tokenizer's own, outside for its cache
    while len(tokens) > 1:
        pairs = list(itertools.pairwise(tokens))
        best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        tokens = replace_pair(tokens, best, FIRST_MERGE + ranks[best])
    return tuple(tokens)


def replace_pair(tokens: Sequence[int], pair: Pair, merged: int) -> list[int]:
    """Return the ids with each occurrence of a pair, from the left, replaced by one id."""
    result: list[int] = []
    place = 0
    while place < len(tokens):
        if tuple(tokens[place : place + 2]) == pair:
            result.append(merged)
            place += 2
        else:
            result.append(tokens[place])
            place += 1
    return result


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer file.

    Raises:
        UnsupportedError: The file has another format.
        ConfigurationError: The file is damaged.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read the tokenizer {path.name}: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UnsupportedError(f"{path.name} is not a tokenizer of format {FORMAT}")
    merges = document.get("merges")
    if set(document) != {"format", "specials", "merges"} or document["specials"] != list(SPECIALS):
        raise ConfigurationError(f"{path.name} has other fields or special tokens than expected")
    if not isinstance(merges, list) or not all(_is_pair(pair) for pair in merges):
        raise ConfigurationError(f"{path.name} has merges that are not pairs of ids")
    return Tokenizer(merges=tuple((left, right) for left, right in merges))


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write a tokenizer file that `load_tokenizer` reads."""
    merges = [list(pair) for pair in tokenizer.merges]
    document = {"format": FORMAT, "specials": list(SPECIALS), "merges": merges}
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(item) is int for item in value)
