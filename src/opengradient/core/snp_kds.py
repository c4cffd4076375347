"""Where AMD's key distribution service keeps what belongs to an SEV-SNP report.

Paths only, below the host that the caller trusts and never one that a prover names. Source: AMD
publication 57230, chapter 4.
"""

from typing import Final

from opengradient.core.snp_report import VCEK, SnpReport, parse_report
from opengradient.core.snp_tcb import (
    GENOA,
    MILAN,
    PRODUCTS,
    TURIN,
    decode_tcb,
    product_of_cpuid,
)
from opengradient.errors import AttestationError, ConfigurationError

KDS_HOST: Final = "kdsintf.amd.com"

_TURIN_CHIP_BYTES = 8


def product_candidates(document: bytes) -> tuple[str, ...]:
    """The product lines that a report may be of, likeliest first.

    From version 3 the CPUID says it. In version 2 only Turin is told apart, by its short chip id;
    the wrong one of Milan and Genoa gives "not found", so both may be asked.

    Args:
        document: The report as received.

    Returns:
        One or two product lines; none for a CPUID that is of no known line.

    Raises:
        MalformedError: It does not have the form of a report.
    """
    report = parse_report(document)
    if report.cpuid is not None:
        known = product_of_cpuid(report.cpuid.family, report.cpuid.model)
        return () if known is None else (known,)
    if report.chip_masked:
        return PRODUCTS
    return (MILAN, GENOA) if any(report.chip_id[_TURIN_CHIP_BYTES:]) else (TURIN,)


def kds_path(document: bytes, product: str) -> str:
    """Path and query of the VCEK that signed a report; the answer is its DER.

    Args:
        document: The report as received.
        product: One of `product_candidates`.

    Raises:
        MalformedError: It does not have the form of a report, or is of another line.
        ConfigurationError: No such product line.
        AttestationError: Code ``snp.kds``: the report was signed by a VLEK, which only its cloud
            provider hands out, or hides its chip.
    """
    _require_product(product)
    report = parse_report(document)
    if report.signer != VCEK or report.chip_masked:
        raise AttestationError(
            "AMD's service cannot be asked for this report's key: a VLEK, or a hidden chip",
            code="snp.kds",
        )
    return f"/vcek/v1/{product}/{_chip(report, product)}?{_levels(report, product)}"


def kds_chain_path(product: str, signer: str) -> str:
    """Path of ASK or ASVK and ARK; the answer is PEM, the issuer first.

    Args:
        product: The product line.
        signer: ``"vcek"`` or ``"vlek"``.

    Raises:
        ConfigurationError: No such product line.
    """
    _require_product(product)
    return f"/{signer}/v1/{product}/cert_chain"


def kds_crl_path(product: str, signer: str) -> str:
    """Path of the revocation list of a product line; the answer is DER.

    Args:
        product: The product line.
        signer: ``"vcek"`` or ``"vlek"``.

    Raises:
        ConfigurationError: No such product line.
    """
    _require_product(product)
    return f"/{signer}/v1/{product}/crl"


def _chip(report: SnpReport, product: str) -> str:
    return (report.chip_id[:_TURIN_CHIP_BYTES] if product == TURIN else report.chip_id).hex()


def _levels(report: SnpReport, product: str) -> str:
    tcb = decode_tcb(report.reported_tcb, product)
    first = f"fmcSPL={tcb.fmc:02}&" if product == TURIN else ""
    return (
        f"{first}blSPL={tcb.bootloader:02}&teeSPL={tcb.tee:02}"
        f"&snpSPL={tcb.snp:02}&ucodeSPL={tcb.microcode:02}"
    )


def _require_product(product: str) -> None:
    if product not in PRODUCTS:
        raise ConfigurationError(f"no product line {product!r} is known")
