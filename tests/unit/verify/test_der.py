"""The outline of a certificate is strict by itself, whatever the parser behind it forgives."""

import pytest

from opengradient.errors import CertificateChainError
from opengradient.verify._der import outline
from opengradient.verify._x509 import ECDSA_P384_SHA384
from tests.unit.verify.nitro_forge import CHAIN

DER = CHAIN[2]


def grown(der: bytes, by: int) -> bytes:
    """Put the outermost length right after the content has grown."""
    return der[:2] + (int.from_bytes(der[2:4]) + by).to_bytes(2) + der[4:]


def test_outline():
    shape = outline(DER)
    assert int.from_bytes(shape.serial) == 0x0F00_0000_0000_0001
    assert shape.inner_algorithm == shape.outer_algorithm == ECDSA_P384_SHA384.algorithm
    assert shape.subject.endswith(b"zonal")
    assert shape.issuer.endswith(b"regional")


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        DER + b"\0",
        DER[:-1],
        grown(DER + b"\x05\x00", 2),
        b"\x30\x83\x00" + DER[2:],
        b"\x30\x84\x00\x00" + DER[2:],
        b"\x30\x80" + DER[4:] + b"\0\0",
        b"\x31" + DER[1:],
        # A serial number whose length is written in two bytes, lengths around it put right.
        grown(DER[:6] + (int.from_bytes(DER[6:8]) + 1).to_bytes(2) + DER[8:13], 1)
        + b"\x02\x81\x08"
        + DER[15:],
    ],
)
def test_refused(der):
    with pytest.raises(CertificateChainError) as caught:
        outline(der)
    assert caught.value.code == "x509.malformed"


def test_no_truncation_has_an_outline():
    for length in range(len(DER)):
        with pytest.raises(CertificateChainError):
            outline(DER[:length])
