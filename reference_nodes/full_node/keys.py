"""What the registry knows of nodes' keys, remembered for a few seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.values import NodeRecord, NodeStatus
from opengradient.core.batches import KeyRecord
from opengradient.errors import ChainError
from reference_nodes._kit.clock import Clock

KEEP_MS: Final = 10_000
"""How long an answer serves: far below the ten minutes of grace that `Settlement.CLOSING_GRACE`
gives a submitter to learn of a revocation."""

_REVOKED: Final = frozenset({NodeStatus.KEY_REVOKED, NodeStatus.MEASUREMENT_REVOKED})


@final
@dataclass(frozen=True, slots=True)
class _Kept:
    record: KeyRecord
    read_at_ms: int


@final
class KeyBook:
    """Asks the registry for keys, and asks again when the answer is no longer fresh."""

    def __init__(self, registry: NodeRegistryReader, clock_ms: Clock) -> None:
        """Read `registry`; `clock_ms` gives unix milliseconds."""
        self._registry = registry
        self._clock_ms = clock_ms
        self._kept: dict[bytes, _Kept] = {}

    async def accepted(
        self, node_ids: Iterable[bytes]
    ) -> dict[bytes, KeyRecord | ChainError | None]:
        """The records by which receipts are accepted, one for each id.

        While the ledger is down the last answer serves, however old it is: before a batch is
        sent, `current` asks again. None says that the registry does not know the node, an error
        that it could not be asked.
        """
        found: dict[bytes, KeyRecord | ChainError | None] = {}
        for node_id in node_ids:
            try:
                found[node_id] = await self._look_up(node_id)
            except ChainError as error:
                kept = self._kept.get(node_id)
                found[node_id] = error if kept is None else kept.record
        return found

    async def current(self, node_ids: Iterable[bytes]) -> dict[bytes, KeyRecord | None]:
        """The records as the ledger has them now.

        Raises:
            ChainError: The ledger could not be asked.
        """
        return {node_id: await self._look_up(node_id, fresh=True) for node_id in node_ids}

    async def evidence_since(self, node_id: bytes, evidence_digest: bytes) -> int | None:
        """When the node first published this evidence on the ledger, unix milliseconds.

        Raises:
            ChainError: The ledger could not be asked.
        """
        return await self._registry.evidence_since(node_id, evidence_digest)

    async def _look_up(self, node_id: bytes, *, fresh: bool = False) -> KeyRecord | None:
        now_ms = self._clock_ms()
        kept = self._kept.get(node_id)
        if not fresh and kept is not None and now_ms - kept.read_at_ms < KEEP_MS:
            return kept.record
        node = await self._registry.find_node(node_id[12:])
        if node is None:
            self._kept.pop(node_id, None)
            return None
        record = _record(node)
        self._kept[node_id] = _Kept(record, now_ms)
        return record


def _record(node: NodeRecord) -> KeyRecord:
    return KeyRecord(
        node_id=node.node_id,
        registered_at_ms=node.registered_at_ms,
        valid_from_ms=node.valid_from_ms,
        valid_until_ms=node.valid_until_ms,
        revoked=node.status in _REVOKED,
    )
