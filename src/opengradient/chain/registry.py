"""Reads the node registry."""

from collections.abc import Mapping
from typing import Any, Final, final

from opengradient.chain._quantities import parse_data
from opengradient.chain.abi import NODE_REGISTRY, contract
from opengradient.chain.messages import RegistryDomain
from opengradient.chain.rpc import RpcClient
from opengradient.chain.values import NodeKind, NodeRecord, NodeStatus, OhttpConfig
from opengradient.core.digests import ZERO32
from opengradient.errors import ChainError

PAGE: Final = 50
"""Nodes per call: an entry with its certificates has a few kilobytes."""

HEARTBEAT_MAX_AGE_MS: Final = 30 * 60 * 1000
"""`HEARTBEAT_MAX_AGE` of the contract."""


@final
class NodeRegistryReader:
    """Discovery and history of nodes. What it says is asserted; the evidence is what is checked."""

    __slots__ = ("_abi", "_rpc", "address")

    def __init__(self, rpc: RpcClient, address: bytes) -> None:
        """Read the registry at `address` (20 bytes)."""
        self._abi = contract(NODE_REGISTRY)
        self._rpc = rpc
        self.address = address

    @property
    def domain(self) -> RegistryDomain:
        """The domain that nodes sign their messages in."""
        return RegistryDomain(chain_id=self._rpc.chain_id, registry=self.address)

    async def _read(self, function: str, *args: Any) -> Any:
        answer = await self._rpc.call(self.address, self._abi.encode(function, *args))
        return self._abi.decode(function, answer)

    async def list_active_nodes(self, kind: NodeKind, *, now_ms: int) -> list[NodeRecord]:
        """The nodes of a kind that are open and were alive in the last 30 minutes.

        Args:
            kind: What they do.
            now_ms: Unix milliseconds. The chain's own clock stands still while no block comes,
                so it alone does not tell who is alive.
        """
        fresh = now_ms - HEARTBEAT_MAX_AGE_MS
        return [
            node
            for node in await self._all("openNodesByKind", kind)
            if node.status is NodeStatus.ACTIVE and node.last_heartbeat_ms >= fresh
        ]

    async def list_nodes(self, kind: NodeKind) -> list[NodeRecord]:
        """All nodes of a kind that ever registered, in order of registration."""
        return await self._all("nodesByKind", kind)

    async def _all(self, function: str, kind: NodeKind) -> list[NodeRecord]:
        nodes: dict[bytes, NodeRecord] = {}
        offset = 0
        while page := await self._read(function, int(kind), offset, PAGE):
            for info in page:
                node = _parse_node(info)
                nodes[node.node_id] = node
            offset += PAGE
        return list(nodes.values())

    async def get_node(self, node_id: bytes) -> NodeRecord:
        """One node, also after it was closed.

        Raises:
            RevertedError: No node has this id.
        """
        return _parse_node(await self._read("getNode", node_id))

    async def find_node(self, signer: bytes) -> NodeRecord | None:
        """The node whose key has this 20-byte address."""
        node_id = await self._read("nodeIdOf", signer)
        return None if node_id == ZERO32 else await self.get_node(node_id)

    async def was_valid_at(self, node_id: bytes, time_ms: int) -> bool:
        """Whether the node's key was valid at `time_ms` (unix milliseconds)."""
        return bool(await self._read("wasValidAt", node_id, time_ms // 1000))

    async def evidence_since(self, node_id: bytes, evidence_digest: bytes) -> int | None:
        """When the node first published this evidence, in unix milliseconds; None: never."""
        seconds = await self._read("evidenceSince", node_id, evidence_digest)
        return int(seconds) * 1000 or None

    async def registration_nonce(self, owner: bytes) -> int:
        """The nonce that the owner's next registration must carry."""
        return int(await self._read("registrationNonce", owner))

    async def measurement_approved(self, measurement: bytes) -> bool:
        """Whether nodes that run this code are admitted now."""
        return bool(await self._read("measurementStatus", measurement) == 1)


def _parse_node(info: Mapping[str, Any]) -> NodeRecord:
    ohttp = info["ohttpConfig"]
    try:
        kind, status = NodeKind(info["kind"]), NodeStatus(info["status"])
    except ValueError as error:
        raise ChainError(
            f"the registry has an unknown value: {error}", code="chain.malformed"
        ) from error
    return NodeRecord(
        node_id=info["nodeId"],
        owner=parse_data(info["owner"], "owner", 20),
        payee=parse_data(info["payee"], "payee", 20),
        kind=kind,
        endpoint=info["endpoint"],
        signing_public_key=info["signingPublicKey"],
        keyset_digest=info["keysetDigest"],
        evidence_digest=info["evidenceDigest"],
        evidence_blob_id=info["evidenceBlobId"],
        measurement=info["measurement"],
        legacy_public_key=info["legacyPublicKey"],
        tls_certificate=info["tlsCertificate"],
        registered_at_ms=info["registeredAt"] * 1000,
        valid_from_ms=info["validFrom"] * 1000,
        valid_until_ms=info["validUntil"] * 1000 or None,
        last_heartbeat_ms=info["lastHeartbeatAt"] * 1000,
        heartbeat_sequence=info["heartbeatSequence"],
        update_counter=info["updateCounter"],
        status=status,
        ohttp=OhttpConfig(
            key_id=ohttp["keyId"],
            kem_id=ohttp["kemId"],
            kdf_id=ohttp["kdfId"],
            aead_id=ohttp["aeadId"],
            public_key=ohttp["publicKey"],
            key_config=ohttp["keyConfig"],
        ),
    )
