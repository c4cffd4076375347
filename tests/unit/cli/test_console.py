"""What people see."""

import pytest

from opengradient.cli import console
from opengradient.cli.asking import Flow
from opengradient.verify.verdict import Claim, Status


def test_control_characters_of_a_model_do_not_act() -> None:
    assert (
        console.printable("a\x1b[2Jb\x07\r\u202ec\n\td é") == "a\\x1b[2Jb\\x07\\x0d\\x202ec\n\td é"
    )
    assert console.plain("[red]x[/red]").plain == "[red]x[/red]"


def test_every_status_has_a_word_beside_its_symbol(capsys: pytest.CaptureFixture[str]) -> None:
    claims = [Claim(status.value, status, "source", "detail") for status in Status]
    console.console().print(console.claims_table(claims))
    shown = capsys.readouterr().out
    assert "✓ proven" in shown
    assert "~ asserted" in shown
    assert "· absent" in shown


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_flow_wraps_at_words_whatever_the_pieces(size: int) -> None:
    text = "The quick brown fox jumps over the lazy dog.\nAgain: " + "x" * 50
    written: list[str] = []
    flow = Flow(written.append, width=26, margin="| ")
    for start in range(0, len(text), size):
        flow.feed(text[start : start + size])
    flow.end()
    lines = "".join(written).splitlines()
    assert all(line.startswith("| ") and len(line.rstrip()) <= 27 for line in lines)
    words = " ".join(line.removeprefix("| ") for line in lines).split()
    assert "".join(words) == "".join(text.split())


def test_short_keeps_both_ends() -> None:
    assert console.short("0x" + "ab" * 32) == "0xabababab…ababab"
    assert console.short("short") == "short"
