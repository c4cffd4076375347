"""Settings for TDX and SGX: one file form, and nothing in them that could never match."""

import dataclasses
import json

import pytest

from opengradient.errors import OpenGradientError
from opengradient.verify.platforms import PLATFORMS
from opengradient.verify.platforms._dcap import MAX_COLLATERAL_AGE_MS
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.tdx import SEPT_VE_DISABLE, TD_ATTRIBUTES, XFAM, TdxPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.trust import intel_sgx_root

CASES = [
    TdxPolicy(),
    TdxPolicy(
        accepted_statuses=frozenset({"OutOfDate", "UpToDate"}),
        accepted_advisories=frozenset({"INTEL-SA-00001"}),
        min_evaluation_number=17,
        max_collateral_age_ms=1000,
        allow_padding=False,
        require_sept_ve_disable=False,
        allowed_attributes=1 << 63,
        allowed_xfam=3,
        mr_seam=frozenset({"ab" * 48}),
        mr_config_id=frozenset(),
        mr_owner=frozenset({"00" * 48, "01" * 48}),
        mr_owner_config=None,
        mr_service_td=None,
        events=(("app-id", frozenset({"", "00"})), ("compose-hash", frozenset({"abcd"}))),
    ),
    SgxPolicy(),
    SgxPolicy(
        allowed_flags=5,
        allowed_xfrm=0xE7,
        allow_exception_info=True,
        min_isv_svn=3,
        isv_prod_ids=frozenset({1, 2}),
        config_id=frozenset({"00" * 64}),
    ),
]


@pytest.mark.parametrize("settings", CASES)
def test_read_as_written(settings):
    raw = json.loads(json.dumps(settings.to_json()))
    assert type(settings).from_json(raw) == settings
    assert PLATFORMS[settings.kind] is type(settings)
    trust = TrustPolicy(roots=(intel_sgx_root(),), measurements=frozenset(), platforms=(settings,))
    assert TrustPolicy.from_json(json.loads(json.dumps(trust.to_json()))) == trust
    assert trust.platform(type(settings)) == settings


@pytest.mark.parametrize("settings", CASES)
def test_every_field_is_needed_and_no_other_is_taken(settings):
    raw = settings.to_json()
    assert raw.keys() == {field.name for field in dataclasses.fields(settings)}
    for name in raw:
        with pytest.raises(OpenGradientError) as caught:
            type(settings).from_json({n: v for n, v in raw.items() if n != name})
        assert caught.value.code == "policy.malformed"
        with pytest.raises(OpenGradientError) as caught:
            type(settings).from_json({**raw, name: object()})
        assert caught.value.code == "policy.malformed"
    with pytest.raises(OpenGradientError):
        type(settings).from_json({**raw, "more": 1})


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (TdxPolicy, {"accepted_statuses": frozenset({"Revoked"})}),
        (TdxPolicy, {"accepted_statuses": frozenset({"uptodate"})}),
        (TdxPolicy, {"min_evaluation_number": -1}),
        (TdxPolicy, {"max_collateral_age_ms": -1}),
        (TdxPolicy, {"allowed_attributes": -1}),
        (TdxPolicy, {"allowed_xfam": 1 << 64}),
        (TdxPolicy, {"mr_seam": frozenset({"AB" * 48})}),
        (TdxPolicy, {"mr_seam": frozenset({"ab" * 47})}),
        (TdxPolicy, {"mr_owner": frozenset({"ab" * 49})}),
        (TdxPolicy, {"events": (("b", frozenset({""})), ("a", frozenset({""})))}),
        (TdxPolicy, {"events": (("a", frozenset({""})), ("a", frozenset({""})))}),
        (SgxPolicy, {"accepted_statuses": frozenset({"Revoked"})}),
        (SgxPolicy, {"config_id": frozenset({"00" * 63})}),
        (SgxPolicy, {"min_isv_svn": -1}),
        (SgxPolicy, {"min_isv_svn": 1 << 16}),
        (SgxPolicy, {"isv_prod_ids": frozenset({1 << 16})}),
        (SgxPolicy, {"allowed_flags": 1 << 64}),
        (SgxPolicy, {"allowed_xfrm": -1}),
    ],
)
def test_what_could_never_match_is_refused(kind, fields):
    with pytest.raises(OpenGradientError) as caught:
        kind(**fields)
    assert caught.value.code == "policy.malformed"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (TdxPolicy, {"allowed_xfam": "3"}),
        (TdxPolicy, {"allowed_attributes": "0X00000000000001"}),
        (TdxPolicy, {"events": [{"name": "a", "payloads": []}]}),
        (TdxPolicy, {"events": [{"name": "a"}]}),
        (TdxPolicy, {"allow_padding": 1}),
        (SgxPolicy, {"isv_prod_ids": [True]}),
        (SgxPolicy, {"isv_prod_ids": ["1"]}),
        (SgxPolicy, {"config_id": [1]}),
    ],
)
def test_files_of_another_form_are_refused(kind, change):
    with pytest.raises(OpenGradientError) as caught:
        kind.from_json({**kind().to_json(), **change})
    assert caught.value.code == "policy.malformed"


def test_the_defaults_are_the_strict_ones():
    tdx, sgx = TdxPolicy(), SgxPolicy()
    for settings in (tdx, sgx):
        assert settings.accepted_statuses == {"UpToDate"}
        assert settings.accepted_advisories == frozenset()
        assert settings.max_collateral_age_ms == MAX_COLLATERAL_AGE_MS == 30 * 86_400_000
    assert tdx.require_sept_ve_disable
    assert tdx.mr_service_td == {"00" * 48}
    assert TD_ATTRIBUTES == 0x8000_0000_D000_0000
    assert TD_ATTRIBUTES & SEPT_VE_DISABLE
    assert XFAM == 0x6DBE7
    assert not sgx.allow_exception_info
