"""Names and numbers of PCK certificates."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from opengradient.errors import CertificateChainError, MalformedError
from opengradient.verify._x509 import ECDSA_P256_SHA256, parse_certificate
from opengradient.verify.attestation._pck import common_name, pck_authority, read_pck_extension
from tests.vectors.evidence.intel_forge import CA_NAME, NOW, Case, at, key, tlv
from tests.vectors.evidence.intel_kit import tcb_number


def encoded(*names):
    """A certificate whose subject has these common names."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test")]
    parts += [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(parts))
        .issuer_name(x509.Name(parts))
        .public_key(key("ca").public_key())
        .serial_number(1)
        .not_valid_before(at(NOW))
        .not_valid_after(at(NOW + 1000))
        .sign(key("ca"), SHA256(), ecdsa_deterministic=True)
    )
    return made.public_bytes(Encoding.DER)


def named(*names):
    return parse_certificate(encoded(*names), ECDSA_P256_SHA256)


def test_an_authority_has_one_name():
    assert common_name(named(CA_NAME)) == CA_NAME
    assert pck_authority(named(CA_NAME)) == "platform"
    for names in ((), (CA_NAME, CA_NAME), (CA_NAME, "another")):
        assert common_name(named(*names)) == ""
        with pytest.raises(CertificateChainError) as caught:
            pck_authority(named(*names))
        assert caught.value.code == "dcap.pck.issuer"


def test_a_name_that_the_parser_reads_late_and_refuses():
    der = encoded("Authority")
    broken = der.replace(b"Authority", b"Authorit\xff")
    assert broken != der
    with pytest.raises(CertificateChainError) as caught:
        common_name(parse_certificate(broken, ECDSA_P256_SHA256))
    assert caught.value.code == "x509.malformed"


def read(index, content):
    case = Case(pck=tcb_number(index, tlv(0x02, bytes.fromhex(content))))
    return read_pck_extension(parse_certificate(case.cert("pck"), ECDSA_P256_SHA256))


@pytest.mark.parametrize(
    ("index", "content", "number"),
    [
        (15, "00", 0),
        (15, "7f", 127),
        (15, "0080", 128),
        (15, "00ff", 255),
        (16, "00ffff", 65_535),
        (16, "0100", 256),
    ],
)
def test_numbers(index, content, number):
    found = read(index, content)
    assert (found.pce_svn if index == 16 else found.components[index]) == number


@pytest.mark.parametrize(
    ("index", "content"),
    [
        (15, ""),
        (15, "80"),
        (15, "ff"),
        (15, "ff80"),
        (15, "ff7f"),
        (15, "8000"),
        (15, "0000"),
        (15, "007f"),
        (15, "0100"),
        (16, "ffff"),
        (16, "010000"),
        (16, "000100"),
    ],
)
def test_numbers_that_are_negative_padded_or_too_large(index, content):
    with pytest.raises(MalformedError) as caught:
        read(index, content)
    assert caught.value.code == "dcap.pck.extension"
