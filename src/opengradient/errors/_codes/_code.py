"""One row of the table of codes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means and what its reader should do.

    Attributes:
        meaning: One sentence: what happened.
        hint: One or two sentences: what to do next.
    """

    meaning: str
    hint: str
