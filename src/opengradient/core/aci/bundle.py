"""An ACI receipt with everything that is shown with it: what a file of ours holds."""

from dataclasses import dataclass, field
from typing import final

from opengradient.core.aci.receipt import AciReceipt
from opengradient.core.aci.report import AciReport
from opengradient.core.aci.session import AciSession
from opengradient.core.collateral import Collateral


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciBundle:
    """A receipt and what its holder shows with it.

    Attributes:
        receipt: The receipt.
        report: The attestation report that establishes its keyset; None where it is not shown.
        nonce: The nonce that the report was asked for with; None for the form without one.
        collateral: The vendor's data that the quote is checked with.
        sessions: Attested sessions of upstreams.
        request: The body that was sent, byte for byte.
        response: The body that came back, byte for byte; of a stream with its framing.
    """

    receipt: AciReceipt
    report: AciReport | None = None
    nonce: bytes | None = None
    collateral: Collateral = field(default_factory=Collateral)
    sessions: tuple[AciSession, ...] = ()
    request: bytes | None = None
    response: bytes | None = None
