"""The embedded ledger: an EVM in this process, kept in a folder. See docs/adr/0002."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, final

import anyio
import anyio.abc
from anyio import CapacityLimiter, to_thread

from opengradient._version import __version__
from opengradient.errors import ChainError

if TYPE_CHECKING:
    from opengradient.chain.engines._evm.ledger import Ledger

DEVNET_CHAIN_ID: Final = 31337
"""The id that development chains commonly use."""


def _unix_seconds() -> int:
    return int(time.time())


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """How an embedded ledger runs.

    Attributes:
        folder: Where it is kept; None keeps it in memory only.
        chain_id: EIP-155 id.
        funded: Wei of each 20-byte address in the first block.
        block_interval_s: Adds an empty block when none came for so many seconds, so that
            confirmations advance; None adds none.
        automine: Mine each transaction at once, in a block of its own.
        dev_methods: Offer evm_snapshot, evm_revert, evm_mine, evm_setAutomine, evm_increaseTime.
        clock: Unix seconds.
    """

    folder: Path | None = None
    chain_id: int = DEVNET_CHAIN_ID
    funded: Mapping[bytes, int] = field(default_factory=dict)
    block_interval_s: float | None = None
    automine: bool = True
    dev_methods: bool = False
    clock: Callable[[], int] = _unix_seconds


@final
class EmbeddedLedger:
    """A `LedgerEngine` that runs here. EVM work runs in one worker thread, off the event loop."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        """Prepare; nothing is opened before `async with`."""
        self._settings = settings
        self._ledger: Ledger | None = None
        self._worker = CapacityLimiter(1)
        self._tasks: anyio.abc.TaskGroup | None = None

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self._settings.chain_id

    async def __aenter__(self) -> Self:
        """Open the chain.

        Raises:
            ChainError: py-evm is not installed or the folder is in use (`chain.engine`), or the
                folder holds another chain (`chain.state`).
        """
        self._ledger = await to_thread.run_sync(self._open, limiter=self._worker)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        if self._settings.block_interval_s is not None:
            self._tasks.start_soon(self._add_blocks, self._ledger, self._settings.block_interval_s)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> bool | None:
        """Close the chain."""
        if self._tasks is None or self._ledger is None:
            return None
        self._tasks.cancel_scope.cancel()
        try:
            return await self._tasks.__aexit__(kind, error, trace)
        finally:
            ledger, self._ledger, self._tasks = self._ledger, None, None
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(ledger.close, limiter=self._worker)

    async def post(self, body: bytes, /) -> bytes:
        """Answer one JSON-RPC request body.

        Raises:
            ChainError: The engine is not running.
        """
        if self._ledger is None:
            raise ChainError("the embedded ledger is not running", code="chain.engine")
        # Not abandoned on cancellation: a block is written whole before anyone else comes in.
        return await to_thread.run_sync(self._ledger.answer, body, limiter=self._worker)

    def _open(self) -> "Ledger":
        try:
            from opengradient.chain.engines._evm.ledger import Ledger  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ChainError(
                f"the embedded ledger needs {error.name}: pip install 'opengradient[nodes]'",
                code="chain.engine",
            ) from error
        settings = self._settings
        return Ledger(
            folder=settings.folder,
            chain_id=settings.chain_id,
            funded=settings.funded,
            clock=settings.clock,
            automine=settings.automine,
            dev_methods=settings.dev_methods,
            version=f"OpenGradientEmbedded/{__version__}/py-evm",
        )

    async def _add_blocks(self, ledger: "Ledger", interval_s: float) -> None:
        height = -1
        while True:
            height = await to_thread.run_sync(ledger.tick, height, limiter=self._worker)
            await anyio.sleep(interval_s)
