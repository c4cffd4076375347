"""A local inference node in this process, and clients of it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import opengradient as og
from opengradient.networks import Network
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.settings import DEMO_DEFAULTS
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes.local_inference_node.adding import add_model
from reference_nodes.local_inference_node.config import Settings
from reference_nodes.local_inference_node.node import running


@dataclass
class InferenceNode:
    """A running node.

    Attributes:
        url: Its address.
        roots: Name of a model, without its owner, to its root.
        folder: Its models.
        network: A profile by which it is trusted.
    """

    url: str
    roots: dict[str, bytes]
    folder: Path
    network: Network

    @asynccontextmanager
    async def client(self, **settings: Any) -> AsyncIterator[og.Alpha]:
        chosen = {"network": self.network, "node_url": self.url, "max_retries": 0, **settings}
        async with og.Alpha(**chosen) as alpha:
            yield alpha

    def file(self, name: str) -> Path:
        """Where the bytes of a model lie."""
        return self.folder / self.roots[name].hex() / "files" / f"{name}.onnx"


@asynccontextmanager
async def inference_node(
    data_dir: Path,
    models: Mapping[str, bytes],
    *,
    clock: Callable[[], int] = system_clock_ms,
    **settings: Any,
) -> AsyncIterator[InferenceNode]:
    """Run a node with these models, each ``me/<name>``."""
    chosen = Settings.from_env(
        {},
        **{
            **DEMO_DEFAULTS,
            "data_dir": data_dir,
            "port": 0,
            "drain_seconds": 1,
            "workers": 1,
            **settings,
        },
    )
    roots = {}
    for name, data in models.items():
        path = data_dir.parent / f"{name}.onnx"
        path.write_bytes(data)
        roots[name] = await add_model(
            path, chosen.library, name=f"me/{name}", version="1.0", licence="MIT"
        )
    async with running(chosen, clock=clock) as url:
        root = SoftwareRoot.load_or_create(data_dir, "demo", now_ms=system_clock_ms())
        policy = TrustPolicy(roots=(root.unsafe_trust(),), measurements=UnsafeAnyMeasurement())
        network = Network(
            name="test",
            chain_id=chosen.chain_id,
            settlement=bytes(20),
            trust=policy,
            node_urls=(url,),
        )
        yield InferenceNode(url, roots, chosen.library, network)
