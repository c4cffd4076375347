"""Trust policies: strict files, ugly names for weak ones, and a warning with each."""

import dataclasses
import json
import logging
from typing import ClassVar

import pytest

from opengradient.core.evidence import GCP, NITRO, SGX, SNP, SOFTWARE, TDX
from opengradient.core.modes import VerificationMode
from opengradient.errors import CertificateChainError, ConfigurationError, MalformedError
from opengradient.verify import policy as policy_module
from opengradient.verify.policy import (
    CLOCK_SKEW_MS,
    MAX_EVIDENCE_AGE_MS,
    RequiredRegister,
    TrustPolicy,
    UnsafeAnyMeasurement,
)
from opengradient.verify.trust import (
    TrustedRoot,
    UnsafeSimulatedRoot,
    aws_nitro_root,
    intel_sgx_root,
)

ID = "0x" + "ab" * 32
SIMULATED = UnsafeSimulatedRoot(name="devnet", certificate=b"...SIMULATED...")
FULL = TrustPolicy(
    roots=(aws_nitro_root(), SIMULATED),
    measurements=frozenset({ID}),
    registers=(
        RequiredRegister(name="PCR8", values=frozenset({"00" * 48})),
        RequiredRegister(name="RTMR3", values=frozenset({"00" * 48}), kind=TDX),
    ),
    max_evidence_age_ms=5,
    clock_skew_ms=6,
    allow_debug=True,
    modes=frozenset({VerificationMode.VANILLA}),
    models=frozenset({"gpt"}),
    revoked_keys=frozenset({ID}),
    revoked_measurements=frozenset({ID}),
    revoked_products=frozenset({"amd-sev-snp/Milan"}),
)


def test_hardware_is_the_default_and_strict():
    policy = TrustPolicy.hardware(frozenset({ID}))
    assert [(root.kind, root.name) for root in policy.roots] == [
        (NITRO, "AWS Nitro Enclaves G1"),
        (TDX, "Intel SGX Root CA"),
        (SNP, "AMD ARK Genoa"),
        (SNP, "AMD ARK Turin"),
    ]
    assert policy.allow_debug is False
    assert policy.max_evidence_age_ms == 3 * 3600 * 1000
    assert policy.modes == {VerificationMode.TEE, VerificationMode.ZKML}
    assert policy.models is None


def test_hardware_of_chosen_kinds():
    assert TrustPolicy.hardware(frozenset(), kinds=(NITRO,)).roots == (aws_nitro_root(),)
    (sgx,) = TrustPolicy.hardware(frozenset(), kinds=(SGX,)).roots
    assert (sgx.kind, sgx.certificate) == (SGX, intel_sgx_root().certificate)
    assert TrustPolicy.hardware(frozenset(), kinds=()).roots == ()
    for kind in (SOFTWARE, GCP, "x"):
        with pytest.raises(ConfigurationError, match=kind):
            TrustPolicy.hardware(frozenset(), kinds=(NITRO, kind))


@pytest.mark.parametrize(
    "policy",
    [
        FULL,
        TrustPolicy.hardware(frozenset()),
        TrustPolicy(roots=(), measurements=UnsafeAnyMeasurement()),
    ],
)
def test_round_trip_through_a_file(policy):
    assert TrustPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


ROOT = FULL.to_json()["roots"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"version": "opengradient.policy/3"},
        {"version": 1},
        {"unknown": 1},
        {"roots": None},
        {"roots": [ROOT | {"unknown": 1}]},
        {"roots": [{"kind": NITRO}]},
        {"roots": [ROOT | {"certificate": "***"}]},
        {"roots": [ROOT | {"name": 1}]},
        {"unsafe_simulated_roots": [ROOT]},
        {"measurements": None},
        {"measurements": "any"},
        {"measurements": [1]},
        {"pcrs": []},
        {"registers": [{"name": True, "values": ["00" * 48], "kind": None}]},
        {"registers": [{"name": "PCR8", "values": ["00" * 48]}]},
        {"registers": [{"name": "PCR8", "values": ["00" * 48], "kind": 1}]},
        {"platforms": [{}]},
        {"platforms": ["intel-tdx"]},
        {"platforms": [{"kind": "no-such-kind"}]},
        {"revoked_products": "amd-sev-snp/Milan"},
        {"max_evidence_age_ms": True},
        {"max_evidence_age_ms": 1.0},
        {"clock_skew_ms": "1"},
        {"allow_debug": 1},
        {"allow_debug": None},
        {"modes": ["tee"]},
        {"modes": [2]},
        {"modes": "TEE"},
        {"models": "gpt"},
        {"revoked_keys": [1]},
        {"revoked_measurements": {}},
    ],
)
def test_from_json_is_strict(change):
    with pytest.raises(MalformedError) as caught:
        TrustPolicy.from_json(FULL.to_json() | change)
    assert caught.value.code == "policy.malformed"


@pytest.mark.parametrize("name", sorted(FULL.to_json()))
def test_every_field_must_be_there(name):
    raw = FULL.to_json()
    del raw[name]
    with pytest.raises(MalformedError):
        TrustPolicy.from_json(raw)


def test_not_an_object():
    with pytest.raises(MalformedError):
        TrustPolicy.from_json([])


@pytest.mark.parametrize(
    "change",
    [
        {"measurements": frozenset({"ab" * 32})},
        {"measurements": frozenset({"0x" + "AB" * 32})},
        {"measurements": frozenset({ID + "\n"})},
        {"revoked_measurements": frozenset({"0x12"})},
        {"revoked_keys": frozenset({"02" + "ab" * 32})},
        {"max_evidence_age_ms": -1},
        {"clock_skew_ms": -1},
        {"revoked_products": frozenset({"Milan"})},
    ],
)
def test_entries_that_could_never_match_are_refused(change):
    with pytest.raises(ConfigurationError):
        dataclasses.replace(FULL, **change)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("", {"00" * 48}),
        ("pcr8", {"00" * 48}),
        ("PCR8", set()),
        ("PCR8", {"000"}),
        ("PCR8", {"00" * 65}),
        ("PCR8", {"0x" + "00" * 48}),
    ],
)
def test_required_registers_are_checked(name, values):
    with pytest.raises(ConfigurationError):
        RequiredRegister(name=name, values=frozenset(values))


def version_1():
    raw = FULL.to_json() | {"version": "opengradient.policy/1"}
    for name in ("registers", "platforms", "revoked_products"):
        del raw[name]
    return raw | {"pcrs": [{"index": 8, "values": ["00" * 48]}]}


def test_version_1_is_still_read():
    assert TrustPolicy.from_json(version_1()) == dataclasses.replace(
        FULL,
        registers=(RequiredRegister(name="PCR8", values=frozenset({"00" * 48})),),
        revoked_products=frozenset(),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"pcrs": None},
        {"pcrs": [{"index": True, "values": ["00" * 48]}]},
        {"pcrs": [{"index": 1}]},
        {"platforms": []},
        {"unknown": 1},
    ],
)
def test_version_1_is_strict(change):
    with pytest.raises(MalformedError):
        TrustPolicy.from_json(version_1() | change)


def test_weak_policies_warn(caplog):
    caplog.set_level(logging.WARNING, "opengradient.verify")
    TrustPolicy.hardware(frozenset())
    assert caplog.records == []
    UnsafeAnyMeasurement()
    UnsafeSimulatedRoot(name="devnet", certificate=b"SIMULATED")
    dataclasses.replace(TrustPolicy.hardware(frozenset()), allow_debug=True)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 3
    assert all(message.startswith("UNSAFE: ") for message in messages)
    assert "devnet" in messages[1]


def test_a_simulated_root_never_passes_for_hardware():
    for kind, certificate in ((NITRO, b"...SIMULATED..."), (SOFTWARE, b"real")):
        with pytest.raises(ConfigurationError) as caught:
            TrustedRoot(kind=kind, name="x", certificate=certificate)
        assert caught.value.code == "policy.simulated_root"
    with pytest.raises(ConfigurationError) as caught:
        UnsafeSimulatedRoot(name="x", certificate=aws_nitro_root().certificate)
    assert caught.value.code == "policy.simulated_root"


def test_root_for():
    assert FULL.root_for(NITRO, aws_nitro_root().certificate) == aws_nitro_root()
    assert FULL.root_for(SOFTWARE, SIMULATED.certificate) == SIMULATED
    for kind, certificate in (
        (NITRO, SIMULATED.certificate),
        (SOFTWARE, aws_nitro_root().certificate),
        (NITRO, aws_nitro_root().certificate + b"\0"),
    ):
        with pytest.raises(CertificateChainError):
            FULL.root_for(kind, certificate)


def test_the_defaults_are_what_the_documentation_says():
    policy = TrustPolicy(roots=(), measurements=frozenset())
    assert policy.max_evidence_age_ms == MAX_EVIDENCE_AGE_MS == 10_800_000
    assert policy.clock_skew_ms == CLOCK_SKEW_MS == 60_000
    assert not policy.allow_debug


def test_ages_may_be_zero_and_not_less():
    strict = TrustPolicy(roots=(), measurements=frozenset(), max_evidence_age_ms=0, clock_skew_ms=0)
    assert TrustPolicy.from_json(strict.to_json()) == strict
    for name in ("max_evidence_age_ms", "clock_skew_ms"):
        with pytest.raises(ConfigurationError):
            dataclasses.replace(strict, **{name: -1})


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneSetting:
    """Settings of a platform, as small as they can be."""

    kind: ClassVar[str] = "one"
    value: int = 0

    def to_json(self):
        return {"value": self.value}

    @classmethod
    def from_json(cls, raw):
        assert raw.keys() == {"value"}
        return cls(value=raw["value"])


class OtherSetting(OneSetting):
    kind: ClassVar[str] = "other"


def test_settings_of_platforms(monkeypatch):
    given = TrustPolicy(
        roots=(), measurements=frozenset(), platforms=(OtherSetting(value=1), OneSetting(value=7))
    )
    assert given.platform(OtherSetting).value == 1
    plain = TrustPolicy(roots=(), measurements=frozenset())
    assert plain.platform(OneSetting) == OneSetting()
    alone = dataclasses.replace(given, platforms=(OneSetting(value=7),))
    assert alone.platform(OtherSetting) == OtherSetting()
    with pytest.raises(ConfigurationError):
        dataclasses.replace(given, platforms=(OneSetting(), OneSetting()))
    monkeypatch.setattr(policy_module, "PLATFORMS", {"one": OneSetting, "other": OtherSetting})
    assert TrustPolicy.from_json(given.to_json()) == given
    for entry in ({"kind": "third"}, {"value": 1}, {"kind": 1}, "one"):
        with pytest.raises(MalformedError) as caught:
            TrustPolicy.from_json({**given.to_json(), "platforms": [entry]})
        assert caught.value.code == "policy.malformed"


@pytest.mark.parametrize("text", ["\u00e4", "AAA", "====", "-_-_", 7, None])
def test_certificates_are_base64(text):
    """Past bug: letters beyond ASCII were no typed error."""
    raw = FULL.to_json()
    raw["roots"][0]["certificate"] = text
    with pytest.raises(MalformedError) as caught:
        TrustPolicy.from_json(raw)
    assert caught.value.code == "policy.malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"measurements": frozenset({"ab" * 32})},
        {"revoked_measurements": frozenset({"0x" + "AB" * 32})},
        {"revoked_keys": frozenset({"0x"})},
        {"revoked_products": frozenset({"Milan"})},
    ],
)
def test_entries_that_could_never_match_have_a_code(change):
    with pytest.raises(ConfigurationError) as caught:
        dataclasses.replace(FULL, **change)
    assert caught.value.code == "policy.malformed"
