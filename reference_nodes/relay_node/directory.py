"""The nodes that a relay carries to: found, verified, connected to under the attested TLS key.

Nothing of the users' secrecy rests on this: requests are sealed to keys that the users verify
themselves. It keeps the relay from carrying to whoever says to be a node.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import anyio

from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.values import NodeKind
from opengradient.core.canonical import parse_json
from opengradient.errors import NodeError, OpenGradientError, TransportError
from opengradient.networks import Network
from opengradient.transport import HttpResponse, HttpTransport, Timeouts, TlsPin
from opengradient.verify.node import VerifiedNode, verify_node
from opengradient.wire.nodes import decode_node_evidence
from reference_nodes._kit.rpc import http_post

_log = logging.getLogger("opengradient.node")

Clock = Callable[[], int]

NONCE_BYTES: Final = 32
EVIDENCE_SECONDS: Final = 30.0
MAX_EVIDENCE_BYTES: Final = 1024 * 1024
RETIRED_TRANSPORTS: Final = 32
"""So many replaced pools stay open: keys are replaced once a day, answers end within minutes."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNode:
    """A verified node.

    Attributes:
        node_id: 32 bytes.
        url: Its address.
        verified: What was verified.
        transport: Connections under its attested TLS key.
    """

    node_id: bytes
    url: str
    verified: VerifiedNode
    transport: HttpTransport


@final
class Directory:
    """Knows the nodes of a network."""

    def __init__(
        self, network: Network, *, only: tuple[str, ...], silence: float, clock: Clock
    ) -> None:
        """Nothing is read before `look`.

        Args:
            network: Where the nodes are, and whom to trust.
            only: URLs to keep to; empty for every node of the network.
            silence: Longest pause of a node, in seconds.
            clock: Unix milliseconds.
        """
        self._network = network
        self._only = only
        self._silence = silence
        self._clock = clock
        self._nodes: dict[bytes, KnownNode] = {}
        self._retired: deque[HttpTransport] = deque()
        self._lock = anyio.Lock()

    def ids(self) -> list[bytes]:
        """The nodes, sorted."""
        return sorted(self._nodes)

    def find(self, node_id: bytes) -> KnownNode:
        """A node by its id.

        Raises:
            NodeError: Code ``relay.unknown_node``.
        """
        known = self._nodes.get(node_id)
        if known is None:
            raise NodeError("no such node here", status=404, code="relay.unknown_node")
        return known

    async def look(self) -> None:
        """Look through the network; a node that does not pass is left out until it does."""
        urls = await self._urls()
        found: dict[str, KnownNode] = {}

        async def one(url: str) -> None:
            try:
                found[url] = await self._meet(url)
            except TransportError as error:
                # It may be back in a moment, and what was verified of it still holds.
                found.update({n.url: n for n in self._nodes.values() if n.url == url})
                _log.warning("node out of reach", extra={"url": url, "code": error.code})
            except OpenGradientError as error:
                _log.warning("node left out", extra={"url": url, "code": error.code})

        async with anyio.create_task_group() as tasks:
            for url in urls:
                tasks.start_soon(one, url)
        await self._keep({node.node_id: node for node in found.values()})

    async def meet_again(self, node: KnownNode) -> KnownNode:
        """Verify a node anew whose TLS key is another one now; nothing was sent to it.

        Raises:
            NodeError: Code ``relay.unknown_node``: it is another node now.
            OpenGradientError: It could not be reached, or does not pass.
        """
        async with self._lock:
            present = self._nodes.get(node.node_id)
            if present is not None and present is not node:
                return present
            again = await self._meet(node.url)
            kept = {i: known for i, known in self._nodes.items() if i != node.node_id}
            kept[again.node_id] = again
            await self._keep(kept)
        return self.find(node.node_id)

    async def evidence(self, url: str, nonce: str) -> HttpResponse:
        """What a node says about itself, unchecked, over a connection of its own.

        A connection that stands describes the key that it was made with, not the present one.

        Raises:
            TransportError: It did not answer.
        """
        transport = HttpTransport(pin=TlsPin.none_for_bootstrap())
        try:
            return await transport.request(
                "GET",
                f"{url}/v1/evidence?nonce={nonce}",
                timeout=EVIDENCE_SECONDS,
                max_bytes=MAX_EVIDENCE_BYTES,
            )
        finally:
            await transport.aclose()

    async def close(self) -> None:
        """Close every connection."""
        transports = {*self._retired, *(node.transport for node in self._nodes.values())}
        self._nodes = {}
        self._retired.clear()
        for transport in transports:
            await transport.aclose()

    async def _urls(self) -> list[str]:
        if self._only:
            return list(self._only)
        network = self._network
        urls = [url.rstrip("/") for url in network.node_urls]
        if network.registry is None or network.rpc_url is None:
            return urls
        try:
            async with HttpTransport(max_connections=1) as transport:
                rpc = RpcClient(http_post(transport, network.rpc_url), chain_id=network.chain_id)
                reader = NodeRegistryReader(rpc, network.registry)
                records = await reader.list_active_nodes(NodeKind.LLM_PROXY, now_ms=self._clock())
        except OpenGradientError as error:
            _log.warning("registry", extra={"code": error.code})
            return list(dict.fromkeys([*urls, *(node.url for node in self._nodes.values())]))
        listed = [r.endpoint.rstrip("/") for r in records if r.endpoint.startswith("https://")]
        return list(dict.fromkeys([*urls, *listed]))

    async def _meet(self, url: str) -> KnownNode:
        nonce = secrets.token_bytes(NONCE_BYTES)
        response = await self.evidence(url, nonce.hex())
        if response.status != 200:
            raise NodeError(f"{url}: status {response.status}", status=response.status)
        verified = verify_node(
            decode_node_evidence(parse_json(response.body, what=url)),
            nonce=nonce,
            peer_certificate=response.peer_certificate,
            policy=self._network.trust,
            now_ms=self._clock(),
            domain=self._network.domain,
        )
        for node in self._nodes.values():
            same = node.url == url and node.verified.certificate == verified.certificate
            if same and node.node_id == verified.node_id:
                return KnownNode(
                    node_id=node.node_id, url=url, verified=verified, transport=node.transport
                )
        pin = None if verified.certificate is None else TlsPin.of_der(verified.certificate)
        return KnownNode(
            node_id=verified.node_id,
            url=url,
            verified=verified,
            transport=HttpTransport(
                pin=pin, timeouts=Timeouts(silence=self._silence), max_connections=1000
            ),
        )

    async def _keep(self, nodes: dict[bytes, KnownNode]) -> None:
        """Take these as the nodes. Answers may still come over connections that are replaced."""
        used = {node.transport for node in nodes.values()}
        self._retired += [n.transport for n in self._nodes.values() if n.transport not in used]
        self._nodes = nodes
        while len(self._retired) > RETIRED_TRANSPORTS:
            await self._retired.popleft().aclose()
