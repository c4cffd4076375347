"""Carries the outbox to the full nodes. A full node that is down delays, and loses nothing."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import anyio

from opengradient.core.canonical import compact_json, parse_json_object
from opengradient.core.settlement import SettlementState
from opengradient.errors import (
    MalformedError,
    NodeError,
    ProtocolError,
    TransportError,
)
from opengradient.transport import HttpTransport
from opengradient.wire.fields import members, parse_hex
from opengradient.wire.settlement import encode_evidence
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.outbox import Delivered, Outbox, Waiting

_log = logging.getLogger("opengradient.node")

MAX_BATCH: Final = 500
"""Receipts in one delivery; the full node takes 1,000 at most."""

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
EVIDENCE_NEEDED: Final = "settlement.evidence_needed"
_REQUEST_SECONDS: Final = 60.0
_MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How eagerly receipts are delivered, in seconds.

    Attributes:
        gather: Pause after news, so that receipts travel together.
        first_pause: After a failure; each next one is twice as long.
        longest_pause: Bound of the pauses.
    """

    gather: float = 0.2
    first_pause: float = 0.5
    longest_pause: float = 60.0

    def pause(self, failures: int, uniform: float) -> float:
        """The pause after so many failures in a row, shortened by up to half at random."""
        doubled: float = self.first_pause * 2.0 ** min(failures - 1, 20)
        return min(doubled, self.longest_pause) * (1 - uniform / 2)


@final
class Delivery:
    """The worker that empties an outbox."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        transport: HttpTransport,
        full_nodes: Sequence[str],
        clock: Clock,
        uniform: Callable[[], float],
        pace: Pace | None = None,
    ) -> None:
        """Take the outbox and where it goes.

        Args:
            outbox: What to deliver.
            transport: Carries it.
            full_nodes: Base URLs; the next one is tried when one fails.
            clock: The node's clock.
            uniform: Gives a number from 0 to 1, so that nodes do not come back all at once.
            pace: How eagerly.
        """
        self._outbox = outbox
        self._transport = transport
        self._full_nodes = tuple(full_nodes)
        self._clock = clock
        self._uniform = uniform
        self._pace = pace or Pace()
        self._turn = 0

    async def run(self) -> None:
        """Deliver for as long as the node runs."""
        if not self._full_nodes:
            return
        failures = 0
        while True:
            try:
                more = await self.deliver_once()
            except (TransportError, MalformedError) as error:
                failures += 1
                self._turn += 1
                _log.warning("delivery failed", extra={"code": error.code, "failures": failures})
                await anyio.sleep(self._pace.pause(failures, self._uniform()))
                continue
            failures = 0
            if not more:
                await self._outbox.news()
                await anyio.sleep(self._pace.gather)

    async def deliver_once(self) -> bool:
        """Deliver one batch; say whether perhaps more is waiting.

        Raises:
            TransportError: The full node did not answer, not with 200, or took nothing now.
            MalformedError: It answered with something else than results.
        """
        batch = _bounded(await self._outbox.waiting(MAX_BATCH))
        if not batch:
            return False
        results = await self._post(batch)
        settled = [result for result in results if result.state != SettlementState.QUEUED]
        await self._outbox.settle(settled, now_ms=self._clock())
        for result in settled:
            if result.state == SettlementState.REFUSED:
                _log.error(
                    "receipt refused",
                    extra={"receipt": result.digest.hex(), "code": result.code},
                )
        # Those that were not taken now go last, so that they hold up nothing behind them.
        later = {result.digest for result in results if result.state == SettlementState.QUEUED}
        await self._outbox.postpone(later)
        needed = {result.digest for result in results if result.code == EVIDENCE_NEEDED}
        if needed:
            await self._send_evidence({item.evidence for item in batch if item.digest in needed})
        elif not settled:
            # Not yet registered, or a ledger that is down: nothing moves before something changes.
            raise NodeError("the full node takes none of the receipts now", status=503)
        return True

    async def _post(self, batch: Sequence[Waiting]) -> list[Delivered]:
        parts = [
            b'{"signed":' + item.signed + b',"bundle":' + (item.bundle or b"null") + b"}"
            for item in batch
        ]
        answer = await self._exchange("/v1/receipts", b'{"receipts":[' + b",".join(parts) + b"]}")
        members(answer, "the full node's answer", ("results",))
        if not isinstance(answer["results"], list):
            raise MalformedError("the full node's results must be a list")
        results = [_result(item) for item in answer["results"]]
        asked = {item.digest for item in batch}
        if len(results) != len(asked) or {result.digest for result in results} != asked:
            raise MalformedError("the full node's results are not those of the receipts sent")
        return results

    async def _send_evidence(self, digests: set[bytes]) -> None:
        for digest in digests:
            evidence = await self._outbox.evidence(digest)
            if evidence is None:
                raise ProtocolError("the full node asks for evidence that was never made")
            body = compact_json({"evidence": encode_evidence(evidence)})
            answer = await self._exchange("/v1/evidence", body)
            members(answer, "the full node's answer", ("digest",))
            if parse_hex(answer["digest"], "digest", 32) != digest:
                raise MalformedError("the full node took other evidence than was sent")

    async def _exchange(self, path: str, body: bytes) -> dict[str, Any]:
        url = self._full_nodes[self._turn % len(self._full_nodes)]
        response = await self._transport.request(
            "POST",
            url + path,
            headers={"content-type": "application/json"},
            content=body,
            timeout=_REQUEST_SECONDS,
            max_bytes=_MAX_ANSWER_BYTES,
        )
        if response.status != 200:
            raise NodeError(
                f"the full node answered with status {response.status}", status=response.status
            )
        return parse_json_object(response.body, what="the full node's answer")


def _bounded(batch: Sequence[Waiting]) -> list[Waiting]:
    """As many as fit into one request, but at least one."""
    size = 0
    taken: list[Waiting] = []
    for item in batch:
        size += len(item.signed) + len(item.bundle or b"")
        if taken and size > MAX_BATCH_BYTES:
            break
        taken.append(item)
    return taken


def _result(value: Any) -> Delivered:
    members(value, "a result", ("digest", "state", "code", "message"))
    try:
        state = SettlementState(value["state"])
    except ValueError as error:
        raise MalformedError("a result has an unknown state", actual=value["state"]) from error
    for name in ("code", "message"):
        if value[name] is not None and not isinstance(value[name], str):
            raise MalformedError(f"a result's {name} must be a string or null")
    if state not in (SettlementState.QUEUED, SettlementState.REFUSED):
        state = SettlementState.ACCEPTED
    return Delivered(
        digest=parse_hex(value["digest"], "a result's digest", 32),
        state=state,
        code=value["code"],
        message=value["message"],
    )
