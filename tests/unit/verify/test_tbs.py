"""Certificates and lists read without a general parser: what vectors do not reach."""

import dataclasses
import time

import pytest

from opengradient.core.snp_report import parse_report
from opengradient.core.snp_tcb import TcbVersion
from opengradient.errors import CertificateChainError
from opengradient.verify._tbs import (
    BASIC_CONSTRAINTS,
    Extension,
    common_names,
    read_certificate,
    read_revocation_list,
)
from opengradient.verify.attestation._snp_certificates import (
    PSS_ALGORITHMS,
    _pss,
    constraints,
    usage,
)
from opengradient.verify.attestation._snp_leaf import LeafFacts
from opengradient.verify.attestation._snp_policy import check_chip
from opengradient.verify.platforms.snp import SnpPolicy
from tests.unit.verify.test_snp import blob
from tests.vectors.evidence.intel_forge import tlv

ALGORITHM = tlv(0x30, tlv(0x06, b"\x2a"))
NAME = tlv(0x30)
START = b"20260601000000Z"
TIME = tlv(0x18, START)
START_MS = 1_780_272_000_000


def sequence(*parts):
    return tlv(0x30, *parts)


def revocation_list(*entries, start=TIME):
    tbs = sequence(
        b"\x02\x01\x01",
        ALGORITHM,
        NAME,
        start,
        sequence(*(sequence(tlv(0x02, entry), TIME) for entry in entries)) if entries else b"",
    )
    return sequence(tbs, ALGORITHM, tlv(0x03, b"\0signature"))


def certificate(*extensions):
    tbs = sequence(
        tlv(0xA0, b"\x02\x01\x02"),
        b"\x02\x01\0",
        ALGORITHM,
        NAME,
        sequence(TIME, TIME),
        NAME,
        sequence(),
        tlv(0xA3, sequence(*extensions)) if extensions else b"",
    )
    return read_certificate(sequence(tbs, ALGORITHM, tlv(0x03, b"\0signature")))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "XYZ+11"])
def test_times_are_in_utc_wherever_we_are(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        found = read_revocation_list(revocation_list())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.signed.from_ms == START_MS


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (b"500101000000Z", b"19500101000000Z"),
        (b"991231235959Z", b"19991231235959Z"),
        (b"000101000000Z", b"20000101000000Z"),
        (b"491231235959Z", b"20491231235959Z"),
    ],
)
def test_years_of_two_digits(text, same):
    """RFC 5280 section 4.1.2.5.1."""
    short = read_revocation_list(revocation_list(start=tlv(0x17, text)))
    assert short.signed.from_ms == (
        read_revocation_list(revocation_list(start=tlv(0x18, same))).signed.from_ms
    )


def test_a_list_may_end_after_its_time():
    found = read_revocation_list(revocation_list())
    assert (found.signed.until_ms, found.serials) == (None, frozenset())


def test_serial_numbers_have_a_sign():
    """A list that revokes -128 does not revoke 128."""
    found = read_revocation_list(revocation_list(b"\x80", b"\0\xff", b"\x05"))
    assert found.serials == {-128, 255, 5}


@pytest.mark.parametrize(
    "extension",
    [
        sequence(tlv(0x06, b"\x55\x1d\x13")),
        sequence(tlv(0x06, b"\x55\x1d\x13"), tlv(0x01, b"\xff")),
        sequence(tlv(0x06, b"\x55\x1d\x13"), tlv(0x01, b"\0"), tlv(0x04, b"")),
    ],
)
def test_extensions_without_a_value_or_with_a_default(extension):
    with pytest.raises(CertificateChainError) as caught:
        certificate(extension)
    assert caught.value.code == "x509.malformed"


def common_name(text):
    pair = sequence(tlv(0x06, b"\x55\x04\x03"), tlv(0x0C, text))
    return common_names(sequence(tlv(0x31, pair)))


def test_common_names_are_printable():
    assert common_name(b" ~Az09") == (" ~Az09",)
    for byte in (0x00, 0x1F, 0x7F, 0x80, 0xFF):
        with pytest.raises(CertificateChainError):
            common_name(b"a" + bytes((byte,)))


def with_constraints(value):
    plain = certificate()
    found = {BASIC_CONSTRAINTS: Extension(critical=True, value=value)}
    return dataclasses.replace(plain, signed=dataclasses.replace(plain.signed, extensions=found))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("3000", (False, None)),
        ("3003020105", (False, 5)),
        ("30030101ff", (True, None)),
        ("30060101ff020100", (True, 0)),
    ],
)
def test_basic_constraints(value, said):
    assert constraints(with_constraints(bytes.fromhex(value))) == said
    assert constraints(certificate()) == (False, None)


@pytest.mark.parametrize("value", ["3003010100", "3006010100020100", "3003010101", "30040101ff00"])
def test_basic_constraints_that_write_out_a_default_or_something_else(value):
    with pytest.raises(CertificateChainError) as caught:
        constraints(with_constraints(bytes.fromhex(value)))
    assert caught.value.code == "x509.malformed"


def test_no_key_usage_allows_nothing():
    assert usage(certificate()) == 0


@pytest.mark.parametrize(
    ("chip", "name"),
    [
        (bytes(range(1, 9)), "0102030405060708"),
        (bytes(range(1, 9)) + bytes(56), "0102030405060708"),
        (bytes(range(1, 10)) + bytes(55), "010203040506070809" + "00" * 55),
        (bytes(63) + b"\1", "00" * 63 + "01"),
    ],
)
def test_a_chip_of_eight_bytes_is_padded_with_zeros(chip, name):
    report = parse_report(blob("sound Genoa v3 vcek: report"))
    tcb = TcbVersion(fmc=1, bootloader=2, tee=3, snp=4, microcode=5)
    facts = LeafFacts(product_name="Genoa-B1", tcb=tcb, hw_id=chip, csp_id=None)
    assert check_chip(report, facts, SnpPolicy()) == name


AS_AMD_WRITES_IT = bytes.fromhex(
    "3046"
    "06092a864886f70d01010a"
    "3039"
    "a00f300d06096086480165030402020500"
    "a11c301a06092a864886f70d010108300d06096086480165030402020500"
    "a203020130"
    "a303020101"
)
AS_DER_WANTS_IT = bytes.fromhex(
    "303d"
    "06092a864886f70d01010a"
    "3030"
    "a00d300b0609608648016503040202"
    "a11a301806092a864886f70d010108300b0609608648016503040202"
    "a203020130"
)


def test_algorithms_of_amd():
    assert _pss(null=b"\x05\0", trailer=bytes.fromhex("a303020101")) == AS_AMD_WRITES_IT
    assert _pss(null=b"", trailer=b"") == AS_DER_WANTS_IT
    assert {AS_AMD_WRITES_IT, AS_DER_WANTS_IT} < PSS_ALGORITHMS
    assert len(PSS_ALGORITHMS) == 4
