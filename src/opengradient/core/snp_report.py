"""AMD SEV-SNP attestation reports: 1,184 bytes, the first 672 of them signed.

Layout: AMD publication 56860, "SEV Secure Nested Paging Firmware ABI Specification", table
"ATTESTATION_REPORT" (versions 2, 3 and 5). Version 2 is what Milan began with, version 3 adds the
CPUID of the chip, version 5 the mitigation vectors. AMD has published no layout for version 4;
readers disagree on whether it has the vectors, so they are read there too: they are signed, and
zero where the firmware knows none.

Every byte that the layout reserves must be zero: a bit with no published meaning may be one that
weakens what the report says.
"""

from dataclasses import dataclass
from typing import Final, final

from opengradient.core.snp_bits import GUEST_BITS, GuestPolicy, PlatformInfo
from opengradient.core.snp_tcb import TCB_BYTES
from opengradient.errors import MalformedError

REPORT_BYTES: Final = 0x4A0
SIGNED_BYTES: Final = 0x2A0
"""What the signature covers: everything in front of it."""

VERSIONS: Final = frozenset({2, 3, 4, 5})
ECDSA_P384_SHA384: Final = 1
"""The only SIGNATURE_ALGO (56860, chapter 10)."""

VCEK: Final = "vcek"
"""SIGNING_KEY 0: the key of one chip at one level of firmware."""

VLEK: Final = "vlek"
"""SIGNING_KEY 1: a key that AMD gave a cloud provider, loaded into any of its chips."""

NO_MIGRATION_AGENT: Final = b"\xff" * 32
"""REPORT_ID_MA of a guest without migration agent."""

_SIGNERS: Final = {0: VCEK, 1: VLEK}
_UNSIGNED = 7
_MAX_VMPL = 3
_HALF_BYTES = 72
_P384_BYTES = 48
_P384_ORDER = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)

_CPUID_FROM_VERSION = 3
_MITIGATIONS_FROM_VERSION = 4
_ALWAYS_RESERVED = ((0x4C, 0x50), (0x18B, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x208, 0x2A0))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cpuid:
    """What CPUID leaf 1 says of the chip.

    Attributes:
        family: Combined family, 0x19 for Milan and Genoa.
        model: Combined model.
        stepping: Stepping.
    """

    family: int
    model: int
    stepping: int

    def __str__(self) -> str:
        """Family, model, stepping in hex."""
        return f"{self.family:02x}-{self.model:02x}-{self.stepping:02x}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SnpReport:
    """A report as its bytes say, with nothing verified.

    Attributes:
        version: 2 to 5.
        guest_svn: The guest owner's own version number.
        policy: What the guest's owner lets the host do.
        family_id: 16 bytes of the owner's choice.
        image_id: 16 bytes of the owner's choice.
        vmpl: Privilege level that asked for the report: 0 is the highest.
        current_tcb: Firmware that runs, 8 bytes; their order depends on the product line
            (`opengradient.core.snp_tcb`).
        platform: How the host is set up.
        signer: ``"vcek"`` or ``"vlek"``.
        author_key: Whether an author's key certified the ID key.
        report_data: 64 bytes that the guest gave.
        measurement: SHA-384 over what was loaded at launch.
        host_data: 32 bytes that the host gave at launch.
        id_key_digest: SHA-384 of the key that signed the guest's identity; zero without one.
        author_key_digest: SHA-384 of the key that certified that key; zero without one.
        report_id: Names this guest while it lives.
        report_id_ma: Names its migration agent; all ones without one.
        reported_tcb: Level of firmware that the signing key was derived for.
        cpuid: The chip's CPUID; None in version 2, which does not have it.
        chip_id: 64 bytes that name the chip; zero where the host masks them.
        committed_tcb: Level below which the host can no longer go.
        current_version: Firmware that runs: major, minor, build.
        committed_version: Firmware below which the host can no longer go: major, minor, build.
        launch_tcb: Level when the guest was launched or imported.
        launch_mitigations: Bits of mitigations at launch; None before version 4.
        current_mitigations: Bits of mitigations now; None before version 4.
        r: First half of the signature.
        s: Second half of the signature.
        signed: The bytes that the signature covers, as received.
    """

    version: int
    guest_svn: int
    policy: GuestPolicy
    family_id: bytes
    image_id: bytes
    vmpl: int
    current_tcb: bytes
    platform: PlatformInfo
    signer: str
    author_key: bool
    report_data: bytes
    measurement: bytes
    host_data: bytes
    id_key_digest: bytes
    author_key_digest: bytes
    report_id: bytes
    report_id_ma: bytes
    reported_tcb: bytes
    cpuid: Cpuid | None
    chip_id: bytes
    committed_tcb: bytes
    current_version: tuple[int, int, int]
    committed_version: tuple[int, int, int]
    launch_tcb: bytes
    launch_mitigations: int | None
    current_mitigations: int | None
    r: int
    s: int
    signed: bytes

    @property
    def chip_masked(self) -> bool:
        """Whether the host hides which chip it is (MaskChipId)."""
        return not any(self.chip_id)

    @property
    def migration_agent(self) -> bool:
        """Whether a migration agent may move the guest."""
        return any(self.report_id_ma) and self.report_id_ma != NO_MIGRATION_AGENT


def parse_report(document: bytes) -> SnpReport:
    """Parse a report.

    Args:
        document: The report as the firmware gave it.

    Raises:
        MalformedError: ``snp.report.*`` for its fields, ``snp.signature.*`` for the form of its
            signature.
    """
    if len(document) != REPORT_BYTES:
        raise _bad("size", "a report has 1,184 bytes", expected=REPORT_BYTES, actual=len(document))
    version = _u32(document, 0x00)
    if version not in VERSIONS:
        raise _bad("version", "no known version", expected=sorted(VERSIONS), actual=version)
    if _u32(document, 0x34) != ECDSA_P384_SHA384:
        raise _bad(
            "signature_algorithm",
            "not signed by ECDSA with SHA-384 on P-384",
            expected=ECDSA_P384_SHA384,
            actual=_u32(document, 0x34),
        )
    _check_reserved(document, version)
    signer, author_key = _read_key_info(document)
    r, s = _read_signature(document)
    return SnpReport(
        version=version,
        guest_svn=_u32(document, 0x04),
        policy=_read_policy(document),
        family_id=document[0x10:0x20],
        image_id=document[0x20:0x30],
        vmpl=_read_vmpl(document),
        current_tcb=_tcb(document, 0x38),
        platform=PlatformInfo(int.from_bytes(document[0x40:0x48], "little")),
        signer=signer,
        author_key=author_key,
        report_data=document[0x50:0x90],
        measurement=document[0x90:0xC0],
        host_data=document[0xC0:0xE0],
        id_key_digest=document[0xE0:0x110],
        author_key_digest=document[0x110:0x140],
        report_id=document[0x140:0x160],
        report_id_ma=document[0x160:0x180],
        reported_tcb=_tcb(document, 0x180),
        cpuid=_read_cpuid(document) if version >= _CPUID_FROM_VERSION else None,
        chip_id=document[0x1A0:0x1E0],
        committed_tcb=_tcb(document, 0x1E0),
        current_version=(document[0x1EA], document[0x1E9], document[0x1E8]),
        committed_version=(document[0x1EE], document[0x1ED], document[0x1EC]),
        launch_tcb=_tcb(document, 0x1F0),
        launch_mitigations=_mitigations(document, version, 0x1F8),
        current_mitigations=_mitigations(document, version, 0x200),
        r=r,
        s=s,
        signed=document[:SIGNED_BYTES],
    )


def _check_reserved(document: bytes, version: int) -> None:
    ranges = [*_ALWAYS_RESERVED]
    if version < _CPUID_FROM_VERSION:
        ranges.append((0x188, 0x18B))
    if version < _MITIGATIONS_FROM_VERSION:
        ranges.append((0x1F8, 0x208))
    for start, end in ranges:
        if any(document[start:end]):
            raise _bad(
                "reserved",
                f"reserved bytes at {start:#x} are not zero",
                expected="zero",
                actual=document[start:end].hex(),
            )


def _read_key_info(document: bytes) -> tuple[str, bool]:
    """AUTHOR_KEY_EN in bit 0, MASK_CHIP_KEY in bit 1, SIGNING_KEY in bits 2 to 4."""
    flags = _u32(document, 0x48)
    if flags >> 5:
        raise _bad("flags", "reserved flags of the key are set", actual=f"{flags:#x}")
    key = flags >> 2 & 0b111
    if key == _UNSIGNED:
        raise _bad("unsigned", "the firmware signed nothing (SIGNING_KEY is 7)")
    if key not in _SIGNERS:
        raise _bad("signing_key", "SIGNING_KEY names no known key", actual=key)
    if flags & 0b10:
        raise _bad("masked_key", "the host masks the chip's key: the signature is left out")
    author_key = bool(flags & 1)
    if not author_key and any(document[0x110:0x140]):
        raise _bad("author_key", "a digest of an author's key that the flags deny")
    return _SIGNERS[key], author_key


def _read_policy(document: bytes) -> GuestPolicy:
    policy = GuestPolicy(int.from_bytes(document[0x08:0x10], "little"))
    if not policy.reserved_one:
        raise _bad("policy_one", "bit 17 of the guest's policy must be one", actual=str(policy))
    if policy.unknown:
        raise _bad(
            "policy_bits",
            f"bits of the guest's policy above {max(GUEST_BITS.values())} are set",
            actual=str(policy),
        )
    return policy


def _read_vmpl(document: bytes) -> int:
    vmpl = _u32(document, 0x30)
    if vmpl > _MAX_VMPL:  # the host's own requests carry 0xffffffff
        raise _bad("vmpl", "the report was not asked for by the guest", actual=f"{vmpl:#x}")
    return vmpl


def _read_cpuid(document: bytes) -> Cpuid:
    return Cpuid(family=document[0x188], model=document[0x189], stepping=document[0x18A])


def _read_signature(document: bytes) -> tuple[int, int]:
    """R and S, little-endian, 72 bytes each, of which P-384 uses 48 (56860, table 141)."""
    signature = document[SIGNED_BYTES:]
    if any(signature[2 * _HALF_BYTES :]):
        raise _bad_signature("reserved", "reserved bytes behind the signature are not zero")
    halves = []
    for start in (0, _HALF_BYTES):
        if any(signature[start + _P384_BYTES : start + _HALF_BYTES]):
            raise _bad_signature("unused", "bytes beyond the 48 that P-384 uses are not zero")
        value = int.from_bytes(signature[start : start + _P384_BYTES], "little")
        if not 0 < value < _P384_ORDER:
            raise _bad_signature("range", "r or s is zero or not below the order of the curve")
        halves.append(value)
    return halves[0], halves[1]


def _mitigations(document: bytes, version: int, offset: int) -> int | None:
    if version < _MITIGATIONS_FROM_VERSION:
        return None
    return int.from_bytes(document[offset : offset + 8], "little")


def _tcb(document: bytes, offset: int) -> bytes:
    return document[offset : offset + TCB_BYTES]


def _u32(document: bytes, offset: int) -> int:
    return int.from_bytes(document[offset : offset + 4], "little")


def _bad(what: str, why: str, *, expected: object = None, actual: object = None) -> MalformedError:
    return MalformedError(
        f"not an SEV-SNP report: {why}",
        code=f"snp.report.{what}",
        expected=expected,
        actual=actual,
    )


def _bad_signature(what: str, why: str) -> MalformedError:
    return MalformedError(f"not a report's signature: {why}", code=f"snp.signature.{what}")
