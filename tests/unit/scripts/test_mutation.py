"""The mutation harness: which changes it makes, that they take hold, and how it counts them."""

import os
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from scripts.mutation import patching, report
from scripts.mutation.mutants import mutants
from scripts.mutation.session import KILLED, SURVIVED, UNREACHED, Outcome

SOURCE = '''"""A module."""
LIMIT: int = 3


class Door:
    def check(self, value: int) -> int:
        """Docstrings stay."""
        if value > LIMIT and not value % 2:
            raise ValueError("stays", code="door.closed")
        self.note(value, why="x")
        return value + 1

    def note(self, value: int, why: str = "") -> None:
        pass
'''


def changes() -> Counter:
    return Counter((m.what, m.function) for m in mutants(SOURCE))


def test_every_kind_of_change_is_made():
    inside = "Door.check"
    assert changes() == Counter(
        {
            ("3 -> 4", ""): 1,
            ("condition -> False", inside): 1,
            ("condition -> True", inside): 1,
            ("And -> Or", inside): 1,
            ("drop operand: value > LIMIT", inside): 1,
            ("drop operand: not value % 2", inside): 1,
            ("Gt -> GtE", inside): 1,
            ("drop not", inside): 1,
            ("Mod -> Mult", inside): 1,
            ("2 -> 3", inside): 1,
            ("remove raise", inside): 1,
            ("another code", inside): 1,
            ("remove call", inside): 1,
            ("drop argument: why", inside): 1,
            ("Add -> Sub", inside): 1,
            ("1 -> 2", inside): 1,
        }
    )


def in_a_child(work) -> int:
    """What `work` returns, from a process of its own: a change cannot be undone."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def door(tmp_path, monkeypatch):
    path = tmp_path / "a_door_to_change.py"
    path.write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import a_door_to_change

    yield a_door_to_change
    del sys.modules["a_door_to_change"]


@pytest.mark.parametrize(
    ("what", "value", "result"),
    [("Add -> Sub", 2, 1), ("condition -> False", 4, 5), ("3 -> 4", 4, 5), ("Gt -> GtE", 3, 4)],
)
def test_a_change_takes_hold_in_functions_that_others_hold(door, what, value, result):
    check = door.Door().check
    mutant = next(mutant for mutant in mutants(SOURCE) if mutant.what == what)
    functions = patching.functions_of(door.__file__)

    def work() -> int:
        patching.apply(mutant, door, functions)
        return check(value)

    assert in_a_child(work) == result


def test_counting():
    made = list(mutants(SOURCE))
    path = "src/opengradient/door.py"
    fates = (KILLED, SURVIVED, UNREACHED)
    outcomes = [Outcome(path, mutant, fate) for mutant, fate in zip(made, fates, strict=False)]
    rows = report.rows_of(SimpleNamespace(outcomes=outcomes))
    assert [row["fate"] for row in rows] == list(fates)
    why = {"source": made[1].source, "what": made[1].what, "why": "no matter"}
    numbers = report.counts(rows, {"door.py": [why]})
    assert numbers == {"mutants": 3, "killed": 1, "equivalent": 1, "missed": 1, "skipped": 0}
    assert report.score(numbers) == "33.3%"
    for function, explained in ((made[1].function, 1), ("elsewhere", 0)):
        narrow = {"door.py": [{**why, "function": function}]}
        assert report.counts(rows, narrow)["equivalent"] == explained
    page = report.page(rows, {"door.py": [why]}, 2)
    assert "no matter" in page
    assert "a test is missing" in page
    assert "no time for 2" in page
    assert made[2].what in report.summary(rows, {"door.py": [why]})


def test_of_several_runs_the_last_counts():
    def run(*pairs):
        return [{"file": file, "fate": fate} for file, fate in pairs]

    both = report.merged([run(("a", SURVIVED), ("b", KILLED)), run(("a", KILLED))])
    assert both == run(("a", KILLED), ("b", KILLED))
