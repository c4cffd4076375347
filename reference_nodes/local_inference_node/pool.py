"""Workers that run models beside the event loop, a bounded queue in front of them."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from opengradient.core.canonical import JsonObject
from opengradient.core.models import Dtype, TensorSpec
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    NodeError,
    OpenGradientError,
    UnsupportedError,
    VerificationError,
)
from reference_nodes.local_inference_node.frames import LENGTHS, header_of, pack

_MODULE: Final = "reference_nodes.local_inference_node.worker"
_ERRORS: Final[dict[str, type[OpenGradientError]]] = {
    "model.bytes": VerificationError,
    "model.onnx": MalformedError,
    "model.external_data": UnsupportedError,
    "model.custom_op": UnsupportedError,
    "inference.no_engine": UnsupportedError,
    "inference.format": UnsupportedError,
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsFile:
    """A model's one file, and what its bytes must be.

    Attributes:
        root: The model root.
        format: Its format.
        path: Where it lies.
        sha256: What it must hash to.
    """

    root: bytes
    format: str
    path: Path
    sha256: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedInfo:
    """What a worker says about a model that it loaded.

    Attributes:
        engine: Engine, version and settings.
        inputs: What it takes.
        outputs: What it gives.
    """

    engine: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Bounds of a pool.

    Attributes:
        workers: Processes.
        threads: Threads of one run.
        max_models: Models that one worker keeps loaded.
        max_waiting: Calls that wait for a worker; more are refused.
        seconds: Time of one run; a worker that takes longer is ended.
        load_seconds: Time to load a model.
        memory_bytes: Memory of one worker.
    """

    workers: int = max(1, (os.cpu_count() or 2) // 2)
    threads: int = 1
    max_models: int = 8
    max_waiting: int = 256
    seconds: float = 60.0
    load_seconds: float = 120.0
    memory_bytes: int = 8 << 30


@final
@dataclass(slots=True)
class _Seat:
    """A place for a worker: its process is started when it is needed, and anew after a crash."""

    limits: PoolLimits
    process: Process | None = None
    stdout: BufferedByteReceiveStream | None = None
    loaded: dict[bytes, LoadedInfo] = field(default_factory=dict)

    async def call(
        self, header: JsonObject, payload: bytes, *, seconds: float
    ) -> tuple[JsonObject, bytes]:
        """Send a frame and read its answer.

        Raises:
            NodeError: Code ``inference.worker`` or ``inference.timeout``; the process is gone.
        """
        answered = False
        try:
            with anyio.fail_after(seconds):
                process, stdout = await self._running()
                if process.stdin is None:
                    raise AssertionError("a worker has a stdin")
                await process.stdin.send(pack(header, payload))
                head_size, size = LENGTHS.unpack(await stdout.receive_exactly(LENGTHS.size))
                head = header_of(await stdout.receive_exactly(head_size))
                body = await stdout.receive_exactly(size)
            answered = True
        except TimeoutError as error:
            raise NodeError(
                f"no answer in {seconds:g} s", status=504, code="inference.timeout"
            ) from error
        except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead) as error:
            raise NodeError(
                "the process that ran the model died", status=503, code="inference.worker"
            ) from error
        finally:
            if not answered:  # its stream is no longer in step, also where we were cancelled
                with anyio.CancelScope(shield=True):
                    await self.end()
        return head, body

    async def _running(self) -> tuple[Process, BufferedByteReceiveStream]:
        if self.process is None or self.stdout is None:
            limits = self.limits
            numbers = (limits.max_models, limits.threads, limits.memory_bytes)
            self.process = await anyio.open_process(
                [sys.executable, "-m", _MODULE, *map(str, numbers)], stderr=None
            )
            if self.process.stdout is None:
                raise AssertionError("a worker has a stdout")
            self.stdout = BufferedByteReceiveStream(self.process.stdout)
        return self.process, self.stdout

    async def end(self) -> None:
        """End the process; the next call starts another."""
        process, self.process, self.stdout = self.process, None, None
        self.loaded.clear()
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.aclose()


@final
class WorkerPool:
    """Runs models. Use it as an async context manager through `worker_pool`."""

    def __init__(self, limits: PoolLimits) -> None:
        """Take the bounds; processes start with the first calls."""
        self._limits = limits
        self._seats = [_Seat(limits) for _ in range(limits.workers)]
        self._idle = list(self._seats)
        self._free = anyio.Semaphore(limits.workers)
        self._waiting = 0

    async def inspect(self, weights: WeightsFile) -> LoadedInfo:
        """Load a model somewhere and say what it takes.

        Raises:
            OpenGradientError: It cannot be loaded; the code says why.
        """
        async with self._seat(weights) as seat:
            return await self._load(seat, weights)

    async def run(self, weights: WeightsFile, inputs: bytes) -> tuple[bytes, LoadedInfo]:
        """Run a model.

        Args:
            weights: The model; it is loaded if the worker has it not.
            inputs: Encoded tensors.

        Returns:
            Encoded tensors, and what the worker says about the model.

        Raises:
            ConfigurationError: The inputs are not the model's.
            NodeError: Code ``node.overloaded``, ``inference.timeout`` or ``inference.worker``.
            OpenGradientError: The model cannot be loaded.
        """
        async with self._seat(weights) as seat:
            info = await self._load(seat, weights)
            call = {"op": "run", "root": weights.root.hex()}
            head, body = await seat.call(call, inputs, seconds=self._limits.seconds)
            if not head["ok"] and not head["code"]:  # it let go of the model for others
                seat.loaded.pop(weights.root, None)
                info = await self._load(seat, weights)
                head, body = await seat.call(call, inputs, seconds=self._limits.seconds)
            _require_ok(head)
            return body, info

    async def close(self) -> None:
        """End every process."""
        for seat in self._seats:
            await seat.end()

    async def _load(self, seat: _Seat, weights: WeightsFile) -> LoadedInfo:
        known = seat.loaded.get(weights.root)
        if known is not None:
            return known
        head, _ = await seat.call(
            {
                "op": "load",
                "root": weights.root.hex(),
                "format": weights.format,
                "path": str(weights.path),
                "sha256": weights.sha256.hex(),
            },
            b"",
            seconds=self._limits.load_seconds,
        )
        _require_ok(head)
        info = LoadedInfo(
            engine=head["engine"], inputs=_specs(head["inputs"]), outputs=_specs(head["outputs"])
        )
        seat.loaded[weights.root] = info
        return info

    @asynccontextmanager
    async def _seat(self, weights: WeightsFile) -> AsyncIterator[_Seat]:
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait()
        # A worker that has the model is worth more than one that has none.
        seat = max(self._idle, key=lambda item: weights.root in item.loaded)
        self._idle.remove(seat)
        try:
            yield seat
        finally:
            self._idle.append(seat)
            self._free.release()

    async def _wait(self) -> None:
        if self._waiting >= self._limits.max_waiting:
            raise NodeError(
                "too many calls wait for a worker; nothing was processed",
                status=503,
                code="node.overloaded",
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1


@asynccontextmanager
async def worker_pool(limits: PoolLimits) -> AsyncIterator[WorkerPool]:
    """A pool while the block runs."""
    pool = WorkerPool(limits)
    try:
        yield pool
    finally:
        with anyio.CancelScope(shield=True):
            await pool.close()


def _require_ok(head: JsonObject) -> None:
    if not head["ok"]:
        raise _ERRORS.get(head["code"], ConfigurationError)(head["message"], code=head["code"])


def _specs(raw: Any) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=item["name"], dtype=Dtype(item["dtype"]), shape=tuple(item["shape"]))
        for item in raw
    )
