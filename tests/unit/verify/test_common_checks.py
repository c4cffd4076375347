"""The checks that evidence of every kind shares, each broken alone."""

import dataclasses

import pytest

from opengradient.core.digests import sha256
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import report_data
from opengradient.errors import (
    AttestationError,
    FreshnessError,
    MalformedError,
    PolicyError,
)
from opengradient.verify.attestation import inspect_nitro
from opengradient.verify.attestation._common import (
    check_measurement,
    check_product,
    check_report_data,
)
from opengradient.verify.policy import RequiredRegister, UnsafeAnyMeasurement
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import KEYSET, POLICY

OTHER = Keyset(signing=KEYSET.signing, tls_spki_sha256=bytes(32))
NODE_ID = "0x" + KEYSET.signing.node_id.hex()
ENCODED = KEYSET.encode()
NONCE = b"nonce"
BOUND = report_data(KEYSET.digest(), NONCE)
STANDING = report_data(KEYSET.digest(), None)


def bound(actual, *, runtime_data=ENCODED, nonce=None, policy=POLICY):
    return check_report_data(actual, runtime_data=runtime_data, nonce=nonce, policy=policy)


def refused(code, error, *args, **kwargs):
    with pytest.raises(error) as caught:
        bound(*args, **kwargs)
    assert caught.value.code == code


def test_report_data_binds_a_keyset():
    assert bound(STANDING) == KEYSET
    assert bound(BOUND) == KEYSET
    assert bound(BOUND, nonce=NONCE) == KEYSET
    refused("attestation.report_data", AttestationError, report_data(OTHER.digest(), None))
    refused("attestation.report_data", AttestationError, bytes(64))
    refused("attestation.report_data", AttestationError, BOUND[32:] + BOUND[:32], nonce=NONCE)
    refused("attestation.report_data", AttestationError, BOUND, runtime_data=OTHER.encode())
    refused("keyset.malformed", MalformedError, BOUND,
            runtime_data=b'{"version":"opengradient.keyset/1"}')  # fmt: skip


def test_report_data_answers_a_nonce():
    refused("attestation.nonce", FreshnessError, STANDING, nonce=NONCE)
    refused("attestation.nonce", FreshnessError, BOUND, nonce=b"other")
    plain = KEYSET.digest() + sha256(NONCE)
    refused("attestation.nonce", FreshnessError, plain, nonce=NONCE)


def test_a_revoked_key_is_refused():
    revoked = dataclasses.replace(POLICY, revoked_keys=frozenset({NODE_ID}))
    refused("attestation.revoked_key", PolicyError, STANDING, policy=revoked)


def test_report_data_of_a_foreign_document():
    foreign = bytes(range(64))
    assert bound(foreign, runtime_data=b"") is None
    assert bound(foreign, runtime_data=b"", nonce=foreign) is None
    for nonce in (foreign[:-1], foreign[:32], NONCE, bytes(64)):
        refused("attestation.nonce", FreshnessError, foreign, runtime_data=b"", nonce=nonce)


def test_a_product_line():
    policy = dataclasses.replace(POLICY, revoked_products=frozenset({"amd-sev-snp/Milan"}))
    check_product("amd-sev-snp", "Genoa", policy)
    check_product("intel-tdx", "Milan", policy)
    with pytest.raises(PolicyError) as caught:
        check_product("amd-sev-snp", "Milan", policy)
    assert caught.value.code == "attestation.revoked_product"


CODE = "0x" + "11" * 32


def test_what_vouches_for_a_measurement():
    listed = dataclasses.replace(POLICY, measurements=frozenset({CODE}))
    anything = dataclasses.replace(POLICY, measurements=UnsafeAnyMeasurement())
    assert check_measurement("k", CODE, {}, listed, now_ms=forge.NOW) == (
        True,
        "measurement that the policy lists",
    )
    assert check_measurement("k", CODE, {}, anything, now_ms=forge.NOW) == (
        False,
        "any measurement is accepted",
    )


def test_registers_after_one_of_another_kind_are_still_required():
    needs = [
        RequiredRegister(name="RTMR1", values=frozenset({"00"}), kind="other"),
        RequiredRegister(name="RTMR1", values=frozenset({"11", "22"}), kind="k"),
        RequiredRegister(name="RTMR2", values=frozenset({"33"})),
    ]
    policy = dataclasses.replace(POLICY, registers=tuple(needs))
    for value in ("11", "22"):
        check_measurement("k", CODE, {"RTMR1": value, "RTMR2": "33"}, policy, now_ms=forge.NOW)
    for registers in (
        {"RTMR1": "00", "RTMR2": "33"},
        {"RTMR1": "11"},
        {"RTMR1": "11", "RTMR2": "11"},
    ):
        with pytest.raises(AttestationError) as caught:
            check_measurement("k", CODE, registers, policy, now_ms=forge.NOW)
        assert caught.value.code == "attestation.register"


def test_inspecting_is_bounded_too():
    with pytest.raises(MalformedError) as caught:
        inspect_nitro(forge.document().ljust(16 * 1024 + 1, b"\0"))
    assert caught.value.code == "format.too_large"
