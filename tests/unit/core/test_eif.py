"""Enclave images: strict structure, and the registers that AWS's format defines."""

import struct
import zlib
from collections.abc import Sequence

import pytest

from opengradient.core.digests import keccak256, sha384
from opengradient.core.eif import HEADER_BYTES, MAX_SECTIONS, SECTION, EnclaveImage, parse_eif
from opengradient.core.rtmr import extend
from opengradient.errors import MalformedError

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = range(1, 6)
PLAIN = [
    (KERNEL, b"kernel"),
    (CMDLINE, b"reboot=k panic=30"),
    (METADATA, b"{}"),
    (RAMDISK, b"boot"),
]

SINGLE_RAMDISK_PCR2 = "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a"
"""Published for every image with one ramdisk, always beside a PCR0 that equals PCR1: for example by
the Nautilus template (github.com/MystenLabs/nautilus) and in QuorumOS's tests (github.com/tkhq/qos)."""


def image(
    sections: Sequence[tuple[int, bytes]] = PLAIN,
    *,
    magic: bytes = b".eif",
    version: int = 4,
    flags: int = 0,
    count: int | None = None,
    moved: int = 0,
    grown: int = 0,
    tail: bytes = b"",
    crc: int = 0,
) -> bytes:
    """An image with a right checksum, unless `crc` is added to it."""
    offsets, sizes, body = [0] * MAX_SECTIONS, [0] * MAX_SECTIONS, b""
    for index, (kind, data) in enumerate(sections):
        offsets[index], sizes[index] = HEADER_BYTES + len(body), len(data)
        body += SECTION.pack(kind, 0, len(data)) + data
    offsets[1] += moved
    sizes[1] += grown
    head = struct.pack(
        ">4sHHQQHH", magic, version, flags, 1 << 30, 2, 0, len(sections) if count is None else count
    )
    head += struct.pack(">32Q", *offsets) + struct.pack(">32Q", *sizes) + bytes(4)
    body += tail
    checksum = (zlib.crc32(head + body) + crc) % 2**32
    return head + checksum.to_bytes(4) + body


def register(*contents: bytes) -> bytes:
    return sha384(bytes(48) + sha384(b"".join(contents)))


def test_registers() -> None:
    parsed = parse_eif(image([*PLAIN, (RAMDISK, b"app1"), (RAMDISK, b"app2")]))
    boot = (b"kernel", b"reboot=k panic=30", b"boot")
    assert parsed.registers() == {
        "PCR0": register(*boot, b"app1", b"app2"),
        "PCR1": register(*boot),
        "PCR2": register(b"app1", b"app2"),
    }
    assert parsed.measurement() == "0x" + keccak256(b"".join(parsed.registers().values())).hex()


def test_one_ramdisk_has_the_published_pcr2_and_pcr0_equal_to_pcr1() -> None:
    registers = parse_eif(image()).registers()
    assert registers["PCR2"].hex() == SINGLE_RAMDISK_PCR2
    assert registers["PCR0"] == registers["PCR1"]


def test_metadata_and_signature_are_not_measured() -> None:
    plain = parse_eif(image()).registers()
    other = [*PLAIN[:2], (METADATA, b'{"ImageName":"x"}'), PLAIN[3], (SIGNATURE, b"signed")]
    assert parse_eif(image(other)).registers() == plain
    assert parse_eif(image([*PLAIN[:2], PLAIN[3]], version=2)).registers() == plain


def test_what_is_read() -> None:
    parsed = parse_eif(image(flags=1, version=3))
    assert isinstance(parsed, EnclaveImage)
    assert (parsed.version, parsed.arm64) == (3, True)
    assert not parse_eif(image(flags=2)).arm64
    assert [kind for kind, _ in parsed.sections] == [KERNEL, CMDLINE, METADATA, RAMDISK]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        image()[: HEADER_BYTES - 1],
        image(magic=b".elf"),
        image(version=1),
        image(version=5),
        image(count=0),
        image(count=33),
        image(count=3),
        image(count=5),
        image(crc=1),
        image(moved=1),
        image(grown=1),
        image(tail=b"\0"),
        image([*PLAIN, (6, b"")]),
        image([*PLAIN, (0, b"")]),
        image(PLAIN[:3]),
        image(PLAIN[1:]),
        image([PLAIN[1], PLAIN[0], *PLAIN[2:]]),
        image([*PLAIN, PLAIN[0]]),
        image([*PLAIN, PLAIN[1]]),
        image([*PLAIN, PLAIN[2]]),
        image([*PLAIN, (SIGNATURE, b""), (SIGNATURE, b"")]),
        image()[:-1],
    ],
)
def test_what_is_no_image(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_eif(data)
    assert caught.value.code == "eif.malformed"


def test_as_many_sections_as_there_may_be() -> None:
    whole = [*PLAIN, *((RAMDISK, b"%d" % number) for number in range(28))]
    assert len(parse_eif(image(whole)).sections) == 32


def test_an_empty_section_at_the_end() -> None:
    assert (
        parse_eif(image([*PLAIN, (RAMDISK, b"")])).registers()["PCR2"].hex() == SINGLE_RAMDISK_PCR2
    )


def test_registers_are_extended_with_whole_digests_only() -> None:
    for register_, digest in [(bytes(47), bytes(48)), (bytes(48), bytes(32))]:
        with pytest.raises(MalformedError):
            extend(register_, digest)


def test_every_changed_byte_is_noticed() -> None:
    whole = image()
    for index in range(len(whole)):
        with pytest.raises(MalformedError):
            parse_eif(whole[:index] + bytes([whole[index] ^ 1]) + whole[index + 1 :])
