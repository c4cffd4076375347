"""A devnet that goes on in the background: start it, ask after it, stop it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final, final

import anyio
import anyio.to_thread

from opengradient.errors import OpenGradientError
from reference_nodes.devnet.config import DevnetConfig
from reference_nodes.devnet.process import tail
from reference_nodes.devnet.state import RunningNode, load_state, supervisor

READY: Final = "ready"
FAILED: Final = "failed"
NODE: Final = "node"

STOP_SECONDS: Final = 60.0
"""More than the nodes' drain times together: they stop one after the other."""

_POLL_SECONDS: Final = 0.05
_MAX_LINE: Final = 256 * 1024


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a devnet is.

    Attributes:
        running: Whether it runs now.
        pid: Of the process that runs it.
        nodes: Its nodes; of the last run where it does not run.
        model: A model that it serves.
        started_at_ms: Start of the last run, Unix milliseconds; 0 before the first.
    """

    running: bool
    pid: int | None
    nodes: tuple[RunningNode, ...]
    model: str
    started_at_ms: int


def status(config: DevnetConfig) -> Status:
    """Look whether a devnet runs.

    Raises:
        ConfigurationError: Its state file is damaged.
    """
    pid = supervisor(config.folder)
    state = load_state(config.folder)
    return Status(
        running=pid is not None,
        pid=pid,
        nodes=state.nodes,
        model=state.model,
        started_at_ms=state.started_at_ms,
    )


def command_line(config: DevnetConfig) -> list[str]:
    """The command that runs this devnet in the foreground."""
    arguments = [
        *(sys.executable, "-m", "reference_nodes.devnet"),
        *("--name", config.name, "--home", str(config.home)),
        *("--llm-nodes", str(config.llm_nodes), "--engine", config.engine),
        *("--batch-age-ms", str(config.batch_age_ms)),
        *("--confirmations", str(config.confirmations)),
    ]
    if config.port_base is not None:
        arguments += ["--port-base", str(config.port_base)]
    return [*arguments, "--fresh"] if config.fresh else arguments


async def up(config: DevnetConfig, *, progress: Callable[[str, str], None]) -> Status:
    """Start a devnet that outlives this process; returns once it serves.

    Args:
        config: What to start.
        progress: Told of each node: its name, and what happens to it.

    Raises:
        OpenGradientError: It did not start; code and message of whatever stopped it.
    """
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = config.folder / "devnet.log"
    with log.open("ab") as errors:
        # Not asyncio's: closing the event loop would kill its child (seen with Python 3.13).
        process = await anyio.to_thread.run_sync(_launch, config, errors)
    if process.stdout is None:
        raise AssertionError("stdout is a pipe")
    with process.stdout as output:
        while True:
            line = await anyio.to_thread.run_sync(
                output.readline, _MAX_LINE, abandon_on_cancel=True
            )
            if not line.endswith(b"\n"):
                await anyio.to_thread.run_sync(process.wait)
                raise OpenGradientError(
                    f"the devnet ended before it served:\n{tail(log)}", code="devnet.start"
                )
            event = json.loads(line)
            if event["event"] == NODE:
                progress(event["name"], event["what"])
            elif event["event"] == FAILED:
                await anyio.to_thread.run_sync(process.wait)
                raise OpenGradientError(event["message"], code=event["code"])
            else:
                # It outlives this process on purpose: nobody here waits for it.
                process.returncode = 0
                return status(config)


def _launch(config: DevnetConfig, errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  our own command line
        command_line(config),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=dict(config.environment),
        start_new_session=True,
    )


async def down(config: DevnetConfig) -> bool:
    """Stop a devnet and wait until it is gone.

    Returns:
        False where none ran.

    Raises:
        OpenGradientError: Code ``devnet.stop``: it is still there.
    """
    pid = supervisor(config.folder)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    with anyio.move_on_after(STOP_SECONDS):
        while supervisor(config.folder) is not None:  # noqa: ASYNC110  (another process's lock)
            await anyio.sleep(_POLL_SECONDS)
        return True
    raise OpenGradientError(f"process {pid} still runs the devnet", code="devnet.stop")


def tell(event: str, **details: Any) -> None:
    """Tell the process that started this devnet."""
    sys.stdout.write(json.dumps({"event": event, **details}) + "\n")
    sys.stdout.flush()
