"""One node as a child process: started, waited for, watched, and ended without leaving orphans."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import anyio
from anyio.abc import ByteReceiveStream, Process, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from opengradient.errors import OpenGradientError
from reference_nodes.devnet.child import GRACE_SECONDS

_READY: Final = b"READY "
_TAIL_LINES: Final = 15
_MAX_LINE: Final = 64 * 1024


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """What to start.

    Attributes:
        name: Unique in the network, for example ``"llm-0"``; names the log file too.
        module: Import name of the node's package.
        arguments: Its command line.
        environment: The whole environment of the process; it holds keys, so it is never shown.
        log: File that stdout and stderr go to.
        ready_seconds: How long it may take until it serves.
    """

    name: str
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready_seconds: float

    def __repr__(self) -> str:
        """Leave the environment out."""
        return f"NodeSpec({self.name}: python -m {self.module} {' '.join(self.arguments)})"


@final
class NodeProcess:
    """A node that runs."""

    def __init__(self, spec: NodeSpec, process: Process, url: str) -> None:
        """Take a process that has said where it serves; see `start`."""
        self.spec = spec
        self.url = url
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its process group."""
        return self._process.pid

    @classmethod
    async def start(cls, spec: NodeSpec, tasks: TaskGroup) -> "NodeProcess":
        """Start a node and wait until it says where it serves.

        Args:
            spec: What to start.
            tasks: A task that copies its output into the log lives here.

        Raises:
            OpenGradientError: Code ``devnet.start``: it ended, or was not ready in time; with the
                end of its log.
        """
        command = [sys.executable, "-m", "reference_nodes.devnet.child", spec.module]
        with spec.log.open("ab") as log:
            process = await anyio.open_process(
                [*command, *spec.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(spec.environment),
                start_new_session=True,
            )
        started = False
        try:
            url = await cls._wait_ready(spec, process, tasks)
            started = True
        finally:
            if not started:
                with anyio.CancelScope(shield=True):
                    await _end(process)
        return cls(spec, process, url)

    @classmethod
    async def _wait_ready(cls, spec: NodeSpec, process: Process, tasks: TaskGroup) -> str:
        if process.stdout is None:
            raise AssertionError("stdout is a pipe")
        output = BufferedByteReceiveStream(process.stdout)
        with anyio.move_on_after(spec.ready_seconds):
            while True:
                try:
                    line = await output.receive_until(b"\n", _MAX_LINE)
                except (anyio.IncompleteRead, anyio.EndOfStream):
                    status = await process.wait()
                    raise _failed(spec, f"ended with status {status} before it served") from None
                if line.startswith(_READY):
                    tasks.start_soon(_drain, output, spec.log)
                    return line.removeprefix(_READY).decode("utf-8", "replace").strip()
                _append(spec.log, line + b"\n")
        raise _failed(spec, f"did not serve within {spec.ready_seconds:g} s")

    async def wait(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        return await self._process.wait()

    def failure(self) -> OpenGradientError:
        """The error for a node that ended although it should not have."""
        return _failed(self.spec, f"ended with status {self._process.returncode}")

    async def stop(self) -> None:
        """Ask it to end, wait while it drains, then make sure of it and of its children."""
        with anyio.CancelScope(shield=True):
            await _end(self._process)


async def _end(process: Process) -> None:
    with anyio.move_on_after(GRACE_SECONDS):
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # whatever it started and left behind
    await process.wait()
    await process.aclose()


async def _drain(output: ByteReceiveStream, log: Path) -> None:
    with suppress(anyio.ClosedResourceError):  # `stop` closed it
        async for piece in output:
            _append(log, piece)


def _append(log: Path, data: bytes) -> None:
    with log.open("ab") as file:
        file.write(data)


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log."""
    if not log.exists():
        return ""
    text = log.read_bytes()[-_MAX_LINE:].decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


def _failed(spec: NodeSpec, what: str) -> OpenGradientError:
    said = tail(spec.log)
    shown = f"; the end of its log:\n{said}" if said else "; its log is empty"
    return OpenGradientError(f"node {spec.name} {what}{shown}", code="devnet.start")
