"""An asynchronous client of Walrus publishers and aggregators. It believes neither."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar, final

from anyio import to_thread

from opengradient.core.digests import equal
from opengradient.errors import (
    ConfigurationError,
    NodeError,
    OpenGradientError,
    StorageError,
    TransportError,
    VerificationError,
)
from opengradient.storage._answers import StoredBlob, read_stored
from opengradient.storage.blob_id import DEFAULT_SHARDS, BlobId, compute_blob_id
from opengradient.transport import HttpResponse, HttpTransport, Transport

_T = TypeVar("_T")

MAX_BLOB_BYTES: Final = 1 << 30
"""What one call reads at most unless it says else: a blob is held in memory to be checked."""

SECONDS: Final = 600.0


@final
class Walrus:
    """Stores and reads blobs through any servers that speak Walrus' HTTP API.

    An id is computed here before a blob is sent and after one was read, so that a server can
    refuse or fail, and cannot lie. Servers are tried in their order, one after the other.
    Use it as an async context manager.
    """

    def __init__(
        self,
        *,
        aggregators: Sequence[str],
        publishers: Sequence[str] = (),
        n_shards: int = DEFAULT_SHARDS,
        timeout: float = SECONDS,
        transport: Transport | None = None,
    ) -> None:
        """Name the servers; nothing is sent.

        Args:
            aggregators: Base URLs to read from.
            publishers: Base URLs to store through; none for a client that only reads.
            n_shards: The network's number of shards. It is part of every id and comes from the
                network's configuration, never from a server.
            timeout: Seconds for one request.
            transport: Another way to the network; HTTP under the system's authorities by default.
        """
        self._aggregators = [url.rstrip("/") for url in aggregators]
        self._publishers = [url.rstrip("/") for url in publishers]
        self._n_shards = n_shards
        self._timeout = timeout
        self._transport = HttpTransport() if transport is None else transport

    async def __aenter__(self) -> Self:
        """Nothing to do before the first call."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def put(
        self,
        data: bytes,
        *,
        epochs: int = 1,
        deletable: bool = True,
        progress: Callable[[float], None] | None = None,
    ) -> StoredBlob:
        """Store a blob. Storing it twice is storing it once.

        Args:
            data: The blob.
            epochs: For how many storage epochs.
            deletable: Whether its owner may delete it before.
            progress: Is told the part of its id that is computed, 0 to 1.

        Returns:
            What the publisher says, with an id that was checked.

        Raises:
            VerificationError: Code ``storage.publisher_id``: the publisher named another id.
            StorageError: No publisher stored it, with the reason of each.
            ConfigurationError: No publisher is named, or the blob is too large.
        """
        if not self._publishers:
            raise ConfigurationError("no publisher is named to store through")
        if epochs < 1:
            raise ConfigurationError("a blob is stored for at least one epoch")
        expected = await self.blob_id(data, progress=progress)
        lifetime = "deletable" if deletable else "permanent"
        path = f"/v1/blobs?epochs={epochs}&{lifetime}=true"
        return await _first(
            self._publishers, partial(self._put_at, path=path, data=data, expected=expected)
        )

    async def get(
        self,
        blob_id: BlobId | str,
        *,
        max_bytes: int = MAX_BLOB_BYTES,
        progress: Callable[[float], None] | None = None,
    ) -> bytes:
        """Read a blob and check every byte of it against its id.

        Args:
            blob_id: The id.
            max_bytes: Refuse a larger one.
            progress: Is told the part that is checked, 0 to 1.

        Raises:
            VerificationError: Code ``storage.content``: an aggregator gave other bytes, and no
                other gave the right ones.
            StorageError: No aggregator gave it; code ``storage.not_found`` if all say that there
                is no such blob.
        """
        wanted = BlobId.parse(blob_id) if isinstance(blob_id, str) else blob_id
        return await _first(
            self._aggregators,
            partial(self._get_at, wanted=wanted, max_bytes=max_bytes, progress=progress),
        )

    async def get_range(self, blob_id: BlobId | str, start: int, length: int) -> bytes:
        """Read a part of a blob.

        An id says something about a whole blob only, so that all of it is read and checked. Whoever
        wants parts of large files stores them as several blobs, as a model's manifest does.

        Raises:
            ConfigurationError: The range does not lie in the blob.
            StorageError: As in `get`, and `VerificationError` too.
        """
        if start < 0 or length < 1:
            raise ConfigurationError("a range has a start from 0 and a length from 1")
        data = await self.get(blob_id)
        if start + length > len(data):
            raise ConfigurationError(f"the blob ends after {len(data)} bytes")
        return data[start : start + length]

    async def blob_id(
        self, data: bytes, *, progress: Callable[[float], None] | None = None
    ) -> BlobId:
        """Compute an id for this network in a worker thread."""
        return await to_thread.run_sync(
            partial(compute_blob_id, data, n_shards=self._n_shards, progress=progress)
        )

    async def _put_at(self, url: str, *, path: str, data: bytes, expected: BlobId) -> StoredBlob:
        answer = await self._transport.request(
            "PUT",
            url + path,
            headers={"content-type": "application/octet-stream"},
            content=data,
            timeout=self._timeout,
        )
        _require_ok(answer, url)
        stored = read_stored(answer.body, size=len(data))
        if not equal(stored.blob_id.value, expected.value):
            raise VerificationError(
                f"{url} says that it stored another blob than it was given",
                code="storage.publisher_id",
                expected=str(expected),
                actual=str(stored.blob_id),
            )
        return stored

    async def _get_at(
        self,
        url: str,
        *,
        wanted: BlobId,
        max_bytes: int,
        progress: Callable[[float], None] | None,
    ) -> bytes:
        answer = await self._transport.request(
            "GET", f"{url}/v1/blobs/{wanted}", timeout=self._timeout, max_bytes=max_bytes
        )
        _require_ok(answer, url)
        found = await self.blob_id(answer.body, progress=progress)
        if not equal(found.value, wanted.value):
            raise VerificationError(
                f"{url} gave other bytes than those of the blob",
                code="storage.content",
                expected=str(wanted),
                actual=str(found),
            )
        return answer.body


def _require_ok(answer: HttpResponse, url: str) -> None:
    if answer.status == 404:
        raise StorageError(f"{url} has no such blob", code="storage.not_found")
    if answer.status != 200:
        raise NodeError(
            f"{url}: status {answer.status}",
            status=answer.status,
            body=answer.body[:2000].decode("utf-8", "replace"),
        )


async def _first(urls: Sequence[str], ask: Callable[[str], Awaitable[_T]]) -> _T:
    """The first server's answer that can be believed."""
    failures: list[OpenGradientError] = []
    for url in urls:
        try:
            return await ask(url)
        except (TransportError, StorageError, VerificationError) as error:
            failures.append(error)
    lies = [failure for failure in failures if isinstance(failure, VerificationError)]
    if lies:
        raise lies[0]
    if failures and all(failure.code == "storage.not_found" for failure in failures):
        raise failures[0]
    listed = "; ".join(failure.message for failure in failures) or "no server is named"
    raise StorageError(f"no server could do it: {listed}")
