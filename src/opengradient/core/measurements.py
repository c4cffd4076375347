"""Which registers say what code runs, and the one id made of them: what policies list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from opengradient.core.digests import keccak256

MEASURED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "aws-nitro": ("PCR0", "PCR1", "PCR2"),
        "software-enclave": ("PCR0", "PCR1", "PCR2"),
        "intel-tdx": ("MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"),
        "intel-sgx": ("MRENCLAVE", "MRSIGNER"),
        "amd-sev-snp": ("MEASUREMENT",),
        "gcp-confidential-space": ("IMAGE_DIGEST",),
        "azure-maa": ("MEASUREMENT",),
    }
)
"""Kind of evidence to its registers, in the order in which they are hashed."""


def measurement_id(kind: str, registers: Mapping[str, str]) -> str | None:
    """The id of what runs.

    Args:
        kind: Kind of evidence.
        registers: Name of a register to its value in hex; others than the kind's are ignored.

    Returns:
        ``0x`` and hex of keccak256 over the kind's registers; None where the kind is not known
        or a register is missing.
    """
    names = MEASURED.get(kind)
    if names is None or not all(name in registers for name in names):
        return None
    return "0x" + keccak256(b"".join(bytes.fromhex(registers[name]) for name in names)).hex()
