"""A keyset has one encoding, and nothing else parses."""

import json
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.digests import Domain, tagged_sha256
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import HpkeKey, Keyset, claims_keyset
from opengradient.errors import MalformedError, UnsupportedError, VerificationError

KEY = MemorySigner(b"\x05" * 32).public_key
FULL = Keyset(
    signing=KEY,
    tls_spki_sha256=b"t" * 32,
    hpke=HpkeKey(key_id=1, public_key=b"h" * 32),
    legacy_rsa_spki_sha256=b"r" * 32,
)


CONFIGURED = Keyset(signing=KEY, config_digest=b"c" * 32)


@pytest.mark.parametrize(
    "keyset", [FULL, Keyset(signing=KEY), CONFIGURED, replace(FULL, config_digest=b"c" * 32)]
)
def test_round_trip(keyset):
    assert Keyset.parse(keyset.encode()) == keyset
    assert claims_keyset(keyset.encode())
    assert len(keyset.encode()) <= 1024
    assert keyset.digest() == tagged_sha256(Domain.KEYSET, keyset.encode())


def test_encoding_is_the_documented_one():
    assert json.loads(Keyset(signing=KEY).encode()) == {
        "version": "opengradient.keyset/1",
        "signing": {"alg": "secp256k1", "public_key": KEY.compressed.hex()},
        "tls_spki_sha256": None,
        "hpke": None,
        "legacy_rsa_spki_sha256": None,
    }


def test_a_configuration_makes_it_the_second_version():
    assert json.loads(CONFIGURED.encode()) == {
        **json.loads(Keyset(signing=KEY).encode()),
        "version": "opengradient.keyset/2",
        "config_digest": "63" * 32,
    }


def changed(_of=FULL, **changes):
    value = json.loads(_of.encode())
    for path, new in changes.items():
        *parents, name = path.split("__")
        target = value
        for parent in parents:
            target = target[parent]
        if new is ...:
            del target[name]
        else:
            target[name] = new
    return rfc8785.dumps(value)


@pytest.mark.parametrize(
    "data",
    [
        changed(extra=1),
        changed(hpke=...),
        changed(tls_spki_sha256=...),
        changed(signing__extra=1),
        changed(signing=None),
        changed(signing__public_key=KEY.compressed.hex()[:-2]),
        changed(signing__public_key="02" + "ff" * 32),
        changed(signing__public_key=5),
        changed(signing__public_key="zz"),
        changed(tls_spki_sha256="ab"),
        changed(tls_spki_sha256=""),
        changed(legacy_rsa_spki_sha256="00" * 33),
        changed(hpke=[]),
        changed(hpke__key_id=256),
        changed(hpke__key_id=-1),
        changed(hpke__key_id=True),
        changed(hpke__key_id="1"),
        changed(hpke__public_key="00" * 31),
        changed(hpke__extra=0),
        changed(config_digest="00" * 32),
        changed(version="opengradient.keyset/2"),
        changed(CONFIGURED, version="opengradient.keyset/1"),
        changed(CONFIGURED, config_digest=None),
        changed(CONFIGURED, config_digest="00" * 31),
        changed(CONFIGURED, extra=1),
    ],
)
def test_wrong_fields(data):
    with pytest.raises(MalformedError):
        Keyset.parse(data)


@pytest.mark.parametrize("where", ["extra", "signing__extra", "hpke__extra"])
def test_unknown_fields_are_named_as_such(where):
    with pytest.raises(MalformedError, match="exactly the fields") as caught:
        Keyset.parse(changed(**{where: 1}))
    assert caught.value.code == "keyset.malformed"


@pytest.mark.parametrize(
    "data",
    [
        changed(version="opengradient.keyset/3"),
        changed(version=...),
        changed(signing__alg="ed25519"),
        changed(hpke__kem_id=0x10),
        changed(hpke__kdf_id=2),
        changed(hpke__aead_id=0xFFFF),
    ],
)
def test_unknown_versions_and_algorithms(data):
    with pytest.raises(UnsupportedError):
        Keyset.parse(data)


def test_one_spelling():
    right = FULL.encode()
    for wrong in (
        right.replace(b":", b": ", 1),
        right + b"\n",
        json.dumps(dict(reversed(json.loads(right).items())), separators=(",", ":")).encode(),
        right.replace(KEY.compressed.hex().encode(), KEY.compressed.hex().upper().encode()),
        right.replace(b"74" * 32, b" " + b"74" * 32),
        right.replace(b"version", b"versio\\u006e"),
    ):
        assert wrong != right
        with pytest.raises(MalformedError) as caught:
            Keyset.parse(wrong)
        assert caught.value.code == "keyset.not_canonical"


def test_too_large():
    with pytest.raises(MalformedError) as caught:
        Keyset.parse(FULL.encode().ljust(1025))
    assert caught.value.code == "format.too_large"


@given(st.binary(max_size=200))
def test_any_bytes_give_only_our_errors(data):
    with pytest.raises((VerificationError, UnsupportedError)):
        Keyset.parse(data)


def test_hpke_identifiers_at_their_edges():
    for key_id in (0, 1, 255):
        assert HpkeKey(key_id=key_id, public_key=bytes(32)).key_id == key_id
    for key_id in (-1, 256):
        with pytest.raises(MalformedError):
            HpkeKey(key_id=key_id, public_key=bytes(32))
    for aead_id in (1, 2, 3):
        assert HpkeKey(key_id=1, public_key=bytes(32), aead_id=aead_id).aead_id == aead_id
    for suite in ({"aead_id": 0}, {"aead_id": 4}, {"kem_id": 0x10}, {"kdf_id": 2}):
        with pytest.raises(UnsupportedError):
            HpkeKey(key_id=1, public_key=bytes(32), **suite)


def test_an_hpke_key_is_written_as_rfc_9458_says():
    key = HpkeKey(key_id=7, public_key=bytes(range(32)), aead_id=2)
    assert key.encode().hex() == "070020" + bytes(range(32)).hex() + "000400010002"
