"""What the proxy node costs: a provider alone, and the same provider through the node.

Starts the fast simulator and the node as processes of their own and loads both from this one,
so on two cores all three share them. Prints one table.

    python -m benchmarks.proxy_node [--seconds 5] [--legacy] [--plain]
"""

import asyncio
import contextlib
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvloop

from benchmarks._table import Row

ROOT = Path(__file__).parent.parent
BODY = b'{"model":"openai/gpt-4.1-mini","messages":[{"role":"user","content":"Say hello."}]}'
STREAM_BODY = BODY[:-1] + b',"stream":true}'
CHUNKS = 100


@dataclass
class Load:
    """What a run of load saw."""

    latencies: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0

    def row(self, name: str) -> str:
        times = sorted(self.latencies) or [0.0]
        first = f"{statistics.median(self.first) * 1e3:8.2f}" if self.first else "       -"
        return (
            f"{name:<44}{len(self.latencies) / self.seconds:9.0f}/s"
            f"{statistics.median(times) * 1e3:9.2f}{times[int(len(times) * 0.99)] * 1e3:9.2f}"
            f"{first}{self.errors:8d}"
        )


class Connection:
    """One kept-alive HTTP/1.1 connection: just enough to load a server."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        self.parts = urlsplit(url)
        self.tls = tls if self.parts.scheme == "https" else None
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(
            self.parts.hostname, self.parts.port, ssl=self.tls, limit=1 << 20
        )

    async def post(self, body: bytes, *, stream: bool) -> tuple[int, bytes, float]:
        if self.writer is None:
            await self.open()
        assert self.reader is not None and self.writer is not None
        self.writer.write(
            b"POST %s/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n"
            % (self.parts.path.encode(), b"simulated-openai-key-7f3a9c51d2", len(body))
            + body
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        first = time.perf_counter()
        status = int(head[9:12])
        lower = head.lower()
        if b"content-length: " in lower:
            size = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            return status, await self.reader.readexactly(size), first
        data = await self.reader.readuntil(b"0\r\n\r\n")
        return status, data, first

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


async def worker(url: str, body: bytes, stop: float, load: Load, tls, *, stream: bool) -> None:
    connection = Connection(url, tls)
    try:
        while time.perf_counter() < stop:
            start = time.perf_counter()
            status, data, first = await connection.post(body, stream=stream)
            if status != 200 or (stream and (b"[DONE]" not in data or b'"error"' in data)):
                load.errors += 1
            load.latencies.append(time.perf_counter() - start)
            if stream:
                load.first.append(first - start)
    except (OSError, asyncio.IncompleteReadError) as error:
        print("connection failed:", repr(error), file=sys.stderr)
        load.errors += 1
    finally:
        connection.close()


async def measure(url: str, body: bytes, workers: int, seconds: float, *, stream: bool) -> Load:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    load = Load()
    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(workers):
            tasks.create_task(worker(url, body, start + seconds, load, tls, stream=stream))
    load.seconds = time.perf_counter() - start
    return load


def start(command: list[str], environ: dict[str, str], marker: str) -> tuple[subprocess.Popen, str]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **environ}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(marker):
            return process, line.strip().split()[-1]
    raise SystemExit(f"{command[0]} did not start")


def cpu_seconds(process: subprocess.Popen) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def run(
    upstream: str, node: str, process: subprocess.Popen, seconds: float, only: str
) -> None:
    print(f"{'':<44}{'rate':>11}{'median':>9}{'p99':>9}{'first':>8}{'errors':>8}")
    plan = [
        ("requests, 1 at a time", BODY, 1, False),
        ("requests, 16 at a time", BODY, 16, False),
        ("streams of 100 chunks, 1 at a time", STREAM_BODY, 1, True),
        ("streams of 100 chunks, 16 at a time", STREAM_BODY, 16, True),
        ("streams of 100 chunks, 1000 at a time", STREAM_BODY, 1000, True),
    ]
    for name, body, workers, stream in [entry for entry in plan if only in entry[0]]:
        for target, url in (("provider", upstream), ("node", node)):
            await measure(url, body, workers, 0.5, stream=stream)
            used = cpu_seconds(process)
            load = await measure(url, body, workers, seconds, stream=stream)
            used = cpu_seconds(process) - used
            cost = f"  {used / max(len(load.latencies), 1) * 1e3:6.2f} ms CPU each" * (
                target == "node"
            )
            print(load.row(f"{target}: {name}") + cost, flush=True)


@contextlib.contextmanager
def servers(*, legacy: bool, plain: bool = False, profile: bool = False) -> Iterator[tuple]:
    """Simulator and node as processes: upstream URL, node URL, the node's process."""
    with tempfile.TemporaryDirectory() as folder:
        simulator, upstream = start(
            ["opengradient.testing.simulators", "--fast", "--chunks", str(CHUNKS)], {}, "http"
        )
        node_environ = {
            "OPENAI_BASE_URL": upstream,
            "OPENAI_API_KEY": "simulated-openai-key-7f3a9c51d2",
            "OPENGRADIENT_PORT": "0",
            "OPENGRADIENT_HOST": "127.0.0.1",
            "OPENGRADIENT_DATA_DIR": folder,
            "OPENGRADIENT_LEGACY_SIGNATURES": str(int(legacy)),
            "OPENGRADIENT_TLS": str(int(not plain)),
            "OPENGRADIENT_LOG_LEVEL": "WARNING",
        }
        command = ["reference_nodes.llm_proxy_node", "--demo"]
        if profile:
            command = ["cProfile", "-o", "node.prof", "-m", *command]
        node, url = start(command, node_environ, "READY")
        try:
            yield upstream, url + "/v1", node
        finally:
            node.terminate()
            node.wait(30)
            simulator.terminate()
            simulator.wait(10)


async def _measure_rows(upstream: str, node: str, seconds: float) -> list[Row]:
    async def load(url: str, body: bytes, workers: int, length: float, *, stream: bool) -> Load:
        await measure(url, body, workers, 0.5, stream=stream)
        return await measure(url, body, workers, length, stream=stream)

    alone = await load(upstream, BODY, 1, 2, stream=False)
    one = await load(node, BODY, 1, seconds, stream=False)
    many = await load(node, BODY, 16, seconds, stream=False)
    streams = await load(node, STREAM_BODY, 16, seconds, stream=True)
    crowd = await load(node, STREAM_BODY, 1000, seconds, stream=True)
    added = (statistics.median(one.latencies) - statistics.median(alone.latencies)) * 1e3
    rates = [len(item.latencies) / item.seconds for item in (many, streams, crowd)]
    errors = many.errors + one.errors
    return [
        Row(
            what="proxy node, non-streaming, 16 at a time",
            ours=f"{rates[0]:.0f} requests/s, {errors} errors",
            beside="live gateway's code: 21-24/s (measured earlier)",
            bar="500/s",
            met=rates[0] >= 500 and not errors,
        ),
        Row(
            what="proxy node, added median latency",
            ours=f"{added:.1f} ms",
            beside="live gateway's code: 12-29 ms (measured earlier)",
            bar="5 ms",
            met=added <= 5,
            note="one at a time, over the upstream alone",
        ),
        Row(
            what="proxy node, streams of 100 chunks",
            ours=f"{rates[1]:.0f} streams/s, {streams.errors} errors",
            beside="live gateway's code: 14-17/s (measured earlier)",
            bar="150/s",
            met=rates[1] >= 150 and not streams.errors,
        ),
        Row(
            what="proxy node, 1,000 concurrent streams",
            ours=f"{crowd.errors} errors, {rates[2]:.0f} streams/s",
            bar="0 errors",
            met=not crowd.errors,
        ),
    ]


def rows(seconds: float = 5.0) -> list[Row]:
    """All rows of this page: the node as it is by default, TLS and legacy signatures on."""
    found = []
    for legacy in (True, False):
        with servers(legacy=legacy) as (upstream, node, _):
            for row in uvloop.run(_measure_rows(upstream, node, seconds)):
                note = "tee_* signatures on (default)" if legacy else "tee_* signatures off"
                found.append(replace(row, note=f"{row.note}; {note}".strip("; ")))
    return found


@click.command()
@click.option("--seconds", default=5.0, help="Length of each run.")
@click.option("--legacy", is_flag=True, help="Also sign the public network's fields.")
@click.option("--plain", is_flag=True, help="Without TLS between client and node.")
@click.option("--profile", is_flag=True, help="Run the node under cProfile (node.prof).")
@click.option("--only", default="", help="Only the runs whose name has this in it.")
def main(*, seconds: float, legacy: bool, plain: bool, profile: bool, only: str) -> None:
    """Measure."""
    with servers(legacy=legacy, plain=plain, profile=profile) as (upstream, url, node):
        print(f"TLS {'off' if plain else 'on'}, legacy signatures {'on' if legacy else 'off'}")
        uvloop.run(run(upstream, url, node, seconds, only))


if __name__ == "__main__":
    main()
