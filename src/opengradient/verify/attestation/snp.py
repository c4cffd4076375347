"""AMD SEV-SNP attestation reports, with the certificates and the revocation list beside them."""

from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from opengradient.core.claims import Claim, Status
from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import _SEAL, SNP, Evidence, VerifiedEvidence
from opengradient.core.snp_report import VCEK, VLEK, SnpReport, parse_report
from opengradient.errors import SignatureError
from opengradient.verify._x509 import Window
from opengradient.verify.attestation._common import (
    check_measurement,
    check_product,
    check_report_data,
)
from opengradient.verify.attestation._snp_certificates import leaf_key, read_amd_certificate
from opengradient.verify.attestation._snp_chain import verify_amd_chain
from opengradient.verify.attestation._snp_crl import check_revocation
from opengradient.verify.attestation._snp_leaf import LeafFacts, check_leaf, read_leaf
from opengradient.verify.attestation._snp_policy import (
    check_chip,
    check_firmware,
    check_guest,
    check_host,
    check_signer,
)
from opengradient.verify.platforms.snp import SnpPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.signatures import verify_ecdsa_der

COLLATERAL = MappingProxyType({VCEK: ("vcek", "ask"), VLEK: ("vlek", "asvk")})
"""Signer to the items that its chain needs, all DER; ``crl`` comes beside them."""


def verify_snp(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify an SEV-SNP report of version 2 to 5 by a VCEK or VLEK.

    1. The document is a report: size, version, algorithm, flags, reserved bytes, form of the
       signature (``snp.report.*``, ``snp.signature.*``).
    2. The collateral is ``vcek`` and ``ask``, or ``vlek`` and ``asvk``, as the report names its
       signer, perhaps ``crl``, and nothing else; the policy accepts the signer
       (``collateral.*``, ``snp.signer``).
    3. The leaf's key, on P-384, signed the report (``snp.signature.mismatch``). It comes before
       the chain because it is the cheapest; it means nothing until step 4 has passed.
    4. The three certificates lead from an ARK that the policy trusts to the leaf, by RSASSA-PSS
       with AMD's one set of parameters, and are all valid now (``x509.*``, ``policy.no_trust``).
       Their names say one product line (``snp.chain.*``), and the policy does not exclude it
       (``attestation.revoked_product``).
    5. AMD's revocation list is there, signed by the ARK, current, and revokes nothing of the
       chain (``snp.crl.*``).
    6. The leaf was certified for this product line, this firmware and this chip
       (``snp.leaf.*``); the chip's CPUID, from version 3, is of the line (``snp.leaf.cpuid``).
    7. The guest is no debug guest (``snp.debug``), its policy allows no more than the caller
       (``snp.guest.*``), and the report was asked for at an accepted level (``snp.vmpl``).
    8. The host is set up as the caller asks (``snp.platform.*``).
    9. The firmware is new enough (``snp.tcb.*``).
    10. The chip, or the provider of the VLEK, is accepted (``snp.chip.*``, ``snp.csp``).
    11. MEASUREMENT is accepted and not revoked, registers are as required
        (``attestation.measurement``, ``attestation.revoked_measurement``,
        ``attestation.register``).
    12. REPORT_DATA binds the keyset and answers our nonce (``attestation.report_data``,
        ``attestation.nonce``, ``attestation.revoked_key``, ``keyset.*``).

    Args:
        evidence: Report, keyset and collateral as received.
        policy: What the caller accepts; `SnpPolicy` holds what is of SEV-SNP only.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The nonce that the report must answer; None where none was sent.

    Returns:
        What the report says; nothing is returned before every step has passed.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: It binds a keyset of a version that this release does not know.
        ConfigurationError: The nonce is empty or too long.
    """
    settings = policy.platform(SnpPolicy)
    report = parse_report(evidence.document)  # step 1
    leaf_name, issuer_name = COLLATERAL[report.signer]
    evidence.collateral.require_names(frozenset({leaf_name, issuer_name, "crl"}))  # step 2
    check_signer(report.signer, settings)
    leaf = read_amd_certificate(evidence.collateral.require(leaf_name))
    issuer = read_amd_certificate(evidence.collateral.require(issuer_name))
    _check_signature(report, leaf_key(leaf))  # step 3
    signer = report.signer
    chain = verify_amd_chain(leaf, issuer, signer=signer, policy=policy, now_ms=now_ms)  # step 4
    check_product(SNP, chain.product, policy)
    crl = check_revocation(  # step 5
        evidence.collateral.get("crl"), chain, leaf, signer=signer, settings=settings, now_ms=now_ms
    )
    facts = read_leaf(leaf, product=chain.product, signer=signer)  # step 6
    reported = check_leaf(facts, report, product=chain.product)
    debug = check_guest(report, settings, allow_debug=policy.allow_debug)  # step 7
    check_host(report, settings)  # step 8
    check_firmware(report, reported, settings, product=chain.product)  # step 9
    chip = check_chip(report, facts, settings)  # step 10
    measurement = "0x" + keccak256(report.measurement).hex()
    registers = _registers(report)
    accepted, source = check_measurement(  # step 11
        SNP, measurement, registers, policy, now_ms=now_ms
    )
    keyset = check_report_data(  # step 12
        report.report_data, runtime_data=evidence.runtime_data, nonce=nonce, policy=policy
    )
    windows = [chain.window] if crl is None else [chain.window, crl]
    return VerifiedEvidence(
        kind=SNP,
        simulated=False,
        root=chain.root.name,
        evidence_digest=evidence.digest(),
        statement_digest=sha256(report.signed),
        keyset=keyset,
        measurements=MappingProxyType(registers),
        measurement=measurement,
        measurement_accepted=accepted,
        measurement_source=source,
        debug=debug,
        issued_at_ms=None,
        valid_from_ms=chain.authorities_from_ms,
        valid_until_ms=min(window.until_ms for window in windows),
        module_id=f"chip {chip}" if chip else f"a chip of {facts.csp_id}",
        nonce=nonce,
        nonce_checked=nonce is not None,
        public_key=None,
        user_data=None,
        unknown_keys=(),
        product=chain.product,
        report_data=report.report_data,
        claims=(
            *_claims(report, facts, chain.product, str(reported), settings),
            _crl_claim(crl, now_ms),
        ),
        seal=_SEAL,
    )


def inspect_snp(document: bytes) -> dict[str, Any]:
    """Read a report without verifying it: anybody can write one.

    Args:
        document: The report as received.

    Returns:
        Its fields as JSON values, bytes in hex, bits by their names; levels of firmware as they
        stand, because only the certificates say in which order they are to be read; ``verified``
        is always False.

    Raises:
        MalformedError: It does not have the form of a report.
    """
    report = parse_report(document)
    return {
        "verified": False,
        "version": report.version,
        "signer": report.signer,
        "measurement": "0x" + keccak256(report.measurement).hex(),
        "debug": "debug" in report.policy.names,
        "vmpl": report.vmpl,
        "guest_svn": report.guest_svn,
        "guest_policy": sorted(report.policy.names),
        "guest_min_abi": list(report.policy.abi),
        "platform": sorted(report.platform.names),
        "platform_unknown": f"{report.platform.unknown:#x}",
        "cpuid": None if report.cpuid is None else str(report.cpuid),
        "chip_id": None if report.chip_masked else report.chip_id.hex(),
        "migration_agent": report.migration_agent,
        "author_key": report.author_key,
        "current_tcb": report.current_tcb.hex(),
        "reported_tcb": report.reported_tcb.hex(),
        "committed_tcb": report.committed_tcb.hex(),
        "launch_tcb": report.launch_tcb.hex(),
        "current_version": list(report.current_version),
        "committed_version": list(report.committed_version),
        "launch_mitigations": report.launch_mitigations,
        "current_mitigations": report.current_mitigations,
        "report_data": report.report_data.hex(),
        "registers": _registers(report),
    }


def _check_signature(report: SnpReport, key: ec.EllipticCurvePublicKey) -> None:
    try:
        signature = encode_dss_signature(report.r, report.s)
        verify_ecdsa_der(key, signature, report.signed, hash_type=SHA384)
    except SignatureError as error:
        raise SignatureError(
            "the report was changed, or not signed by the key of its certificate",
            code="snp.signature.mismatch",
        ) from error


def _registers(report: SnpReport) -> dict[str, str]:
    return {
        "MEASUREMENT": report.measurement.hex(),
        "HOST_DATA": report.host_data.hex(),
        "ID_KEY_DIGEST": report.id_key_digest.hex(),
        "AUTHOR_KEY_DIGEST": report.author_key_digest.hex(),
        "FAMILY_ID": report.family_id.hex(),
        "IMAGE_ID": report.image_id.hex(),
        "REPORT_ID": report.report_id.hex(),
    }


def _claims(
    report: SnpReport, facts: LeafFacts, product: str, reported: str, settings: SnpPolicy
) -> tuple[Claim, ...]:
    bound = settings.minimum(product) is not None
    asserted = "the host's firmware says so, under AMD's key"
    if report.signer == VCEK:
        origin = "VCEK: the key of this one chip"
    else:
        origin = f"VLEK: a key that AMD gave {facts.csp_id}, for any of its chips"
    agent = "a migration agent may move the guest" if report.migration_agent else "no agent"
    return (
        Claim("platform.product", Status.PROVEN, "AMD's certificates", facts.product_name),
        Claim("platform.key", Status.PROVEN, "AMD's certificate", origin),
        Claim(
            "platform.tcb",
            Status.PROVEN if bound else Status.ASSERTED,
            "at least the policy's minimum" if bound else "compared with no minimum",
            reported,
        ),
        Claim("platform.host", Status.PROVEN, asserted, ", ".join(sorted(report.platform.names))),
        Claim("guest.policy", Status.PROVEN, asserted, ", ".join(sorted(report.policy.names))),
        Claim("guest.vmpl", Status.PROVEN, asserted, str(report.vmpl)),
        Claim("guest.migration", Status.PROVEN, asserted, agent),
    )


def _crl_claim(crl: Window | None, now_ms: int) -> Claim:
    if crl is None:
        return Claim("platform.revocation", Status.ABSENT, "no revocation list came with it")
    age = (now_ms - crl.from_ms) // 86_400_000
    return Claim("platform.revocation", Status.PROVEN, "AMD's list", f"{age} days old")
