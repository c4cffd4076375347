"""The Nitro module's client against a device that speaks its protocol through memory."""

import ctypes
import struct

import pytest

from opengradient.core import cbor
from opengradient.core.evidence import NITRO
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.errors import ConfigurationError, MalformedError
from reference_nodes._kit.nsm import NitroEnclave

KEYSET = Keyset(signing=MemorySigner(b"\x09" * 32).public_key)


class Module:
    """The device's side of the ioctl: reads the request and writes the answer where told."""

    def __init__(self, answer: bytes):
        self.answer = answer
        self.requests = []

    def __call__(self, _descriptor, request, message):
        assert request == 0xC0200A00
        address, length, target, room = struct.unpack("=QQQQ", message)
        self.requests.append(cbor.decode(ctypes.string_at(address, length)))
        assert room == 0x3000
        ctypes.memmove(target, self.answer, len(self.answer))
        struct.pack_into("=Q", message, 24, len(self.answer))
        return 0


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "nsm"
    path.touch()
    return path


async def test_a_document(device):
    module = Module(cbor.encode({"Attestation": {"document": b"signed"}}))
    enclave = NitroEnclave(device, ioctl=module)
    evidence = await enclave.attest(keyset=KEYSET, nonce=b"n")
    assert (evidence.kind, evidence.document) == (NITRO, b"signed")
    assert enclave.kind == NITRO
    assert module.requests == [
        {"Attestation": {"user_data": None, "nonce": b"n", "public_key": KEYSET.encode()}}
    ]


@pytest.mark.parametrize(
    "answer",
    [{"Error": "InvalidArgument"}, "InvalidOperation", {"Attestation": {}}, {"Attestation": 1}],
)
async def test_a_refusal(device, answer):
    with pytest.raises(ConfigurationError) as caught:
        await NitroEnclave(device, ioctl=Module(cbor.encode(answer))).attest()
    assert caught.value.code == "enclave.refused"


async def test_a_garbled_answer(device):
    with pytest.raises(MalformedError):
        await NitroEnclave(device, ioctl=Module(b"\xff")).attest()


async def test_no_module(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        await NitroEnclave(tmp_path / "absent").attest()
    assert caught.value.code == "enclave.unavailable"


async def test_a_device_that_is_no_module(device):
    with pytest.raises(ConfigurationError) as caught:
        await NitroEnclave(device).attest()
    assert caught.value.code == "enclave.unavailable"


async def test_too_large(device):
    with pytest.raises(ConfigurationError):
        await NitroEnclave(device, ioctl=Module(b"")).attest(nonce=bytes(513))
