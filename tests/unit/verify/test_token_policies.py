"""Pinned keys and settings: what cannot be named, and the file form."""

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opengradient.core.jwt import encode_part
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.verify.platforms import PLATFORMS
from opengradient.verify.platforms.gcp import GcpPolicy
from opengradient.verify.platforms.maa import MaaPolicy
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.token_keys import ALGORITHMS, TokenKey
from tests.vectors.evidence import gcp, maa
from tests.vectors.evidence.token_forge import (
    EC_KEY,
    ES_PIN,
    PS_PIN,
    RS_PIN,
    RSA_KEY,
    spki,
)

P256 = spki(ec.derive_private_key(7, ec.SECP256R1()))
WEAK = rsa.RSAPublicNumbers(65537, (1 << 2046) + 1).public_key()
LARGE = rsa.RSAPublicNumbers(65537, (1 << 4096) + 1).public_key()
E3 = rsa.RSAPublicNumbers(3, RSA_KEY.public_key().public_numbers().n).public_key()


def der(key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": ""},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
        {"algorithm": "RS1"},
        {"algorithm": "ES384"},
        {"public_key": b""},
        {"public_key": b"\x30\x00"},
        {"public_key": spki(RSA_KEY) + b"\0"},
        {"public_key": spki(EC_KEY)},
        {"public_key": P256},
        {"public_key": P256, "algorithm": "ES384"},
        {"public_key": der(WEAK)},
        {"public_key": der(LARGE)},
        {"public_key": der(E3)},
    ],
)
def test_keys_that_cannot_be_pinned(changes):
    with pytest.raises(ConfigurationError) as caught:
        replace(RS_PIN, **changes)
    assert caught.value.code == "policy.malformed"


def test_no_symmetric_algorithm_has_a_name():
    assert {"RS256", "PS256", "ES384"} == ALGORITHMS


def number(value: int, size: int) -> str:
    return encode_part(value.to_bytes(size)).decode()


def rsa_jwk(**more):
    numbers = RSA_KEY.public_key().public_numbers()
    return {
        "kty": "RSA",
        "kid": "rs-1",
        "use": "sig",
        "n": number(numbers.n, 256),
        "e": number(numbers.e, 3),
        **more,
    }


def ec_jwk(**more):
    numbers = EC_KEY.public_key().public_numbers()
    xy = {"x": number(numbers.x, 48), "y": number(numbers.y, 48)}
    return {"kty": "EC", "crv": "P-384", "kid": "es-1", "alg": "ES384", **xy, **more}


def test_keys_out_of_a_published_set():
    assert TokenKey.from_jwk(rsa_jwk(), algorithm="RS256") == RS_PIN
    assert TokenKey.from_jwk(ec_jwk(), algorithm="ES384") == ES_PIN


@pytest.mark.parametrize(
    ("jwk", "algorithm"),
    [
        (rsa_jwk(alg="RS512"), "RS256"),
        (rsa_jwk(alg="PS256"), "RS256"),
        (rsa_jwk(kid=7), "RS256"),
        (rsa_jwk(kty="oct"), "RS256"),
        (rsa_jwk(n=None), "RS256"),
        (rsa_jwk(n="A A"), "RS256"),
        (rsa_jwk(n="\ud800"), "RS256"),
        (rsa_jwk(e="Ag"), "RS256"),
        (rsa_jwk(), "HS256"),
        (ec_jwk(crv="P-256"), "ES384"),
        (ec_jwk(y="AAAA"), "ES384"),
        (ec_jwk(alg="RS256"), "RS256"),
        ({}, "RS256"),
    ],
)
def test_entries_of_a_set_that_are_no_keys(jwk, algorithm):
    with pytest.raises(ConfigurationError) as caught:
        TokenKey.from_jwk(jwk, algorithm=algorithm)
    assert caught.value.code == "policy.malformed"


@pytest.mark.parametrize("settings", [GcpPolicy, MaaPolicy, NvidiaPolicy])
def test_settings_are_registered_and_strict(settings):
    given = settings(keys=(RS_PIN, PS_PIN, ES_PIN))
    raw = given.to_json()
    assert PLATFORMS[settings.kind] is settings
    assert settings.from_json(raw) == given
    assert settings.from_json(settings().to_json()) == settings()
    wrong = [{**raw, "more": 1}, *({k: v for k, v in raw.items() if k != name} for name in raw)]
    key = raw["keys"][0]
    keys = [{**key, "jku": ""}, {**key, "kid": 1}, {**key, "public_key": "="}, 1]
    wrong.extend({**raw, "keys": [item]} for item in keys)
    wrong.append({**raw, "keys": {}})
    for item in wrong:
        with pytest.raises(MalformedError) as caught:
            settings.from_json(item)
        assert caught.value.code == "policy.malformed"
    with pytest.raises(ConfigurationError):
        settings(keys=(RS_PIN, replace(PS_PIN, kid="rs-1")))


@pytest.mark.parametrize("module", [gcp, maa])
def test_policies_in_their_file_form(module):
    for policy in module.policies().values():
        assert TrustPolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize(
    "build",
    [
        lambda: GcpPolicy(min_software_version=-1),
        lambda: MaaPolicy(issuer="http://tenant1.weu.attest.azure.net"),
        lambda: MaaPolicy(issuer="https://tenant1.weu.attest.azure.net/"),
        lambda: MaaPolicy(issuer="https://attest.example"),
        lambda: MaaPolicy(issuer="https://x@tenant1.weu.attest.azure.net"),
        lambda: MaaPolicy(attestation_types=frozenset({"sgx"})),
        lambda: MaaPolicy(minimum_svns=(("other", 1),)),
        lambda: MaaPolicy(minimum_svns=(("tee", 1), ("tee", 0))),
        lambda: MaaPolicy(vmpl=4),
        lambda: MaaPolicy(vmpl=-1),
        lambda: MaaPolicy(host_data=frozenset({"00"})),
        lambda: MaaPolicy(host_data=frozenset({"AB" * 32})),
    ],
)
def test_settings_that_no_policy_has(build):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert caught.value.code == "policy.malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"command": [1]},
        {"command": "x"},
        {"environment": [["A"]]},
        {"environment": [["A", 1]]},
        {"environment": ["AB"]},
        {"projects": "x"},
        {"min_software_version": True},
    ],
)
def test_settings_of_gcp_that_cannot_be_read(changes):
    with pytest.raises(MalformedError) as caught:
        GcpPolicy.from_json({**GcpPolicy().to_json(), **changes})
    assert caught.value.code == "policy.malformed"


def test_the_defaults_accept_nothing():
    assert not GcpPolicy().keys
    assert not GcpPolicy().audience
    assert GcpPolicy().hardware == {"GCP_INTEL_TDX"}
    assert not MaaPolicy().keys
    assert not MaaPolicy().issuer
    assert not NvidiaPolicy().keys


def test_key_bytes_in_json_are_base64():
    raw = RS_PIN.to_json()
    assert base64.b64decode(raw["public_key"]) == RS_PIN.public_key
    assert TokenKey.from_json(raw) == RS_PIN
