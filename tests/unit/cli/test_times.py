"""Times as people type them."""

import pytest

from opengradient.cli.times import parse_time


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-01-03T21:00:00Z", 1_767_474_000_000),
        ("2026-01-03T21:00:00z", 1_767_474_000_000),
        ("2026-01-03T22:00:00+01:00", 1_767_474_000_000),
        ("2026-01-03T21:00:00.250Z", 1_767_474_000_250),
        ("1767474000", 1_767_474_000_000),
        ("1767474000250", 1_767_474_000_250),
        ("0", 0),
    ],
)
def test_accepted(text: str, milliseconds: int) -> None:
    assert parse_time(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-01-03T21:00:00", "2026-01-03", "-5", "1.5", "2026-13-01T00:00:00Z"],
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_time(text)
