"""Intel SGX quotes of version 3."""

from types import MappingProxyType
from typing import Any

from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import _SEAL, SGX, Evidence, VerifiedEvidence
from opengradient.core.intel_reports import EnclaveReport, parse_enclave_report
from opengradient.core.tdx_quote import TEE_SGX, parse_quote
from opengradient.errors import AttestationError, PolicyError
from opengradient.verify.attestation._common import (
    check_measurement,
    check_product,
    check_report_data,
)
from opengradient.verify.attestation._dcap_words import (
    inspect_signature,
    platform_claims,
    require_padding_allowed,
)
from opengradient.verify.attestation.dcap import verify_dcap
from opengradient.verify.platforms.sgx import DEBUG, INIT, SgxPolicy
from opengradient.verify.policy import TrustPolicy

XFRM_ALWAYS = 0b11
"""x87 and SSE: no enclave runs without them (Intel SDM volume 3D, section 38.7.2)."""


def verify_sgx(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify an Intel SGX quote with its collateral.

    1. The quote has at most 16 KiB and its exact form (``format.too_large``, ``dcap.quote.*``);
       zero bytes may follow where the policy allows it (``dcap.quote.padding``).
    2. Intel's chain of trust, the collateral and the platform's state: the steps of
       `opengradient.verify.attestation.dcap`.
    3. The family of platforms is not revoked (``attestation.revoked_product``).
    4. It is an initialised enclave (``sgx.not_initialised``), no debug enclave (``sgx.debug``),
       and has no flag, processor feature or exception information that the policy does not allow
       (``sgx.flags``, ``sgx.xfrm``, ``sgx.misc_select``).
    5. Product, version and configuration are what the policy wants (``sgx.isv_prod_id``,
       ``sgx.isv_svn``, ``sgx.config_id``).
    6. Its measurement is accepted, and not revoked (``attestation.measurement``,
       ``attestation.revoked_measurement``, ``attestation.register``).
    7. REPORT_DATA binds the keyset and answers our nonce (``attestation.report_data``,
       ``attestation.nonce``, ``attestation.revoked_key``, ``keyset.*``).

    Arguments, result and errors are those of `opengradient.verify.attestation.tdx.verify_tdx`,
    with `SgxPolicy`.
    """
    settings = policy.platform(SgxPolicy)
    quote = parse_quote(evidence.document, TEE_SGX)  # step 1
    require_padding_allowed(quote, settings)
    report = parse_enclave_report(quote.body)
    platform = verify_dcap(
        quote, evidence.collateral, kind=SGX, settings=settings, policy=policy, now_ms=now_ms
    )  # step 2
    product = platform.pck.fmspc.hex().upper()
    check_product(SGX, product, policy)  # step 3
    debug = _check_attributes(report, settings, policy)  # step 4
    _check_product_fields(report, settings)  # step 5
    measurement = measurement_id(report)
    registers = registers_of(report)
    accepted, source = check_measurement(  # step 6
        SGX, measurement, registers, policy, now_ms=now_ms
    )
    keyset = check_report_data(
        report.report_data, runtime_data=evidence.runtime_data, nonce=nonce, policy=policy
    )  # step 7
    return VerifiedEvidence(
        kind=SGX,
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
        claims=platform_claims(platform, now_ms),
        seal=_SEAL,
    )


def measurement_id(report: EnclaveReport) -> str:
    """The id that policies list: keccak256(MRENCLAVE || MRSIGNER)."""
    return "0x" + keccak256(report.mr_enclave + report.mr_signer).hex()


def registers_of(report: EnclaveReport) -> dict[str, str]:
    """Every register by name, in hex."""
    return {
        "MRENCLAVE": report.mr_enclave.hex(),
        "MRSIGNER": report.mr_signer.hex(),
        "CONFIGID": report.config_id.hex(),
        "ISVPRODID": report.isv_prod_id.to_bytes(2).hex(),
        "ISVSVN": report.isv_svn.to_bytes(2).hex(),
    }


def inspect_sgx(document: bytes) -> dict[str, Any]:
    """Read an SGX quote without verifying it: anybody can write such a document.

    Args:
        document: The quote.

    Returns:
        Its fields as JSON values, bytes in hex; ``verified`` is always False.

    Raises:
        VerificationError: It does not have the form of an SGX quote.
    """
    quote = parse_quote(document, TEE_SGX)
    report = parse_enclave_report(quote.body)
    return {
        "verified": False,
        "kind": SGX,
        "version": quote.version,
        "measurement": measurement_id(report),
        "debug": bool(_flags(report) & DEBUG),
        "registers": registers_of(report),
        "attributes": report.attributes.hex(),
        "misc_select": report.misc_select.hex(),
        "report_data": report.report_data.hex(),
        **inspect_signature(quote),
    }


def _flags(report: EnclaveReport) -> int:
    return int.from_bytes(report.attributes[:8], "little")


def _check_attributes(report: EnclaveReport, settings: SgxPolicy, policy: TrustPolicy) -> bool:
    flags, xfrm = _flags(report), int.from_bytes(report.attributes[8:], "little")
    debug = bool(flags & DEBUG)
    if not flags & INIT:
        raise AttestationError("the enclave is not initialised", code="sgx.not_initialised")
    if debug and not policy.allow_debug:
        raise AttestationError("a debug enclave: the host can read its memory", code="sgx.debug")
    if flags & ~settings.allowed_flags & ~DEBUG:
        raise PolicyError(
            "the enclave has flags that the policy does not allow, or reserved ones",
            code="sgx.flags",
            expected=f"within {settings.allowed_flags:#x}",
            actual=f"{flags:#x}",
        )
    if xfrm & ~settings.allowed_xfrm or xfrm & XFRM_ALWAYS != XFRM_ALWAYS:
        raise PolicyError(
            "the enclave has processor features that the policy does not allow, or lacks basic "
            "ones",
            code="sgx.xfrm",
            expected=f"within {settings.allowed_xfrm:#x}",
            actual=f"{xfrm:#x}",
        )
    if int.from_bytes(report.misc_select, "little") & ~int(settings.allow_exception_info):
        raise PolicyError(
            "the enclave is told of faulting addresses, or has reserved bits",
            code="sgx.misc_select",
            actual=report.misc_select.hex(),
        )
    return debug


def _check_product_fields(report: EnclaveReport, settings: SgxPolicy) -> None:
    if settings.isv_prod_ids is not None and report.isv_prod_id not in settings.isv_prod_ids:
        raise PolicyError(
            "the enclave is another product",
            code="sgx.isv_prod_id",
            expected=sorted(settings.isv_prod_ids),
            actual=report.isv_prod_id,
        )
    if report.isv_svn < settings.min_isv_svn:
        raise PolicyError(
            "the enclave is of an older version than the policy demands",
            code="sgx.isv_svn",
            expected=f">= {settings.min_isv_svn}",
            actual=report.isv_svn,
        )
    if settings.config_id is not None and report.config_id.hex() not in settings.config_id:
        raise PolicyError(
            "the enclave is configured in another way",
            code="sgx.config_id",
            expected=sorted(settings.config_id),
            actual=report.config_id.hex(),
        )
