"""One network as a value."""

import enum
import re
from dataclasses import dataclass, replace
from typing import final
from urllib.parse import urlsplit

from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import ConfigurationError
from opengradient.verify.policy import TrustPolicy

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class NodeProtocol(enum.StrEnum):
    """What a network's nodes speak.

    RECEIPTS: signed receipts that bind everything. LEGACY: the public network's ``tee_*`` fields.
    """

    RECEIPTS = "receipts"
    LEGACY = "legacy"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where a network's nodes and contracts are, and whom to trust there.

    Attributes:
        name: Lower-case name.
        protocol: What its nodes speak.
        chain_id: EIP-155 id of its ledger.
        trust: What is accepted as evidence there.
        rpc_url: JSON-RPC of the ledger; None where it has none.
        registry: 20-byte address of the node registry; None where nodes are listed by hand.
        settlement: 20-byte address of the Settlement contract; None with LEGACY.
        full_node_urls: Full nodes, asked for settlement in this order.
        node_urls: Nodes that are used beside or instead of the registry's.
        confirmations: Blocks that must lie on an anchor before it counts as final.
        first_block: Block in which the contracts were deployed.
        relay_url: A relay that carries sealed requests to its nodes; None where none is known.
        source: How this network was chosen, for people.
    """

    name: str
    protocol: NodeProtocol = NodeProtocol.RECEIPTS
    chain_id: int
    trust: TrustPolicy
    rpc_url: str | None = None
    registry: bytes | None = None
    settlement: bytes | None = None
    full_node_urls: tuple[str, ...] = ()
    node_urls: tuple[str, ...] = ()
    confirmations: int = 1
    first_block: int = 0
    relay_url: str | None = None
    source: str = "given as a value"

    def __post_init__(self) -> None:
        """Refuse a network that could not be used.

        Raises:
            ConfigurationError: A field is not in its form, or nothing says where the nodes are.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"not a network name: {self.name!r}")
        if not 0 < self.chain_id < 2**53 or self.confirmations < 0 or self.first_block < 0:
            raise ConfigurationError("chain id, confirmations and first block are whole numbers")
        for address in (self.registry, self.settlement):
            if address is not None and len(address) != 20:
                raise ConfigurationError("a contract address has 20 bytes")
        for url in (
            *self.full_node_urls,
            *self.node_urls,
            *filter(None, (self.rpc_url, self.relay_url)),
        ):
            check_url(url)
        if not self.node_urls and (self.registry is None or self.rpc_url is None):
            raise ConfigurationError("a network has node URLs, or a registry and its RPC")
        if self.protocol is NodeProtocol.RECEIPTS and self.settlement is None:
            raise ConfigurationError("receipts belong to a settlement contract: name its address")

    @property
    def domain(self) -> ReceiptDomain | None:
        """The domain of its receipts; None where its nodes make none."""
        if self.settlement is None:
            return None
        return ReceiptDomain(chain_id=self.chain_id, settlement_contract=self.settlement)

    def chosen(self, source: str) -> "Network":
        """This network, with how it was chosen."""
        return replace(self, source=source)

    def __str__(self) -> str:
        """Name and choice, for people."""
        return f"{self.name} ({self.source})"


def check_url(url: str) -> None:
    """Check an address of a node or RPC.

    Raises:
        ConfigurationError: Not an absolute http or https URL, or one with credentials.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as error:
        raise ConfigurationError(f"not a URL: {url!r}") from error
    if not usable or parts.username or parts.query or parts.fragment:
        raise ConfigurationError(f"not the http(s) address of a server: {url!r}")
