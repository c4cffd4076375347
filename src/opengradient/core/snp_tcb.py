"""TCB_VERSION: the levels of the firmware that a report stands on, and the product lines.

The same eight bytes are ordered differently on Turin (AMD publication 57230, "VCEK Certificate
and KDS Interface Specification", tables of the certificate's extensions; 56860, "TCB_VERSION"):

- Milan, Genoa: boot loader, TEE, four reserved, SNP, microcode;
- Turin: FMC, boot loader, TEE, SNP, three reserved, microcode.
"""

from dataclasses import astuple, dataclass
from typing import Final, final

from opengradient.errors import MalformedError

TCB_BYTES: Final = 8

MILAN: Final = "Milan"
GENOA: Final = "Genoa"
"""Also Bergamo and Siena: they share Genoa's root."""

TURIN: Final = "Turin"
PRODUCTS: Final = (MILAN, GENOA, TURIN)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TcbVersion:
    """Security patch levels, each 0 to 255.

    Attributes:
        bootloader: AMD-SP boot loader.
        tee: AMD-SP operating system.
        snp: SNP firmware.
        microcode: Microcode of all cores.
        fmc: FMC firmware; Turin only, 0 elsewhere.
    """

    bootloader: int
    tee: int
    snp: int
    microcode: int
    fmc: int = 0

    def covers(self, minimum: "TcbVersion") -> bool:
        """Whether every level is at least that of ``minimum``: levels are no number."""
        pairs = zip(astuple(self), astuple(minimum), strict=True)
        return all(have >= need for have, need in pairs)

    def __str__(self) -> str:
        """All levels by name."""
        text = f"bootloader={self.bootloader} tee={self.tee} snp={self.snp}"
        return f"{text} microcode={self.microcode} fmc={self.fmc}"


def decode_tcb(raw: bytes, product: str) -> TcbVersion:
    """Read eight bytes in the order of a product line.

    Args:
        raw: TCB_VERSION as the report has it.
        product: ``"Milan"``, ``"Genoa"`` or ``"Turin"``.

    Raises:
        MalformedError: Code ``snp.tcb.reserved``.
    """
    if product == TURIN:
        fmc, bootloader, tee, snp = raw[:4]
        reserved = raw[4:7]
    else:
        bootloader, tee, snp, fmc = raw[0], raw[1], raw[6], 0
        reserved = raw[2:6]
    if any(reserved):
        raise MalformedError(
            f"reserved bytes of a TCB version of {product} are not zero",
            code="snp.tcb.reserved",
            actual=raw.hex(),
        )
    return TcbVersion(bootloader=bootloader, tee=tee, snp=snp, microcode=raw[7], fmc=fmc)


def product_of_cpuid(family: int, model: int) -> str | None:
    """The product line of a chip by its CPUID, None where it is of no line that has SEV-SNP.

    Ranges: AMD publication 57230, section 2.1, and the processor programming references.
    """
    if family == 0x19 and model <= 0x0F:
        return MILAN
    if family == 0x19 and (0x10 <= model <= 0x1F or 0xA0 <= model <= 0xAF):
        return GENOA
    if family == 0x1A and model <= 0x11:
        return TURIN
    return None
