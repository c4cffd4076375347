"""TCB info and QE identity, from signed bytes to values that may be used now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opengradient.core.tdx_quote import TEE_TDX
from opengradient.errors import (
    AttestationError,
    CertificateChainError,
    FreshnessError,
    MalformedError,
    PolicyError,
)
from opengradient.verify._p256 import verifies
from opengradient.verify._pem import read_pem_chain
from opengradient.verify._x509 import (
    ECDSA_P256_SHA256,
    Certificate,
    Window,
    parse_certificate,
    verify_chain,
)
from opengradient.verify.attestation._pck import common_name
from opengradient.verify.attestation._revocation import RevocationLists
from opengradient.verify.attestation._tcb_data import (
    Period,
    QeIdentity,
    TcbInfo,
    parse_qe_identity,
    parse_tcb_info,
)
from opengradient.verify.platforms._dcap import DcapSettings
from opengradient.verify.policy import Root

SIGNER_NAME: Final = "Intel SGX TCB Signing"
"""Common name of the certificate that signs both (PCS API v4); the root signs other leaves too."""

SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """Both data, genuine and current.

    Attributes:
        tcb: TCB info of one family of platforms.
        qe: Identity of the quoting enclave.
        windows: When they and their signers' certificates are valid.
    """

    tcb: TcbInfo
    qe: QeIdentity
    windows: tuple[Window, ...]

    @property
    def evaluation_number(self) -> int:
        """The lower of the two."""
        return min(self.tcb.period.evaluation_number, self.qe.period.evaluation_number)

    @property
    def issued_ms(self) -> int:
        """When the older of the two was issued."""
        return min(self.tcb.period.issued_ms, self.qe.period.issued_ms)


def read_signed_data(
    items: Mapping[str, bytes],
    tee_type: int,
    *,
    root: Root,
    lists: RevocationLists,
    settings: DcapSettings,
    now_ms: int,
) -> SignedData:
    """Check and read TCB info and QE identity.

    Args:
        items: The collateral.
        tee_type: Of the quote.
        root: The trusted root.
        lists: The revocation lists.
        settings: Age and evaluation number that are asked for.
        now_ms: The time to check at, Unix milliseconds.

    Raises:
        VerificationError: See step 9 of `opengradient.verify.attestation.dcap`.
    """
    tdx = tee_type == TEE_TDX
    tcb_window = _check_signature(items, "tcb_info", root, lists, now_ms)
    tcb = parse_tcb_info(items["tcb_info"], "TDX" if tdx else "SGX")
    _check_period("tcb_info", tcb.period, settings, now_ms)
    qe_window = _check_signature(items, "qe_identity", root, lists, now_ms)
    qe = parse_qe_identity(items["qe_identity"], "TD_QE" if tdx else "QE")
    _check_period("qe_identity", qe.period, settings, now_ms)
    periods = (_window(data.period, settings) for data in (tcb, qe))
    return SignedData(tcb=tcb, qe=qe, windows=(tcb_window, qe_window, *periods))


def _check_signature(
    items: Mapping[str, bytes], area: str, root: Root, lists: RevocationLists, now_ms: int
) -> Window:
    chain = read_pem_chain(items[f"{area}_issuer_chain"], count=2, what=f"the chain of {area}")
    if chain[1] != root.certificate:
        raise CertificateChainError(
            f"{area} is signed below another root than the quote", code="x509.root"
        )
    signer = parse_certificate(chain[0], ECDSA_P256_SHA256)
    _check_signer(signer)
    signature = items[f"{area}_signature"]
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedError(
            f"the signature of {area} is not r and s of 32 bytes each",
            code=_code(area, "signature_form"),
            expected=SIGNATURE_BYTES,
            actual=len(signature),
        )
    if not verifies(signer.key, signature, items[area]):
        raise AttestationError(
            f"{area} was changed, or is not signed by Intel", code=_code(area, "signature")
        )
    window = verify_chain(root.certificate, [signer], profile=ECDSA_P256_SHA256, now_ms=now_ms)
    lists.check_signer(signer)
    return window


def _check_signer(signer: Certificate) -> None:
    name = common_name(signer)
    if name != SIGNER_NAME:
        raise CertificateChainError(
            "TCB data is signed by a certificate that is not for it",
            code="dcap.tcb_signer.name",
            expected=SIGNER_NAME,
            actual=name,
        )


def _check_period(area: str, period: Period, settings: DcapSettings, now_ms: int) -> None:
    problems = (
        ("not_yet_valid", now_ms < period.issued_ms, f">= {period.issued_ms} ms"),
        ("expired", now_ms > period.next_ms, f"<= {period.next_ms} ms"),
        (
            "stale",
            now_ms - period.issued_ms > settings.max_collateral_age_ms,
            f"<= {period.issued_ms + settings.max_collateral_age_ms} ms",
        ),
    )
    for what, failed, expected in problems:
        if failed:
            raise FreshnessError(
                f"{area} may not be used at this time",
                code=_code(area, what),
                expected=expected,
                actual=f"{now_ms} ms",
            )
    if period.evaluation_number < settings.min_evaluation_number:
        raise PolicyError(
            f"{area} is from before a security release that the policy demands",
            code=_code(area, "evaluation_number"),
            expected=f">= {settings.min_evaluation_number}",
            actual=period.evaluation_number,
        )


def _code(area: str, what: str) -> str:
    return f"dcap.{area}.{what}"


def _window(period: Period, settings: DcapSettings) -> Window:
    return Window(
        from_ms=period.issued_ms,
        until_ms=min(period.next_ms, period.issued_ms + settings.max_collateral_age_ms),
    )
