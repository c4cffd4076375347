"""The node's durable memory: SQLite, one writer thread, one fsync for all who wait together.

A write has happened when `Journal.run` returns: WAL with synchronous=FULL means that the commit
was flushed (https://www.sqlite.org/pragma.html#pragma_synchronous). While one commit is being
flushed, further work gathers and shares the next one.
"""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar, cast, final

from opengradient.errors import ConfigurationError, OpenGradientError

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]
_Job: TypeAlias = "tuple[Work[Any], asyncio.Future[Any]]"

MAX_GROUP: Final = 256
"""Jobs in one commit; bounds how long the first of them waits for the last."""

Migrations: TypeAlias = Sequence[Sequence[str]]
"""Entry n holds the statements that lead from version n of a file to n + 1."""

SWITCH_SECONDS: Final = 0.0005
"""How long the event loop keeps the interpreter while the journal's thread wants it: each commit
needs it a few times, and with Python's 5 ms a receipt would mostly wait for that."""


@final
class Journal:
    """One SQLite file. Use it as an async context manager.

    Work is a plain function over a connection. It runs in the writer thread inside a
    transaction that it shares with others, so it raises (an `OpenGradientError`) only before its
    first write. Once a commit has failed, everything is refused: what was signed but not stored
    must not be followed by more.
    """

    def __init__(self, path: Path, migrations: Migrations) -> None:
        """Name the file.

        Args:
            path: The file; its folder is made with mode 700 where it is missing.
            migrations: What brings a file up to date. SQLite's user_version counts how many of
                them it has had; a file that has had more than these is refused.
        """
        self._path = path
        self._migrations = tuple(migrations)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._main, name="journal", daemon=True)
        self._opened: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.failed = False

    async def __aenter__(self) -> Self:
        """Open the file.

        Raises:
            ConfigurationError: It cannot be opened, is in use, or is of another version.
        """
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.create_future()
        self._thread.start()
        await self._opened
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was begun, then close the file."""
        self._closed = True
        self._jobs.put(None)
        # The last group is one flush away; a cancelled caller must not cut it short.
        self._thread.join()

    async def run(self, work: Work[T]) -> T:
        """Do some work and wait until it is durable.

        Args:
            work: Runs in the writer thread.

        Returns:
            What `work` returned.

        Raises:
            OpenGradientError: What `work` raised, or code ``node.storage``.
        """
        if self._loop is None or self._closed or self.failed:
            raise storage_error()
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((work, future))
        return await future

    def _main(self) -> None:
        connection: sqlite3.Connection | None = None
        problem: OpenGradientError | None = None
        try:
            connection = self._open()
        except (sqlite3.Error, OSError) as error:
            problem = ConfigurationError(f"the journal {self._path} cannot be opened: {error}")
        except ConfigurationError as error:
            problem = error
        self._call(_resolve, [(cast("asyncio.Future[Any]", self._opened), problem)])
        if connection is None:
            return
        try:
            while self._serve(connection):
                pass
        finally:
            connection.close()
            self._refuse_rest()

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)
        connection = sqlite3.connect(self._path, isolation_level=None)
        # EXCLUSIVE keeps a second process out of the same file.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(self._migrations):
            connection.close()
            raise ConfigurationError(
                f"the journal {self._path} has version {version}; "
                f"this release reads {len(self._migrations)}"
            )
        connection.execute("BEGIN IMMEDIATE")
        for statements in self._migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(self._migrations)}")
        connection.execute("COMMIT")
        return connection

    def _serve(self, connection: sqlite3.Connection) -> bool:
        """Commit one group; False when it was the last."""
        first = self._jobs.get()
        if first is None:
            return False
        group, more = [first], True
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                more = False
                break
            group.append(job)
        self._commit(connection, group)
        return more and not self.failed

    def _commit(self, connection: sqlite3.Connection, group: list[_Job]) -> None:
        outcomes: list[Any] | None = None
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [_attempt(connection, work) for work, _ in group]
            connection.execute("COMMIT")
            outcomes = results
        except sqlite3.Error:
            self.failed = True
        finally:  # a defect in some work also ends here, and must not leave others waiting
            if outcomes is None:
                self.failed = True
                outcomes = [storage_error()] * len(group)
            futures = [future for _, future in group]
            self._call(_resolve, list(zip(futures, outcomes, strict=True)))

    def _refuse_rest(self) -> None:
        self.failed = True
        rest = []
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None:
                rest.append((job[1], storage_error()))
        self._call(_resolve, rest)

    def _call(self, function: Callable[..., object], argument: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, argument)


def storage_error() -> OpenGradientError:
    """The error of a journal that is closed or broken."""
    return OpenGradientError("the node's journal cannot be written", code="node.storage")


def _attempt(connection: sqlite3.Connection, work: Work[Any]) -> object:
    try:
        return work(connection)
    except OpenGradientError as error:
        return error


def _resolve(outcomes: list[tuple["asyncio.Future[Any]", object]]) -> None:
    for future, outcome in outcomes:
        if future.done():  # its waiter was cancelled
            continue
        if isinstance(outcome, OpenGradientError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
