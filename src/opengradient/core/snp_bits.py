"""The two bit fields of an SEV-SNP report: what the guest allows, how the host is set up.

Source: AMD publication 56860, tables "Guest Policy" and "PLATFORM_INFO".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

GUEST_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "smt": 16,
        "migrate_ma": 18,
        "debug": 19,
        "single_socket": 20,
        "cxl": 21,
        "mem_aes_256_xts": 22,
        "rapl_disabled": 23,
        "ciphertext_hiding": 24,
        "page_swap_disabled": 25,
    }
)
"""Bits of the guest's policy. ``smt``, ``migrate_ma``, ``debug`` and ``cxl`` allow the host
something; the others demand something of it."""

PLATFORM_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "smt": 0,
        "tsme": 1,
        "ecc": 2,
        "rapl_disabled": 3,
        "ciphertext_hiding": 4,
        "alias_check_complete": 5,
        "tio": 7,
    }
)
"""Bits of PLATFORM_INFO. ``alias_check_complete``: the firmware found no two addresses of one
memory cell at boot, AMD's answer to BadRAM (AMD-SB-3015)."""

_RESERVED_ONE = 17
_ABI_BITS = 16


def _names(value: int, bits: Mapping[str, int]) -> frozenset[str]:
    return frozenset(name for name, bit in bits.items() if value >> bit & 1)


@final
@dataclass(frozen=True, slots=True)
class GuestPolicy:
    """POLICY: what the guest's owner lets the host do.

    Attributes:
        value: The 64 bits.
    """

    value: int

    @property
    def abi(self) -> tuple[int, int]:
        """Least firmware ABI that the guest runs on: major, minor."""
        return self.value >> 8 & 0xFF, self.value & 0xFF

    @property
    def names(self) -> frozenset[str]:
        """Names of the bits that are set."""
        return _names(self.value, GUEST_BITS)

    @property
    def reserved_one(self) -> bool:
        """Bit 17, which must be one."""
        return bool(self.value >> _RESERVED_ONE & 1)

    @property
    def unknown(self) -> int:
        """The bits that have no published meaning."""
        known = sum(1 << bit for bit in GUEST_BITS.values()) | 1 << _RESERVED_ONE
        return self.value & ~(known | (1 << _ABI_BITS) - 1)

    def __str__(self) -> str:
        """The bits in hex."""
        return f"{self.value:#x}"


@final
@dataclass(frozen=True, slots=True)
class PlatformInfo:
    """PLATFORM_INFO: how the host is set up.

    Attributes:
        value: The 64 bits.
    """

    value: int

    @property
    def names(self) -> frozenset[str]:
        """Names of the bits that are set."""
        return _names(self.value, PLATFORM_BITS)

    @property
    def unknown(self) -> int:
        """The bits that have no published meaning."""
        return self.value & ~sum(1 << bit for bit in PLATFORM_BITS.values())

    def __str__(self) -> str:
        """The bits in hex."""
        return f"{self.value:#x}"
