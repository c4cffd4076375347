"""anvil, where it is on PATH: faster than the embedded ledger, with a state file."""

import shutil
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

import anyio
import anyio.abc

from opengradient.chain._quantities import to_data
from opengradient.chain.engines.embedded import DEVNET_CHAIN_ID
from opengradient.chain.rpc import Post, RpcClient
from opengradient.errors import ChainError

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 10.0
"""anvil writes its state file when it is asked to end."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AnvilSettings:
    """How anvil runs.

    Attributes:
        folder: Where its state file is; None keeps the chain in memory only. anvil writes the
            file at intervals and when it ends: after a kill, the last seconds may be missing.
        chain_id: EIP-155 id.
        funded: Wei of each 20-byte address; set when the chain begins.
        block_interval_s: Mine a block every so many seconds; None mines each transaction at once.
        port: TCP port on 127.0.0.1; None takes a free one.
        program: Name or path of the program.
        state_interval_s: Seconds between two writes of the state file.
    """

    folder: Path | None = None
    chain_id: int = DEVNET_CHAIN_ID
    funded: Mapping[bytes, int] = field(default_factory=dict)
    block_interval_s: int | None = None
    port: int | None = None
    program: str = "anvil"
    state_interval_s: int = 1


@final
class AnvilLedger:
    """A `LedgerEngine` that starts and stops anvil."""

    def __init__(self, settings: AnvilSettings, connect: Callable[[str], Post]) -> None:
        """Prepare; nothing is started before `async with`.

        Args:
            settings: How it runs.
            connect: Gives a `Post` for a URL; comes from `opengradient.transport`.
        """
        self._settings = settings
        self._connect = connect
        self._post: Post | None = None
        self._process: anyio.abc.Process | None = None
        self.url = ""

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self._settings.chain_id

    async def post(self, body: bytes, /) -> bytes:
        """Answer one JSON-RPC request body."""
        if self._post is None:
            raise ChainError("anvil is not running", code="chain.engine")
        return await self._post(body)

    async def __aenter__(self) -> Self:
        """Start anvil and fund the accounts of a new chain.

        Raises:
            ChainError: It is not on PATH or does not start (`chain.engine`).
        """
        program = shutil.which(self._settings.program)
        if program is None:
            raise ChainError(f"{self._settings.program} is not on PATH", code="chain.engine")
        port = self._settings.port or _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = await anyio.open_process(
            [program, *self._arguments(port)], stdin=None, stdout=None, stderr=None
        )
        self._post = self._connect(self.url)
        try:
            rpc = RpcClient(self._post, chain_id=self.chain_id)
            await self._wait_ready(rpc)
            await self._fund(rpc)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """End anvil; it writes its state file first."""
        await self._stop()

    def _arguments(self, port: int) -> list[str]:
        settings = self._settings
        arguments = ["--silent", "--host", "127.0.0.1", "--port", str(port), "--accounts", "0"]
        arguments += ["--chain-id", str(settings.chain_id), "--hardfork", "prague"]
        if settings.block_interval_s is not None:
            arguments += ["--block-time", str(settings.block_interval_s)]
        if settings.folder is not None:
            settings.folder.mkdir(parents=True, exist_ok=True)
            state = str(settings.folder / "anvil.json")
            arguments += ["--state", state, "--state-interval", str(settings.state_interval_s)]
        return arguments

    async def _wait_ready(self, rpc: RpcClient) -> None:
        with anyio.move_on_after(START_TIMEOUT_S):
            while self._process is not None and self._process.returncode is None:
                try:
                    await rpc.block_number()
                except ChainError as error:
                    if error.code != "chain.unreachable":
                        raise
                    await anyio.sleep(0.05)
                else:
                    return
        raise ChainError(f"anvil did not start on {self.url}", code="chain.engine")

    async def _fund(self, rpc: RpcClient) -> None:
        if await rpc.block_number() > 0:
            return
        for address, wei in self._settings.funded.items():
            await rpc.request("anvil_setBalance", to_data(address), hex(wei))

    async def _stop(self) -> None:
        process, self._process, self._post = self._process, None, None
        if process is None:
            return
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            with anyio.move_on_after(STOP_TIMEOUT_S) as scope:
                await process.wait()
            if scope.cancelled_caught:
                process.kill()
            await process.aclose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
