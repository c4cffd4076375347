"""Intel's chain of trust below a quote (DCAP): the same for TDX and SGX.

The quote is signed by an attestation key; Intel's quoting enclave (QE) vouches for that key; the
platform's PCK certificate vouches for the QE's report; Intel's authorities vouch for the
certificate. What Intel says about versions (TCB info, QE identity) and revocation comes beside
the quote, as collateral. `verify_dcap` checks, in this order:

1. the collateral has its items and no other (``collateral.missing``, ``collateral.unknown``);
2. the quote is signed by its attestation key (``dcap.quote.key``, ``dcap.quote.signature``); as
   with Nitro this costs one operation and refuses a changed quote early;
3. the QE's report names that key (``dcap.qe.report_data``);
4. the PCK chain has three certificates and starts at a root that the policy trusts
   (``dcap.pem.*``, ``x509.root``); the PCK's authority is one of Intel's two
   (``dcap.pck.issuer``);
5. the PCK signed the QE's report (``dcap.qe.signature``);
6. the chain leads from the root to the PCK, and all of it is valid now (``x509.*``);
7. both revocation lists are genuine and current (``dcap.crl.*``) and list neither root, PCK
   authority nor PCK (``dcap.root.revoked``, ``dcap.pck_ca.revoked``, ``dcap.pck.revoked``);
8. the PCK's facts are well-formed (``dcap.pck.extension``);
9. TCB info and QE identity are signed by Intel's TCB signer below the same root
   (``dcap.tcb_signer.name``, ``dcap.tcb_signer.revoked``, ``dcap.tcb_info.signature``,
   ``dcap.qe_identity.signature``), are well-formed (``dcap.tcb_info.*``, ``dcap.qe_identity.*``),
   current (``….not_yet_valid``, ``….expired``, ``….stale``) and not older than the policy's
   evaluation number (``….evaluation_number``);
10. TCB info is about this platform (``dcap.tcb_info.fmspc``, ``dcap.tcb_info.pce_id``);
11. the QE is Intel's (``dcap.qe.*``), and so is the TDX module (``tdx.module.*``);
12. the platform's versions reach a level (``dcap.tcb.no_level``) whose status, merged with the
    QE's and the module's, and whose advisories the policy accepts (``dcap.tcb.status``,
    ``dcap.tcb.advisory``).
"""

from dataclasses import dataclass
from typing import Final

from opengradient.core.collateral import Collateral
from opengradient.core.digests import ZERO32, equal, sha256
from opengradient.core.intel_reports import EnclaveReport, parse_enclave_report, parse_td_report
from opengradient.core.tdx_quote import TEE_TDX, Quote, QuoteSignature
from opengradient.errors import AttestationError, CertificateChainError, PolicyError
from opengradient.verify._p256 import load_point, verifies
from opengradient.verify._pem import read_pem_chain
from opengradient.verify._x509 import (
    ECDSA_P256_SHA256,
    Certificate,
    Window,
    parse_certificate,
    verify_chain,
)
from opengradient.verify.attestation._pck import (
    PckExtension,
    pck_authority,
    read_pck_extension,
)
from opengradient.verify.attestation._revocation import RevocationLists
from opengradient.verify.attestation._signed_data import SignedData, read_signed_data
from opengradient.verify.attestation._tcb_levels import (
    TcbStatus,
    merge,
    module_status,
    platform_status,
    qe_status,
)
from opengradient.verify.platforms._dcap import DcapSettings
from opengradient.verify.policy import Root, TrustPolicy

ITEMS: Final = frozenset(
    {
        "tcb_info",
        "tcb_info_signature",
        "tcb_info_issuer_chain",
        "qe_identity",
        "qe_identity_signature",
        "qe_identity_issuer_chain",
        "pck_crl",
        "pck_crl_issuer_chain",
        "root_ca_crl",
    }
)
"""What Intel signs beside a quote; all of it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFacts:
    """What the chain of trust says about the platform below a quote.

    Attributes:
        root: The root that it ends in.
        window: From when on the certificates in the quote are valid, until the first of them, or
            of the lists and data beside it, ends.
        pck: The platform's facts.
        authority: Which of Intel's authorities certified it.
        tcb: State of its firmware, and the advisories that apply.
        evaluation_number: The lower evaluation number of TCB info and QE identity.
        collateral_issued_ms: When the older of the two was issued, Unix milliseconds.
    """

    root: Root
    window: Window
    pck: PckExtension
    authority: str
    tcb: TcbStatus
    evaluation_number: int
    collateral_issued_ms: int


def verify_dcap(
    quote: Quote,
    collateral: Collateral,
    *,
    kind: str,
    settings: DcapSettings,
    policy: TrustPolicy,
    now_ms: int,
    extra_items: frozenset[str] = frozenset(),
) -> PlatformFacts:
    """Check everything between a quote and Intel's root.

    Args:
        quote: A parsed quote.
        collateral: What Intel signs beside it.
        kind: Kind of the evidence, for the choice of the root.
        settings: How far the platform has to be up to date.
        policy: Names the roots.
        now_ms: The time to verify at, Unix milliseconds.
        extra_items: Collateral items that the caller looks at itself.

    Returns:
        What is now proven about the platform.

    Raises:
        VerificationError: See the steps of the module.
    """
    collateral.require_names(ITEMS | extra_items)  # step 1
    items = {name: collateral.require(name) for name in sorted(ITEMS)}
    check_quote_signature(quote)  # step 2
    qe_report = _check_key_is_named(quote.signature)  # step 3
    root, ca, pck, authority = _open_pck_chain(quote.signature, kind, policy)  # step 4
    if not verifies(pck.key, quote.signature.qe_signature, quote.signature.qe_report):  # step 5
        raise AttestationError(
            "the quoting enclave's report is not signed by the platform's PCK",
            code="dcap.qe.signature",
        )
    chain_window = verify_chain(
        root.certificate, [ca, pck], profile=ECDSA_P256_SHA256, now_ms=now_ms
    )  # step 6
    lists = RevocationLists.open(items, root.certificate, ca, now_ms)
    lists.check_platform(pck)  # step 7
    facts = read_pck_extension(pck)  # step 8
    signed = read_signed_data(
        items, quote.tee_type, root=root, lists=lists, settings=settings, now_ms=now_ms
    )  # step 9
    _check_family(signed, facts)  # step 10
    tcb = _judge(quote, qe_report, facts, signed)  # step 11
    _check_status(tcb, settings)  # step 12
    return PlatformFacts(
        root=root,
        window=Window(
            from_ms=chain_window.from_ms,
            until_ms=min(w.until_ms for w in (chain_window, *lists.windows, *signed.windows)),
        ),
        pck=facts,
        authority=authority,
        tcb=tcb,
        evaluation_number=signed.evaluation_number,
        collateral_issued_ms=signed.issued_ms,
    )


def check_quote_signature(quote: Quote) -> None:
    """Require that the quote is signed by the attestation key in it.

    Raises:
        AttestationError: ``dcap.quote.key``: no point of the curve; ``dcap.quote.signature``.
    """
    key = load_point(quote.signature.attestation_key)
    if key is None:
        raise AttestationError("the attestation key is no point of P-256", code="dcap.quote.key")
    if not verifies(key, quote.signature.signature, quote.signed):
        raise AttestationError(
            "the quote is not signed by its attestation key", code="dcap.quote.signature"
        )


def _check_key_is_named(signature: QuoteSignature) -> EnclaveReport:
    report = parse_enclave_report(signature.qe_report)
    named = sha256(signature.attestation_key + signature.qe_auth_data) + ZERO32
    if not equal(report.report_data, named):
        raise AttestationError(
            "the quoting enclave's report names another attestation key",
            code="dcap.qe.report_data",
            expected=named.hex(),
            actual=report.report_data.hex(),
        )
    return report


def _open_pck_chain(
    signature: QuoteSignature, kind: str, policy: TrustPolicy
) -> tuple[Root, Certificate, Certificate, str]:
    chain = read_pem_chain(signature.pck_chain, count=3, what="the PCK chain")
    root = policy.root_for(kind, chain[2])
    pck, ca = (parse_certificate(der, ECDSA_P256_SHA256) for der in chain[:2])
    return root, ca, pck, pck_authority(ca)


def _check_family(signed: SignedData, facts: PckExtension) -> None:
    pairs = (
        ("fmspc", facts.fmspc, signed.tcb.fmspc),
        ("pce_id", facts.pce_id, signed.tcb.pce_id),
    )
    for name, expected, actual in pairs:
        if expected != actual:
            raise CertificateChainError(
                "the TCB info is about another family of platforms",
                code=f"dcap.tcb_info.{name}",
                expected=expected.hex(),
                actual=actual.hex(),
            )


def _judge(
    quote: Quote, qe_report: EnclaveReport, facts: PckExtension, signed: SignedData
) -> TcbStatus:
    report = parse_td_report(quote.body) if quote.tee_type == TEE_TDX else None
    parts = [qe_status(signed.qe, qe_report)]
    if report is not None:
        module = module_status(signed.tcb, report)
        parts += [module] if module else []
    merged = platform_status(signed.tcb, facts, report.tee_tcb_svn if report else None)
    for part in parts:
        merged = merge(merged, part)
    return merged


def _check_status(tcb: TcbStatus, settings: DcapSettings) -> None:
    if tcb.status not in settings.accepted_statuses:
        raise PolicyError(
            "the platform's firmware is not in a state that the policy accepts",
            code="dcap.tcb.status",
            expected=sorted(settings.accepted_statuses),
            actual=f"{tcb.status} {sorted(tcb.advisories)}",
        )
    unknown = tcb.advisories - settings.accepted_advisories
    if unknown:
        raise PolicyError(
            "security advisories apply to the platform that the policy does not accept",
            code="dcap.tcb.advisory",
            expected=sorted(settings.accepted_advisories),
            actual=sorted(unknown),
        )
