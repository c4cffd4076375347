"""What the proxy node costs: a provider alone, and the same provider through the node.

Starts the fast simulator and the node as processes of their own and loads both from this one,
so on two cores all three share them.

    python -m benchmarks.proxy_node [--seconds 5] [--legacy] [--plain]
"""

import asyncio
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvloop

from benchmarks._table import Row

ROOT = Path(__file__).parent.parent
BODY = b'{"model":"openai/gpt-4.1-mini","messages":[{"role":"user","content":"Say hello."}]}'
STREAM_BODY = BODY[:-1] + b',"stream":true}'
CHUNKS = 100
KEY = b"simulated-openai-key-7f3a9c51d2"


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


@dataclass(frozen=True)
class Plan:
    """One run of load: `rate` requests a second, or as many as answers allow."""

    name: str
    workers: int
    stream: bool = False
    rate: float = 0.0


PLANS = (
    Plan("requests, 1 at a time", 1),
    Plan("requests, 16 at a time", 16),
    Plan("requests, 500 a second", 16, rate=500),
    Plan("streams of 100 chunks, 1 at a time", 1, stream=True),
    Plan("streams of 100 chunks, 16 at a time", 16, stream=True),
    Plan("streams of 100 chunks, 1000 at a time", 1000, stream=True),
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
        assert self.reader is not None
        assert self.writer is not None
        self.writer.write(
            b"POST %s/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n"
            % (self.parts.path.encode(), KEY, len(body))
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


async def worker(
    connection: Connection,
    body: bytes,
    load: Load,
    *,
    first_at: float,
    stop: float,
    pause: float,
    stream: bool,
) -> None:
    """Ask again and again; with a pause, at fixed times, however long the answers take."""
    due = first_at
    try:
        while (now := time.perf_counter()) < stop:
            if pause and due > now:
                await asyncio.sleep(due - now)
            start = max(due, now) if pause else now
            due += pause
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


async def measure(url: str, plan: Plan, seconds: float) -> Load:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    load = Load()
    start = time.perf_counter()
    pause = plan.workers / plan.rate if plan.rate else 0.0
    body = STREAM_BODY if plan.stream else BODY
    async with asyncio.TaskGroup() as tasks:
        for number in range(plan.workers):
            connection = Connection(url, tls)
            tasks.create_task(
                worker(
                    connection,
                    body,
                    load,
                    first_at=start + pause * number / plan.workers,
                    stop=start + seconds,
                    pause=pause,
                    stream=plan.stream,
                )
            )
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
) -> dict[str, tuple[Load, Load]]:
    """Load both, one after the other; give what was seen, provider first."""
    print(f"{'':<44}{'rate':>11}{'median':>9}{'p99':>9}{'first':>8}{'errors':>8}", file=sys.stderr)
    seen = {}
    for plan in [entry for entry in PLANS if only in entry.name]:
        loads = []
        for target, url in (("provider", upstream), ("node", node)):
            await measure(url, plan, 0.5)
            used = cpu_seconds(process)
            load = await measure(url, plan, seconds)
            used = cpu_seconds(process) - used
            cost = f"  {used / max(len(load.latencies), 1) * 1e3:6.2f} ms CPU each"
            text = load.row(f"{target}: {plan.name}") + (cost if target == "node" else "")
            print(text, file=sys.stderr, flush=True)
            loads.append(load)
        seen[plan.name] = (loads[0], loads[1])
    return seen


def session(
    *, seconds: float, legacy: bool, plain: bool, profile: bool = False, only: str = ""
) -> dict[str, tuple[Load, Load]]:
    """Start simulator and node, load them, stop them."""
    with tempfile.TemporaryDirectory() as folder:
        simulator, upstream = start(
            ["opengradient.testing.simulators", "--fast", "--chunks", str(CHUNKS)], {}, "http"
        )
        node_environ = {
            "OPENAI_BASE_URL": upstream,
            "OPENAI_API_KEY": KEY.decode(),
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
            return uvloop.run(run(upstream, url + "/v1", node, seconds, only))
        finally:
            node.terminate()
            node.wait(30)
            simulator.terminate()
            simulator.wait(10)


def rows() -> list[Row]:
    """The figures that have a bar: as nodes are by default, and without the legacy signatures."""
    return [row for legacy in (True, False) for row in _rows(legacy=legacy)]


def _rows(*, legacy: bool) -> list[Row]:
    note = f"TLS on, receipts flushed to disk; tee_* signatures {'on' if legacy else 'off'}"
    seen = session(seconds=5.0, legacy=legacy, plain=False)
    alone, through = seen["requests, 16 at a time"]
    rate = len(through.latencies) / through.seconds
    paced_alone, paced = seen["requests, 500 a second"]
    added = (statistics.median(paced.latencies) - statistics.median(paced_alone.latencies)) * 1e3
    streams_alone, streams = seen["streams of 100 chunks, 16 at a time"]
    stream_rate = len(streams.latencies) / streams.seconds
    _, many = seen["streams of 100 chunks, 1000 at a time"]
    return [
        Row(
            what="proxy: requests",
            ours=f"{rate:.0f}/s",
            beside=f"provider alone {len(alone.latencies) / alone.seconds:.0f}/s",
            bar="500/s",
            met=rate >= 500,
            note=note,
        ),
        Row(
            what="proxy: time added at 500 requests/s, median",
            ours=f"{added:.1f} ms",
            bar="5 ms",
            met=added <= 5,
            note=note,
        ),
        Row(
            what="proxy: streams of 100 chunks",
            ours=f"{stream_rate:.0f}/s",
            beside=f"provider alone {len(streams_alone.latencies) / streams_alone.seconds:.0f}/s",
            bar="150/s",
            met=stream_rate >= 150,
            note=note,
        ),
        Row(
            what="proxy: errors in 1,000 concurrent streams",
            ours=str(many.errors),
            beside=f"{len(many.latencies)} streams",
            bar="0",
            met=many.errors == 0,
            note=note,
        ),
    ]


@click.command()
@click.option("--seconds", default=5.0, help="Length of each run.")
@click.option("--legacy", is_flag=True, help="Also sign the public network's fields.")
@click.option("--plain", is_flag=True, help="Without TLS between client and node.")
@click.option("--profile", is_flag=True, help="Run the node under cProfile (node.prof).")
@click.option("--only", default="", help="Only the runs whose name has this in it.")
def main(*, seconds: float, legacy: bool, plain: bool, profile: bool, only: str) -> None:
    """Measure and print every run."""
    session(seconds=seconds, legacy=legacy, plain=plain, profile=profile, only=only)


if __name__ == "__main__":
    main()
