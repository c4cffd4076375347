"""What quotes of both kinds have in common beside their checks: claims, and what a file says."""

from typing import Any, Final

from opengradient.core.claims import Claim, Status
from opengradient.core.digests import sha256
from opengradient.core.tdx_quote import Quote
from opengradient.errors import MalformedError
from opengradient.verify._pem import read_pem_chain
from opengradient.verify.attestation.dcap import PlatformFacts
from opengradient.verify.platforms._dcap import DcapSettings

INTEL: Final = "data signed by Intel"
_DAY_MS: Final = 86_400_000


def proven(name: str, source: str, detail: str) -> Claim:
    """A claim that follows from the checked bytes."""
    return Claim(name, Status.PROVEN, source, detail)


def platform_claims(platform: PlatformFacts, now_ms: int) -> tuple[Claim, ...]:
    """What is proven about the platform.

    Physical attacks on the memory bus forge quotes of genuine platforms; that nobody had access
    to this one is asserted by nobody, and so absent.
    """
    advisories = ", ".join(sorted(platform.tcb.advisories)) or "no advisory"
    age = max(0, now_ms - platform.collateral_issued_ms) // _DAY_MS
    facts = platform.pck
    return (
        proven("platform_firmware", INTEL, f"{platform.tcb.status}, {advisories}"),
        proven(
            "platform_collateral",
            INTEL,
            f"{age} days old, evaluation data {platform.evaluation_number}",
        ),
        proven(
            "platform",
            "PCK certificate",
            f"FMSPC {facts.fmspc.hex().upper()}, {facts.sgx_type} SGX, {platform.authority} CA",
        ),
        Claim(
            "physical_access",
            Status.ABSENT,
            "nobody",
            "whoever can tap the memory bus of a platform can forge its quotes",
        ),
    )


def require_padding_allowed(quote: Quote, settings: DcapSettings) -> None:
    """Refuse zero bytes behind a quote where the policy does not allow them.

    Raises:
        MalformedError: Code ``dcap.quote.padding``.
    """
    if quote.padding and not settings.allow_padding:
        raise MalformedError(
            "zero bytes follow the quote", code="dcap.quote.padding", actual=quote.padding
        )


def inspect_signature(quote: Quote) -> dict[str, Any]:
    """What the signature data says, with nothing verified."""
    signature = quote.signature
    chain = read_pem_chain(signature.pck_chain, count=3, what="the PCK chain")
    return {
        "platform_id": quote.user_data[:16].hex(),
        "attestation_key": signature.attestation_key.hex(),
        "qe_auth_data": signature.qe_auth_data.hex(),
        "certificate_sha256": [sha256(der).hex() for der in chain],
        "padding": quote.padding,
    }
