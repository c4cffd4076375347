"""The measurement report that an NVIDIA GPU signs: an SPDM 1.1 exchange (DMTF DSP0274), whole.

It is the GET_MEASUREMENTS request (37 bytes) and the MEASUREMENTS response behind it, which is
what NVIDIA's driver gives out (``nvmlConfComputeGpuAttestationReport``). Integers are
little-endian; the signature is over everything before it. Nothing is verified here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

from opengradient.errors import MalformedError

MAX_REPORT_BYTES: Final = 0x2000
"""What the driver has room for (NVML_CC_GPU_ATTESTATION_REPORT_SIZE)."""

SIGNATURE_BYTES: Final = 96
"""ECDSA on P-384: r || s, big-endian (DSP0274 1.1, table 43)."""

DRIVER: Final = 3
VBIOS: Final = 6
FIRMWARE_ID: Final = 20
"""Types of opaque data (nvtrust, spdm_msrt_resp_msg.py, BSD-3-Clause, names only)."""

_REQUEST: Final = bytes.fromhex("11e001ff")
"""SPDM 1.1, GET_MEASUREMENTS, signature requested, all blocks."""

_RESPONSE: Final = bytes.fromhex("1160")
_DMTF: Final = 1


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReport:
    """A report whose form is right.

    Attributes:
        nonce: The nonce of the request, 32 bytes.
        blocks: Index of a measurement, from 1 on, to its value.
        opaque: Type of an opaque field to its value.
        signed: The bytes that are signed.
        signature: r || s.
    """

    nonce: bytes
    blocks: Mapping[int, bytes]
    opaque: Mapping[int, bytes]
    signed: bytes
    signature: bytes


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise _layout("it ends early")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    @property
    def left(self) -> int:
        return len(self._data) - self._at


def parse_report(data: bytes) -> GpuReport:
    """Read a report.

    Raises:
        MalformedError: Code ``format.too_large`` or ``gpu.spdm.layout``.
    """
    if len(data) > MAX_REPORT_BYTES:
        raise MalformedError("the report is too large", code="format.too_large", actual=len(data))
    reader = _Reader(data)
    if reader.take(4) != _REQUEST:
        raise _layout("not a request of SPDM 1.1 for all measurements, signed")
    nonce = reader.take(32)
    if reader.number(1) != 0:
        raise _layout("not signed by the certificate chain of slot 0")
    if reader.take(2) != _RESPONSE:
        raise _layout("not a response of SPDM 1.1 with measurements")
    reader.take(2)  # param1 and param2: of no meaning to us, and signed
    count = reader.number(1)
    blocks = _parse_blocks(reader.take(reader.number(3)), count)
    reader.take(32)  # the responder's own nonce
    opaque = _parse_opaque(reader.take(reader.number(2)))
    if reader.left != SIGNATURE_BYTES:
        raise _layout("it does not end with a signature of 96 bytes")
    return GpuReport(
        nonce=nonce,
        blocks=MappingProxyType(blocks),
        opaque=MappingProxyType(opaque),
        signed=data[:-SIGNATURE_BYTES],
        signature=data[-SIGNATURE_BYTES:],
    )


def _parse_blocks(record: bytes, count: int) -> dict[int, bytes]:
    reader = _Reader(record)
    blocks: dict[int, bytes] = {}
    for index in range(1, count + 1):
        if reader.number(1) != index or reader.number(1) != _DMTF:
            raise _layout("measurement blocks are not DMTF's, in order")
        measurement = _Reader(reader.take(reader.number(2)))
        measurement.take(1)  # the type of the value, which is signed too
        blocks[index] = measurement.take(measurement.number(2))
        if measurement.left:
            raise _layout("bytes behind a measurement's value")
    if not blocks or reader.left:
        raise _layout("no measurement, or bytes behind the last")
    return blocks


def _parse_opaque(data: bytes) -> dict[int, bytes]:
    reader = _Reader(data)
    fields: dict[int, bytes] = {}
    while reader.left:
        kind = reader.number(2)
        if kind in fields:
            raise _layout(f"opaque field {kind} stands twice")
        fields[kind] = reader.take(reader.number(2))
    return fields


def _layout(why: str) -> MalformedError:
    return MalformedError(f"not a GPU's measurement report: {why}", code="gpu.spdm.layout")
