"""What a node answered, kept for whoever repeats the request with the same Idempotency-Key.

The operator's disk shows nothing: an answer is sealed under a key derived from the client's
idempotency key, which is not stored. So an idempotency key has to be random, like a password.
Answers of PRIVATE inferences stay in memory.
"""

import json
import secrets
import sqlite3
import struct
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, final

import anyio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opengradient.core.canonical import compact_json
from opengradient.core.digests import equal, sha256
from opengradient.errors import ConfigurationError
from reference_nodes._kit.journal import Journal, storage_error

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS answers (
        key_hash BLOB PRIMARY KEY, request_hash BLOB NOT NULL, expires_ms INTEGER NOT NULL,
        sealed BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS answers_old ON answers (expires_ms)",
)

KEEP_MS: Final = 24 * 60 * 60 * 1000
"""A day: longer than any client retries."""

MAX_PRIVATE_BYTES: Final = 64 * 1024 * 1024
"""Memory for the answers of PRIVATE inferences; the oldest go first."""

_NONCE_BYTES: Final = 12
_LENGTH: Final = struct.Struct(">I")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole HTTP answer.

    Attributes:
        status: HTTP status.
        stream: Whether the body is server-sent events.
        body: The bytes.
        retry_after: Seconds, for the header of that name.
        media_type: What the body is.
    """

    status: int
    stream: bool
    body: bytes
    retry_after: float | None = None
    media_type: str = "application/json"

    def encode(self) -> bytes:
        """For the store: the head as JSON behind its length, then the body."""
        head = compact_json([self.status, self.stream, self.retry_after, self.media_type])
        return _LENGTH.pack(len(head)) + head + self.body

    @classmethod
    def decode(cls, data: bytes) -> "Answer":
        """Read what `encode` wrote."""
        (length,) = _LENGTH.unpack_from(data)
        status, stream, retry_after, *rest = json.loads(data[4 : 4 + length])
        answer = cls(status=status, stream=stream, body=data[4 + length :], retry_after=retry_after)
        # An earlier release wrote three members.
        return replace(answer, media_type=rest[0]) if rest else answer


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAnswer:
    """A row of the store."""

    key_hash: bytes
    request_hash: bytes
    expires_ms: int
    sealed: bytes


def insert(connection: sqlite3.Connection, row: SealedAnswer) -> None:
    """Store one answer; only one that expired can stand in its place."""
    connection.execute(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
        (row.key_hash, row.request_hash, row.expires_ms, row.sealed),
    )


def _cipher(key: str) -> AESGCM:
    derived = HKDF(SHA256(), 32, salt=None, info=b"opengradient/idempotent-answer/v1")
    return AESGCM(derived.derive(key.encode()))


@final
@dataclass(slots=True)
class Ticket:
    """The right to run the one request of an idempotency key."""

    key: str
    key_hash: bytes
    request_hash: bytes
    finished: anyio.Event

    def seal(self, answer: Answer, *, now_ms: int) -> SealedAnswer:
        """Encrypt an answer for the store."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        associated = self.key_hash + self.request_hash
        return SealedAnswer(
            key_hash=self.key_hash,
            request_hash=self.request_hash,
            expires_ms=now_ms + KEEP_MS,
            sealed=nonce + _cipher(self.key).encrypt(nonce, answer.encode(), associated),
        )


@final
class AnswerStore:
    """Runs each idempotency key's request once, and finds its answer again."""

    def __init__(self, journal: Journal, *, max_private_bytes: int = MAX_PRIVATE_BYTES) -> None:
        """Stand on a journal that was made with `SCHEMA`."""
        self._journal = journal
        self._running: dict[bytes, Ticket] = {}
        self._private: OrderedDict[bytes, tuple[bytes, Answer]] = OrderedDict()
        self._private_bytes = 0
        self._max_private_bytes = max_private_bytes

    async def claim(
        self, key: str, request_hash: bytes, *, now_ms: int, patience: float
    ) -> Ticket | Answer:
        """Take the right to run a request, or get the answer of the one that ran.

        Args:
            key: The idempotency key.
            request_hash: SHA-256 over what makes two requests the same.
            now_ms: Unix milliseconds.
            patience: Seconds to wait for a request that is still running.

        Raises:
            ConfigurationError: Code ``node.idempotency_conflict``, or ``node.in_progress``.
        """
        key_hash = sha256(key.encode())
        with anyio.move_on_after(patience):
            while (running := self._running.get(key_hash)) is not None:
                _same_request(running.request_hash, request_hash)
                await running.finished.wait()
        if key_hash in self._running:
            raise ConfigurationError(
                "the request with this idempotency key is still running", code="node.in_progress"
            )
        ticket = Ticket(key, key_hash, request_hash, anyio.Event())
        self._running[key_hash] = ticket
        answer: Answer | None = None
        claimed = False
        try:
            answer = await self._find(ticket, now_ms=now_ms)
            claimed = answer is None
        finally:
            if not claimed:
                self.release(ticket)
        return answer if answer is not None else ticket

    def release(self, ticket: Ticket) -> None:
        """Give the right back; whoever waits looks for the answer now."""
        if self._running.get(ticket.key_hash) is ticket:
            del self._running[ticket.key_hash]
        ticket.finished.set()

    def keep_private(self, ticket: Ticket, answer: Answer) -> None:
        """Keep an answer in memory only, as long as there is room."""
        self._private[ticket.key_hash] = (ticket.request_hash, answer)
        self._private_bytes += len(answer.body)
        while self._private_bytes > self._max_private_bytes:
            _, (_, dropped) = self._private.popitem(last=False)
            self._private_bytes -= len(dropped.body)

    async def look_up(self, key: str, *, now_ms: int) -> Answer | bool | None:
        """The answer under a key; True while its request runs, None where there is none."""
        key_hash = sha256(key.encode())
        if key_hash in self._running:
            return True
        return await self._find(Ticket(key, key_hash, b"", anyio.Event()), now_ms=now_ms)

    async def forget_expired(self, *, now_ms: int) -> None:
        """Delete the answers whose day is over."""
        await self._journal.run(
            lambda connection: connection.execute(
                "DELETE FROM answers WHERE expires_ms < ?", (now_ms,)
            )
        )

    async def _find(self, ticket: Ticket, *, now_ms: int) -> Answer | None:
        private = self._private.get(ticket.key_hash)
        if private is not None:
            _same_request(private[0], ticket.request_hash)
            return private[1]
        row = await self._journal.run(
            lambda connection: connection.execute(
                "SELECT request_hash, sealed FROM answers WHERE key_hash = ? AND expires_ms >= ?",
                (ticket.key_hash, now_ms),
            ).fetchone()
        )
        if row is None:
            return None
        request_hash, sealed = row
        _same_request(request_hash, ticket.request_hash)
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            plain = _cipher(ticket.key).decrypt(nonce, box, ticket.key_hash + request_hash)
        except InvalidTag as error:
            raise storage_error() from error
        return Answer.decode(plain)


def _same_request(first: bytes, second: bytes) -> None:
    """An empty hash stands for whichever request it was: the key alone is the capability."""
    if second and not equal(first, second):
        raise ConfigurationError(
            "this idempotency key was used before with another request",
            code="node.idempotency_conflict",
        )
