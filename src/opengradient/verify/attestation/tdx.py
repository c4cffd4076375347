"""Intel TDX quotes of version 4 and 5."""

from types import MappingProxyType
from typing import Any, Final

from opengradient.core.claims import Claim
from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import _SEAL, TDX, Evidence, VerifiedEvidence
from opengradient.core.intel_reports import TdReport, parse_td_report
from opengradient.core.tdx_quote import TEE_TDX, parse_quote
from opengradient.errors import AttestationError, PolicyError
from opengradient.verify.attestation._common import (
    check_measurement,
    check_product,
    check_report_data,
)
from opengradient.verify.attestation._dcap_words import (
    inspect_signature,
    platform_claims,
    proven,
    require_padding_allowed,
)
from opengradient.verify.attestation.dcap import verify_dcap
from opengradient.verify.attestation.event_log import (
    check_event_log,
    check_events,
    parse_event_log,
)
from opengradient.verify.platforms.tdx import SEPT_VE_DISABLE, TdxPolicy
from opengradient.verify.policy import TrustPolicy

EVENT_LOG: Final = "event_log"
"""Collateral item with the log of the run-time registers. It is the node's and signed by nobody:
the registers in the quote prove it."""

DEBUG: Final = 1
XFAM_ALWAYS: Final = 0b11
"""x87 and SSE: no domain runs without them (TDX Module ABI Specification, XFAM)."""


def verify_tdx(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify an Intel TDX quote with its collateral.

    1. The quote has at most 16 KiB and its exact form (``format.too_large``, ``dcap.quote.*``);
       zero bytes may follow where the policy allows it (``dcap.quote.padding``).
    2. Intel's chain of trust, the collateral and the platform's state: the steps of
       `opengradient.verify.attestation.dcap`.
    3. The family of platforms is not revoked (``attestation.revoked_product``).
    4. It is no debug domain (``tdx.debug``), and has no attribute or processor feature that the
       policy does not allow (``tdx.attributes``, ``tdx.sept_ve_disable``, ``tdx.xfam``).
    5. TDX module, configuration, owner and service domains are what the policy wants
       (``tdx.mr_seam``, ``tdx.mr_config_id``, ``tdx.mr_owner``, ``tdx.mr_owner_config``,
       ``tdx.mr_service_td``).
    6. An event log that comes with it leads to the run-time registers, and holds the events that
       the policy demands (``tdx.event_log.*``).
    7. Its measurement is accepted, and not revoked (``attestation.measurement``,
       ``attestation.revoked_measurement``, ``attestation.register``).
    8. REPORT_DATA binds the keyset and answers our nonce (``attestation.report_data``,
       ``attestation.nonce``, ``attestation.revoked_key``, ``keyset.*``).

    A quote has no time of its own: without a nonce it may be as old as its collateral lets it be.

    Args:
        evidence: The quote, the keyset that it binds, and the collateral.
        policy: What the caller accepts; its `TdxPolicy`, or the defaults of one.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The nonce that the quote must answer; None where none was sent.

    Returns:
        What the quote says; nothing is returned before every step has passed.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: The keyset is of a version that this release does not know.
        ConfigurationError: The nonce is empty or too long.
    """
    settings = policy.platform(TdxPolicy)
    quote = parse_quote(evidence.document, TEE_TDX)  # step 1
    require_padding_allowed(quote, settings)
    platform = verify_dcap(
        quote,
        evidence.collateral,
        kind=TDX,
        settings=settings,
        policy=policy,
        now_ms=now_ms,
        extra_items=frozenset({EVENT_LOG}),
    )  # step 2
    product = platform.pck.fmspc.hex().upper()
    check_product(TDX, product, policy)  # step 3
    report = parse_td_report(quote.body)
    debug = _check_attributes(report, settings, policy)  # step 4
    _check_values(report, settings)  # step 5
    events = _check_log(evidence.collateral.get(EVENT_LOG), report, settings)  # step 6
    measurement = measurement_id(report)
    registers = registers_of(report)
    accepted, source = check_measurement(  # step 7
        TDX, measurement, registers, policy, now_ms=now_ms
    )
    keyset = check_report_data(
        report.report_data, runtime_data=evidence.runtime_data, nonce=nonce, policy=policy
    )  # step 8
    return VerifiedEvidence(
        kind=TDX,
        simulated=False,
        root=platform.root.name,
        evidence_digest=evidence.digest(),
        statement_digest=sha256(quote.signed),
        keyset=keyset,
        measurements=MappingProxyType(registers),
        measurement=measurement,
        measurement_accepted=accepted,
        measurement_source=source,
        debug=debug,
        issued_at_ms=None,
        valid_from_ms=platform.window.from_ms,
        valid_until_ms=platform.window.until_ms,
        module_id=quote.user_data[:16].hex(),
        nonce=nonce,
        nonce_checked=nonce is not None,
        public_key=None,
        user_data=None,
        unknown_keys=(),
        product=product,
        report_data=report.report_data,
        claims=(*platform_claims(platform, now_ms), *_claims(report, events)),
        seal=_SEAL,
    )


def measurement_id(report: TdReport) -> str:
    """The id that policies list: keccak256(MRTD || RTMR0 || RTMR1 || RTMR2 || RTMR3)."""
    return "0x" + keccak256(report.mr_td + b"".join(report.rtmrs)).hex()


def registers_of(report: TdReport) -> dict[str, str]:
    """Every register by name, in hex."""
    registers = {
        "MRTD": report.mr_td,
        **{f"RTMR{number}": value for number, value in enumerate(report.rtmrs)},
        "MRSEAM": report.mr_seam,
        "MRSIGNERSEAM": report.mr_signer_seam,
        "MRCONFIGID": report.mr_config_id,
        "MROWNER": report.mr_owner,
        "MROWNERCONFIG": report.mr_owner_config,
    }
    if report.mr_service_td is not None:
        registers["MRSERVICETD"] = report.mr_service_td
    return {name: value.hex() for name, value in registers.items()}


def inspect_tdx(document: bytes) -> dict[str, Any]:
    """Read a TDX quote without verifying it: anybody can write such a document.

    Args:
        document: The quote.

    Returns:
        Its fields as JSON values, bytes in hex; ``verified`` is always False.

    Raises:
        VerificationError: It does not have the form of a TDX quote.
    """
    quote = parse_quote(document, TEE_TDX)
    report = parse_td_report(quote.body)
    return {
        "verified": False,
        "kind": TDX,
        "version": quote.version,
        "measurement": measurement_id(report),
        "debug": bool(_number(report.td_attributes) & DEBUG),
        "registers": registers_of(report),
        "td_attributes": report.td_attributes.hex(),
        "xfam": report.xfam.hex(),
        "tee_tcb_svn": list(report.tee_tcb_svn),
        "report_data": report.report_data.hex(),
        **inspect_signature(quote),
    }


def _number(field: bytes) -> int:
    return int.from_bytes(field, "little")


def _check_attributes(report: TdReport, settings: TdxPolicy, policy: TrustPolicy) -> bool:
    attributes, xfam = _number(report.td_attributes), _number(report.xfam)
    debug = bool(attributes & DEBUG)
    if debug and not policy.allow_debug:
        raise AttestationError("a debug domain: the host can read its memory", code="tdx.debug")
    refused = attributes & ~settings.allowed_attributes & ~DEBUG
    if refused:
        raise PolicyError(
            "the domain has attributes that the policy does not allow, or reserved ones",
            code="tdx.attributes",
            expected=f"within {settings.allowed_attributes:#x}",
            actual=f"{attributes:#x}",
        )
    if settings.require_sept_ve_disable and not attributes & SEPT_VE_DISABLE:
        raise PolicyError(
            "the host can make the guest take exceptions on its private memory",
            code="tdx.sept_ve_disable",
        )
    if xfam & ~settings.allowed_xfam or xfam & XFAM_ALWAYS != XFAM_ALWAYS:
        raise PolicyError(
            "the domain has processor features that the policy does not allow, or lacks basic ones",
            code="tdx.xfam",
            expected=f"within {settings.allowed_xfam:#x}",
            actual=f"{xfam:#x}",
        )
    return debug


def _check_values(report: TdReport, settings: TdxPolicy) -> None:
    pairs = (
        ("mr_seam", report.mr_seam, settings.mr_seam),
        ("mr_config_id", report.mr_config_id, settings.mr_config_id),
        ("mr_owner", report.mr_owner, settings.mr_owner),
        ("mr_owner_config", report.mr_owner_config, settings.mr_owner_config),
        ("mr_service_td", report.mr_service_td, settings.mr_service_td),
    )
    for name, actual, accepted in pairs:
        if actual is not None and accepted is not None and actual.hex() not in accepted:
            raise PolicyError(
                f"{name} is not what the policy accepts",
                code=f"tdx.{name}",
                expected=sorted(accepted),
                actual=actual.hex(),
            )


def _check_log(log: bytes | None, report: TdReport, settings: TdxPolicy) -> dict[str, str] | None:
    if log is None:
        if settings.events:
            raise PolicyError(
                "the policy demands events, and no event log is there",
                code="tdx.event_log.missing",
            )
        return None
    events = parse_event_log(log)
    check_event_log(events, report.rtmrs)
    return check_events(events, settings.events)


def _claims(report: TdReport, events: dict[str, str] | None) -> list[Claim]:
    claims = [proven("tdx_module", "MRSEAM in the quote", report.mr_seam.hex())]
    if events is not None:
        words = ", ".join(f"{name}={payload}" for name, payload in events.items())
        claims.append(proven("event_log", "RTMR3 in the quote", words or "no event of the guest"))
    return claims
