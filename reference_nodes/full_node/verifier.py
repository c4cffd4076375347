"""Verifies requests full of receipts, in a pool of processes."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import final

import anyio
from anyio import to_process, to_thread

from opengradient.core.batches import KeyRecord
from opengradient.errors import ChainError, OpenGradientError
from opengradient.verify.settlement import check_registered
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes.full_node.checking import CheckSettings, Outcome, check_body
from reference_nodes.full_node.evidence import EvidenceBook
from reference_nodes.full_node.keys import KeyBook
from reference_nodes.full_node.records import CheckedReceipt, KnownEvidence, RefusedReceipt

_RETRY = frozenset({"settlement.unknown_node"})


@final
class Verifier:
    """From the bytes of a request to one outcome per receipt."""

    def __init__(
        self,
        settings: CheckSettings,
        *,
        evidence: EvidenceBook,
        keys: KeyBook,
        workers: int,
        clock_ms: Clock = system_clock_ms,
    ) -> None:
        """Check by `settings`.

        Args:
            settings: What to judge by.
            evidence: Where evidence is that a worker does not have yet.
            keys: What the registry knows.
            workers: Processes; 0 checks in a thread of this process.
            clock_ms: Unix milliseconds.
        """
        self._settings = settings
        self._evidence = evidence
        self._keys = keys
        self._processes = anyio.CapacityLimiter(workers) if workers else None
        self._clock_ms = clock_ms

    async def check(self, body: bytes) -> list[Outcome]:
        """Check every receipt of a request.

        Raises:
            MalformedError: The body is not a request.
        """
        now_ms = self._clock_ms()
        outcomes = await self._work(body, now_ms)
        missing = {
            outcome.evidence_digest
            for outcome in outcomes
            if isinstance(outcome, RefusedReceipt) and outcome.evidence_digest is not None
        }
        if missing:
            outcomes = await self._again(body, now_ms, outcomes, missing)
        return await self._check_keys(outcomes, now_ms)

    async def _again(
        self,
        body: bytes,
        now_ms: int,
        outcomes: list[Outcome],
        missing: Collection[bytes],
    ) -> list[Outcome]:
        """Check those receipts again whose evidence this node has and the worker had not."""
        known = {digest: await self._evidence.get(digest) for digest in missing}
        found = {digest: item for digest, item in known.items() if item is not None}
        places = [
            place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, RefusedReceipt) and outcome.evidence_digest in found
        ]
        if places:
            second = await self._work(body, now_ms, list(found.values()), frozenset(places))
            outcomes = list(outcomes)
            for place, outcome in zip(places, second, strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _work(
        self,
        body: bytes,
        now_ms: int,
        evidence: Sequence[KnownEvidence] = (),
        only: Collection[int] | None = None,
    ) -> list[Outcome]:
        work = partial(check_body, body, self._settings, now_ms, evidence, only)
        if self._processes is None:
            return await to_thread.run_sync(work)
        return await to_process.run_sync(work, limiter=self._processes)

    async def _check_keys(self, outcomes: list[Outcome], now_ms: int) -> list[Outcome]:
        node_ids = {item.node_id for item in outcomes if isinstance(item, CheckedReceipt)}
        records = await self._keys.accepted(node_ids)
        return [
            _registered(item, records[item.node_id], now_ms)
            if isinstance(item, CheckedReceipt)
            else item
            for item in outcomes
        ]


def _registered(item: CheckedReceipt, key: KeyRecord | ChainError | None, now_ms: int) -> Outcome:
    try:
        if isinstance(key, ChainError):
            return RefusedReceipt(item.digest, key.code, key.message, retry=True)
        check_registered(
            node_id=item.node_id, finished_at_ms=item.finished_at_ms, key=key, now_ms=now_ms
        )
    except OpenGradientError as error:
        return RefusedReceipt(item.digest, error.code, error.message, retry=error.code in _RETRY)
    return item
