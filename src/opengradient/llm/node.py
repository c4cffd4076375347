"""One node: its evidence, the pinned channel to it, and how well it serves."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, final

import anyio

from opengradient.core.canonical import parse_json
from opengradient.core.evidence import Evidence, VerifiedEvidence
from opengradient.core.modes import SettlementMode
from opengradient.core.node_evidence import NodeEvidence
from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import (
    AttestationError,
    MalformedError,
    NodeError,
    NotFoundError,
    ProtocolError,
)
from opengradient.llm.environment import Environment
from opengradient.llm.sequence import KeyHistory
from opengradient.transport import HttpResponse, TlsPin, Transport
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.node import VerifiedNode, verify_node
from opengradient.verify.policy import TrustPolicy
from opengradient.wire.fields import to_hex
from opengradient.wire.nodes import decode_node_evidence
from opengradient.wire.settlement import decode_evidence

NONCE_BYTES: Final = 32
_EVIDENCE_SECONDS: Final = 30.0
_MAX_EVIDENCE_BYTES: Final = 1024 * 1024
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
        pin: Their pin; None without TLS.
        refresh_at_ms: When to verify anew, Unix milliseconds.
    """

    verified: VerifiedNode
    transport: Transport
    pin: TlsPin | None
    refresh_at_ms: int


@final
@dataclass(frozen=True, slots=True)
class KnownEvidence:
    """A document with what it says."""

    evidence: Evidence
    verified: VerifiedEvidence


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
        url: The address.
        payee: Whom it wants to be paid, from the registry.
        health: How it served.
    """

    url: str
    payee: str | None
    environment: Environment
    policy: TrustPolicy
    domain: ReceiptDomain | None
    health: Health = field(default_factory=Health)
    _session: Session | None = None
    _lock: anyio.Lock = field(default_factory=anyio.Lock)
    _retired: list[Transport] = field(default_factory=list)
    _histories: dict[tuple[bytes, bool], KeyHistory] = field(default_factory=dict)
    _evidence: OrderedDict[bytes, KnownEvidence] = field(default_factory=OrderedDict)

    async def session(self) -> Session:
        """The verified channel; verifies the node first where that was not done or is due.

        Raises:
            TransportError: The node could not be reached, or did not answer as it should.
            VerificationError: It is not what the policy accepts.
        """
        current = self._session
        if current is not None and self.environment.clock() < current.refresh_at_ms:
            return current
        async with self._lock:
            if self._session is current:
                self._session = await self._attest(current)
            if self._session is None:
                raise AssertionError("a node was verified and is not there")
            return self._session

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
            return known
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
        verified = verify_evidence(evidence, policy=self.policy, now_ms=self.environment.clock())
        return self._know(evidence, verified)

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
            timeout=_EVIDENCE_SECONDS,
            max_bytes=_MAX_EVIDENCE_BYTES * 16,
        )
        if response.status == 404:
            raise NotFoundError(f"{self.url}{path}: not found", status=404)
        if response.status != 200:
            raise NodeError(
                f"{self.url}{path}: status {response.status}",
                status=response.status,
                body=response.body.decode("utf-8", "replace"),
            )
        return _json(response, self.url + path)

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        retired, self._retired = self._retired, []
        for transport in [*retired, *([session.transport] if session else [])]:
            await transport.aclose()

    async def _attest(self, current: Session | None) -> Session:
        nonce = secrets.token_bytes(NONCE_BYTES)
        presented, certificate = await self._present(nonce)
        now_ms = self.environment.clock()
        verified = verify_node(
            presented,
            nonce=nonce,
            peer_certificate=certificate,
            policy=self.policy,
            now_ms=now_ms,
            domain=self.domain,
        )
        self._know(presented.standing, verified.standing)
        pin = None if certificate is None else TlsPin.of_der(certificate)
        if current is not None and current.verified.certificate == certificate:
            transport = current.transport
        else:
            transport = self.environment.transports(pin)
            if current is not None:
                self._retired.append(current.transport)
        return Session(
            verified=verified,
            transport=transport,
            pin=pin,
            refresh_at_ms=now_ms + int(_REFRESH_PART * self._time_left(verified, now_ms)),
        )

    def history(self, node_id: bytes, mode: int) -> KeyHistory:
        """What was seen of the receipts of one of this node's keys; PRIVATE ones count apart."""
        private = mode == SettlementMode.PRIVATE
        return self._histories.setdefault((node_id, private), KeyHistory())

    def _time_left(self, verified: VerifiedNode, now_ms: int) -> int:
        standing = verified.standing
        began_ms = now_ms if standing.issued_at_ms is None else standing.issued_at_ms
        aged_at = began_ms + self.policy.max_evidence_age_ms
        return max(0, min(standing.valid_until_ms, aged_at) - now_ms)

    async def _present(self, nonce: bytes) -> tuple[NodeEvidence, bytes | None]:
        """Fetch what the node says about itself, over a connection that proves nothing yet."""
        url = f"{self.url}/v1/evidence"
        transport = self.environment.transports(TlsPin.none_for_bootstrap())
        try:
            response = await transport.request(
                "GET",
                f"{url}?nonce={nonce.hex()}",
                timeout=_EVIDENCE_SECONDS,
                max_bytes=_MAX_EVIDENCE_BYTES,
            )
        finally:
            await transport.aclose()
        if response.status != 200:
            raise NodeError(f"{url}: status {response.status}", status=response.status)
        if self.url.startswith("https:") and response.peer_certificate is None:
            raise ProtocolError(f"{url}: the TLS connection shows no certificate")
        return decode_node_evidence(_json(response, url)), response.peer_certificate

    def _know(self, evidence: Evidence, verified: VerifiedEvidence) -> KnownEvidence:
        known = KnownEvidence(evidence, verified)
        self._evidence[verified.evidence_digest] = known
        if len(self._evidence) > _KNOWN_EVIDENCE:
            self._evidence.popitem(last=False)
        return known


def _json(response: HttpResponse, what: str) -> Any:
    try:
        return parse_json(response.body, what=what)
    except MalformedError as error:
        raise ProtocolError(error.message) from error
