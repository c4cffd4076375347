"""Tokens of Microsoft Azure Attestation for confidential virtual machines (SEV-SNP and TDX).

The service checks the hardware's report and says in a signed token what stood in it; the report
itself is not in the token. So everything here rests on the tenant's key, which the caller's
policy pins, and the result says so. The form is that of the service's reference ("Claim sets",
"Examples of an attestation token", "TDX EAT profile").

How a token binds a keyset of ours:

- ``sevsnpvm`` and ``tdxvm`` tokens repeat the report's 64 bytes of report data. Sent without
  runtime data, these are our REPORT_DATA as with a raw report (`opengradient.core.report_data`).
  Sent with runtime data, the service requires the first half to be its SHA-256 and repeats the
  data, parsed, as ``x-ms-runtime``; it then holds our 64 bytes in hex as ``user-data``, and we
  recompute the hash, which works because a node sends RFC 8785 JSON.
- ``azurevm`` tokens are of a machine with a virtual TPM. Azure's paravisor makes the report and
  its runtime claims, and puts what the guest wrote to the TPM's NV index 0x01400002 into their
  ``user-data``: our 64 bytes again. The paravisor's spelling of the claims is not in the token, so
  their hash cannot be recomputed; that is the service's word, and a claim of the result says so.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from opengradient.core.canonical import canonical_json
from opengradient.core.claims import Claim, Status
from opengradient.core.digests import ZERO32, equal, keccak256, sha256
from opengradient.core.evidence import _SEAL, MAA, Evidence, VerifiedEvidence
from opengradient.core.jwt import parse_token
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import REPORT_DATA_BYTES
from opengradient.errors import AttestationError, MalformedError, PolicyError
from opengradient.verify.attestation._common import (
    check_measurement,
    check_product,
    check_report_data,
)
from opengradient.verify.attestation._token import Claims, check_times, open_token
from opengradient.verify.platforms.maa import AZURE_VM, SNP_VM, SVN_CLAIMS, TDX_VM, MaaPolicy
from opengradient.verify.policy import TrustPolicy

COMPLIANT: Final = "azure-compliant-cvm"
VERSION: Final = "1.0"

_DEBUGGERS: Final = (
    "x-ms-azurevm-bootdebug-enabled",
    "x-ms-azurevm-kerneldebug-enabled",
    "x-ms-azurevm-hypervisordebug-enabled",
    "x-ms-azurevm-testsigning-enabled",
)
_TDX_REGISTERS: Final = {
    "MRTD": "tdx_mrtd",
    "RTMR0": "tdx_rtmr0",
    "RTMR1": "tdx_rtmr1",
    "RTMR2": "tdx_rtmr2",
    "RTMR3": "tdx_rtmr3",
    "MRSEAM": "tdx_mrseam",
    "MRCONFIGID": "tdx_mrconfigid",
}
_TDX_CODE: Final = ("MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What a token says of the hardware's report."""

    machine: str
    registers: dict[str, str]
    code: bytes
    debug: bool
    report_data: bytes
    state: str


def verify_maa(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify a token of Microsoft Azure Attestation.

    1. Nothing stands beside the token but a keyset (``evidence.malformed``).
    2. It is a token in its one form, signed by a key that the policy pins, and its ``jku`` is the
       pinned tenant's (``policy.no_trust``, ``format.too_large``, ``jwt.*``).
    3. The pinned tenant issued it (``maa.issuer``), in version 1.0 of its claims
       (``maa.version``), under an attestation policy that the caller accepts
       (``maa.tenant_policy``).
    4. It holds now and is not too old (``jwt.time.*``).
    5. It is of an accepted kind of machine (``maa.attestation_type``). One of a whole machine says
       how that is isolated (``maa.isolation_tee``), and that it started with secure boot
       (``maa.secure_boot``) and without debuggers or test signing (``maa.vm_debug``).
    6. The service calls the machine compliant (``maa.compliance``), and its product line is not
       revoked (``attestation.revoked_product``: ``azure-maa/sevsnpvm``, ``azure-maa/tdxvm``).
    7. The report is of no debug guest (``maa.debug``). SNP: it forbids migration
       (``maa.migration``) and was made at the policy's VMPL (``maa.vmpl``). TDX: its firmware's
       status is accepted (``maa.tcb_status``).
    8. No security version is below its minimum (``maa.svn``), and the host data is the policy's
       where it names any (``maa.host_data``).
    9. The launch measurement (``maa.measurement``) is accepted and not revoked
       (``attestation.measurement``, ``attestation.revoked_measurement``,
       ``attestation.register``).
    10. The report data (``maa.report_data``), directly or through the runtime claims
        (``maa.runtime``, ``maa.runtime_hash``), binds the keyset that came with it and answers our
        nonce (``attestation.report_data``, ``attestation.nonce``, ``keyset.*``,
        ``attestation.revoked_key``).

    Args:
        evidence: The token, and the keyset's encoding as runtime data; that may be empty.
        policy: What the caller accepts; its `MaaPolicy` pins tenant and keys.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The nonce that the token must answer; None where none was sent.

    Returns:
        What the token says. Its measurement is keccak256 of SNP's launch measurement or of TDX's
        MRTD and RTMR0 to RTMR3: the same id that the raw report of the machine has.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: It comes with a keyset of a version that this release does not know.
        ConfigurationError: The nonce is empty or too long.
    """
    settings = policy.platform(MaaPolicy)
    if evidence.collateral:  # step 1
        raise MalformedError("a token has no collateral", code="evidence.malformed")
    token = open_token(
        evidence.document, kind=MAA, keys=settings.keys, key_url=settings.key_url
    )  # step 2
    claims = Claims(token.claims)
    _check_issuer(claims, settings)  # step 3
    times = check_times(claims, policy, now_ms)  # step 4
    tee = _isolation(claims, settings)  # step 5
    whole_machine = tee is not claims
    tee.require("x-ms-compliance-status", COMPLIANT, "maa.compliance")  # step 6
    report = _read_report(tee, settings, policy)  # steps 7 to 9
    measurement = "0x" + keccak256(report.code).hex()
    accepted, source = check_measurement(MAA, measurement, report.registers, policy, now_ms=now_ms)
    keyset = _check_binding(
        tee, report, evidence.runtime_data, nonce, policy, whole_machine=whole_machine
    )  # step 10
    return VerifiedEvidence(
        kind=MAA,
        simulated=False,
        root=f"{settings.issuer}, key {token.header['kid']}",
        evidence_digest=evidence.digest(),
        statement_digest=sha256(token.signing_input),
        keyset=keyset,
        measurements=MappingProxyType(report.registers),
        measurement=measurement,
        measurement_accepted=accepted,
        measurement_source=source,
        debug=report.debug,
        issued_at_ms=times.issued_ms,
        valid_from_ms=times.from_ms,
        valid_until_ms=times.until_ms,
        module_id=_machine_id(claims),
        product=report.machine,
        nonce=nonce,
        nonce_checked=nonce is not None,
        public_key=None,
        user_data=None,
        unknown_keys=(),
        report_data=report.report_data,
        claims=_claims(
            settings.issuer,
            report,
            whole_machine=whole_machine,
            recomputed=keyset is not None and bool(tee.raw("x-ms-runtime")),
        ),
        seal=_SEAL,
    )


def inspect_maa(document: bytes) -> dict[str, Any]:
    """Read a token without verifying it: anybody can write one.

    Args:
        document: The token as received.

    Returns:
        Header and claims as they are; ``verified`` is always False.

    Raises:
        VerificationError: It has not the form of a token.
    """
    token = parse_token(document)
    return {"verified": False, "header": token.header, "claims": token.claims}


def _check_issuer(claims: Claims, settings: MaaPolicy) -> None:
    if not settings.issuer:
        raise PolicyError("the policy names no attestation tenant", code="maa.issuer")
    claims.require("iss", settings.issuer, "maa.issuer")
    claims.require("x-ms-ver", VERSION, "maa.version")
    if settings.tenant_policies is not None:
        claims.require_one("x-ms-policy-hash", settings.tenant_policies, "maa.tenant_policy")


def _isolation(claims: Claims, settings: MaaPolicy) -> Claims:
    """The claims of the hardware's report: the token's own, or those of its submodule."""
    accepted = settings.attestation_types
    outer = claims.require_one("x-ms-attestation-type", accepted, "maa.attestation_type")
    if outer != AZURE_VM:
        return claims
    tee = claims.child("x-ms-isolation-tee", "maa.isolation_tee")
    tee.require_one("x-ms-attestation-type", accepted - {AZURE_VM}, "maa.attestation_type")
    claims.require("secureboot", True, "maa.secure_boot")  # noqa: FBT003
    claims.require("x-ms-azurevm-debuggersdisabled", True, "maa.vm_debug")  # noqa: FBT003
    for name in _DEBUGGERS:
        claims.require(name, False, "maa.vm_debug")  # noqa: FBT003
    return tee


def _read_report(tee: Claims, settings: MaaPolicy, policy: TrustPolicy) -> _Report:
    machine = tee.text("x-ms-attestation-type", "maa.attestation_type")
    check_product(MAA, machine, policy)
    read = _read_snp if machine == SNP_VM else _read_tdx
    report = read(tee, settings, policy)
    _check_svns(tee, machine, settings)
    host_data = report.registers["HOST_DATA" if machine == SNP_VM else "MRCONFIGID"]
    if settings.host_data is not None and host_data not in settings.host_data:
        raise AttestationError(
            "the host data is not what the policy requires",
            code="maa.host_data",
            expected=sorted(settings.host_data),
            actual=host_data,
        )
    return report


def _read_snp(tee: Claims, settings: MaaPolicy, policy: TrustPolicy) -> _Report:
    debug = _check_debug(tee, "x-ms-sevsnpvm-is-debuggable", policy)
    tee.require("x-ms-sevsnpvm-migration-allowed", False, "maa.migration")  # noqa: FBT003
    tee.require("x-ms-sevsnpvm-vmpl", settings.vmpl, "maa.vmpl")
    measured = tee.hexadecimal("x-ms-sevsnpvm-launchmeasurement", 48, "maa.measurement")
    host_data = tee.hexadecimal("x-ms-sevsnpvm-hostdata", 32, "maa.host_data")
    return _Report(
        machine=SNP_VM,
        registers={"MEASUREMENT": measured.hex(), "HOST_DATA": host_data.hex()},
        code=measured,
        debug=debug,
        report_data=tee.hexadecimal(
            "x-ms-sevsnpvm-reportdata", REPORT_DATA_BYTES, "maa.report_data"
        ),
        state=f"SEV-SNP, VMPL {settings.vmpl}",
    )


def _read_tdx(tee: Claims, settings: MaaPolicy, policy: TrustPolicy) -> _Report:
    debug = _check_debug(tee, "tdx_td_attributes_debug", policy)
    status = tee.require_one("attester_tcb_status", settings.tcb_statuses, "maa.tcb_status")
    registers = {
        name: tee.hexadecimal(claim, 48, "maa.measurement").hex()
        for name, claim in _TDX_REGISTERS.items()
    }
    return _Report(
        machine=TDX_VM,
        registers=registers,
        code=bytes.fromhex("".join(registers[name] for name in _TDX_CODE)),
        debug=debug,
        report_data=tee.hexadecimal("tdx_report_data", REPORT_DATA_BYTES, "maa.report_data"),
        state=f"TDX, firmware {status}",
    )


def _check_debug(tee: Claims, name: str, policy: TrustPolicy) -> bool:
    debug = tee.raw(name) is not False
    if debug and not policy.allow_debug:
        tee.require(name, False, "maa.debug")  # noqa: FBT003
    return debug


def _check_svns(tee: Claims, machine: str, settings: MaaPolicy) -> None:
    for name, minimum in settings.minimum_svns:
        if (name == "seam") != (machine == TDX_VM):
            continue
        value = tee.raw(SVN_CLAIMS[name])
        if type(value) is not int or value < minimum:
            raise AttestationError(
                f"the security version {name} is missing or too low",
                code="maa.svn",
                expected=f">= {minimum}",
                actual=value,
            )


def _check_binding(
    tee: Claims,
    report: _Report,
    runtime_data: bytes,
    nonce: bytes | None,
    policy: TrustPolicy,
    *,
    whole_machine: bool,
) -> Keyset | None:
    bound = report.report_data
    if whole_machine or tee.raw("x-ms-runtime"):
        runtime = tee.child("x-ms-runtime", "maa.runtime")
        if runtime_data and not whole_machine:
            _check_runtime_hash(tee.raw("x-ms-runtime"), report.report_data)
        if runtime_data or nonce is not None:
            bound = runtime.hexadecimal("user-data", REPORT_DATA_BYTES, "maa.runtime")
    return check_report_data(bound, runtime_data=runtime_data, nonce=nonce, policy=policy)


def _check_runtime_hash(runtime: Any, report_data: bytes) -> None:
    expected = sha256(canonical_json(runtime)) + ZERO32
    if not equal(expected, report_data):
        raise AttestationError(
            "the report data is not the hash of the runtime claims",
            code="maa.runtime_hash",
            expected=expected.hex(),
            actual=report_data.hex(),
        )


def _machine_id(claims: Claims) -> str:
    name = claims.raw("x-ms-azurevm-vmid")
    return name if isinstance(name, str) else ""


def _claims(
    issuer: str, report: _Report, *, whole_machine: bool, recomputed: bool
) -> tuple[Claim, ...]:
    said = "it checked the hardware's report, which is not in the token"
    claims = [
        Claim("attester", Status.ASSERTED, issuer, said),
        Claim("platform", Status.ASSERTED, issuer, report.state),
    ]
    if whole_machine:
        text = "user data stands in the runtime claims whose hash the hardware signed"
        claims.append(Claim("binding", Status.ASSERTED, issuer, text))
    elif recomputed:
        text = "the report data is the hash of the runtime claims"
        claims.append(Claim("binding", Status.PROVEN, "SHA-256, recomputed", text))
    return tuple(claims)
