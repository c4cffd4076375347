"""The nodes of a network: found in the registry, chosen by health and load."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import anyio

from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.values import NodeKind, NodeRecord
from opengradient.errors import ChainError, ConnectError, OpenGradientError, TransportError
from opengradient.networks import Network
from opengradient.nodes.environment import Environment, RpcPost
from opengradient.nodes.node import Node
from opengradient.nodes.trust import Trust
from opengradient.nodes.ways import DirectWay, Relay, RelayedWay, Way
from opengradient.wire.fields import to_hex

REGISTRY_TTL_MS: Final = 60_000
"""How long a list of nodes is used before the registry is read again."""

_RPC_SECONDS: Final = 20.0

_Found: TypeAlias = Mapping[str, tuple[Way, str | None]]
"""Address to the way there and who is paid."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """A node as `LLM.nodes` shows it.

    Attributes:
        url: Its address.
        node_id: Its attested id in hex; None where it did not pass.
        evidence: Kind of its evidence.
        simulated: Whether that is a software enclave's.
        measurement: Id of the code that it runs.
        collateral_fetched_at_ms: When the oldest of what its vendor signs beside the evidence was
            fetched, Unix milliseconds; None where the kind needs none.
        error: Why it is not used; None where it is.
    """

    url: str
    node_id: str | None = None
    evidence: str | None = None
    simulated: bool | None = None
    measurement: str | None = None
    collateral_fetched_at_ms: int | None = None
    error: OpenGradientError | None = None


@final
class NodePool:
    """Knows the nodes of a network and chooses among them."""

    def __init__(
        self,
        network: Network,
        trust: Trust,
        environment: Environment,
        relay: Relay | None = None,
        *,
        kind: NodeKind = NodeKind.LLM_PROXY,
        urls: Collection[str] | None = None,
    ) -> None:
        """Nothing is read before the first choice.

        Args:
            network: Says which nodes there are.
            trust: Whom to trust.
            environment: Clock, chance and transports.
            relay: Reaches the nodes; None to reach them straight. Then the nodes are those that
                it carries to and, where the network has a registry, that are listed there.
            kind: What nodes of the registry do.
            urls: Addresses of nodes beside those of the registry; the profile's if None.
        """
        self._relay = relay
        self._network = network
        self._kind = kind
        self._urls = network.node_urls if urls is None else urls
        self._trust = trust
        self._environment = environment
        self._nodes: dict[str, Node] = {}
        self._current: tuple[str, ...] = ()
        self._read_at_ms: int | None = None
        self._lock = anyio.Lock()

    async def pick(self, exclude: Collection[str] = ()) -> Node | None:
        """The node to ask next; None where all are excluded.

        Two are drawn at random and the less loaded one is taken, among those that do not rest
        after a failure; where all rest, the one that rests shortest.

        Args:
            exclude: Addresses that were tried already.

        Raises:
            ChainError: The registry could not be read, and no node is known.
            ConnectError: Code ``transport.no_node``: the network has none.
        """
        nodes = [node for node in await self.nodes() if node.url not in exclude]
        if not nodes:
            return None
        now_ms = self._environment.clock()
        awake = [node for node in nodes if node.health.resting_until_ms <= now_ms]
        if not awake:
            return min(nodes, key=lambda node: node.health.resting_until_ms)
        drawn = [awake[self._draw(len(awake))] for _ in range(2)]
        return min(drawn, key=lambda node: node.health.load)

    def _draw(self, count: int) -> int:
        return min(int(self._environment.uniform() * count), count - 1)

    async def nodes(self) -> list[Node]:
        """Every node of the network. Errors as in `pick`."""
        async with self._lock:
            if self._due():
                await self._refresh()
        if not self._current:
            behind = f" behind {self._relay.url}" if self._relay is not None else ""
            raise ConnectError(
                f"network {self._network.name} has no node that is alive{behind}",
                code="transport.no_node",
            )
        return [self._nodes[url] for url in self._current]

    def _due(self) -> bool:
        if self._read_at_ms is None:
            return True
        age = self._environment.clock() - self._read_at_ms
        return not 0 <= age < REGISTRY_TTL_MS or not self._current

    def read_again(self) -> None:
        """Take the list of nodes for outdated."""
        self._read_at_ms = None

    async def _refresh(self) -> None:
        found = await (self._offered() if self._relay is not None else self._listed())
        for url, (way, payee) in found.items():
            if url not in self._nodes:
                self._nodes[url] = Node(
                    way, payee, self._environment, self._trust, self._network.domain
                )
        self._current = tuple(found)
        self._read_at_ms = self._environment.clock()

    async def _listed(self) -> _Found:
        """The nodes of the profile and of the registry."""
        found: dict[str, str | None] = dict.fromkeys(url.rstrip("/") for url in self._urls)
        try:
            for record in await self._registered():
                # What a registry lists is anybody's text: only attestable addresses are used.
                if record.endpoint.startswith("https://"):
                    found[record.endpoint.rstrip("/")] = to_hex(record.payee)
        except ChainError:
            if not self._current and not found:
                raise
            found |= {url: self._nodes[url].payee for url in self._current}
        return {url: (DirectWay(url, self._environment), payee) for url, payee in found.items()}

    async def _offered(self) -> _Found:
        """The nodes that the relay carries to, as far as the registry knows them."""
        relay, network = self._relay, self._network
        if relay is None:
            raise AssertionError("only a relay offers nodes")
        try:
            payees: dict[bytes, str | None] = dict.fromkeys(await relay.node_ids())
            if network.registry is not None and network.rpc_url is not None:
                records = {record.node_id: record for record in await self._registered()}
                payees = {
                    node_id: to_hex(records[node_id].payee)
                    for node_id in payees
                    if node_id in records
                }
        except (ChainError, TransportError):
            if not self._current:
                raise
            return {url: (self._nodes[url].way, self._nodes[url].payee) for url in self._current}
        ways = ((RelayedWay(relay, node_id), payee) for node_id, payee in payees.items())
        return {way.url: (way, payee) for way, payee in ways}

    async def _registered(self) -> list[NodeRecord]:
        network = self._network
        if network.registry is None or network.rpc_url is None:
            return []
        transport = self._environment.transports(None)
        try:
            post = RpcPost(transport, network.rpc_url, timeout=_RPC_SECONDS)
            rpc = RpcClient(post, chain_id=network.chain_id)
            reader = NodeRegistryReader(rpc, network.registry)
            records = await reader.list_active_nodes(self._kind, now_ms=self._environment.clock())
        finally:
            await transport.aclose()
        return records

    async def view(self) -> list[NodeView]:
        """Verify every node, all at once, and say how it went."""
        nodes = await self.nodes()
        views: dict[str, NodeView] = {}

        async def look(node: Node) -> None:
            try:
                verified = (await node.session()).verified
            except OpenGradientError as error:
                views[node.url] = NodeView(url=node.url, error=error)
                return
            views[node.url] = NodeView(
                url=node.url,
                node_id=to_hex(verified.node_id),
                evidence=verified.standing.kind,
                simulated=verified.standing.simulated,
                measurement=verified.standing.measurement,
                collateral_fetched_at_ms=node.collateral_fetched_at_ms(verified),
            )

        async with anyio.create_task_group() as group:
            for node in nodes:
                group.start_soon(look, node)
        return [views[node.url] for node in nodes]

    async def close(self) -> None:
        """Close every connection."""
        for node in self._nodes.values():
            await node.close()
        if self._relay is not None:
            await self._relay.aclose()
