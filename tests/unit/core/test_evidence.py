"""Evidence is named by its exact bytes, without two ways to cut them."""

import pytest

from opengradient.core.evidence import MAX_DOCUMENT_BYTES, NITRO, SOFTWARE, Evidence
from opengradient.core.nitriding import encode_user_data, parse_user_data
from opengradient.errors import MalformedError


def test_digest_separates_everything():
    pieces = [
        Evidence(kind=NITRO, document=b"ab"),
        Evidence(kind=SOFTWARE, document=b"ab"),
        Evidence(kind=NITRO, document=b"ac"),
        Evidence(kind=NITRO, document=b"a", collateral=(b"b",)),
        Evidence(kind=NITRO, document=b"ab", collateral=(b"",)),
        Evidence(kind=NITRO, document=b"a", collateral=(b"b", b"")),
        Evidence(kind=NITRO, document=b"a", collateral=(b"", b"b")),
    ]
    assert len({piece.digest() for piece in pieces}) == len(pieces)


def test_digest_is_stable():
    assert Evidence(kind=NITRO, document=b"document").digest().hex() == (
        "acc17ccc5dd260f2e3c0b3853d37a2dc793897e48136f983be96a2c05860db3e"
    )


@pytest.mark.parametrize("fields", [{"kind": "", "document": b"x"}, {"kind": "x", "document": b""}])
def test_empty(fields):
    with pytest.raises(MalformedError) as caught:
        Evidence(**fields)
    assert caught.value.code == "evidence.malformed"


def test_too_large():
    Evidence(kind=NITRO, document=bytes(MAX_DOCUMENT_BYTES))
    with pytest.raises(MalformedError) as caught:
        Evidence(kind=NITRO, document=bytes(MAX_DOCUMENT_BYTES), collateral=(b"x",))
    assert caught.value.code == "format.too_large"


def test_nitriding_round_trip():
    encoded = encode_user_data(b"tls", b"rsa")
    assert len(encoded) == 68
    tls, rsa = parse_user_data(encoded)
    assert encoded == b"\x12\x20" + tls + b"\x12\x20" + rsa
    assert tls != rsa
