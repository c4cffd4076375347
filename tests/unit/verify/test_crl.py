"""Revocation lists on P-256: the outermost shape, which the parser does not have to find wrong."""

import pytest

from opengradient.errors import MalformedError
from opengradient.verify._crl import open_crl
from opengradient.verify._x509 import ECDSA_P256_SHA256, parse_certificate
from tests.vectors.evidence.intel_forge import NOW, Case, tlv

LIST = Case().collateral()["pck_crl"]


def test_a_list_is_the_whole_input_and_its_signature_whole_bytes():
    issuer = parse_certificate(Case().cert("ca"), ECDSA_P256_SHA256)
    how = {"profile": ECDSA_P256_SHA256, "now_ms": NOW, "what": "a list"}
    open_crl(LIST, issuer, **how)
    assert LIST[:2] == b"\x30\x82"
    inside = LIST[4:]
    for wrong in (LIST + b"\0", tlv(0x30, inside, b"\x05\0"), LIST[:-1], tlv(0x30, inside[:-1])):
        with pytest.raises(MalformedError) as caught:
            open_crl(wrong, issuer, **how)
        assert caught.value.code == "dcap.crl.malformed"
    for wrong in (LIST + b"\0", tlv(0x30, inside, b"\x05\0")):
        with pytest.raises(MalformedError, match="bytes after its end"):
            open_crl(wrong, issuer, **how)
