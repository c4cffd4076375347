"""Settings of every platform at their edges: what is just accepted, and what masks are made of."""

import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opengradient.core.snp_tcb import TcbVersion
from opengradient.errors import ConfigurationError
from opengradient.verify.platforms import aci, sgx, tdx
from opengradient.verify.platforms.maa import MaaPolicy
from opengradient.verify.platforms.nvidia import MAX_INDEX, NvidiaPolicy
from opengradient.verify.platforms.sgx import SgxPolicy
from opengradient.verify.platforms.snp import SnpPolicy, SnpTcbMinimum
from opengradient.verify.platforms.tdx import TdxPolicy
from opengradient.verify.token_keys import TokenKey
from tests.vectors.evidence.token_forge import EC_KEY, ES_PIN, RS_PIN


def test_masks_are_those_of_the_vendors():
    """The bits as Intel numbers them; a policy file shows the numbers."""
    assert (sgx.INIT, sgx.DEBUG, sgx.MODE64BIT, sgx.KSS) == (0x01, 0x02, 0x04, 0x80)
    assert (sgx.FLAGS, sgx.XFRM) == (0x85, 0x602E7)
    assert (tdx.SEPT_VE_DISABLE, tdx.PKS) == (0x1000_0000, 0x4000_0000)
    assert (tdx.KEY_LOCKER, tdx.PERFMON) == (0x8000_0000, 0x8000_0000_0000_0000)
    assert (tdx.TD_ATTRIBUTES, tdx.XFAM) == (0x8000_0000_D000_0000, 0x6DBE7)
    assert (SgxPolicy().allowed_flags, SgxPolicy().allowed_xfrm) == (0x85, 0x602E7)
    assert (TdxPolicy().allowed_attributes, TdxPolicy().allowed_xfam) == (
        0x8000_0000_D000_0000,
        0x6DBE7,
    )


def test_a_keyset_may_live_for_three_years():
    assert aci.KEYSET_LIFETIME_MS == 94_867_200_000
    assert aci.AciPolicy().to_json()["max_keyset_lifetime_ms"] == 94_867_200_000


EDGES = [
    TdxPolicy(allowed_attributes=0, allowed_xfam=0, max_collateral_age_ms=0),
    TdxPolicy(allowed_attributes=(1 << 64) - 1, allowed_xfam=(1 << 64) - 1),
    SgxPolicy(allowed_flags=0, allowed_xfrm=0, min_isv_svn=0, isv_prod_ids=frozenset({0, 65535})),
    SgxPolicy(allowed_flags=(1 << 64) - 1, allowed_xfrm=(1 << 64) - 1, min_isv_svn=65535),
    MaaPolicy(vmpl=0),
    MaaPolicy(vmpl=3),
    NvidiaPolicy(measurements=((1, frozenset({"ab" * 48})), (MAX_INDEX, frozenset({"cd" * 48})))),
    NvidiaPolicy(required=True),
    SnpPolicy(max_crl_age_ms=0, min_guest_svn=0),
]


@pytest.mark.parametrize("settings", EDGES)
def test_edges_are_accepted_and_written(settings):
    assert type(settings).from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        (EDGES[0], {"allowed_attributes": 1 << 64}),
        (EDGES[0], {"allowed_xfam": -1}),
        (EDGES[0], {"max_collateral_age_ms": -1}),
        (EDGES[2], {"allowed_flags": 1 << 64}),
        (EDGES[2], {"allowed_xfrm": -1}),
        (EDGES[2], {"min_isv_svn": 65536}),
        (EDGES[4], {"vmpl": -1}),
        (EDGES[4], {"vmpl": 4}),
        (EDGES[6], {"measurements": ((0, frozenset({"ab" * 48})),)}),
        (EDGES[6], {"measurements": ((MAX_INDEX + 1, frozenset({"ab" * 48})),)}),
        (EDGES[8], {"max_crl_age_ms": -1}),
        (EDGES[8], {"min_guest_svn": -1}),
    ],
)
def test_one_step_further_is_refused(settings, change):
    with pytest.raises(ConfigurationError) as caught:
        dataclasses.replace(settings, **change)
    assert caught.value.code == "policy.malformed"


def minimum(level):
    tcb = TcbVersion(bootloader=level, tee=0, snp=0, microcode=0)
    return SnpTcbMinimum(product="Genoa", reported=tcb, committed=tcb, launch=tcb)


def test_two_minimums_are_for_two_product_lines():
    other = dataclasses.replace(minimum(1), product="Turin")
    both = SnpPolicy(minimums=(minimum(0), other))
    assert (both.minimum("Genoa"), both.minimum("Turin")) == (minimum(0), other)
    assert both.minimum("Milan") is None


def test_levels_of_firmware():
    assert minimum(0).reported.bootloader == 0
    assert minimum(255).reported.bootloader == 255


def point(key: ec.EllipticCurvePublicKey, form: PublicFormat) -> bytes:
    return key.public_bytes(Encoding.X962, form)


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_keys_of_another_kind_or_spelling_are_no_pins(algorithm):
    foreign = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    spki = foreign.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ConfigurationError) as caught:
        TokenKey(kid="k", algorithm=algorithm, public_key=spki)
    assert caught.value.code == "policy.malformed"


def test_a_compressed_point_is_a_second_spelling():
    key = EC_KEY.public_key()
    whole, short = (
        point(key, form) for form in (PublicFormat.UncompressedPoint, PublicFormat.CompressedPoint)
    )
    named = ES_PIN.public_key[2 : -len(whole) - 3]  # the algorithm, without lengths and bits
    bits = b"\x03" + bytes([len(short) + 1]) + b"\x00" + short
    body = named + bits
    respelled = b"\x30" + bytes([len(body)]) + body
    with pytest.raises(ConfigurationError) as caught:
        dataclasses.replace(ES_PIN, public_key=respelled)
    assert "second way" in caught.value.message
    assert RS_PIN.algorithm == "RS256"
