"""What the caller's policy asks of an authentic SEV-SNP report."""

from opengradient.core.snp_report import VCEK, SnpReport
from opengradient.core.snp_tcb import TcbVersion, decode_tcb
from opengradient.errors import AttestationError, PolicyError
from opengradient.verify.attestation._snp_leaf import LeafFacts
from opengradient.verify.platforms.snp import SnpPolicy


def check_signer(signer: str, settings: SnpPolicy) -> None:
    """Require a kind of key that the policy accepts.

    Raises:
        PolicyError: ``snp.signer``.
    """
    if signer not in settings.signers:
        raise _refused(
            "snp.signer",
            f"reports by a {signer} are not accepted",
            expected=sorted(settings.signers),
            actual=signer,
        )


def check_guest(report: SnpReport, settings: SnpPolicy, *, allow_debug: bool) -> bool:
    """Require that the guest's own policy lets the host do no more than the caller accepts.

    Args:
        report: The report.
        settings: The caller's settings.
        allow_debug: Accept guests whose memory the host can read.

    Returns:
        Whether the host may debug the guest.

    Raises:
        AttestationError: ``snp.debug``.
        PolicyError: ``snp.guest.*``.
    """
    names = report.policy.names
    if "debug" in names and not allow_debug:
        raise AttestationError(
            "the guest's policy lets the host read its memory (bit 19)",
            code="snp.debug",
            actual=str(report.policy),
        )
    for name, allowed in (
        ("smt", settings.allow_smt),
        ("migrate_ma", settings.allow_migrate_ma),
        ("cxl", settings.allow_cxl),
    ):
        if name in names and not allowed:
            raise _refused(f"snp.guest.{name}", f"the guest's policy allows {name}")
    if report.migration_agent and not settings.allow_migrate_ma:
        raise _refused(
            "snp.guest.migration_agent",
            "a migration agent is there",
            actual=report.report_id_ma.hex(),
        )
    if settings.require_single_socket and "single_socket" not in names:
        raise _refused("snp.guest.single_socket", "the guest may run on several sockets")
    missing = settings.required_guest - names
    if missing:
        raise _refused(
            "snp.guest.demand", "the guest does not demand what it should", expected=sorted(missing)
        )
    if report.policy.abi < settings.min_abi:
        raise _refused(
            "snp.guest.abi",
            "the guest runs on older firmware",
            expected=settings.min_abi,
            actual=report.policy.abi,
        )
    if report.guest_svn < settings.min_guest_svn:
        raise _refused(
            "snp.guest.svn",
            "the guest is an older version",
            expected=settings.min_guest_svn,
            actual=report.guest_svn,
        )
    if report.vmpl not in settings.vmpls:
        raise _refused(
            "snp.vmpl",
            "the report was asked for at another privilege level",
            expected=sorted(settings.vmpls),
            actual=report.vmpl,
        )
    return "debug" in names


def check_host(report: SnpReport, settings: SnpPolicy) -> None:
    """Require a host that is set up as the caller asks.

    Raises:
        PolicyError: ``snp.platform.*``.
    """
    info = report.platform
    if info.unknown and not settings.allow_unknown_platform:
        raise _refused(
            "snp.platform.unknown",
            "PLATFORM_INFO has bits of no published meaning",
            actual=str(info),
        )
    missing = settings.required_platform - info.names
    if missing:
        raise _refused(
            "snp.platform.required", "the host lacks what it should have", expected=sorted(missing)
        )
    present = settings.forbidden_platform & info.names
    if present:
        raise _refused(
            "snp.platform.forbidden", "the host has what it should not", actual=sorted(present)
        )
    wanted = settings.required_mitigations
    for vector in (report.launch_mitigations, report.current_mitigations):
        if wanted & ~(vector or 0):
            raise _refused(
                "snp.platform.mitigations",
                "the firmware lacks a mitigation",
                expected=f"{wanted:#x}",
                actual=None if vector is None else f"{vector:#x}",
            )


def check_firmware(
    report: SnpReport, reported: TcbVersion, settings: SnpPolicy, *, product: str
) -> None:
    """Require firmware that is new enough, and levels that are in order.

    Raises:
        MalformedError: ``snp.tcb.reserved``.
        AttestationError: ``snp.tcb.order``.
        PolicyError: ``snp.tcb.reported``, ``snp.tcb.committed`` or ``snp.tcb.launch``.
    """
    current = decode_tcb(report.current_tcb, product)
    committed = decode_tcb(report.committed_tcb, product)
    launch = decode_tcb(report.launch_tcb, product)
    # AMD's slides "SEV-SNP Attestation": reported <= committed <= current.
    if not committed.covers(reported) or not current.covers(committed):
        raise AttestationError(
            "the levels of the firmware are not in order",
            code="snp.tcb.order",
            expected=f"reported {reported} <= committed {committed} <= current",
            actual=str(current),
        )
    minimum = settings.minimum(product)
    if minimum is None:
        return
    for name, have, need in (
        ("reported", reported, minimum.reported),
        ("committed", committed, minimum.committed),
        ("launch", launch, minimum.launch),
    ):
        if not have.covers(need):
            raise _refused(
                f"snp.tcb.{name}", f"the {name} firmware is too old", expected=need, actual=have
            )


def check_chip(report: SnpReport, facts: LeafFacts, settings: SnpPolicy) -> str:
    """Require a chip, or a provider, that the caller accepts.

    Args:
        report: The report.
        facts: What its key's certificate says.
        settings: The caller's settings.

    Returns:
        The chip in hex as AMD names it; empty where nothing names it.

    Raises:
        PolicyError: ``snp.chip.masked``, ``snp.chip.unknown`` or ``snp.csp``.
    """
    if report.chip_masked and settings.require_chip_id:
        raise _refused("snp.chip.masked", "the host hides which chip it is")
    shown = b"" if report.chip_masked else report.chip_id
    chip = _name_of(facts.hw_id if facts.hw_id is not None else shown)
    if settings.chips is not None and chip not in settings.chips:
        raise _refused("snp.chip.unknown", "the policy does not list the chip", actual=chip)
    providers = settings.csp_ids
    if report.signer != VCEK and providers is not None and facts.csp_id not in providers:
        raise _refused(
            "snp.csp",
            "the key is of another provider",
            expected=sorted(providers),
            actual=facts.csp_id,
        )
    return chip


def _name_of(chip: bytes) -> str:
    """The chip as AMD names it: Turin's reports show its 8 bytes padded to 64."""
    return (chip[:8] if not any(chip[8:]) else chip).hex()


def _refused(code: str, why: str, *, expected: object = None, actual: object = None) -> PolicyError:
    return PolicyError(why, code=code, expected=expected, actual=actual)
