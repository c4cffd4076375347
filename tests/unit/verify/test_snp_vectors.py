"""Genuine SEV-SNP reports: right at the edges of their windows, and never after any damage.

No genuine revocation list is at hand, so these policies ask for none; the vectors of our own
generator require one.
"""

import base64
import calendar
import dataclasses
import shutil
import subprocess
import time
import tracemalloc
from functools import cache

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.evidence import SNP, Evidence
from opengradient.core.snp_kds import kds_chain_path, kds_crl_path, kds_path, product_candidates
from opengradient.core.snp_report import SIGNED_BYTES, VCEK, parse_report
from opengradient.errors import CertificateChainError, VerificationError
from opengradient.verify._roots.amd import AMD_ARK_SHA256
from opengradient.verify._tbs import read_certificate
from opengradient.verify.attestation import inspect_snp, verify_evidence
from opengradient.verify.attestation._snp_certificates import PSS_ALGORITHMS, read_amd_certificate
from opengradient.verify.attestation._snp_chain import verify_amd_chain
from opengradient.verify.platforms.snp import SnpPolicy
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.trust import amd_ark
from tests.support import vectors

POLICY = TrustPolicy(
    roots=(amd_ark("Milan"), amd_ark("Genoa"), amd_ark("Turin")),
    measurements=UnsafeAnyMeasurement(),
    platforms=(SnpPolicy(require_crl=False),),
)
P384_ORDER = int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)


def ms(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) * 1000


START, END = ms("2023-04-03T19:23:43"), ms("2030-04-03T19:23:43")
ISSUER = ms("2020-10-22T18:24:20")
"""When the ASK begins: the key of a chip is older than its certificate."""


@cache
def read(name: str) -> bytes:
    data = (vectors("snp") / name).read_bytes()
    return bytes.fromhex(data.decode()) if name.endswith(".hex") else data


@cache
def pem(name: str, index: int) -> bytes:
    blocks = read(name).decode().split("-----BEGIN CERTIFICATE-----")[1:]
    return base64.b64decode("".join(blocks[index].split("-----END")[0].split()), validate=True)


def milan(**change: bytes) -> Evidence:
    """The genuine report with its certificates, some of them changed."""
    parts = {
        "report": read("report_milan.hex"),
        "vcek": read("vcek_milan.der"),
        "ask": pem("cert_chain_milan", 0),
        **change,
    }
    collateral = Collateral.of({name: parts[name] for name in ("vcek", "ask")})
    return Evidence(kind=SNP, document=parts["report"], collateral=collateral)


def refused(evidence: Evidence, *, now_ms: int = START, policy: TrustPolicy = POLICY) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_evidence(evidence, policy=policy, now_ms=now_ms)
    return caught.value.code


def test_valid_inside_its_window_only():
    for now_ms in (START, START + 1000, END - 1000, END):
        verified = verify_evidence(milan(), policy=POLICY, now_ms=now_ms)
        assert verified.measurements["MEASUREMENT"].startswith("7a1e5c266c0108db")
        assert (verified.valid_from_ms, verified.valid_until_ms) == (ISSUER, END)
        assert verified.product == "Milan"
        assert verified.root == "AMD ARK Milan"
        assert verified.keyset is None
        assert verified.issued_at_ms is None
        assert not verified.debug
        assert not verified.simulated
    for outside in (START - 1000, START - 1):
        assert refused(milan(), now_ms=outside) == "x509.not_yet_valid"
    for outside in (END + 1, END + 1000):
        assert refused(milan(), now_ms=outside) == "x509.expired"


def test_the_default_settings_want_a_revocation_list():
    strict = dataclasses.replace(POLICY, platforms=())
    assert refused(milan(), policy=strict) == "snp.crl.missing"


def test_a_policy_must_name_milan():
    others = dataclasses.replace(POLICY, roots=(amd_ark("Genoa"), amd_ark("Turin")))
    assert refused(milan(), policy=others) == "x509.root"
    hardware = dataclasses.replace(TrustPolicy.hardware(frozenset()), platforms=POLICY.platforms)
    assert refused(milan(), policy=hardware) in {"policy.no_trust", "x509.root"}
    excluded = dataclasses.replace(POLICY, revoked_products=frozenset({"amd-sev-snp/Milan"}))
    assert refused(milan(), policy=excluded) == "attestation.revoked_product"


def test_the_debug_report_is_genuine_and_refused():
    evidence = Evidence(
        kind=SNP,
        document=read("go_sev_guest_debug_report.bin"),
        collateral=Collateral.of(
            {"vcek": read("go_sev_guest_vcek.pem"), "ask": pem("ask_ark_milan.pem", 0)}
        ),
    )
    assert parse_report(evidence.document).policy.value == 0xB0000
    assert refused(evidence) == "snp.debug"
    allowing = dataclasses.replace(POLICY, allow_debug=True)
    assert verify_evidence(evidence, policy=allowing, now_ms=START).debug


def test_the_invalid_legacy_vcek_is_signed_by_nobody():
    leaf = read_amd_certificate(read("test-vcek-invalid-legacy.der"))
    issuer = read_amd_certificate(pem("ask_ark_milan.pem", 0))
    with pytest.raises(CertificateChainError) as caught:
        verify_amd_chain(leaf, issuer, signer=VCEK, policy=POLICY, now_ms=START)
    assert caught.value.code == "x509.signature"
    code = refused(milan(vcek=read("test-vcek-invalid-legacy.der")))
    assert code == "snp.signature.mismatch"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["report", "vcek", "ask"])
def test_no_flipped_byte_is_accepted(part):
    """No survivors: each byte is signed, reserved, or part of a signature.

    The one twin that is accepted is no flip: r and order - s, see the next test but one.
    """
    sound = {
        "report": read("report_milan.hex"),
        "vcek": read("vcek_milan.der"),
        "ask": pem("cert_chain_milan", 0),
    }[part]
    for position in range(len(sound)):
        for mask in (0x01, 0x80):
            damaged = bytearray(sound)
            damaged[position] ^= mask
            refused(milan(**{part: bytes(damaged)}))


@pytest.mark.parametrize("part", ["report", "vcek", "ask"])
def test_nothing_cut_or_appended_is_accepted(part):
    sound = {
        "report": read("report_milan.hex"),
        "vcek": read("vcek_milan.der"),
        "ask": pem("cert_chain_milan", 0),
    }[part]
    for size in range(1, len(sound)):
        refused(milan(**{part: sound[:size]}))
    for tail in (b"\0", b"\xff", sound):
        refused(milan(**{part: sound + tail}))


def test_the_high_s_twin_is_the_same_statement():
    """A survivor: ECDSA is malleable, and genuine reports come with either s."""
    report = read("report_milan.hex")
    first = verify_evidence(milan(), policy=POLICY, now_ms=START)
    s = int.from_bytes(report[SIGNED_BYTES + 72 : SIGNED_BYTES + 144], "little")
    twin = report[: SIGNED_BYTES + 72] + (P384_ORDER - s).to_bytes(72, "little")
    second = verify_evidence(
        milan(report=twin + report[SIGNED_BYTES + 144 :]), policy=POLICY, now_ms=START
    )
    assert first.statement_digest == second.statement_digest
    assert first.evidence_digest != second.evidence_digest


def test_certificates_of_other_lines_do_not_fit():
    for chain in ("ask_ark_genoa.pem", "ask_ark_turin_vcek.pem"):
        assert refused(milan(ask=pem(chain, 0))) == "x509.name_chain"
    assert refused(milan(ask=pem("ask_ark_milan.pem", 1))) == "x509.name_chain"
    assert refused(milan(vcek=pem("ask_ark_milan.pem", 0))) == "x509.key"


@pytest.mark.parametrize(
    ("product", "chain"),
    [
        ("Milan", "ask_ark_milan.pem"),
        ("Genoa", "ask_ark_genoa.pem"),
        ("Turin", "ask_ark_turin_vcek.pem"),
    ],
)
def test_embedded_roots_are_amds(product, chain):
    root = amd_ark(product)
    assert root.fingerprint == AMD_ARK_SHA256[product]
    assert root.certificate == pem(chain, 1)
    fields = read_certificate(root.certificate)
    assert fields.signed.issuer == fields.subject
    assert fields.signed.outer_algorithm in PSS_ALGORITHMS
    assert read_certificate(pem(chain, 0)).signed.issuer == fields.subject


def test_what_the_fetcher_asks_amd_for():
    report = read("report_milan.hex")
    assert product_candidates(report) == ("Milan", "Genoa")
    chip = parse_report(report).chip_id.hex()
    assert kds_path(report, "Milan") == (
        f"/vcek/v1/Milan/{chip}?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115"
    )
    assert kds_chain_path("Milan", "vcek") == "/vcek/v1/Milan/cert_chain"
    assert kds_crl_path("Genoa", "vlek") == "/vlek/v1/Genoa/crl"


def test_inspection_says_what_the_report_says():
    said = inspect_snp(read("report_milan.hex"))
    verified = verify_evidence(milan(), policy=POLICY, now_ms=START)
    assert said["verified"] is False
    assert said["measurement"] == verified.measurement
    assert said["registers"] == dict(verified.measurements)
    assert (said["version"], said["signer"], said["debug"], said["vmpl"]) == (2, "vcek", False, 0)
    assert said["guest_policy"] == ["smt"]
    assert said["platform"] == ["smt"]
    assert said["cpuid"] is None
    assert said["current_version"] == [1, 52, 4]


def test_a_verification_is_small():
    evidence = milan()
    verify_evidence(evidence, policy=POLICY, now_ms=START)
    tracemalloc.start()
    verify_evidence(evidence, policy=POLICY, now_ms=START)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


def test_openssl_agrees(tmp_path):
    """The same chain and signature by another implementation: OpenSSL's command line."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is not here")
    report = parse_report(read("report_milan.hex"))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [openssl, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(name: str, der: bytes) -> str:
        body = base64.encodebytes(der).decode()
        text = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
        (tmp_path / name).write_text(text)
        return name

    vcek = write("vcek", read("vcek_milan.der"))
    ask = write("ask", pem("cert_chain_milan", 0))
    ark = write("ark", amd_ark("Milan").certificate)
    moment = ["-attime", str(START // 1000)]
    assert "OK" in run("verify", *moment, "-CAfile", ark, "-untrusted", ask, vcek)
    (tmp_path / "key").write_text(run("x509", "-in", vcek, "-pubkey", "-noout"))
    halves = b"".join(
        b"\x02\x31\x00" + value.to_bytes(48) if value >> 383 else b"\x02\x30" + value.to_bytes(48)
        for value in (report.r, report.s)
    )
    (tmp_path / "signature").write_bytes(bytes((0x30, len(halves))) + halves)
    (tmp_path / "signed").write_bytes(report.signed)
    arguments = ("dgst", "-sha384", "-verify", "key", "-signature", "signature", "signed")
    assert "Verified OK" in run(*arguments)
