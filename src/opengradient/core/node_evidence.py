"""What a node presents about itself, before anybody has checked it."""

from dataclasses import dataclass
from typing import final

from opengradient.core.evidence import Evidence
from opengradient.core.receipts import ReceiptDomain


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEvidence:
    """A node's answer to ``GET /v1/evidence``.

    Attributes:
        node_id: The id that it claims, 32 bytes.
        standing: The evidence that its receipts name.
        fresh: Evidence that answers the nonce; None where none was sent.
        tls_certificate: Its TLS certificate in PEM; None without TLS.
        legacy_signing_key: Its RSA key in PEM; None where it signs no ``tee_*`` fields.
        domain: Where its receipts belong.
        devices: Evidence of its GPUs, which binds no key; empty where it shows none.
    """

    node_id: bytes
    standing: Evidence
    fresh: Evidence | None
    tls_certificate: str | None
    legacy_signing_key: str | None
    domain: ReceiptDomain
    devices: tuple[Evidence, ...] = ()
