"""Which registers say what code runs, and the one id made of them: what policies list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from opengradient.core.digests import keccak256
from opengradient.core.evidence import GCP, MAA, NITRO, SGX, SNP, SOFTWARE, TDX

_PCRS: Final = ("PCR0", "PCR1", "PCR2")
_TDX: Final = ("MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3")
_SNP: Final = ("MEASUREMENT",)

MEASURED: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        NITRO: (_PCRS,),
        SOFTWARE: (_PCRS,),
        TDX: (_TDX,),
        SGX: (("MRENCLAVE", "MRSIGNER"),),
        SNP: (_SNP,),
        GCP: (("IMAGE_DIGEST",),),
        MAA: (_SNP, _TDX),
    }
)
"""Kind of evidence to its registers, in the order in which they are hashed (docs/spec/evidence.md,
clause 3). Azure's service speaks of both SEV-SNP and TDX machines, each with their own."""


def measurement_id(kind: str, registers: Mapping[str, str]) -> str | None:
    """The id of what runs.

    Args:
        kind: Kind of evidence.
        registers: Name of a register to its value in hex; others than the kind's are ignored.

    Returns:
        ``0x`` and hex of keccak256 over the kind's registers; None where the kind is not known,
        a register is missing, or two sets of them are there.
    """
    complete = [names for names in MEASURED.get(kind, ()) if registers.keys() >= set(names)]
    if len(complete) != 1:
        return None
    names = complete[0]
    return "0x" + keccak256(b"".join(bytes.fromhex(registers[name]) for name in names)).hex()
