"""SEV-SNP with our own roots: the result, its claims, the settings, the parsers' manners."""

import base64
import contextlib
import dataclasses
import json
import shutil
import subprocess
from functools import cache
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SNP, Evidence, VerifiedEvidence
from opengradient.core.keyset import Keyset
from opengradient.core.snp_kds import kds_chain_path, kds_crl_path, kds_path, product_candidates
from opengradient.core.snp_report import REPORT_BYTES, parse_report
from opengradient.core.snp_tcb import TcbVersion, decode_tcb, product_of_cpuid
from opengradient.errors import (
    CODES,
    AttestationError,
    CertificateChainError,
    ConfigurationError,
    MalformedError,
    VerificationError,
)
from opengradient.verify._tbs import (
    common_names,
    read_certificate,
    read_revocation_list,
    unsigned,
)
from opengradient.verify.attestation import VERIFIERS, inspect_snp, verify_evidence
from opengradient.verify.platforms import PLATFORMS
from opengradient.verify.platforms.snp import SnpPolicy, SnpTcbMinimum
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.trust import amd_ark
from opengradient.verify.verdict import Status
from tests.vectors.evidence import snp as generator
from tests.vectors.evidence.snp_book import KEYSET, NONCE
from tests.vectors.evidence.snp_forge import CHIP, DAY, NOW, der, integer

TCB = TcbVersion(fmc=1, bootloader=2, tee=3, snp=4, microcode=5)
FULL = SnpPolicy(
    signers=frozenset({"vcek", "vlek"}),
    minimums=(SnpTcbMinimum(product="Turin", reported=TCB, committed=TCB, launch=TCB),),
    vmpls=frozenset({0, 2}),
    allow_smt=False,
    allow_migrate_ma=True,
    allow_cxl=True,
    require_single_socket=True,
    required_guest=frozenset({"ciphertext_hiding"}),
    required_platform=frozenset({"ecc"}),
    forbidden_platform=frozenset({"tio"}),
    allow_unknown_platform=True,
    min_abi=(1, 55),
    min_guest_svn=3,
    required_mitigations=5,
    require_chip_id=True,
    chips=frozenset({"ab" * 64, "cd" * 8}),
    csp_ids=frozenset({"cloud"}),
    require_crl=False,
    max_crl_age_ms=7,
)


@cache
def file() -> dict:
    return json.loads(generator.FILE.read_text())


def blob(name: str) -> bytes:
    return base64.b64decode(file()["blobs"][name])


def case(name: str) -> tuple[Evidence, TrustPolicy, dict]:
    vector = next(v for v in file()["vectors"] if v["name"] == name)
    collateral = {item: blob(n) for item, n in vector["collateral"].items()}
    runtime = vector["runtime_data"]
    evidence = Evidence(
        kind=SNP,
        document=blob(vector["document"]),
        runtime_data=blob(runtime) if runtime else b"",
        collateral=Collateral.of(collateral),
    )
    return evidence, TrustPolicy.from_json(file()["policies"][vector["policy"]]), vector


def verified(name: str) -> VerifiedEvidence:
    evidence, policy, vector = case(name)
    nonce = None if vector["nonce"] is None else bytes.fromhex(vector["nonce"])
    return verify_evidence(evidence, policy=policy, now_ms=vector["now_ms"], nonce=nonce)


@pytest.mark.slow
def test_the_file_is_what_the_generator_makes():
    assert generator.FILE.read_text() == generator.render()


def test_every_code_has_a_vector():
    failed = {vector["expect"] for vector in file()["vectors"]}
    ours = {code for code in CODES if code.startswith("snp.")}
    assert ours - failed == {"snp.kds"}  # raised for the fetcher, below


def test_the_result():
    found = verified("sound Genoa v3 vcek")
    assert found.kind == SNP
    assert found.product == "Genoa"
    assert found.root == "test ARK Genoa"
    assert found.keyset == KEYSET
    assert found.nonce == NONCE
    assert found.nonce_checked
    assert found.issued_at_ms is None
    assert found.report_data is not None
    assert found.report_data[:32] == KEYSET.digest()
    assert found.module_id == f"chip {CHIP.hex()}"
    assert set(found.measurements) == {
        "MEASUREMENT",
        "HOST_DATA",
        "ID_KEY_DIGEST",
        "AUTHOR_KEY_DIGEST",
        "FAMILY_ID",
        "IMAGE_ID",
        "REPORT_ID",
    }
    assert isinstance(found.measurements, MappingProxyType)
    # the list begins after and ends before every certificate: only its end is a bound
    assert (found.valid_from_ms, found.valid_until_ms) == (NOW - 1000 * DAY, NOW + 20 * DAY)


def test_the_window_ends_when_the_list_is_too_old_for_the_policy():
    found = verified("list as old as it may be")
    assert found.valid_until_ms == NOW
    found = verified("no list where none is asked")
    assert found.valid_until_ms == NOW + 1000 * DAY


def test_claims():
    claims = {claim.name: claim for claim in verified("sound Genoa v3 vcek").claims}
    assert claims["platform.product"].detail == "Genoa-B1"
    assert claims["platform.tcb"].status == Status.ASSERTED
    assert claims["platform.tcb"].source == "compared with no minimum"
    assert "one chip" in claims["platform.key"].detail
    assert claims["platform.host"].detail == "alias_check_complete, ecc, smt"
    assert claims["platform.revocation"].detail == "10 days old"
    assert claims["guest.policy"].detail == "smt"
    assert claims["guest.vmpl"].detail == "0"
    assert claims["guest.migration"].detail == "no agent"
    bound = {c.name: c for c in verified("reported levels at the minimum").claims}
    assert bound["platform.tcb"].status == Status.PROVEN
    assert bound["platform.tcb"].source == "at least the policy's minimum"
    vlek = {c.name: c for c in verified("sound Genoa v3 vlek").claims}
    assert "cloud.test" in vlek["platform.key"].detail
    bare = {c.name: c for c in verified("no list where none is asked").claims}
    assert bare["platform.revocation"].status == Status.ABSENT
    moved = {c.name: c for c in verified("migration agent, allowed").claims}
    assert moved["guest.migration"].detail != "no agent"


def test_names_of_chips():
    assert verified("sound Turin v5 vcek").module_id == f"chip {CHIP[:8].hex()}"
    assert verified("hidden chip under a VCEK").module_id == f"chip {CHIP.hex()}"
    assert verified("hidden chip under a VLEK").module_id == "a chip of cloud.test"


def test_debug_shows():
    assert verified("debug guest, allowed").debug
    assert not verified("sound Genoa v3 vcek").debug


def test_foreign_reports_bind_nothing():
    found = verified("foreign report")
    assert found.keyset is None
    assert found.nonce is None
    assert not found.nonce_checked


def test_a_nonce_that_nobody_could_answer():
    evidence, policy, _ = case("sound Genoa v3 vcek")
    for nonce in (b"", bytes(513)):
        with pytest.raises(ConfigurationError):
            verify_evidence(evidence, policy=policy, now_ms=NOW, nonce=nonce)


def test_settings_as_a_file():
    for given_ in (SnpPolicy(), FULL):
        assert SnpPolicy.from_json(json.loads(json.dumps(given_.to_json()))) == given_
    policy = TrustPolicy(roots=(), measurements=frozenset(), platforms=(FULL,))
    assert TrustPolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
    assert PLATFORMS[SNP] is SnpPolicy
    assert SNP in VERIFIERS


def test_the_defaults_are_the_strict_ones():
    strict = SnpPolicy()
    assert strict.signers == {"vcek"}
    assert strict.vmpls == {0}
    assert strict.require_crl
    assert not strict.allow_migrate_ma
    assert not strict.allow_cxl
    assert not strict.allow_unknown_platform


@pytest.mark.parametrize("name", sorted(SnpPolicy().to_json()))
def test_settings_need_every_field_with_its_type(name):
    raw = FULL.to_json()
    for wrong in ({**raw, name: object()}, {k: v for k, v in raw.items() if k != name}):
        with pytest.raises(MalformedError):
            SnpPolicy.from_json(wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"min_abi": [1]},
        {"min_abi": [1, 2, 3]},
        {"min_abi": [True, 1]},
        {"vmpls": ["0"]},
        {"minimums": [{}]},
    ],
)
def test_settings_are_read_strictly(change):
    with pytest.raises(MalformedError):
        SnpPolicy.from_json({**FULL.to_json(), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"signers": frozenset({"none"})},
        {"vmpls": frozenset({4})},
        {"required_guest": frozenset({"debug"})},
        {"required_platform": frozenset({"ECC"})},
        {"forbidden_platform": frozenset({"x"})},
        {"chips": frozenset({"AB" * 64})},
        {"chips": frozenset({"ab"})},
        {"min_abi": (-1, 0)},
        {"min_guest_svn": -1},
        {"required_mitigations": -1},
        {"max_crl_age_ms": -1},
        {"minimums": FULL.minimums * 2},
    ],
)
def test_settings_that_could_never_match_are_refused(change):
    with pytest.raises(ConfigurationError):
        dataclasses.replace(FULL, **change)


@pytest.mark.parametrize(
    "change",
    [{"product": "Venice"}, {"reported": dataclasses.replace(TCB, snp=256)}],
)
def test_minimums_that_could_never_match_are_refused(change):
    with pytest.raises(ConfigurationError):
        dataclasses.replace(FULL.minimums[0], **change)


def test_roots_are_named_by_product():
    assert amd_ark("Genoa").kind == SNP
    with pytest.raises(ConfigurationError):
        amd_ark("Venice")


def test_turin_orders_its_levels_otherwise():
    raw = bytes((1, 2, 3, 4, 0, 0, 0, 5))
    assert decode_tcb(raw, "Turin") == TCB
    raw = bytes((2, 3, 0, 0, 0, 0, 4, 5))
    assert decode_tcb(raw, "Milan") == dataclasses.replace(TCB, fmc=0)
    assert str(TCB) == "bootloader=2 tee=3 snp=4 microcode=5 fmc=1"


def test_levels_are_no_number():
    higher = dataclasses.replace(TCB, microcode=200, bootloader=1)
    assert not higher.covers(TCB)
    assert TCB.covers(TCB)


@pytest.mark.parametrize(
    ("family", "model", "line"),
    [
        (0x19, 0x00, "Milan"),
        (0x19, 0x0F, "Milan"),
        (0x19, 0x10, "Genoa"),
        (0x19, 0x1F, "Genoa"),
        (0x19, 0x20, None),
        (0x19, 0x9F, None),
        (0x19, 0xA0, "Genoa"),
        (0x19, 0xAF, "Genoa"),
        (0x19, 0xB0, None),
        (0x1A, 0x00, "Turin"),
        (0x1A, 0x11, "Turin"),
        (0x1A, 0x12, None),
        (0x17, 0x01, None),
    ],
)
def test_lines_by_cpuid(family, model, line):
    assert product_of_cpuid(family, model) == line


def test_inspection_of_a_report_with_everything():
    said = inspect_snp(blob("sound Turin v5 vcek: report"))
    assert said["cpuid"] == "1a-02-01"
    assert said["launch_mitigations"] == said["current_mitigations"] == 5
    assert said["author_key"] is True
    assert said["chip_id"] == parse_report(blob("sound Turin v5 vcek: report")).chip_id.hex()
    assert said["guest_min_abi"] == [1, 51]
    assert said["platform_unknown"] == "0x0"
    assert said["debug"] is False
    assert inspect_snp(blob("debug guest: report"))["debug"] is True
    assert inspect_snp(blob("migration agent: report"))["migration_agent"] is True
    assert inspect_snp(blob("hidden chip under a VCEK: report"))["chip_id"] is None
    json.dumps(said)


def test_paths_at_amds_service():
    turin = blob("sound Turin v5 vcek: report")
    assert product_candidates(turin) == ("Turin",)
    assert kds_path(turin, "Turin") == (
        f"/vcek/v1/Turin/{CHIP[:8].hex()}?fmcSPL=03&blSPL=02&teeSPL=01&snpSPL=04&ucodeSPL=77"
    )
    assert product_candidates(blob("sound Turin v2 vcek: report")) == ("Turin",)
    assert product_candidates(blob("CPUID of no line: report")) == ()
    hidden = bytearray(blob("sound Genoa v2 vcek: report"))
    hidden[0x1A0:0x1E0] = bytes(64)
    assert product_candidates(bytes(hidden)) == ("Milan", "Genoa", "Turin")
    for name in ("sound Genoa v3 vlek", "hidden chip under a VCEK"):
        with pytest.raises(AttestationError) as caught:
            kds_path(blob(f"{name}: report"), "Genoa")
        assert caught.value.code == "snp.kds"
    for call in (
        lambda: kds_path(turin, "../x"),
        lambda: kds_chain_path("../x", "vcek"),
        lambda: kds_crl_path("../x", "vcek"),
    ):
        with pytest.raises(ConfigurationError):
            call()


@pytest.mark.parametrize("name", ["sound Milan v3 vcek", "sound Turin v5 vlek"])
def test_openssl_agrees_with_our_forge(name, tmp_path):
    """Chain and list of the generator, by OpenSSL's command line: the forge errs not alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is not here")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [openssl, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    evidence, policy, _ = case(name)
    items = {**dict(evidence.collateral.items), "ark": policy.roots[0].certificate}
    for item, data in items.items():
        what = "X509 CRL" if item == "crl" else "CERTIFICATE"
        body = base64.encodebytes(data).decode()
        (tmp_path / item).write_text(f"-----BEGIN {what}-----\n{body}-----END {what}-----\n")
    leaf, issuer = ("vlek", "asvk") if "vlek" in items else ("vcek", "ask")
    moment = ("-attime", str(NOW // 1000))
    assert "OK" in run("verify", *moment, "-CAfile", "ark", "-untrusted", issuer, leaf)
    assert "verify OK" in run("crl", "-in", "crl", "-CAfile", "ark", "-noout")


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_short_bytes_are_refused_as_a_report(data):
    with pytest.raises(MalformedError):
        parse_report(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_report_sized_bytes_give_a_report_or_one_error(data):
    document = bytearray(blob("sound Genoa v3 vcek: report"))
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, REPORT_BYTES - 1))
        document[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedError):
        parse_report(bytes(document))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_damage_to_certificates_gives_one_family_of_errors(data):
    """Insertions, deletions and changes at random places of leaf, issuer and list."""
    evidence, policy, _ = case("sound Genoa v3 vcek")
    items = dict(evidence.collateral.items)
    name = data.draw(st.sampled_from(sorted(items)))
    sound = items[name]
    start = data.draw(st.integers(0, len(sound) - 1))
    end = data.draw(st.integers(start, min(len(sound), start + 4)))
    items[name] = sound[:start] + data.draw(st.binary(max_size=4)) + sound[end:]
    if items[name] == sound:
        return
    damaged = dataclasses.replace(evidence, collateral=Collateral.of(items))
    with pytest.raises(VerificationError):
        verify_evidence(damaged, policy=policy, now_ms=NOW, nonce=NONCE)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_certificate_and_list(data):
    for read in (read_certificate, read_revocation_list, unsigned, common_names):
        with contextlib.suppress(CertificateChainError):
            read(data)


@pytest.mark.parametrize(
    "name",
    [
        b"",
        der(0x30, der(0x31, der(0x30, der(0x06, bytes.fromhex("550403"))))),
        der(0x30, der(0x31, der(0x30, der(0x06, bytes.fromhex("550403")), der(0x0C, b"a\n")))),
        der(0x30, der(0x31, der(0x30, der(0x06, bytes.fromhex("550403")), der(0x0C, b"\xc3\xa9")))),
    ],
)
def test_odd_names_are_refused(name):
    with pytest.raises(CertificateChainError):
        common_names(name)


@pytest.mark.parametrize("number", [0, 1, 0x7F, 0x80, 0xFF, 0x0100, 0x0123, 0x7FFF, 0x8000])
def test_numbers(number):
    assert unsigned(integer(number)) == number


def test_the_keyset_in_the_vectors_is_one():
    assert Keyset.parse(blob("keyset")) == KEYSET
