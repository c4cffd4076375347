"""The public network's HPKE keys: believed only under the node's RSA key."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opengradient.core.digests import keccak256
from opengradient.core.keyset import HpkeKey
from opengradient.core.legacy import OhttpStatement, ohttp_statement_hash
from opengradient.errors import MalformedError, OpenGradientError, SignatureError, UnsupportedError
from opengradient.verify.legacy import verify_ohttp_statement
from opengradient.wire.legacy import decode_ohttp_statement

KEY = HpkeKey(key_id=1, public_key=bytes(range(32)))
RSA = rsa.generate_private_key(65537, 2048)
SPKI = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(**changes) -> OhttpStatement:
    statement = replace(
        OhttpStatement(
            key_id=1,
            kem_id=0x20,
            kdf_id=1,
            aead_id=3,
            public_key=KEY.public_key,
            key_config=KEY.encode(),
            tee_id=keccak256(SPKI),
            signature=b"",
        ),
        **changes,
    )
    pss = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
    return replace(statement, signature=RSA.sign(ohttp_statement_hash(statement), pss, SHA256()))


def refused(code, kind, statement):
    with pytest.raises(OpenGradientError) as caught:
        verify_ohttp_statement(statement, public_key=SPKI)
    assert (caught.value.code, type(caught.value)) == (code, kind)


def test_a_signed_key_is_believed():
    assert verify_ohttp_statement(signed(), public_key=SPKI) == KEY


def test_the_hash_covers_every_part():
    """Each in a word of 32 bytes, the two keys by keccak256; written out once by hand."""
    words = [
        keccak256(b"OPENGRADIENT_TEE_OHTTP_CONFIG_V1"),
        keccak256(SPKI),
        bytes(31) + b"\x01",
        bytes(31) + b"\x20",
        bytes(31) + b"\x01",
        bytes(31) + b"\x03",
        keccak256(KEY.public_key),
        keccak256(KEY.encode()),
    ]
    assert ohttp_statement_hash(signed()) == keccak256(b"".join(words))


def test_what_is_not_signed_by_this_node_is_refused():
    other = bytes([7] * 32)
    swapped = HpkeKey(key_id=1, public_key=other)
    refused("legacy.signature", SignatureError, signed(tee_id=other))
    refused("channel.key_config", MalformedError, replace(signed(), public_key=other))
    refused(
        "legacy.signature",
        SignatureError,
        replace(signed(), public_key=other, key_config=swapped.encode()),
    )
    refused("legacy.signature", SignatureError, replace(signed(), signature=bytes(256)))
    refused("channel.key_config", MalformedError, signed(key_config=b"\x00"))
    refused("format.unsupported", UnsupportedError, signed(kem_id=0x10))
    refused("keyset.malformed", MalformedError, signed(key_id=256))


def body(**changes):
    statement = signed()
    return {
        "key_id": 1,
        "kem_id": 0x20,
        "kdf_id": 1,
        "aead_id": 3,
        "public_key": KEY.public_key.hex(),
        "key_config": base64.b64encode(KEY.encode()).decode(),
        "tee_id": "0x" + keccak256(SPKI).hex(),
        "signature": base64.b64encode(statement.signature).decode(),
        "signature_hash": "more",
        **changes,
    }


def test_the_json_of_a_key():
    assert verify_ohttp_statement(decode_ohttp_statement(body()), public_key=SPKI) == KEY
    prefixed = body(public_key="0x" + KEY.public_key.hex())
    assert decode_ohttp_statement(prefixed).public_key == KEY.public_key


@pytest.mark.parametrize(
    "changes",
    [
        {"key_id": "1"},
        {"aead_id": None},
        {"kem_id": -1},
        {"public_key": "xyz"},
        {"public_key": 5},
        {"key_config": "?"},
        {"tee_id": "0x12"},
        {"tee_id": None},
        {"signature": None},
    ],
)
def test_json_that_is_no_key(changes):
    with pytest.raises(MalformedError):
        decode_ohttp_statement(body(**changes))


def test_json_that_is_no_object():
    with pytest.raises(MalformedError):
        decode_ohttp_statement([])


@pytest.mark.parametrize("aead_id", [1, 2])
def test_every_suite_that_is_known_is_believed(aead_id):
    key = replace(KEY, aead_id=aead_id)
    made = signed(aead_id=aead_id, key_config=key.encode())
    assert verify_ohttp_statement(made, public_key=SPKI) == key


def test_a_suite_that_is_not_known():
    for changes in ({"kdf_id": 2}, {"kem_id": 0x10}, {"aead_id": 4}):
        refused("format.unsupported", UnsupportedError, signed(**changes))
