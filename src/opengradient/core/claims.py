"""Claims: what a check found, how well it stands, and what it rests on."""

import enum
from dataclasses import dataclass
from typing import final


class Status(enum.StrEnum):
    """How well a claim stands.

    PROVEN: follows from the checked bytes and the caller's trust roots.
    ASSERTED: somebody says so, and the verdict names who.
    ABSENT: nothing was said or shown.
    """

    PROVEN = "proven"
    ASSERTED = "asserted"
    ABSENT = "absent"


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """One claim.

    Attributes:
        name: Stable name, for example ``"response"``.
        status: How well it stands.
        source: What or who it rests on.
        detail: The value that was checked, in words.
    """

    name: str
    status: Status
    source: str
    detail: str = ""


def age_in_words(milliseconds: int) -> str:
    """An age for people: minutes, then hours, then days."""
    minutes = max(0, milliseconds) // 60_000
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
