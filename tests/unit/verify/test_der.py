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


def element(tag: int, content: bytes, width: int | None = None) -> bytes:
    """An element; with `width` its length is written in so many bytes, needed or not."""
    size = len(content)
    if width is None:
        width = 0 if size < 0x80 else 1 if size < 0x100 else 2
    length = size.to_bytes(width) if width else b""
    return bytes([tag, 0x80 | width if width else size]) + length + content


def skeleton(issuer: int = 0, width: int | None = None, **parts: bytes) -> bytes:
    """The outline of a certificate, its issuer's name of any size."""
    fields = {
        "version": element(0xA0, b"\2\1\2"),
        "serial": element(0x02, b"\1"),
        "algorithm": element(0x30, b""),
        "issuer": element(0x30, bytes(issuer), width),
        "validity": element(0x30, b""),
        "subject": element(0x30, b""),
        "key": b"",
    }
    tbs = element(0x30, b"".join((fields | parts).values()))
    return element(0x30, tbs + element(0x30, b"") + element(0x03, b"\0"))


@pytest.mark.parametrize("size", [0, 1, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF, 0x100, 0x101, 0x400])
def test_lengths_are_as_short_as_can_be(size):
    assert len(outline(skeleton(size)).issuer) >= size + 2
    shortest = 0 if size < 0x80 else 1 if size < 0x100 else 2
    for width in range(shortest + 1, 4):
        with pytest.raises(CertificateChainError):
            outline(skeleton(size, width))


@pytest.mark.parametrize(
    "subject",
    [
        b"",  # nothing is left
        b"\x30",  # a tag without a length
        b"\x30\x01",  # one byte past the parent
        b"\x30\x81",  # no length
        b"\x30\x82\x01",  # half a length
        b"\x30\x7f",
        b"\x30\x80" + bytes(128),  # of indefinite length, which is no length of 128
    ],
)
def test_no_element_runs_past_its_parent(subject):
    with pytest.raises(CertificateChainError) as caught:
        outline(skeleton(subject=subject))
    assert caught.value.code == "x509.malformed"


def test_an_element_may_fill_its_parent():
    assert outline(skeleton(subject=b"\x30\x00")).subject == b"\x30\x00"
    assert outline(skeleton(subject=element(0x30, bytes(200)))).subject[:3] == b"\x30\x81\xc8"
