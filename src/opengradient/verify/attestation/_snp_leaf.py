"""What AMD certifies about the key of a report: which product, which firmware, which chip.

Extensions: AMD publication 57230, tables "VCEK Certificate Extensions" for family 19h and for
family 1Ah (Turin), and of the VLEK certificate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

from opengradient.core.snp_report import VCEK, SnpReport
from opengradient.core.snp_tcb import (
    GENOA,
    MILAN,
    TURIN,
    TcbVersion,
    decode_tcb,
    product_of_cpuid,
)
from opengradient.errors import AttestationError, CertificateChainError
from opengradient.verify._tbs import CertificateFields, Extension, only, unsigned

_AMD: Final = bytes.fromhex("2b060104019c7801")  # 1.3.6.1.4.1.3704.1
_STRUCT_VERSION: Final = _AMD + b"\x01"
_PRODUCT_NAME: Final = _AMD + b"\x02"
_SPL: Final = _AMD + b"\x03"
_HW_ID: Final = _AMD + b"\x04"
_CSP_ID: Final = _AMD + b"\x05"
_BOOTLOADER, _TEE, _SNP, _SPL4, _SPL5, _SPL6, _SPL7, _MICROCODE, _FMC = range(1, 10)
_IA5_STRING, _OCTET_STRING = 0x16, 0x04

_LINES: Final[Mapping[str, str]] = MappingProxyType(
    {"Milan": MILAN, "Genoa": GENOA, "Bergamo": GENOA, "Siena": GENOA, "Turin": TURIN}
)
_HW_ID_BYTES: Final = MappingProxyType({MILAN: 64, GENOA: 64, TURIN: 8})
_STRUCT_VERSIONS: Final = MappingProxyType({MILAN: 0, GENOA: 0, TURIN: 1})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LeafFacts:
    """What the leaf's extensions say.

    Attributes:
        product_name: For example ``"Milan-B0"``.
        tcb: Firmware that the key was derived for.
        hw_id: The chip, as AMD names it; None in a VLEK.
        csp_id: The cloud provider; None in a VCEK.
    """

    product_name: str
    tcb: TcbVersion
    hw_id: bytes | None
    csp_id: str | None


def read_leaf(leaf: CertificateFields, *, product: str, signer: str) -> LeafFacts:
    """Read the extensions of a VCEK or VLEK of a product line.

    Raises:
        CertificateChainError: ``snp.leaf.extension``, ``snp.leaf.struct_version``,
            ``snp.leaf.product``, ``snp.leaf.reserved``, ``snp.leaf.kind``.
    """
    found = leaf.signed.extensions
    version = _number(found, _STRUCT_VERSION)
    if version != _STRUCT_VERSIONS[product]:
        raise _refused(
            "struct_version", "another structure than the product line's", actual=version
        )
    name = _text(found, _PRODUCT_NAME)
    if _LINES.get(name.partition("-")[0]) != product:
        raise _refused(
            "product", "the leaf is of another product line", expected=product, actual=name
        )
    hw_id = _chip(found, product) if _HW_ID in found else None
    csp_id = _text(found, _CSP_ID) if _CSP_ID in found else None
    given, foreign = (hw_id, csp_id) if signer == VCEK else (csp_id, hw_id)
    if not given or foreign is not None:
        raise _refused("kind", "a VCEK names its chip, a VLEK its provider, and neither the other")
    return LeafFacts(product_name=name, tcb=_levels(found, product), hw_id=hw_id, csp_id=csp_id)


def check_leaf(facts: LeafFacts, report: SnpReport, *, product: str) -> TcbVersion:
    """Require that the report and the certificate of its key speak of one platform.

    Args:
        facts: The certificate's side.
        report: The report's side.
        product: The product line of the chain.

    Returns:
        The reported level of the firmware.

    Raises:
        MalformedError: ``snp.tcb.reserved``.
        AttestationError: ``snp.leaf.tcb``, ``snp.leaf.chip_id`` or ``snp.leaf.cpuid``.
    """
    reported = decode_tcb(report.reported_tcb, product)
    if reported != facts.tcb:
        raise AttestationError(
            "the key was certified for other firmware than the report says",
            code="snp.leaf.tcb",
            expected=str(facts.tcb),
            actual=str(reported),
        )
    if facts.hw_id is not None and not report.chip_masked:
        expected = facts.hw_id.ljust(len(report.chip_id), b"\0")
        if report.chip_id != expected:
            raise AttestationError(
                "the key was certified for another chip than the report says",
                code="snp.leaf.chip_id",
                expected=expected.hex(),
                actual=report.chip_id.hex(),
            )
    cpuid = report.cpuid
    if cpuid is not None and product_of_cpuid(cpuid.family, cpuid.model) != product:
        raise AttestationError(
            f"the chip's CPUID is none of {product}",
            code="snp.leaf.cpuid",
            expected=product,
            actual=str(cpuid),
        )
    return reported


def _levels(found: Mapping[bytes, Extension], product: str) -> TcbVersion:
    """Turin has an FMC in the place of the reserved SPL 4."""
    only_there, only_elsewhere = (_FMC, _SPL4) if product == TURIN else (_SPL4, _FMC)
    if _SPL + bytes((only_elsewhere,)) in found:
        raise _refused("extension", "a level that the product line does not have")
    levels = {
        level: _number(found, _SPL + bytes((level,)))
        for level in (_BOOTLOADER, _TEE, _SNP, _SPL5, _SPL6, _SPL7, _MICROCODE, only_there)
    }
    if any(levels.get(level) for level in (_SPL4, _SPL5, _SPL6, _SPL7)):
        raise _refused("reserved", "a reserved level is not zero")
    return TcbVersion(
        bootloader=levels[_BOOTLOADER],
        tee=levels[_TEE],
        snp=levels[_SNP],
        microcode=levels[_MICROCODE],
        fmc=levels.get(_FMC, 0),
    )


def _chip(found: Mapping[bytes, Extension], product: str) -> bytes:
    """HwID: an OCTET STRING by the specification, its bare content in genuine certificates."""
    size = _HW_ID_BYTES[product]
    value = found[_HW_ID].value
    if len(value) == size:
        return value
    if len(value) == size + 2 and value[:2] == bytes((_OCTET_STRING, size)):
        return value[2:]
    raise _refused("extension", f"hwID has not {size} bytes", actual=len(value))


def _number(found: Mapping[bytes, Extension], oid: bytes) -> int:
    try:
        value = unsigned(found[oid].value)
    except (KeyError, CertificateChainError) as error:
        raise _refused("extension", f"extension {oid.hex()} is missing or no number") from error
    if value > 0xFF:
        raise _refused("extension", f"extension {oid.hex()} is above 255", actual=value)
    return value


def _text(found: Mapping[bytes, Extension], oid: bytes) -> str:
    try:
        return only(found[oid].value, _IA5_STRING).decode("ascii")
    except (KeyError, CertificateChainError, UnicodeDecodeError) as error:
        raise _refused("extension", f"extension {oid.hex()} is missing or no text") from error


def _refused(
    what: str, why: str, *, expected: object = None, actual: object = None
) -> CertificateChainError:
    return CertificateChainError(
        f"not the certificate of this platform's key: {why}",
        code=f"snp.leaf.{what}",
        expected=expected,
        actual=actual,
    )
