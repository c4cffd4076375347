"""One node: its evidence, the pinned channel to it, and how well it serves."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import anyio

from opengradient.core.evidence import Evidence, VerifiedEvidence
from opengradient.core.modes import SettlementMode
from opengradient.core.node_evidence import NodeEvidence
from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import AttestationError, NodeError, NotFoundError
from opengradient.nodes.environment import Environment
from opengradient.nodes.sequence import KeyHistory
from opengradient.nodes.trust import Trust
from opengradient.nodes.ways import EVIDENCE_SECONDS, MAX_EVIDENCE_BYTES, Way, json_of
from opengradient.transport import Transport
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.node import VerifiedNode, verify_node
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import to_hex
from opengradient.wire.settlement import decode_evidence

NONCE_BYTES: Final = 32
_KNOWN_EVIDENCE: Final = 64
_REFRESH_PART: Final = 0.75
"""Evidence is fetched anew when three quarters of its time have passed."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A verified node and the pinned connections to it.

    Attributes:
        verified: What was verified.
        transport: Connections that end in its enclave.
        connect: Makes more of them, which whoever asked for them closes.
        refresh_at_ms: When to verify anew, Unix milliseconds.
        policy: By which the node was judged; under another one the session does not count.
    """

    verified: VerifiedNode
    transport: Transport
    connect: Callable[[], Transport]
    refresh_at_ms: int
    policy: TrustPolicy


@final
@dataclass(frozen=True, slots=True)
class KnownEvidence:
    """A document with what it says, by the policy that judged it.

    Attributes:
        evidence: The document, and the collateral that it was judged with.
        verified: What it says.
        policy: By which it was judged.
        fetched_at_ms: When the oldest of the collateral was fetched, Unix milliseconds; None
            where none was.
    """

    evidence: Evidence
    verified: VerifiedEvidence
    policy: TrustPolicy
    fetched_at_ms: int | None


@final
@dataclass(slots=True)
class Health:
    """How a node served so far.

    Attributes:
        failures: Failures in a row.
        resting_until_ms: Until when others are preferred, Unix milliseconds.
        running: Requests under way.
        seconds: Smoothed time to an answer.
    """

    failures: int = 0
    resting_until_ms: int = 0
    running: int = 0
    seconds: float = 0.0

    def failed(self, now_ms: int) -> None:
        """Rest: a second after the first failure, twice as long after each next, up to a minute."""
        self.failures += 1
        self.resting_until_ms = now_ms + min(1000 * 2 ** (self.failures - 1), 60_000)

    def served(self, seconds: float) -> None:
        """Take note of an answer."""
        self.failures = 0
        self.resting_until_ms = 0
        self.seconds = seconds if not self.seconds else 0.8 * self.seconds + 0.2 * seconds

    @property
    def load(self) -> float:
        """What a new request has to expect, for comparison."""
        return (self.running + 1) * (self.seconds or 0.001)


@final
@dataclass(slots=True)
class Node:
    """A node at one address.

    Attributes:
        way: How it is reached.
        payee: Whom it wants to be paid, from the registry.
        health: How it served.
    """

    way: Way
    payee: str | None
    environment: Environment
    trust: Trust
    domain: ReceiptDomain | None
    health: Health = field(default_factory=Health)
    _session: Session | None = None
    _lock: anyio.Lock = field(default_factory=anyio.Lock)
    _retired: list[Transport] = field(default_factory=list)
    _histories: dict[tuple[bytes, bool], KeyHistory] = field(default_factory=dict)
    _evidence: OrderedDict[bytes, KnownEvidence] = field(default_factory=OrderedDict)

    @property
    def url(self) -> str:
        """What its URLs begin with."""
        return self.way.url

    async def session(self) -> Session:
        """The verified channel; verifies the node first where that was not done or is due.

        Raises:
            TransportError: The node could not be reached, or did not answer as it should.
            VerificationError: It is not what the policy accepts.
        """
        current = self._session
        if current is not None and self._is_good(current):
            return current
        async with self._lock:
            if self._session is current:
                self._session = await self._attest(current)
            if self._session is None:
                raise AssertionError("a node was verified and is not there")
            return self._session

    def _is_good(self, session: Session) -> bool:
        policy, now_ms = self.trust.policy, self.environment.clock()
        if session.policy is not policy or not policy.is_current(now_ms):
            return False
        return now_ms < session.refresh_at_ms

    def distrust(self, session: Session) -> None:
        """Verify anew before the next request: the channel is not what it was."""
        if self._session is session:
            self._session = None
            self._retired.append(session.transport)

    async def evidence(self, digest: bytes, session: Session) -> KnownEvidence:
        """The evidence that a receipt names; fetched and verified if it is new to us.

        Raises:
            AttestationError: Code ``receipt.evidence_digest``: the node cannot show it.
            VerificationError: It is not what the policy accepts.
        """
        known = self._evidence.get(digest)
        if known is not None:
            return await self._judged(known)
        try:
            answer = await self.get(session, f"/v1/evidence/{to_hex(digest)}")
        except NotFoundError as error:
            raise AttestationError(
                "the receipt names evidence that the node cannot show",
                code="receipt.evidence_digest",
                expected=digest.hex(),
            ) from error
        evidence = decode_evidence(answer)
        if evidence.digest() != digest:
            raise AttestationError(
                "the node shows other evidence than its receipt names",
                code="receipt.evidence_digest",
                expected=digest.hex(),
                actual=evidence.digest().hex(),
            )
        return await self._judge(evidence)

    async def _judged(self, known: KnownEvidence) -> KnownEvidence:
        """What is known, by the policy in force: what another one accepted is judged again."""
        policy = self.trust.policy
        if known.policy is policy and policy.is_current(self.environment.clock()):
            return known
        return await self._judge(known.evidence)

    async def _judge(self, evidence: Evidence) -> KnownEvidence:
        evidence = await self.environment.collateral.complete(evidence)
        policy = self.trust.policy
        verified = verify_evidence(evidence, policy=policy, now_ms=self.environment.clock())
        return self._know(evidence, verified, policy)

    async def get(
        self, session: Session, path: str, *, headers: dict[str, str] | None = None
    ) -> Any:
        """Fetch JSON from the verified node.

        Raises:
            NodeError: It answered with an error status (NotFoundError for 404).
            TransportError: It did not answer, or not with JSON.
        """
        response = await session.transport.request(
            "GET",
            self.url + path,
            headers=headers,
            timeout=EVIDENCE_SECONDS,
            max_bytes=MAX_EVIDENCE_BYTES * 16,
        )
        if response.status == 404:
            raise NotFoundError(f"{self.url}{path}: not found", status=404)
        if response.status != 200:
            raise NodeError(
                f"{self.url}{path}: status {response.status}",
                status=response.status,
                body=response.body.decode("utf-8", "replace"),
            )
        return json_of(response, self.url + path)

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        retired, self._retired = self._retired, []
        for transport in [*retired, *([session.transport] if session else [])]:
            await transport.aclose()

    async def _attest(self, current: Session | None) -> Session:
        nonce = secrets.token_bytes(NONCE_BYTES)
        presented, certificate = await self.way.present(nonce)
        presented = await self._completed(presented)
        now_ms = self.environment.clock()
        policy = self.trust.policy
        verified = verify_node(
            presented,
            nonce=nonce,
            peer_certificate=certificate,
            policy=policy,
            now_ms=now_ms,
            domain=self.domain,
            confidential=self.way.confidential,
        )
        self._know(presented.standing, verified.standing, policy)
        transport, connect = self._connected(verified, current)
        return Session(
            verified=verified,
            transport=transport,
            connect=connect,
            refresh_at_ms=now_ms + int(_REFRESH_PART * _time_left(verified, policy, now_ms)),
            policy=policy,
        )

    def collateral_fetched_at_ms(self, verified: VerifiedNode) -> int | None:
        """When the oldest collateral of the standing evidence was fetched, if any was."""
        known = self._evidence.get(verified.standing.evidence_digest)
        return None if known is None else known.fetched_at_ms

    def _connected(
        self, verified: VerifiedNode, current: Session | None
    ) -> tuple[Transport, Callable[[], Transport]]:
        """The connections of the session before, where they end at the same key."""
        if current is not None:
            before = current.verified
            if (before.certificate, before.channel) == (verified.certificate, verified.channel):
                return current.transport, current.connect
            self._retired.append(current.transport)
        door = self.way.open(verified)
        return door.transport, door.connect

    def history(self, node_id: bytes, mode: int) -> KeyHistory:
        """What was seen of the receipts of one of this node's keys; PRIVATE ones count apart."""
        private = mode == SettlementMode.PRIVATE
        return self._histories.setdefault((node_id, private), KeyHistory())

    async def _completed(self, presented: NodeEvidence) -> NodeEvidence:
        complete = self.environment.collateral.complete
        standing = await complete(presented.standing)
        fresh = None if presented.fresh is None else await complete(presented.fresh)
        return replace(presented, standing=standing, fresh=fresh)

    def _know(
        self, evidence: Evidence, verified: VerifiedEvidence, policy: TrustPolicy
    ) -> KnownEvidence:
        entries = self.environment.collateral.entries(evidence)
        fetched_at_ms = min((entry.fetched_at_ms for entry in entries), default=None)
        known = KnownEvidence(evidence, verified, policy, fetched_at_ms)
        self._evidence[verified.evidence_digest] = known
        if len(self._evidence) > _KNOWN_EVIDENCE:
            self._evidence.popitem(last=False)
        return known


def _time_left(verified: VerifiedNode, policy: TrustPolicy, now_ms: int) -> int:
    standing = verified.standing
    began_ms = now_ms if standing.issued_at_ms is None else standing.issued_at_ms
    aged_at = began_ms + policy.max_evidence_age_ms
    return max(0, min(standing.valid_until_ms, aged_at) - now_ms)
