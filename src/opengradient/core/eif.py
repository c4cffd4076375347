"""Enclave image files of AWS Nitro, and the registers that an enclave of one will have.

Source of format and measurement: github.com/aws/aws-nitro-enclaves-image-format (src/defs, format
version 4; src/utils); what each register means: AWS Nitro Enclaves User Guide, "Where to get an
enclave's measurements". A register is extended once, from zero, with the hash of its contents:

    PCR0 = kernel, command line, every ramdisk
    PCR1 = kernel, command line, first ramdisk
    PCR2 = every ramdisk but the first

so an image with one ramdisk has PCR0 = PCR1, and the PCR2 of nothing. Metadata and signature are
measured by none of the three.
"""

import enum
import struct
import zlib
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.digests import keccak256, sha384
from opengradient.core.rtmr import ZERO, extend
from opengradient.errors import MalformedError

MAGIC: Final = b".eif"
VERSIONS: Final = frozenset({2, 3, 4})
"""Version 2 brought the checksum, 3 the signature, 4 the metadata."""

HEADER_BYTES: Final = 548
MAX_SECTIONS: Final = 32
SECTION: Final = struct.Struct(">HHQ")
"""Type, flags, size; the data follow."""

_HEAD: Final = struct.Struct(">4sHHQQHH")
_TABLE: Final = struct.Struct(f">{MAX_SECTIONS}Q")
_CRC_OFFSET: Final = HEADER_BYTES - 4


class SectionType(enum.IntEnum):
    """What a section holds."""

    KERNEL = 1
    CMDLINE = 2
    RAMDISK = 3
    SIGNATURE = 4
    METADATA = 5


@final
@dataclass(frozen=True, slots=True)
class EnclaveImage:
    """An image whose structure and checksum were checked.

    Attributes:
        version: Of the format.
        arm64: Whether it is for arm64, else x86_64.
        sections: Type and data, in order.
    """

    version: int
    arm64: bool
    sections: tuple[tuple[SectionType, bytes], ...]

    def data(self, kind: SectionType) -> tuple[bytes, ...]:
        """The data of every section of a type, in order."""
        return tuple(data for found, data in self.sections if found == kind)

    def registers(self) -> dict[str, bytes]:
        """PCR0, PCR1 and PCR2 as an enclave of this image has them outside of debug mode."""
        boot = b"".join(
            data
            for kind, data in self.sections
            if kind in {SectionType.KERNEL, SectionType.CMDLINE}
        )
        first, *others = self.data(SectionType.RAMDISK)
        app = b"".join(others)
        contents = {"PCR0": boot + first + app, "PCR1": boot + first, "PCR2": app}
        return {name: extend(ZERO, sha384(data)) for name, data in contents.items()}

    def measurement(self) -> str:
        """The id that policies list: ``0x`` and hex of keccak256(PCR0 || PCR1 || PCR2)."""
        return "0x" + keccak256(b"".join(self.registers().values())).hex()


def parse_eif(data: bytes) -> EnclaveImage:
    """Read an enclave image file.

    Raises:
        MalformedError: Code ``eif.malformed``: its header, a section or the checksum is wrong.
    """
    if len(data) < HEADER_BYTES:
        raise _malformed("it is shorter than its header")
    magic, version, flags, _memory, _cpus, _reserved, count = _HEAD.unpack_from(data)
    if magic != MAGIC or version not in VERSIONS:
        raise _malformed("not the magic and a known version")
    if not 0 < count <= MAX_SECTIONS:
        raise _malformed(f"{count} sections")
    offsets = _TABLE.unpack_from(data, _HEAD.size)[:count]
    sizes = _TABLE.unpack_from(data, _HEAD.size + _TABLE.size)[:count]
    checksum = zlib.crc32(data[HEADER_BYTES:], zlib.crc32(data[:_CRC_OFFSET]))
    if checksum != int.from_bytes(data[_CRC_OFFSET:HEADER_BYTES]):
        raise _malformed("the checksum is another")
    image = EnclaveImage(version, bool(flags & 1), _sections(data, offsets, sizes))
    _check_sections(image)
    return image


def _sections(
    data: bytes, offsets: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[tuple[SectionType, bytes], ...]:
    sections: list[tuple[SectionType, bytes]] = []
    position = HEADER_BYTES
    for offset, stated in zip(offsets, sizes, strict=True):
        start = position + SECTION.size
        if offset != position or start > len(data):
            raise _malformed("a section is not where the header says")
        kind, _flags, size = SECTION.unpack_from(data, position)
        if size != stated or start + size > len(data):
            raise _malformed("a section has another size than the header says")
        if kind not in SectionType.__members__.values():
            raise _malformed(f"a section of unknown type {kind}")
        sections.append((SectionType(kind), data[start : start + size]))
        position = start + size
    if position != len(data):
        raise _malformed("bytes follow the last section")
    return tuple(sections)


def _check_sections(image: EnclaveImage) -> None:
    kinds = [kind for kind, _ in image.sections]
    once = (SectionType.KERNEL, SectionType.CMDLINE)
    if any(kinds.count(kind) != 1 for kind in once) or SectionType.RAMDISK not in kinds:
        raise _malformed("one kernel, one command line and a ramdisk")
    if kinds[:2] != list(once):
        raise _malformed("kernel and command line come first")
    if any(kinds.count(kind) > 1 for kind in (SectionType.SIGNATURE, SectionType.METADATA)):
        raise _malformed("a signature or metadata twice")


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not an enclave image: {why}", code="eif.malformed")
