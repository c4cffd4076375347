"""The seam at which users and tests put their own way to the network."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from opengradient.transport.http import MAX_RESPONSE_BYTES, HttpResponse
from opengradient.transport.tls import TlsPin


class AnswerStream(Protocol):
    """What `HttpStream` is: an answer that is still coming."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        ...

    def __aiter__(self) -> AsyncGenerator[bytes, None]:  # noqa: PYI058 (whoever leaves early closes it)
        """The bytes as they come."""
        ...

    async def read(self, max_bytes: int = MAX_RESPONSE_BYTES) -> bytes:
        """The rest."""
        ...


class Transport(Protocol):
    """What `HttpTransport` does, with the same errors."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float | None = None,
        max_bytes: int = MAX_RESPONSE_BYTES,
    ) -> HttpResponse:
        """Send a request and read the whole answer, whatever its status."""
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[AnswerStream]:
        """Send a request and give the answer as it comes."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class TransportFactory(Protocol):
    """Makes a transport under a pin."""

    def __call__(self, pin: TlsPin | None, /) -> Transport:
        """Make one; None for the system's authorities."""
        ...
