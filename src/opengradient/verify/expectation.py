"""What a caller knows by itself about an exchange whose receipt it checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from opengradient.core.devices import VerifiedDevice
from opengradient.core.modes import ChannelKind, ReceiptKind, SettlementMode, VerificationMode
from opengradient.core.receipts import ReceiptDomain


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the caller knows by itself. None means that it does not know, and is shown as such.

    Attributes:
        domain: The network's chain and settlement contract.
        nonce: The nonce that was sent.
        channel: Kind and binding of the channel that was used.
        settlement_mode: The mode that was asked for.
        verification_mode: How the inference was to be checkable.
        kinds: Receipt kinds that can answer the request.
        request: The request's fields as sent (path, body).
        response: The answer's fields as received.
        status: The HTTP status as received.
        chunk_digests: SHA-256 of each chunk as received.
        usage: Input, output and cached tokens as shown to the caller.
        requested_model: The model that was asked for.
        previous: Sequence number and digest of this key's last receipt that the caller saw.
        anchored_roots: Roots that the caller itself found anchored on the ledger.
        collateral_fetched_at_ms: When the caller fetched the oldest of the collateral that the
            evidence was judged with; None where it fetched none.
        devices: GPUs that the node showed when it was verified. The receipt does not name them:
            each is a claim of its own, asserted by who vouches for it.
    """

    domain: ReceiptDomain | None = None
    nonce: bytes | None = None
    channel: tuple[ChannelKind, bytes] | None = None
    settlement_mode: SettlementMode | None = None
    verification_mode: VerificationMode | None = None
    kinds: frozenset[ReceiptKind] | None = None
    request: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    status: int | None = None
    chunk_digests: tuple[bytes, ...] | None = None
    usage: tuple[int, int, int] | None = None
    requested_model: str | None = None
    previous: tuple[int, bytes] | None = None
    anchored_roots: frozenset[bytes] = frozenset()
    collateral_fetched_at_ms: int | None = None
    devices: tuple[VerifiedDevice, ...] = ()
