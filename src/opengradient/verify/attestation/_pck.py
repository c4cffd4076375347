"""What Intel certifies of a platform: the SGX extension of a PCK certificate.

Layout: Intel, "SGX PCK Certificate and Certificate Revocation List Profile Specification",
section 1.3.5. Read strictly: every field once, in the profile's order, nothing unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from opengradient.errors import CertificateChainError, MalformedError
from opengradient.verify._der import element, malformed
from opengradient.verify._x509 import Certificate

SGX_EXTENSION: Final = x509.ObjectIdentifier("1.2.840.113741.1.13.1")
COMPONENTS: Final = 16
PCK_CAS: Final = {
    "Intel SGX PCK Platform CA": "platform",
    "Intel SGX PCK Processor CA": "processor",
}
"""Common names of the two authorities (profile specification, section 1.2), and what Intel's
service calls them."""

SGX_TYPES: Final = ("standard", "scalable", "scalable with integrity")

_INTEGER, _OCTETS, _OID, _ENUMERATED, _SEQUENCE = 0x02, 0x04, 0x06, 0x0A, 0x30
_ARC: Final = bytes.fromhex("2a864886f84d010d01")
_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE, _INSTANCE, _CONFIGURATION = range(1, 8)
_PCE_SVN, _CPU_SVN = COMPONENTS + 1, COMPONENTS + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PckExtension:
    """The facts of one platform.

    Attributes:
        fmspc: Family, model, stepping, platform type and custom SKU, 6 bytes.
        pce_id: Id of the provisioning certification enclave, 2 bytes.
        components: Versions of the platform's 16 components.
        pce_svn: Version of the provisioning certification enclave.
        cpu_svn: Version of processor and microcode, opaque.
        sgx_type: ``"standard"``, ``"scalable"`` or ``"scalable with integrity"``.
    """

    fmspc: bytes
    pce_id: bytes
    components: tuple[int, ...]
    pce_svn: int
    cpu_svn: bytes
    sgx_type: str


def common_name(certificate: Certificate) -> str:
    """The one common name of a certificate's subject; empty where there is not exactly one.

    Raises:
        CertificateChainError: Code ``x509.malformed``: the parser, which reads names late, fails.
    """
    try:
        names = certificate.parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, UserWarning) as error:
        raise malformed(str(error)) from error
    return str(names[0].value) if len(names) == 1 else ""


def pck_authority(issuer: Certificate) -> str:
    """Which of Intel's two PCK authorities a certificate is: ``"platform"`` or ``"processor"``.

    Raises:
        CertificateChainError: Code ``dcap.pck.issuer``.
    """
    name = common_name(issuer)
    if name not in PCK_CAS:
        raise CertificateChainError(
            "the PCK certificate is not by one of Intel's PCK authorities",
            code="dcap.pck.issuer",
            expected=sorted(PCK_CAS),
            actual=name,
        )
    return PCK_CAS[name]


def read_pck_extension(certificate: Certificate) -> PckExtension:
    """Read the SGX extension of a PCK certificate.

    Raises:
        MalformedError: Code ``dcap.pck.extension`` where it is missing or not of its one form.
    """
    try:
        found = certificate.extensions.get_extension_for_oid(SGX_EXTENSION)
    except x509.ExtensionNotFound as error:
        raise _malformed("there is none") from error
    fields = _fields(found.value.public_bytes(), _ARC)
    if list(fields) not in _ORDERS:
        raise _malformed("other fields than the profile's")
    tcb = _fields(_typed(fields[_TCB], _SEQUENCE, None, whole=True), _ARC + bytes((_TCB,)))
    if list(tcb) != list(range(1, _CPU_SVN + 1)):
        raise _malformed("other TCB components than the profile's")
    _typed(fields[_PPID], _OCTETS, 16)
    sgx_type = _typed(fields[_SGX_TYPE], _ENUMERATED, 1)[0]
    if sgx_type >= len(SGX_TYPES):
        raise _malformed("an unknown type of SGX")
    return PckExtension(
        fmspc=_typed(fields[_FMSPC], _OCTETS, 6),
        pce_id=_typed(fields[_PCE_ID], _OCTETS, 2),
        components=tuple(_number(tcb[n], 0xFF) for n in range(1, COMPONENTS + 1)),
        pce_svn=_number(tcb[_PCE_SVN], 0xFFFF),
        cpu_svn=_typed(tcb[_CPU_SVN], _OCTETS, 16),
        sgx_type=SGX_TYPES[sgx_type],
    )


_ORDERS: Final = (
    [_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE],
    [_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE, _INSTANCE, _CONFIGURATION],
)
"""PCK certificates of processors, and of platforms."""


def _fields(data: bytes, arc: bytes) -> dict[int, bytes]:
    """Read a SEQUENCE of (object identifier below `arc`, value) pairs; values whole."""
    fields: dict[int, bytes] = {}
    for pair_start, pair_end in _items(data):
        start, end = element(data, pair_start, pair_end, _OID, _malformed)
        oid = data[start:end]
        if oid[:-1] != arc or oid[-1] in fields:
            raise _malformed("an unknown field, or one twice")
        fields[oid[-1]] = data[end:pair_end]
    return fields


def _items(data: bytes) -> Iterator[tuple[int, int]]:
    offset, limit = element(data, 0, len(data), _SEQUENCE, _malformed)
    if limit != len(data):
        raise _malformed("bytes after its end")
    while offset < limit:
        start, offset = element(data, offset, limit, _SEQUENCE, _malformed)
        yield start, offset


def _typed(value: bytes, tag: int, size: int | None, *, whole: bool = False) -> bytes:
    start, end = element(value, 0, len(value), tag, _malformed)
    if end != len(value) or size not in (None, end - start):
        raise _malformed("a field of another size")
    return value if whole else value[start:end]


def _number(value: bytes, highest: int) -> int:
    raw = _typed(value, _INTEGER, None)
    number = int.from_bytes(raw)
    # The length is that of no number whose top bit is set, so of none that is negative.
    if number.bit_length() // 8 + 1 != len(raw) or number > highest:
        raise _malformed("a number out of its range")
    return number


def _malformed(why: str) -> MalformedError:
    return MalformedError(
        f"the PCK certificate's SGX extension is refused: {why}", code="dcap.pck.extension"
    )
