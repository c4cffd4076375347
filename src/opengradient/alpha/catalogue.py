"""Which nodes have which model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import anyio

from opengradient.core.models import ModelManifest
from opengradient.errors import ConfigurationError, OpenGradientError
from opengradient.nodes.environment import Environment
from opengradient.nodes.node import Node
from opengradient.nodes.pool import NodePool
from opengradient.wire.model_inference import decode_models

TTL_MS: Final = 60_000
"""How long a node's list is used before it is read again."""

_ROOT: Final = re.compile(r"(?:0x)?([0-9a-f]{64})")


@final
@dataclass(frozen=True, slots=True)
class _Listed:
    read_at_ms: int
    models: Mapping[bytes, ModelManifest]


@final
class Catalogue:
    """The models of every node, as they list them; each root is computed from its manifest."""

    def __init__(self, pool: NodePool, environment: Environment) -> None:
        """Nothing is read before the first question."""
        self._pool = pool
        self._environment = environment
        self._lists: dict[str, _Listed] = {}

    async def models(self) -> list[ModelManifest]:
        """Every model that some node has, by name.

        Raises:
            OpenGradientError: No node could be asked.
        """
        lists = await self._read(fresh=True)
        found = {root: item for listed in lists.values() for root, item in listed.models.items()}
        return sorted(found.values(), key=lambda item: (item.name, item.version, item.root))

    async def find(self, model_cid: str) -> tuple[ModelManifest, frozenset[str]]:
        """A model, and the nodes that do not have it.

        Args:
            model_cid: The root in hex, or a name that a node lists.

        Raises:
            ConfigurationError: Code ``inference.unknown_model`` or ``inference.ambiguous``.
            OpenGradientError: No node could be asked.
        """
        lists = await self._read(fresh=False)
        roots = _matching(model_cid, lists)
        if not roots:
            lists = await self._read(fresh=True)
            roots = _matching(model_cid, lists)
        if not roots:
            raise ConfigurationError(
                f"none of {len(lists)} node(s) has {model_cid!r}", code="inference.unknown_model"
            )
        if len(roots) > 1:
            named = ", ".join(
                f"{root.hex()} (version {item.version})" for root, item in sorted(roots.items())
            )
            raise ConfigurationError(
                f"{model_cid} is the name of {named}", code="inference.ambiguous"
            )
        ((root, manifest),) = roots.items()
        having = {url for url, listed in lists.items() if root in listed.models}
        return manifest, frozenset({node.url for node in await self._pool.nodes()} - having)

    async def _read(self, *, fresh: bool) -> Mapping[str, _Listed]:
        """The lists of all nodes that answer, by address."""
        nodes = await self._pool.nodes()
        failures: list[OpenGradientError] = []
        now_ms = self._environment.clock()

        async def read(node: Node) -> None:
            known = self._lists.get(node.url)
            if known is not None and not fresh and 0 <= now_ms - known.read_at_ms < TTL_MS:
                return
            self._lists.pop(node.url, None)
            try:
                answer = await node.get(await node.session(), "/v1/models")
                models = decode_models(answer)
            except OpenGradientError as error:
                failures.append(error)
                return
            by_root = {manifest.root: manifest for manifest in models}
            self._lists[node.url] = _Listed(now_ms, by_root)

        async with anyio.create_task_group() as group:
            for node in nodes:
                group.start_soon(read, node)
        lists = {node.url: self._lists[node.url] for node in nodes if node.url in self._lists}
        if not lists:
            raise failures[0]
        return lists


def _matching(model_cid: str, lists: Mapping[str, _Listed]) -> dict[bytes, ModelManifest]:
    found = _ROOT.fullmatch(model_cid)
    root = None if found is None else bytes.fromhex(found[1])
    return {
        item.root: item
        for listed in lists.values()
        for item in listed.models.values()
        if item.root == root or item.name == model_cid
    }
