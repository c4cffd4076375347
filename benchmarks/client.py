"""Everything verified by og.LLM, beside a raw httpx call to the same node."""

import statistics
import time

import anyio
import httpx

import opengradient as og
from benchmarks._table import Row
from opengradient.testing.local_network import LocalNetwork

QUESTION = [{"role": "user", "content": "Hello"}]
ROUNDS = 150


async def _measure() -> tuple[float, float]:
    ours: list[float] = []
    raw: list[float] = []
    async with LocalNetwork() as net:
        url = net.network.node_urls[0] if net.network.node_urls else None
        async with og.LLM(network=net.network) as llm:
            url = url or (await llm.nodes())[0].url
            async with httpx.AsyncClient(verify=False) as client:  # the raw call checks nothing
                body = {"model": net.model, "messages": QUESTION}
                for number in range(ROUNDS + 20):
                    start = time.perf_counter()
                    (await client.post(f"{url}/v1/chat/completions", json=body)).raise_for_status()
                    middle = time.perf_counter()
                    await llm.chat(net.model, QUESTION)
                    end = time.perf_counter()
                    if number >= 20:
                        raw.append(middle - start)
                        ours.append(end - middle)
    return statistics.median(ours) * 1000, statistics.median(raw) * 1000


def rows() -> list[Row]:
    """All rows of this page."""
    ours, raw = anyio.run(_measure)
    return [
        Row(
            what="client: a call with everything verified",
            ours=f"{ours:.2f} ms",
            beside=f"raw httpx to the same node: {raw:.2f} ms",
            bar="+1 ms",
            met=ours - raw <= 1,
            note="alternating calls, medians",
        )
    ]
