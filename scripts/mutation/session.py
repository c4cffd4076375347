"""The pytest plugin: collect once, learn which tests touch which lines, then fork per mutant."""

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from scripts.mutation.mutants import Mutant, mutants
from scripts.mutation.patching import Functions, NotApplicableError, apply, functions_of

KILLED, SURVIVED, TIMEOUT, UNREACHED, SKIPPED = (
    "killed",
    "survived",
    "timeout",
    "unreached",
    "skipped",
)
MUTANT_SECONDS = 20


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant."""

    file: str
    mutant: Mutant
    fate: str


@dataclass
class MutationSession:
    """Runs in the place of pytest's own loop.

    Attributes:
        targets: Source files, relative to `root`.
        root: Folder of the project.
        slowest: Tests that take longer than this many seconds are left out.
        until: `time.monotonic` at which no new mutant is begun.
        outcomes: Filled as it runs.
        unfinished: Mutants for which there was no time.
    """

    targets: list[Path]
    root: Path
    slowest: float
    until: float
    outcomes: list[Outcome] = field(default_factory=list)
    unfinished: int = 0
    baseline_failures: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)

    def pytest_collection_finish(self) -> None:
        """Make every test do the same each time."""
        from hypothesis import HealthCheck, settings  # pytest wants to see it imported first

        settings.register_profile(
            "mutation",
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=30,
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutation")
        logging.disable()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure, then mutate."""
        modules = {str((self.root / path).resolve()): _module(path) for path in self.targets}
        touched, seconds = self._measure(session.items, set(modules))
        functions = {name: functions_of(name) for name in modules}
        gc.collect()
        gc.freeze()  # or every child would copy every page that the collector looks at
        for path in self.targets:
            name = str((self.root / path).resolve())
            text = (self.root / path).read_text()
            for mutant in mutants(text):
                if time.monotonic() > self.until:
                    self.unfinished += 1
                    continue
                tests = _reaching(mutant, touched[name])
                # What killed a neighbour is likely to kill this one; then the quick ones.
                tests.sort(key=lambda item: (-self.kills[item.nodeid], seconds[item.nodeid]))
                limit = MUTANT_SECONDS + 3 * sum(seconds[item.nodeid] for item in tests)
                fate = self._try(mutant, modules[name], functions[name], tests, limit)
                self.outcomes.append(Outcome(str(path), mutant, fate))
            self._report(str(path))
            self.kills.clear()
        return True

    def _measure(
        self, items: list[pytest.Item], files: set[str]
    ) -> tuple[dict[str, dict[int, set[pytest.Item]]], dict[str, float]]:
        touched: dict[str, dict[int, set[pytest.Item]]] = defaultdict(lambda: defaultdict(set))
        seconds: dict[str, float] = {}
        for position, item in enumerate(items):
            following = items[position + 1] if position + 1 < len(items) else None
            start = time.monotonic()
            with _tracing(files) as lines:
                passed = _run(item, following)
            seconds[item.nodeid] = time.monotonic() - start
            if not passed:
                self.baseline_failures.append(item.nodeid)
            elif seconds[item.nodeid] <= self.slowest:
                for file, line in lines:
                    touched[file][line].add(item)
        return touched, seconds

    def _try(
        self,
        mutant: Mutant,
        module: ModuleType,
        functions: Functions,
        tests: list[pytest.Item],
        limit: float,
    ) -> str:
        if not tests:
            return UNREACHED
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            # Time of the processor, not of the clock: the machine may be busy.
            signal.setitimer(signal.ITIMER_VIRTUAL, limit)
            os._exit(_child(mutant, module, functions, tests, writing))
        os.close(writing)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading) as killer:
            name = killer.read()
        if name:
            self.kills[name] += 1
        if os.WIFSIGNALED(status):
            return TIMEOUT
        return {0: SURVIVED, 2: SKIPPED}.get(os.WEXITSTATUS(status), KILLED)

    def _report(self, path: str) -> None:
        mine = [item for item in self.outcomes if item.file == path]
        dead = sum(item.fate in {KILLED, TIMEOUT} for item in mine)
        counted = sum(item.fate != SKIPPED for item in mine)
        sys.stderr.write(f"{path}: {dead} of {counted}\n")
        sys.stderr.flush()


def _module(path: Path) -> ModuleType:
    parts = path.with_suffix("").parts
    return importlib.import_module(".".join(parts[1:]).removesuffix(".__init__"))


def _reaching(mutant: Mutant, lines: dict[int, set[pytest.Item]]) -> list[pytest.Item]:
    """The tests that run the changed lines; for a module's constant, all tests of the file."""
    if not mutant.function:
        return list({item for items in lines.values() for item in items})
    node: Any = mutant.node
    last = getattr(node, "end_lineno", mutant.line) or mutant.line
    return list({item for line in range(mutant.line, last + 1) for item in lines.get(line, ())})


def _child(
    mutant: Mutant,
    module: ModuleType,
    functions: Functions,
    tests: list[pytest.Item],
    report: int,
) -> int:
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        apply(mutant, module, functions)
    except NotApplicableError:
        return 2
    except BaseException:  # noqa: BLE001  a constant that cannot even be made: seen at import
        return 1
    try:
        for position, item in enumerate(tests):
            following = tests[position + 1] if position + 1 < len(tests) else None
            if not _run(item, following):
                os.write(report, item.nodeid.encode())
                return 1
    except BaseException:  # noqa: BLE001  whatever breaks the runner breaks the mutant
        return 1
    return 0


def _run(item: pytest.Item, following: pytest.Item | None) -> bool:
    if hasattr(item, "_initrequest"):
        item._initrequest()  # noqa: SLF001  an item that runs again needs new fixtures
    reports = runtestprotocol(item, nextitem=following, log=False)
    return not any(report.failed for report in reports)


@contextlib.contextmanager
def _tracing(files: set[str]) -> Iterator[set[tuple[str, int]]]:
    lines: set[tuple[str, int]] = set()

    def local(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def outer(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    threading.settrace(outer)
    sys.settrace(outer)
    try:
        yield lines
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
