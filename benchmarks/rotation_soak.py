"""Calls without end while the node replaces its TLS and HPKE keys: none of them may fail.

python -m benchmarks.rotation_soak                    10,000 calls, a rotation every 100
python -m benchmarks.rotation_soak --calls 2000
"""

import logging
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import click

import opengradient as og
from benchmarks._table import Row
from opengradient.core.modes import ChannelKind
from opengradient.errors import OpenGradientError
from opengradient.networks import Network, write_profile
from opengradient.testing.simulators import ProviderSimulator
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from reference_nodes.llm_proxy_node.node import running as node_running
from reference_nodes.relay_node.config import Settings as RelaySettings
from reference_nodes.relay_node.node import running as relay_running

QUESTION = [{"role": "user", "content": "Say hello."}]
MODEL = "openai/gpt-4.1-mini"
GRACE_SECONDS = 3.0
"""Short, so that clients meet keys that the node has already forgotten."""

AT_ONCE = 4


@dataclass
class Soak:
    """What came of it.

    Attributes:
        calls: How many were answered, and every answer verified.
        failures: Codes of those that were not.
        keys: Channel kind to the keys that receipts named.
        rotations: How often the keys were replaced.
        seconds: How long it took.
        slowest: The longest call, in seconds.
    """

    calls: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    keys: dict[ChannelKind, set[bytes]] = field(
        default_factory=lambda: {ChannelKind.TLS: set(), ChannelKind.HPKE: set()}
    )
    rotations: int = 0
    seconds: float = 0.0
    slowest: float = 0.0


async def soak(calls: int, *, rotate_every: int, folder: Path) -> Soak:
    """Run calls, half of them straight and half through a relay, a third of them streams.

    Args:
        calls: How many.
        rotate_every: Calls between two rotations.
        folder: For journals and profiles.
    """
    result = Soak()
    demand, demands = anyio.create_memory_object_stream[None](100)
    settings = Settings.from_env(
        {},
        **DEMO_DEFAULTS
        | {
            "data_dir": folder / "node",
            "port": 0,
            "drain_seconds": 5,
            "key_grace_seconds": GRACE_SECONDS,
        },
    )
    async with demand, demands, ProviderSimulator.openai() as sim:
        providers = ProviderSettings.from_env(sim.environ())
        async with node_running(settings, providers, demands=demands) as url:
            network = _network(settings, url, folder)
            relay = RelaySettings.from_env(
                {},
                network=folder / "network.json",
                port=0,
                drain_seconds=5,
                requests_per_second=1e6,
                burst=10**9,
            )
            async with (
                relay_running(relay) as relay_url,
                og.LLM(network=network) as direct,
                og.ConfidentialLLM(relay_url, network=network) as confidential,
            ):
                begun = time.perf_counter()
                await _calls(calls, (direct, confidential), result, demand, rotate_every)
                result.seconds = time.perf_counter() - begun
    return result


async def _calls(calls, clients, result, demand, rotate_every) -> None:
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            if number % rotate_every == rotate_every - 1:
                await demand.send(None)
                result.rotations += 1
            begun = time.perf_counter()
            try:
                receipt = await _call(clients[number % 2], streamed=number % 3 == 0)
            except OpenGradientError as error:
                result.failures[error.code] += 1
                print(error.diagnostics(), file=sys.stderr)
                continue
            result.slowest = max(result.slowest, time.perf_counter() - begun)
            result.calls += 1
            result.keys[ChannelKind(receipt.channel_kind)].add(receipt.channel_binding)

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(work)


async def _call(llm, *, streamed: bool):
    if not streamed:
        reply = await llm.chat(MODEL, QUESTION)
    else:
        async with llm.stream(MODEL, QUESTION) as stream:
            async for _ in stream:
                pass
        reply = stream.reply
    return reply.receipt.bundle.signed.receipt


def _network(settings: Settings, url: str, folder: Path) -> Network:
    root = SoftwareRoot.load_or_create(folder / "node", "demo", now_ms=system_clock_ms())
    network = Network(
        name="soak",
        chain_id=settings.chain_id,
        settlement=settings.domain.settlement_contract,
        trust=TrustPolicy(roots=(root.unsafe_trust(),), measurements=UnsafeAnyMeasurement()),
        node_urls=(url,),
    )
    write_profile(network, folder / "network.json")
    return network


def rows() -> list[Row]:
    """The figure that has a bar."""
    with tempfile.TemporaryDirectory() as folder:
        seen = anyio.run(_soak, 10_000, 100, Path(folder))
    return [
        Row(
            what="rotation: calls that failed while keys were replaced",
            ours=str(sum(seen.failures.values())),
            beside=f"{seen.calls} calls, {seen.rotations} rotations",
            bar="0",
            met=not seen.failures and seen.calls == 10_000,
            note="half of them through a relay, a third streams, every receipt verified",
        )
    ]


async def _soak(calls: int, rotate_every: int, folder: Path) -> Soak:
    return await soak(calls, rotate_every=rotate_every, folder=folder)


@click.command()
@click.option("--calls", default=10_000, show_default=True)
@click.option("--rotate-every", default=100, show_default=True, help="Calls between rotations.")
def main(*, calls: int, rotate_every: int) -> None:
    """Soak and print what came of it. Exit status 1 where a call failed."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        seen = anyio.run(_soak, calls, rotate_every, Path(folder))
    print(
        f"{seen.calls} calls answered and verified in {seen.seconds:.1f} s "
        f"({seen.calls / seen.seconds:.0f}/s), {seen.rotations} rotations, "
        f"{len(seen.keys[ChannelKind.TLS])} TLS and {len(seen.keys[ChannelKind.HPKE])} HPKE keys "
        f"in receipts, slowest call {seen.slowest:.2f} s"
    )
    print(f"failed: {dict(seen.failures) or 'none'}")
    sys.exit(1 if seen.failures or seen.calls != calls else 0)


if __name__ == "__main__":
    main()
