"""The bounds that the signature functions add to the algorithms themselves."""

import functools

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from opengradient.errors import SignatureError
from opengradient.verify.signatures import (
    MAX_RSA_BITS,
    MIN_RSA_BITS,
    verify_ecdsa_der,
    verify_ecdsa_raw,
    verify_ed25519,
    verify_rsa_pkcs1,
    verify_rsa_pss,
)

MESSAGE = b"message"


def refused(code, check, *args, **kwargs):
    with pytest.raises(SignatureError) as caught:
        check(*args, **kwargs)
    assert caught.value.code == code


CURVES = [(ec.SECP256R1(), SHA256), (ec.SECP384R1(), SHA384)]
ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
}


@pytest.mark.parametrize(("curve", "hash_type"), CURVES)
def test_ecdsa_r_and_s(curve, hash_type):
    key = ec.derive_private_key(12345, curve)
    der = key.sign(MESSAGE, ec.ECDSA(hash_type()))
    order, size = ORDERS[curve.name], curve.key_size // 8
    r, s = decode_dss_signature(der)

    def raw(r, s):
        return r.to_bytes(size) + s.to_bytes(size)

    public = key.public_key()
    verify_ecdsa_der(public, der, MESSAGE, hash_type=hash_type)
    check = functools.partial(verify_ecdsa_raw, public, message=MESSAGE, hash_type=hash_type)
    check(signature=raw(r, s))
    check(signature=raw(r, order - s))
    for pair in ((0, s), (r, 0), (order, s), (r, order)):
        refused("signature.range", check, signature=raw(*pair))
    for pair in ((order - 1, s), (r, order - 1), (1, s), (r, 1)):
        refused("signature.invalid", check, signature=raw(*pair))
    for form in (der, raw(r, s)[:-1], raw(r, s) + b"\0", b"", bytes(size), bytes(3 * size)):
        refused("signature.form", check, signature=form)
    refused("signature.invalid", verify_ecdsa_der, public, der, b"other", hash_type=hash_type)
    other = SHA384 if hash_type is SHA256 else SHA256
    refused("signature.invalid", verify_ecdsa_der, public, der, MESSAGE, hash_type=other)


def test_other_curves_have_no_raw_form():
    key = ec.derive_private_key(12345, ec.SECP521R1()).public_key()
    refused("signature.key", verify_ecdsa_raw, key, bytes(132), MESSAGE, hash_type=SHA256)


@functools.cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def test_rsa():
    key = rsa_key(2048)
    pss = key.sign(MESSAGE, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    pkcs1 = key.sign(MESSAGE, padding.PKCS1v15(), SHA256())
    public = key.public_key()
    verify_rsa_pss(public, pss, MESSAGE, hash_type=SHA256, salt_bytes=32)
    verify_rsa_pkcs1(public, pkcs1, MESSAGE, hash_type=SHA256)
    refused("signature.invalid", verify_rsa_pkcs1, public, pss, MESSAGE, hash_type=SHA256)
    refused("signature.invalid", verify_rsa_pkcs1, public, pkcs1, b"x", hash_type=SHA256)
    refused("signature.invalid", verify_rsa_pkcs1, public, pkcs1, MESSAGE, hash_type=SHA384)
    pss_refused = functools.partial(refused, "signature.invalid", verify_rsa_pss, public)
    pss_refused(pkcs1, MESSAGE, hash_type=SHA256, salt_bytes=32)
    pss_refused(pss, MESSAGE, hash_type=SHA256, salt_bytes=31)
    pss_refused(pss, MESSAGE, hash_type=SHA384, salt_bytes=32)


def test_rsa_keys_have_bounds():
    assert (MIN_RSA_BITS, MAX_RSA_BITS) == (2048, 8192)
    short, long = (rsa.RSAPublicNumbers(65537, 2**bits - 1).public_key() for bits in (2047, 8193))
    for key in (short, long):
        refused(
            "signature.key",
            verify_rsa_pss, key, bytes(256), b"", hash_type=SHA256, salt_bytes=32,
        )  # fmt: skip
        refused("signature.key", verify_rsa_pkcs1, key, bytes(256), b"", hash_type=SHA256)
    for bits in (2048, 8192):
        key = rsa.RSAPublicNumbers(65537, 2**bits - 1).public_key()
        refused("signature.invalid", verify_rsa_pkcs1, key, bytes(256), b"", hash_type=SHA256)


def test_ed25519():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key().public_bytes_raw(), key.sign(MESSAGE)
    verify_ed25519(public, signature, MESSAGE)
    refused("signature.invalid", verify_ed25519, public, signature, b"other")
    for args in (
        (public[:-1], signature),
        (public + b"\0", signature),
        (public, signature[:-1]),
        (public, signature + b"\0"),
    ):
        refused("signature.form", verify_ed25519, *args, MESSAGE)
    refused("signature.invalid", verify_ed25519, b"\xff" * 32, signature, MESSAGE)
