"""How a platform stands: matching its versions with the levels that Intel signed.

The algorithm is that of Intel's "Provisioning Certification Service API v4" (Get TDX TCB Info,
Get Quoting Enclave Identity), and statuses merge as Intel's quote verification library merges
them: the quoting enclave and the TDX module can only make the platform's status worse.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opengradient.core.intel_reports import EnclaveReport, TdReport
from opengradient.errors import AttestationError
from opengradient.verify.attestation._pck import PckExtension
from opengradient.verify.attestation._tcb_data import Level, ModuleIdentity, QeIdentity, TcbInfo


@dataclass(frozen=True, slots=True)
class TcbStatus:
    """A status, and the advisories that go with it."""

    status: str
    advisories: frozenset[str]


def platform_status(tcb: TcbInfo, pck: PckExtension, tee_tcb_svn: bytes | None) -> TcbStatus:
    """The first level whose versions the platform all reaches.

    Args:
        tcb: TCB info of the platform's family.
        pck: The platform's own facts.
        tee_tcb_svn: Versions of the TDX components; None for SGX.

    Raises:
        AttestationError: Code ``dcap.tcb.no_level``: it reaches none.
    """
    for level in tcb.levels:
        if (
            _reaches(pck.components, level.sgx)
            and pck.pce_svn >= level.svn
            and (tee_tcb_svn is None or _reaches_tdx(tee_tcb_svn, level.tdx))
        ):
            return TcbStatus(level.status, level.advisories)
    raise AttestationError(
        "the platform's versions are below every level that Intel knows", code="dcap.tcb.no_level"
    )


def _reaches(actual: Sequence[int], wanted: Sequence[int]) -> bool:
    return all(have >= need for have, need in zip(actual, wanted, strict=True))


def _reaches_tdx(actual: bytes, wanted: tuple[int, ...]) -> bool:
    # From generation 1 on the module's own levels judge the first two numbers.
    first = 2 if actual[1] else 0
    return _reaches(actual[first:], wanted[first:])


def module_status(tcb: TcbInfo, report: TdReport) -> TcbStatus | None:
    """Require a TDX module that Intel signed, and find its level.

    Returns:
        Its level; None for generation 0, whose version the platform's levels judge.

    Raises:
        AttestationError: ``tdx.module.unknown``, ``tdx.module.signer``,
            ``tdx.module.attributes`` or ``tdx.module.no_level``.
    """
    version, generation = report.tee_tcb_svn[0], report.tee_tcb_svn[1]
    module = tcb.modules.get(generation) if generation else tcb.module
    if module is None:
        raise AttestationError(
            "the TCB info does not know this TDX module",
            code="tdx.module.unknown",
            expected=sorted(tcb.modules),
            actual=generation,
        )
    _check_module(module, report)
    if not generation:
        return None
    return _svn_status(module.levels, version, "tdx.module.no_level")


def _check_module(module: ModuleIdentity, report: TdReport) -> None:
    if report.mr_signer_seam != module.mr_signer:
        raise AttestationError(
            "the TDX module is signed by somebody else",
            code="tdx.module.signer",
            expected=module.mr_signer.hex(),
            actual=report.mr_signer_seam.hex(),
        )
    if masked(report.seam_attributes, module.attributes_mask) != module.attributes:
        raise AttestationError(
            "the TDX module has other attributes",
            code="tdx.module.attributes",
            expected=module.attributes.hex(),
            actual=report.seam_attributes.hex(),
        )


def qe_status(identity: QeIdentity, report: EnclaveReport) -> TcbStatus:
    """Require Intel's quoting enclave, and find its level.

    Raises:
        AttestationError: ``dcap.qe.mr_signer``, ``dcap.qe.prod_id``, ``dcap.qe.misc_select``,
            ``dcap.qe.attributes`` or ``dcap.qe.no_level``.
    """
    checks: Iterable[tuple[str, object, object]] = (
        ("mr_signer", identity.mr_signer.hex(), report.mr_signer.hex()),
        ("prod_id", identity.isv_prod_id, report.isv_prod_id),
        (
            "misc_select",
            identity.misc_select.hex(),
            # Written as a number in the identity, little-endian in the report.
            masked(report.misc_select[::-1], identity.misc_select_mask).hex(),
        ),
        (
            "attributes",
            identity.attributes.hex(),
            masked(report.attributes, identity.attributes_mask).hex(),
        ),
    )
    for name, expected, actual in checks:
        if expected != actual:
            raise AttestationError(
                f"the quoting enclave is not Intel's: {name}",
                code=f"dcap.qe.{name}",
                expected=expected,
                actual=actual,
            )
    return _svn_status(identity.levels, report.isv_svn, "dcap.qe.no_level")


def _svn_status(levels: tuple[Level, ...], svn: int, code: str) -> TcbStatus:
    for level in levels:
        if svn >= level.svn:
            return TcbStatus(level.status, level.advisories)
    raise AttestationError("below every version that Intel knows", code=code, actual=svn)


_WORSE_WHEN_OUT_OF_DATE = {
    "UpToDate": "OutOfDate",
    "SWHardeningNeeded": "OutOfDate",
    "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded",
}


def merge(platform: TcbStatus, part: TcbStatus) -> TcbStatus:
    """The platform's status with a part of it that is judged apart."""
    status = platform.status
    if "Revoked" in (status, part.status):
        status = "Revoked"
    elif part.status == "OutOfDate":
        status = _WORSE_WHEN_OUT_OF_DATE.get(status, status)
    return TcbStatus(status, platform.advisories | part.advisories)


def masked(value: bytes, mask: bytes) -> bytes:
    """Bitwise and."""
    return bytes(left & right for left, right in zip(value, mask, strict=True))
