"""Compact tokens: one spelling. What each refusal is called stands in the vectors of GCP too."""

import pytest

from opengradient.core.jwt import (
    MAX_HEADER_BYTES,
    MAX_TOKEN_BYTES,
    decode_part,
    encode_part,
    parse_token,
)
from opengradient.errors import MalformedError


def join(header: bytes, claims: bytes, signature: bytes = b"s") -> bytes:
    return b".".join(map(encode_part, (header, claims, signature)))


def code(data: bytes, **more) -> str:
    with pytest.raises(MalformedError) as caught:
        parse_token(data, **more)
    return caught.value.code


def test_the_example_of_the_rfc():
    """RFC 7515 appendix A.1."""
    data = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        b".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    token = parse_token(data)
    assert token.header == {"typ": "JWT", "alg": "HS256"}
    assert token.claims == {
        "iss": "joe",
        "exp": 1300819380,
        "http://example.com/is_root": True,
    }
    assert token.signing_input == data.rpartition(b".")[0]
    assert len(token.signature) == 32


def test_a_part_has_one_spelling():
    for size in range(8):
        data = bytes(range(250, 250 + size)) if size < 6 else b"\xff" * size
        assert decode_part(encode_part(data)) == data
    for wrong in (b"A", b"AB", b"ABC", b"AAAA=", b"AA==", b"A A", b"AA\n", b"A+", b"A/", b"\xff"):
        with pytest.raises(MalformedError) as caught:
            decode_part(wrong)
        assert caught.value.code == "jwt.base64", wrong


def test_sizes():
    fits = join(b'{"x":"' + b"a" * (MAX_HEADER_BYTES - 8) + b'"}', b"{}")
    assert parse_token(fits).claims == {}
    assert code(join(b'{"x":"' + b"a" * (MAX_HEADER_BYTES - 7) + b'"}', b"{}")) == "jwt.json"
    whole = join(b"{}", b"{}")
    assert parse_token(whole, max_bytes=len(whole)).header == {}
    assert code(whole, max_bytes=len(whole) - 1) == "format.too_large"
    assert code(b"." * (MAX_TOKEN_BYTES + 1)) == "format.too_large"


def test_a_token_may_lack_its_signature_here():
    assert parse_token(join(b"{}", b"{}", b"")).signature == b""


def test_large_json_is_refused_before_it_is_parsed():
    assert code(join(b"{}", b"[" * 9000 + b"]" * 3000)) == "jwt.json"
