import sqlite3
from pathlib import Path

import anyio
import pytest

from opengradient.errors import ConfigurationError, OpenGradientError
from reference_nodes._kit.journal import Journal

MIGRATIONS = (("CREATE TABLE t (a INTEGER PRIMARY KEY)",),)


def put(number: int):
    return lambda connection: connection.execute("INSERT INTO t VALUES (?)", (number,))


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT a FROM t ORDER BY a")]


async def test_what_run_returned_from_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j"
    async with Journal(path, MIGRATIONS) as journal:
        await journal.run(put(1))
        # Another process's view: the file as it lies there, without closing the journal.
        seen = (path.read_bytes(), path.with_name("j-wal").read_bytes())
    copy = tmp_path / "copy"
    copy.write_bytes(seen[0])
    copy.with_name("copy-wal").write_bytes(seen[1])
    async with Journal(copy, MIGRATIONS) as journal:
        assert await journal.run(numbers) == [1]
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_flushes_on_commit(tmp_path: Path) -> None:
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:

        def settings(connection: sqlite3.Connection) -> tuple[str, int]:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            return mode, connection.execute("PRAGMA synchronous").fetchone()[0]

        assert await journal.run(settings) == ("wal", 2)


async def test_those_who_wait_together_share_a_transaction(tmp_path: Path) -> None:
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        changes: list[int] = []

        async def write(number: int) -> None:
            await journal.run(put(number))
            changes.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(300):
                tasks.start_soon(write, number)
        assert sorted(changes) == await journal.run(numbers) == list(range(300))


async def test_an_error_of_ours_reaches_its_caller_only(tmp_path: Path) -> None:
    def refuse(_connection: sqlite3.Connection) -> None:
        raise ConfigurationError("no")

    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        outcomes: list[object] = []

        async def attempt(work) -> None:
            try:
                await journal.run(work)
            except OpenGradientError as error:
                outcomes.append(error.code)
            else:
                outcomes.append(None)

        async with anyio.create_task_group() as tasks:
            for work in (put(1), refuse, put(2)):
                tasks.start_soon(attempt, work)
        assert sorted(outcomes, key=str) == [None, None, "config.invalid"]
        assert await journal.run(numbers) == [1, 2]
        assert not journal.failed


async def test_after_a_failed_commit_everything_is_refused(tmp_path: Path) -> None:
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        await journal.run(put(1))
        for work in (put(1), put(2), numbers):
            with pytest.raises(OpenGradientError) as caught:
                await journal.run(work)
            assert caught.value.code == "node.storage"
        assert journal.failed
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        assert await journal.run(numbers) == [1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_defect_in_some_work_leaves_nobody_waiting(tmp_path: Path) -> None:
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        codes: list[str] = []

        async def attempt(work) -> None:
            try:
                await journal.run(work)
            except OpenGradientError as error:
                codes.append(error.code)

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for work in (lambda _: 1 // 0, put(1), put(2)):
                    tasks.start_soon(attempt, work)
        assert codes == ["node.storage"] * 3


async def test_two_nodes_cannot_share_a_journal(tmp_path: Path) -> None:
    async with Journal(tmp_path / "j", MIGRATIONS):
        with pytest.raises(ConfigurationError):
            async with Journal(tmp_path / "j", MIGRATIONS):
                pass


async def test_a_closed_journal_refuses(tmp_path: Path) -> None:
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        pass
    with pytest.raises(OpenGradientError):
        await journal.run(numbers)


async def test_what_was_begun_is_finished_at_the_end(tmp_path: Path) -> None:
    async with (
        anyio.create_task_group() as tasks,
        Journal(tmp_path / "j", MIGRATIONS) as journal,
    ):
        for number in range(50):
            tasks.start_soon(journal.run, put(number))
        await anyio.lowlevel.checkpoint()
    async with Journal(tmp_path / "j", MIGRATIONS) as journal:
        assert await journal.run(numbers) == list(range(50))
