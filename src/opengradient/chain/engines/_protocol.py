"""What every ledger engine offers: JSON-RPC, and nothing that only one of them has."""

from types import TracebackType
from typing import Protocol, Self


class LedgerEngine(Protocol):
    """A ledger that can be talked to. Use it as an async context manager; `post` is a `Post`."""

    @property
    def chain_id(self) -> int:
        """EIP-155 id of the chain that it serves."""
        ...

    async def post(self, body: bytes, /) -> bytes:
        """Answer one JSON-RPC request body.

        Raises:
            TransportError: The bytes did not arrive.
        """
        ...

    async def __aenter__(self) -> Self:
        """Start, or connect."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> bool | None:
        """Stop. What was acknowledged is kept."""
        ...
