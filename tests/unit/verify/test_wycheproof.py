"""Project Wycheproof through the functions that verifiers call; `docs/spec/crypto.md` says which.

Every case is run and gives what its label says. Where a label is "acceptable", or where our form
is narrower than the file's, `docs/spec/crypto.md` says what we do and why, and a test here holds
us to it.
"""

import json
from collections import Counter

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opengradient.core.digests import hmac_sha256, sha256
from opengradient.core.keys import CURVE_ORDER, PublicKey, Signature
from opengradient.errors import MalformedError, SignatureError, VerificationError
from opengradient.verify.signatures import (
    verify_ecdsa_der,
    verify_ecdsa_raw,
    verify_ed25519,
    verify_rsa_pkcs1,
    verify_rsa_pss,
)
from tests.support import vectors

HASHES = {"SHA-256": SHA256, "SHA-384": SHA384, "SHA-512": SHA512}
CURVES = {"secp256r1": ec.SECP256R1, "secp384r1": ec.SECP384R1}


def groups(name: str) -> list[dict]:
    return json.loads((vectors("wycheproof") / f"{name}_test.json").read_text())["testGroups"]


def run(name: str, check, labels=lambda group, case: case["result"]) -> Counter:
    """Run every case of a file; `check` returns or raises VerificationError."""
    seen = Counter()
    for group in groups(name):
        for case in group["tests"]:
            try:
                check(group, case)
                actual = "valid"
            except VerificationError:
                actual = "invalid"
            wanted = labels(group, case)
            assert actual == wanted, (name, case["tcId"], case["comment"], case["flags"])
            seen[wanted] += 1
    assert seen
    return seen


def ec_key(group: dict) -> ec.EllipticCurvePublicKey:
    curve = CURVES[group["publicKey"]["curve"]]()
    point = bytes.fromhex(group["publicKey"]["uncompressed"])
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)


@pytest.mark.parametrize("name", ["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384"])
def test_ecdsa_in_der(name):
    def check(group, case):
        verify_ecdsa_der(
            ec_key(group),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
            hash_type=HASHES[group["sha"]],
        )

    run(name, check)


@pytest.mark.parametrize("name", ["ecdsa_secp256r1_sha256_p1363", "ecdsa_secp384r1_sha384_p1363"])
def test_ecdsa_r_and_s(name):
    def check(group, case):
        verify_ecdsa_raw(
            ec_key(group),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
            hash_type=HASHES[group["sha"]],
        )

    run(name, check)


def secp256k1_key(group: dict) -> PublicKey:
    point = bytes.fromhex(group["publicKey"]["uncompressed"])
    return PublicKey.parse(bytes([2 + (point[64] & 1)]) + point[1:33])


def check_receipt_signature(group: dict, case: dict, pair: bytes) -> None:
    """Our form has a recovery byte, which the vectors lack: right with either of the two."""
    digest = sha256(bytes.fromhex(case["msg"]))
    for v in (27, 28):
        try:
            secp256k1_key(group).verify(digest, Signature.parse(pair + bytes([v])))
        except SignatureError as error:
            last = error
            continue
        return
    raise last


def high_s(pair: bytes) -> bool:
    return int.from_bytes(pair[32:]) > CURVE_ORDER // 2


def test_secp256k1_r_and_s():
    """Valid with a high s by the label, refused by clause 1.3: the only difference."""

    def labels(_group, case):
        pair = bytes.fromhex(case["sig"])
        return "invalid" if len(pair) == 64 and high_s(pair) else case["result"]

    def check(group, case):
        check_receipt_signature(group, case, bytes.fromhex(case["sig"]))

    seen = run("ecdsa_secp256k1_sha256_p1363", check, labels)
    assert seen["valid"] > 50


def from_der(case: dict) -> bytes:
    """r || s of a DER signature. The vectors judge the decoder too, which is the library's."""
    try:
        r, s = utils.decode_dss_signature(bytes.fromhex(case["sig"]))
        return r.to_bytes(32) + s.to_bytes(32)
    except (ValueError, OverflowError) as error:
        raise MalformedError("not r and s in DER") from error


def test_secp256k1_as_in_bitcoin():
    """The same rule as ours, low s only; every case as labelled but one.

    A point whose x is past the curve's order needs v of 29 or 30, which Ethereum's form does not
    have. Nobody can make such a signature but by choosing r, which these vectors did.
    """
    past_order = []

    def labels(_group, case):
        if case["comment"] == "k*G has a large x-coordinate" and case["result"] == "valid":
            past_order.append(case["tcId"])
            return "invalid"
        return case["result"]

    def check(group, case):
        check_receipt_signature(group, case, from_der(case))

    run("ecdsa_secp256k1_sha256_bitcoin", check, labels)
    assert len(past_order) == 1


def test_secp256k1_in_der():
    def labels(_group, case):
        if case["result"] == "invalid":
            return "invalid"
        return "invalid" if high_s(from_der(case)) else "valid"

    def check(group, case):
        check_receipt_signature(group, case, from_der(case))

    run("ecdsa_secp256k1_sha256", check, labels)


def rsa_key(group: dict) -> rsa.RSAPublicKey:
    key = group["publicKey"]
    numbers = rsa.RSAPublicNumbers(int(key["publicExponent"], 16), int(key["modulus"], 16))
    return numbers.public_key()


PSS = [
    "rsa_pss_2048_sha256_mgf1_0",
    "rsa_pss_2048_sha256_mgf1_0_params",
    "rsa_pss_2048_sha256_mgf1_32",
    "rsa_pss_2048_sha256_mgf1_32_params",
    "rsa_pss_2048_sha384_mgf1_48",
    "rsa_pss_3072_sha256_mgf1_32",
    "rsa_pss_4096_sha256_mgf1_32",
    "rsa_pss_4096_sha512_mgf1_32",
    "rsa_pss_4096_sha512_mgf1_64",
]


def ours(group: dict) -> bool:
    """Whether a group's parameters are ones that a caller of ours can ask for."""
    return group["sha"] in HASHES and group["mgfSha"] == group["sha"]


@pytest.mark.parametrize("name", PSS)
def test_rsa_pss(name):
    def check(group, case):
        assert ours(group)
        verify_rsa_pss(
            rsa_key(group),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
            hash_type=HASHES[group["sha"]],
            salt_bytes=group["sLen"],
        )

    run(name, check)


OTHER_PSS = [
    "rsa_pss_2048_sha1_mgf1_20",
    "rsa_pss_2048_sha256_mgf1sha1_20",
    "rsa_pss_misc",
    "rsa_pss_misc_params",
]


@pytest.mark.parametrize("name", OTHER_PSS)
def test_rsa_pss_with_parameters_that_nobody_asked_for(name):
    """A group whose parameters we use gives its labels; one with others is refused throughout.

    SHA-1, MGF1 over another hash and truncated hashes cannot be asked for, so whatever was signed
    with them must not verify under parameters that can.
    """

    def labels(group, case):
        return case["result"] if ours(group) else "invalid"

    def check(group, case):
        verify_rsa_pss(
            rsa_key(group),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
            hash_type=HASHES[group["sha"]] if ours(group) else SHA256,
            salt_bytes=group["sLen"],
        )

    run(name, check, labels)


@pytest.mark.parametrize("salt", [0, 20, 31, 33])
def test_rsa_pss_with_another_salt_than_asked_for(salt):
    group = groups("rsa_pss_2048_sha256_mgf1_32")[0]
    case = next(case for case in group["tests"] if case["result"] == "valid")
    with pytest.raises(SignatureError) as caught:
        verify_rsa_pss(
            rsa_key(group),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
            hash_type=SHA256,
            salt_bytes=salt,
        )
    assert caught.value.code == "signature.invalid"


@pytest.mark.parametrize("name", ["rsa_signature_2048_sha256", "rsa_signature_4096_sha256"])
def test_rsa_pkcs1(name):
    """Acceptable: "MissingNull", an old encoding without the parameters. We refuse it."""

    def labels(_group, case):
        if case["result"] == "acceptable":
            assert case["flags"] == ["MissingNull"]
            return "invalid"
        return case["result"]

    def check(group, case):
        verify_rsa_pkcs1(
            rsa_key(group),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
            hash_type=HASHES[group["sha"]],
        )

    run(name, check, labels)


def test_ed25519():
    def check(group, case):
        verify_ed25519(
            bytes.fromhex(group["publicKey"]["pk"]),
            bytes.fromhex(case["sig"]),
            bytes.fromhex(case["msg"]),
        )

    run("ed25519", check)


def test_hmac_sha256():
    """Our salts are whole tags; the vectors' short tags are compared with the same length."""
    for group in groups("hmac_sha256"):
        for case in group["tests"]:
            made = hmac_sha256(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]))
            same = made[: group["tagSize"] // 8] == bytes.fromhex(case["tag"])
            assert same == (case["result"] == "valid"), case["tcId"]


# What HPKE (RFC 9180) is made of. The channel uses it through a library; its parts are held to
# their labels here because nothing else of ours would notice a change.


@pytest.mark.parametrize(("name", "hash_type"), [("sha256", SHA256), ("sha384", SHA384)])
def test_hkdf(name, hash_type):
    for group in groups(f"hkdf_{name}"):
        for case in group["tests"]:
            ikm, salt, info = (bytes.fromhex(case[part]) for part in ("ikm", "salt", "info"))
            try:
                made = HKDF(hash_type(), case["size"], salt, info).derive(ikm)
            except ValueError:
                assert case["result"] == "invalid", case["tcId"]
                continue
            assert (made.hex() == case["okm"]) == (case["result"] == "valid"), case["tcId"]


@pytest.mark.parametrize(
    ("name", "cipher"), [("aes_gcm", AESGCM), ("chacha20_poly1305", ChaCha20Poly1305)]
)
def test_aead(name, cipher):
    """HPKE's nonces have 96 bits: that is what is run. Any other length is refused or not ours."""
    run_cases = 0
    for group in groups(name):
        for case in group["tests"]:
            key, nonce, aad, text = (bytes.fromhex(case[p]) for p in ("key", "iv", "aad", "msg"))
            sealed = bytes.fromhex(case["ct"] + case["tag"])
            if group["ivSize"] != 96:
                continue
            run_cases += 1
            try:
                opened = cipher(key).decrypt(nonce, sealed, aad)
            except (InvalidTag, ValueError):
                assert case["result"] == "invalid", case["tcId"]
                continue
            assert case["result"] == "valid", case["tcId"]
            assert opened == text
            assert cipher(key).encrypt(nonce, text, aad) == sealed
    assert run_cases > 150


def test_x25519():
    """Acceptable: an all-zero secret is refused (RFC 9180 section 7.1.4); the others are taken.

    Points on the twist and of non-canonical encoding give a secret that nobody else can know,
    as RFC 7748 section 5 says they must.
    """
    zero = 0
    for group in groups("x25519"):
        for case in group["tests"]:
            private = x25519.X25519PrivateKey.from_private_bytes(bytes.fromhex(case["private"]))
            public = x25519.X25519PublicKey.from_public_bytes(bytes.fromhex(case["public"]))
            if "ZeroSharedSecret" in case["flags"]:
                zero += 1
                assert case["result"] == "acceptable"
                with pytest.raises(ValueError, match="."):
                    private.exchange(public)
            else:
                assert private.exchange(public).hex() == case["shared"], case["tcId"]
    assert zero == 31


def test_every_file_is_run_or_named():
    """No file of the collection is forgotten."""
    run_here = {
        *PSS, *OTHER_PSS, "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384",
        "ecdsa_secp256r1_sha256_p1363", "ecdsa_secp384r1_sha384_p1363",
        "ecdsa_secp256k1_sha256_p1363", "ecdsa_secp256k1_sha256_bitcoin", "ecdsa_secp256k1_sha256",
        "rsa_signature_2048_sha256", "rsa_signature_4096_sha256", "ed25519", "hmac_sha256",
        "hkdf_sha256", "hkdf_sha384", "aes_gcm", "chacha20_poly1305", "x25519",
    }  # fmt: skip
    unused = {"xchacha20_poly1305"}
    here = {path.name.removesuffix("_test.json") for path in vectors("wycheproof").glob("*.json")}
    assert here == run_here | unused
