"""How a node is reached: straight to its enclave, or through a relay that cannot read along."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, final

from opengradient.core.canonical import parse_json
from opengradient.core.node_evidence import NodeEvidence
from opengradient.errors import (
    AttestationError,
    MalformedError,
    NodeError,
    ProtocolError,
)
from opengradient.nodes.environment import Environment
from opengradient.transport import HttpResponse, TlsPin, Transport
from opengradient.transport.ohttp import (
    OhttpTransport,
    RelayHeaders,
    check_relay_url,
    outer_headers,
    relay_error,
    route_of,
)
from opengradient.verify.node import VerifiedNode
from opengradient.wire.nodes import decode_node_evidence, decode_relay_nodes

EVIDENCE_SECONDS: Final = 30.0
MAX_EVIDENCE_BYTES: Final = 1024 * 1024

Presented = tuple[NodeEvidence, bytes | None]
"""What a node says about itself, unchecked, and the certificate that the peer holds, if TLS."""


class RelayProfile(enum.StrEnum):
    """What relays and nodes speak with each other."""

    RECEIPTS = "receipts"
    LEGACY = "opengradient-legacy"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The way into a verified enclave.

    Attributes:
        transport: Connections that end there.
        connect: Makes connections of its own to there, which whoever asked for them closes.
    """

    transport: Transport
    connect: Callable[[], Transport]


class Way(Protocol):
    """How one node is reached."""

    @property
    def url(self) -> str:
        """What its URLs begin with."""
        ...

    @property
    def confidential(self) -> bool:
        """Whether requests are sealed to its key instead of sent over its TLS."""
        ...

    async def present(self, nonce: bytes) -> Presented:
        """Fetch its evidence; what carries it proves nothing yet."""
        ...

    def open(self, verified: VerifiedNode) -> Door:
        """Connect to what was verified."""
        ...


@final
@dataclass(frozen=True, slots=True)
class DirectWay:
    """Straight to the node, over TLS that is pinned to its attested key."""

    url: str
    environment: Environment

    @property
    def confidential(self) -> bool:
        """The enclave ends TLS itself."""
        return False

    async def present(self, nonce: bytes) -> Presented:
        """Fetch the evidence over a connection that nobody has vouched for.

        Raises:
            TransportError: It did not answer as a node does.
        """
        url = f"{self.url}/v1/evidence"
        transport = self.environment.transports(TlsPin.none_for_bootstrap())
        try:
            response = await transport.request(
                "GET",
                f"{url}?nonce={nonce.hex()}",
                timeout=EVIDENCE_SECONDS,
                max_bytes=MAX_EVIDENCE_BYTES,
            )
        finally:
            await transport.aclose()
        if response.status != 200:
            raise NodeError(f"{url}: status {response.status}", status=response.status)
        if self.url.startswith("https:") and response.peer_certificate is None:
            raise ProtocolError(f"{url}: the TLS connection shows no certificate")
        return decode_node_evidence(json_of(response, url)), response.peer_certificate

    def open(self, verified: VerifiedNode) -> Door:
        """Connections under the pin of the certificate that was shown."""
        certificate = verified.certificate
        pin = None if certificate is None else TlsPin.of_der(certificate)
        return Door(
            transport=self.environment.transports(pin),
            connect=lambda: self.environment.transports(pin),
        )


@final
class Relay:
    """A relay: which nodes it carries to, and the ways to them."""

    def __init__(
        self,
        url: str,
        environment: Environment,
        *,
        headers: RelayHeaders | None = None,
        pin: TlsPin | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            url: The relay's address.
            environment: Transports.
            headers: What the relay wants to see of its user.
            pin: What TLS to the relay trusts; the system's authorities if None.

        Raises:
            ConfigurationError: Not a relay's address.
        """
        self.url = check_relay_url(url)
        self.headers: RelayHeaders = headers if headers is not None else {}
        self._environment = environment
        self._pin = pin
        self._transport: Transport | None = None

    async def node_ids(self) -> list[bytes]:
        """The nodes that it says it carries to. This is its word; each of them is verified.

        Raises:
            TransportError: It did not answer as a relay does.
        """
        url = f"{self.url}/v1/relay/nodes"
        value = json_of(await self.get(url), url)
        try:
            return list(decode_relay_nodes(value))
        except MalformedError as error:
            raise ProtocolError(f"{url}: {error.message}") from error

    async def get(self, url: str) -> HttpResponse:
        """Fetch what the relay serves in clear.

        Raises:
            TransportError: It did not answer, or not with 200.
        """
        response = await self.transport.request(
            "GET",
            url,
            headers=await outer_headers(self.headers),
            timeout=EVIDENCE_SECONDS,
            max_bytes=MAX_EVIDENCE_BYTES,
        )
        if response.status != 200:
            raise relay_error(url, response.status, response.headers, response.body)
        return response

    @property
    def transport(self) -> Transport:
        """Connections to the relay, shared by all that is sent through it."""
        if self._transport is None:
            self._transport = self.connect()
        return self._transport

    def connect(self) -> Transport:
        """Connections of their own."""
        return self._environment.transports(self._pin)

    async def aclose(self) -> None:
        """Close the shared connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()


@final
@dataclass(frozen=True, slots=True)
class RelayedWay:
    """Through a relay, sealed to the node's attested key."""

    relay: Relay
    node_id: bytes

    @property
    def url(self) -> str:
        """The node's place behind the relay."""
        return route_of(self.relay.url, self.node_id)

    @property
    def confidential(self) -> bool:
        """Who ends TLS is the relay, which is not trusted."""
        return True

    async def present(self, nonce: bytes) -> Presented:
        """Fetch the evidence through the relay, in clear: it is public, and checked.

        Raises:
            TransportError: The relay or the node did not answer as it should.
            AttestationError: Code ``channel.node``: it is another node's.
        """
        url = f"{self.url}/evidence"
        response = await self.relay.get(f"{url}?nonce={nonce.hex()}")
        presented = decode_node_evidence(json_of(response, url))
        if presented.node_id != self.node_id:
            raise AttestationError(
                "the relay shows another node than was asked for",
                code="channel.node",
                expected=self.node_id.hex(),
                actual=presented.node_id.hex(),
            )
        return presented, None

    def open(self, verified: VerifiedNode) -> Door:
        """Requests sealed to the key that the evidence binds."""
        key = verified.keyset.hpke
        if key is None:
            raise AssertionError("verify_node lets no node without an HPKE key pass confidentially")
        relay = self.relay

        def transport(carrier: Transport, *, owned: bool) -> Transport:
            return OhttpTransport(
                carrier,
                relay_url=relay.url,
                node_id=self.node_id,
                key=key,
                headers=relay.headers,
                owns_relay=owned,
            )

        return Door(
            transport=transport(relay.transport, owned=False),
            connect=lambda: transport(relay.connect(), owned=True),
        )


def json_of(response: HttpResponse, what: str) -> Any:
    """The JSON of an answer.

    Raises:
        ProtocolError: It is none.
    """
    try:
        return parse_json(response.body, what=what)
    except MalformedError as error:
        raise ProtocolError(error.message) from error
