"""Any chain that already runs: Base, go-ethereum, Besu, a Cosmos-EVM network of several validators."""

from types import TracebackType
from typing import Self, final

from opengradient.chain.rpc import Post, RpcClient


@final
class RpcLedger:
    """A `LedgerEngine` that only connects. `post` comes from `opengradient.transport`."""

    __slots__ = ("_post", "chain_id")

    def __init__(self, post: Post, *, chain_id: int) -> None:
        """Talk to the chain `chain_id` through `post`."""
        self._post = post
        self.chain_id = chain_id

    async def post(self, body: bytes, /) -> bytes:
        """Answer one JSON-RPC request body."""
        return await self._post(body)

    async def __aenter__(self) -> Self:
        """Make sure that it is the right chain.

        Raises:
            ChainError: It does not answer, or serves another chain.
        """
        await RpcClient(self._post, chain_id=self.chain_id).block_number()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Nothing to stop."""
