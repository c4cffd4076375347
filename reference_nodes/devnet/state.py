"""What a devnet remembers between runs, and the lock that says whether it runs now."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, final

from opengradient.core.canonical import canonical_json, parse_json_object
from opengradient.errors import ConfigurationError, MalformedError, OpenGradientError
from opengradient.wire.fields import members, natural

STATE_VERSION: Final = "opengradient.devnet/1"
_MAX_STATE_BYTES: Final = 1024 * 1024
_STATE, _LOCK = "state.json", "lock"


@final
@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node of a running devnet."""

    name: str
    pid: int
    url: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetState:
    """What is remembered.

    Attributes:
        ports: Node name to the port that it had.
        measurements: Code that the LLM nodes ran, the present one last; receipts of earlier code
            stay checkable.
        nodes: What runs; what ran last if nothing does.
        model: A model that the devnet serves.
        started_at_ms: Start of the last run, Unix milliseconds; 0 before the first.
    """

    ports: dict[str, int] = field(default_factory=dict)
    measurements: tuple[str, ...] = ()
    nodes: tuple[RunningNode, ...] = ()
    model: str = ""
    started_at_ms: int = 0

    def running(self, measurement: str) -> "DevnetState":
        """This state, with the code that runs now as the last one."""
        others = tuple(item for item in self.measurements if item != measurement)
        return replace(self, measurements=(*others, measurement))


def load_state(folder: Path) -> DevnetState:
    """Read the state; an empty one where there is none.

    Raises:
        ConfigurationError: The file is damaged.
    """
    path = folder / _STATE
    if not path.exists():
        return DevnetState()
    try:
        value = parse_json_object(path.read_bytes(), what=_STATE, max_bytes=_MAX_STATE_BYTES)
        return _decode(value)
    except MalformedError as error:
        raise ConfigurationError(f"{path}: {error.message}; start with --fresh") from error


def _decode(value: dict[str, Any]) -> DevnetState:
    names = ("version", "ports", "measurements", "nodes", "model", "startedAt")
    members(value, _STATE, names)
    if value["version"] != STATE_VERSION:
        raise MalformedError(f"{_STATE} is of version {value['version']!r}")
    members(value["ports"], "ports", (), tuple(value["ports"]))
    return DevnetState(
        ports={name: natural(port, "port") for name, port in value["ports"].items()},
        measurements=tuple(map(str, value["measurements"])),
        nodes=tuple(
            RunningNode(str(node["name"]), natural(node["pid"], "pid"), str(node["url"]))
            for node in value["nodes"]
        ),
        model=str(value["model"]),
        started_at_ms=natural(value["startedAt"], "startedAt"),
    )


def save_state(folder: Path, state: DevnetState) -> None:
    """Write the state, whole or not at all."""
    value = {
        "version": STATE_VERSION,
        "ports": state.ports,
        "measurements": list(state.measurements),
        "nodes": [{"name": n.name, "pid": n.pid, "url": n.url} for n in state.nodes],
        "model": state.model,
        "startedAt": state.started_at_ms,
    }
    partial = folder / f"{_STATE}.partial"
    partial.write_bytes(canonical_json(value) + b"\n")
    partial.replace(folder / _STATE)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the devnet's lock while the block runs. It ends with the process, however that ends.

    Raises:
        OpenGradientError: Code ``devnet.running``: somebody else holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OpenGradientError(
                f"the devnet in {folder} runs already", code="devnet.running"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def supervisor(folder: Path) -> int | None:
    """Process id of whoever runs the devnet now; None if nobody does."""
    path = folder / _LOCK
    if not path.exists():
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32)
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def choose_port(name: str, number: int, *, base: int | None, remembered: dict[str, int]) -> int:
    """The port of a node: the base's, the remembered one if it is free, or any free one.

    Args:
        name: The node's.
        number: Its place in the devnet, for a base.
        base: First port, if the caller insists.
        remembered: Ports of earlier runs.

    Raises:
        ConfigurationError: A port that the caller insists on is taken.
    """
    if base is not None:
        if not _is_free(base + number):
            raise ConfigurationError(f"port {base + number} for {name} is taken")
        return base + number
    known = remembered.get(name)
    if known is not None and _is_free(known):
        return known
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
