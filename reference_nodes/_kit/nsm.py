"""The Nitro Secure Module of a real enclave, over ``/dev/nsm``.

One ioctl carries a CBOR request and its CBOR answer (include/uapi/linux/nsm.h; requests as in
github.com/aws/aws-nitro-enclaves-nsm-api, src/api). It needs CAP_SYS_ADMIN.
"""

import ctypes
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import anyio.to_thread

from opengradient.core import cbor
from opengradient.core.evidence import NITRO, Evidence
from opengradient.core.keyset import Keyset
from opengradient.errors import ConfigurationError
from reference_nodes._kit.enclave import check_sizes

DEVICE: Final = Path("/dev/nsm")

# _IOWR(0x0A, 0, struct nsm_raw): two pairs of address and length, 64 bits each. The encoding is
# that of x86-64 and arm64, the two architectures that Nitro runs on.
_REQUEST_RAW: Final = 0xC0200A00
_NSM_RAW: Final = struct.Struct("=QQQQ")
_RESPONSE_BYTES: Final = 0x3000

Ioctl: TypeAlias = Callable[[int, int, bytearray], object]


class NitroEnclave:
    """Evidence by the Nitro Secure Module."""

    def __init__(self, device: Path = DEVICE, *, ioctl: Ioctl | None = None) -> None:
        """Name the device; it is opened for each document.

        Args:
            device: Path of the device.
            ioctl: Replaces ``fcntl.ioctl``, for platforms that reach the module in another way.
        """
        self._device = device
        self._ioctl = ioctl or _system_ioctl

    @property
    def kind(self) -> str:
        """Always ``"aws-nitro"``."""
        return NITRO

    async def attest(
        self,
        *,
        keyset: Keyset | None = None,
        user_data: bytes | None = None,
        nonce: bytes | None = None,
    ) -> Evidence:
        """Ask the module for a document, in a thread: the ioctl blocks.

        Raises:
            ConfigurationError: Code ``enclave.unavailable`` where there is no module,
                ``enclave.refused`` where it answers with an error.
        """
        check_sizes(user_data, nonce)
        request = cbor.encode(
            {
                "Attestation": {
                    "user_data": user_data,
                    "nonce": nonce,
                    "public_key": keyset and keyset.encode(),
                }
            }
        )
        answer = cbor.decode(await anyio.to_thread.run_sync(self._exchange, request))
        return Evidence(kind=NITRO, document=_document(answer))

    def _exchange(self, request: bytes) -> bytes:
        outgoing = ctypes.create_string_buffer(request, len(request))
        incoming = ctypes.create_string_buffer(_RESPONSE_BYTES)
        message = bytearray(
            _NSM_RAW.pack(
                ctypes.addressof(outgoing),
                len(request),
                ctypes.addressof(incoming),
                _RESPONSE_BYTES,
            )
        )
        try:
            descriptor = os.open(self._device, os.O_RDWR)
            try:
                self._ioctl(descriptor, _REQUEST_RAW, message)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ConfigurationError(
                f"the Nitro module did not answer at {self._device}: {error}",
                code="enclave.unavailable",
            ) from error
        length = _NSM_RAW.unpack(message)[3]  # the driver writes the length of its answer here
        return incoming.raw[:length]


def _document(answer: cbor.CborValue) -> bytes:
    if isinstance(answer, Mapping):
        attestation = answer.get("Attestation")
        document = attestation.get("document") if isinstance(attestation, Mapping) else None
        if isinstance(document, bytes):
            return document
    raise ConfigurationError(f"the Nitro module refused: {answer!r}"[:200], code="enclave.refused")


def _system_ioctl(descriptor: int, request: int, message: bytearray) -> object:
    import fcntl  # noqa: PLC0415  (does not exist on Windows, where there is no such module)

    return fcntl.ioctl(descriptor, request, message, True)  # noqa: FBT003
