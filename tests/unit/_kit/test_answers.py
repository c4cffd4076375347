from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from opengradient.errors import ConfigurationError, OpenGradientError
from reference_nodes._kit import answers
from reference_nodes._kit.answers import KEEP_MS, Answer, AnswerStore, Ticket
from reference_nodes._kit.journal import Journal

HASH = b"\x01" * 32
ANSWER = Answer(status=200, stream=False, body=b"the answer \xff", retry_after=None)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "j", (answers.SCHEMA,)) as opened:
        yield opened


async def keep(journal: Journal, store: AnswerStore, key: str = "key", now_ms: int = 0) -> None:
    ticket = await store.claim(key, HASH, now_ms=now_ms, patience=0)
    assert isinstance(ticket, Ticket)
    row = ticket.seal(ANSWER, now_ms=now_ms)
    await journal.run(lambda connection: answers.insert(connection, row))
    store.release(ticket)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("retry_after", [None, 1.5])
def test_an_answer_survives_its_encoding(stream: bool, retry_after: float | None) -> None:
    answer = Answer(status=502, stream=stream, body=b"\x00\n" * 9, retry_after=retry_after)
    assert Answer.decode(answer.encode()) == answer


async def test_first_answer_is_found_again(journal: Journal) -> None:
    store = AnswerStore(journal)
    await keep(journal, store)
    assert await store.claim("key", HASH, now_ms=1, patience=0) == ANSWER
    assert await AnswerStore(journal).look_up("key", now_ms=1) == ANSWER
    assert await store.look_up("other", now_ms=1) is None


async def test_another_request_is_a_conflict(journal: Journal) -> None:
    store = AnswerStore(journal)
    await keep(journal, store)
    for _ in range(2):  # the refused claim must not hold the key
        with pytest.raises(ConfigurationError) as caught:
            await store.claim("key", b"\x02" * 32, now_ms=1, patience=0)
        assert caught.value.code == "node.idempotency_conflict"
    assert await store.claim("key", HASH, now_ms=1, patience=0) == ANSWER


async def test_conflict_shows_while_the_first_still_runs(journal: Journal) -> None:
    store = AnswerStore(journal)
    await store.claim("key", HASH, now_ms=0, patience=0)
    with pytest.raises(ConfigurationError) as caught:
        await store.claim("key", b"\x02" * 32, now_ms=0, patience=9)
    assert caught.value.code == "node.idempotency_conflict"
    with pytest.raises(ConfigurationError) as caught:
        await store.claim("key", HASH, now_ms=0, patience=0)
    assert caught.value.code == "node.in_progress"
    assert await store.look_up("key", now_ms=0) is True


async def test_one_of_many_runs_and_the_others_get_its_answer(journal: Journal) -> None:
    store = AnswerStore(journal)
    outcomes: list[object] = []

    async def ask() -> None:
        claimed = await store.claim("key", HASH, now_ms=0, patience=5)
        outcomes.append(claimed)
        if isinstance(claimed, Ticket):
            row = claimed.seal(ANSWER, now_ms=0)
            await journal.run(lambda connection: answers.insert(connection, row))
            store.release(claimed)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(ask)
    assert sum(isinstance(outcome, Ticket) for outcome in outcomes) == 1
    assert outcomes.count(ANSWER) == 9


async def test_a_run_that_left_no_answer_lets_the_next_one_run(journal: Journal) -> None:
    store = AnswerStore(journal)
    store.release(await store.claim("key", HASH, now_ms=0, patience=0))
    assert isinstance(await store.claim("key", HASH, now_ms=0, patience=0), Ticket)


async def test_answers_expire(journal: Journal) -> None:
    store = AnswerStore(journal)
    await keep(journal, store)
    assert await store.look_up("key", now_ms=KEEP_MS) == ANSWER
    assert await store.look_up("key", now_ms=KEEP_MS + 1) is None
    await keep(journal, store, now_ms=KEEP_MS + 1)  # takes the place of the expired one
    assert await store.look_up("key", now_ms=KEEP_MS + 2) == ANSWER
    await store.forget_expired(now_ms=3 * KEEP_MS)
    rows = await journal.run(
        lambda connection: connection.execute("SELECT 1 FROM answers").fetchall()
    )
    assert rows == []


async def test_a_changed_row_is_refused(journal: Journal) -> None:
    store = AnswerStore(journal)
    await keep(journal, store)
    await journal.run(
        lambda connection: connection.execute(
            "UPDATE answers SET request_hash = ?", (b"\x03" * 32,)
        )
    )
    with pytest.raises(OpenGradientError) as caught:
        await store.look_up("key", now_ms=1)
    assert caught.value.code == "node.storage"


async def test_the_file_shows_neither_key_nor_answer(journal: Journal, tmp_path: Path) -> None:
    store = AnswerStore(journal)
    await keep(journal, store, key="capability-0123")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"capability-0123" not in stored
    assert b"the answer" not in stored


async def test_private_answers_stay_in_memory_and_the_oldest_goes(journal: Journal) -> None:
    store = AnswerStore(journal, max_private_bytes=2 * len(ANSWER.body))
    for key in ("a", "b", "c"):
        ticket = await store.claim(key, HASH, now_ms=0, patience=0)
        assert isinstance(ticket, Ticket)
        store.keep_private(ticket, ANSWER)
        store.release(ticket)
    assert await store.look_up("a", now_ms=0) is None
    assert await store.look_up("b", now_ms=0) == await store.look_up("c", now_ms=0) == ANSWER
    with pytest.raises(ConfigurationError):
        await store.claim("c", b"\x02" * 32, now_ms=0, patience=0)
    assert await AnswerStore(journal).look_up("c", now_ms=0) is None
