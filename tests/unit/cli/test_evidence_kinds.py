"""`opengradient evidence` on genuine documents of every kind, with what belongs beside them."""

import base64
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.from_thread
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.cli.evidence_files import (
    collateral_json,
    detect_kind,
    read_collateral,
    read_evidence,
)
from opengradient.core.canonical import canonical_json
from opengradient.core.collateral import Collateral
from opengradient.core.evidence import GCP, MAA, NITRO, NVIDIA, SGX, SNP, SOFTWARE, TDX, Evidence
from opengradient.core.snp_kds import kds_path
from opengradient.errors import ConfigurationError, MalformedError, UnsupportedError
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.trust import amd_ark, intel_sgx_root
from opengradient.wire.settlement import encode_evidence
from tests import receipt_factory as factory
from tests.net.vendor_services import Answer, certificate, crl, pem, vendor_services
from tests.support import vectors
from tests.unit.cli.commands import run, run_json

TDX_AT = "2025-06-20T12:00:00Z"
SNP_AT = "2026-01-01T00:00:00Z"


def tdx(name: str = "tdx_quote") -> Path:
    return vectors("tdx") / name


def snp(name: str = "report_milan.hex") -> Path:
    return vectors("snp") / name


def verify(path: Path, *more: object) -> tuple[int, Any]:
    return run_json("evidence", "verify", path, *more)


def offline(path: Path, *more: object) -> tuple[int, Any]:
    """In a process of its own: --offline holds until the process ends."""
    command = [sys.executable, "-m", "opengradient", "evidence", "verify", path, *more]
    done = subprocess.run(
        [str(word) for word in (*command, "--offline", "--json")],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def statuses(report: Any) -> dict[str, str]:
    return {claim["name"]: claim["status"] for claim in report["claims"]}


def with_tdx_collateral(tee: str = "tdx") -> tuple[object, ...]:
    return ("--collateral", tdx(f"{tee}_quote_collateral.json"), "--at", TDX_AT)


MILAN = ("--at", SNP_AT, "--root", "amd-milan")


def beside() -> tuple[object, ...]:
    return ("--collateral", snp("vcek_milan.der"), "--chain", snp("cert_chain_milan"))


def test_tdx() -> None:
    status, report = verify(tdx(), *with_tdx_collateral())
    assert (status, report["kind"], report["kind_detected"]) == (0, TDX, True)
    assert statuses(report)["platform_firmware"] == "proven"
    assert set(report["collateral"]) >= {"tcb_info", "qe_identity", "pck_crl", "root_ca_crl"}
    assert offline(tdx(), *with_tdx_collateral()) == (status, report)
    status, report = verify(tdx(), "--kind", "tdx", *with_tdx_collateral())
    assert (status, report["kind_detected"]) == (0, False)
    measured = ("--measurement", report["measurement"])
    assert statuses(verify(tdx(), *with_tdx_collateral(), *measured)[1])["code"] == "proven"
    other = ("--measurement", "0x" + "00" * 32)
    status, report = verify(tdx(), *with_tdx_collateral(), *other)
    assert (status, report["code"]) == (10, "attestation.measurement")


def test_sgx_by_its_firmware() -> None:
    path = tdx("sgx_quote")
    status, report = verify(path, *with_tdx_collateral("sgx"))
    assert (status, report["code"]) == (10, "dcap.tcb.status")
    accepted = ("--accept-status", "ConfigurationAndSWHardeningNeeded")
    status, report = verify(path, *with_tdx_collateral("sgx"), *accepted)
    assert (status, report["code"]) == (10, "dcap.tcb.advisory")
    advisories = ("--accept-advisory", "INTEL-SA-00289", "--accept-advisory", "INTEL-SA-00615")
    status, report = verify(path, *with_tdx_collateral("sgx"), *accepted, *advisories)
    assert (status, report["kind"]) == (0, SGX)


def test_snp_milan_must_be_named() -> None:
    status, report = verify(snp(), *beside(), "--at", SNP_AT)
    assert (status, report["code"]) == (10, "x509.root")
    shown = run("evidence", "verify", snp(), *beside(), "--at", SNP_AT).stdout
    assert "--root amd-milan" in shown
    status, report = verify(snp(), *beside(), *MILAN)
    assert (status, report["code"]) == (10, "snp.crl.missing")
    status, report = verify(snp(), *beside(), *MILAN, "--unsafe-without-crl")
    assert (status, report["kind"], report["product"]) == (0, SNP, "Milan")
    assert set(report["collateral"]) == {"vcek", "ask"}
    by_file = ("--root", snp("cert_chain_milan"), "--at", SNP_AT)
    assert verify(snp(), *beside(), *by_file, "--unsafe-without-crl")[0] == 0


def test_snp_debug_guest() -> None:
    chain = ("--collateral", snp("go_sev_guest_vcek.pem"), "--chain", snp("ask_ark_milan.pem"))
    path = snp("go_sev_guest_debug_report.bin")
    status, report = verify(path, *chain, *MILAN, "--unsafe-without-crl")
    assert (status, report["code"]) == (10, "snp.debug")
    status, report = verify(path, *chain, *MILAN, "--unsafe-without-crl", "--allow-debug")
    assert (status, report["debug"]) == (0, True)


def test_snp_forged_certificate() -> None:
    chain = (
        "--collateral",
        snp("test-vcek-invalid-legacy.der"),
        "--chain",
        snp("cert_chain_milan"),
    )
    status, report = verify(snp(), *chain, *MILAN, "--unsafe-without-crl")
    assert status == 10, report


def test_a_policy_file_says_it_all(tmp_path: Path) -> None:
    measurement = verify(tdx(), *with_tdx_collateral())[1]["measurement"]
    path = tmp_path / "policy.json"
    good = TrustPolicy(roots=(intel_sgx_root(),), measurements=frozenset({measurement}))
    path.write_bytes(canonical_json(good.to_json()))
    status, report = verify(tdx(), *with_tdx_collateral(), "--policy", path)
    assert (status, statuses(report)["code"]) == (0, "proven")
    other = TrustPolicy(roots=(amd_ark("Genoa"),), measurements=frozenset({measurement}))
    path.write_bytes(canonical_json(other.to_json()))
    status, report = verify(tdx(), *with_tdx_collateral(), "--policy", path)
    assert (status, report["code"]) == (10, "policy.no_trust")
    for more in (
        ("--root", "intel-sgx"),
        ("--allow-debug",),
        ("--max-age", 5),
        ("--measurement", measurement),
        ("--accept-status", "OutOfDate"),
        ("--unsafe-without-crl",),
        ("--unsafe-any-measurement",),
    ):
        assert run("evidence", "verify", tdx(), "--policy", path, *more).exit_code == 2


def test_evidence_as_a_node_shows_it_carries_its_collateral(tmp_path: Path) -> None:
    collateral = read_collateral([tdx("tdx_quote_collateral.json")], TDX)
    evidence = Evidence(kind=TDX, document=tdx().read_bytes(), collateral=collateral)
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(encode_evidence(evidence)))
    assert verify(path, "--at", TDX_AT)[0] == 0
    assert read_evidence(path.read_bytes(), None) == (evidence, False)
    bare = Evidence(kind=TDX, document=tdx().read_bytes())
    path.write_text(json.dumps(encode_evidence(bare)))
    status, report = offline(path, "--at", TDX_AT)
    assert (status, report["code"]) == (30, "collateral.missing")
    again = tmp_path / "collateral.json"
    again.write_text(collateral_json(collateral))
    assert verify(path, "--at", TDX_AT, "--collateral", again)[0] == 0


def test_runtime_data_and_nonce(tmp_path: Path) -> None:
    keyset = tmp_path / "keyset"
    keyset.write_bytes(factory.KEYSET.encode())
    status, report = verify(tdx(), *with_tdx_collateral(), "--runtime-data", keyset)
    assert (status, report["code"]) == (10, "attestation.report_data")
    status, report = verify(tdx(), *with_tdx_collateral(), "--nonce", "00" * 64)
    assert (status, report["code"]) == (10, "attestation.nonce")
    report_data = verify(tdx(), *with_tdx_collateral())[1]["report_data"]
    status, report = verify(tdx(), *with_tdx_collateral(), "--nonce", report_data)
    assert (status, statuses(report)["nonce"]) == (0, "proven")


def test_options_of_other_kinds_are_wrong_usage(tmp_path: Path) -> None:
    for more in (
        ("--unsafe-without-crl",),
        ("--root", "amd-milan"),
        ("--root", tmp_path / "none"),
        ("--offline", "--intel-pcs", "http://127.0.0.1:1"),
        ("--nonce", "xyz"),
    ):
        assert run("evidence", "verify", tdx(), *more).exit_code == 2
    assert run("evidence", "verify", snp(), "--accept-status", "OutOfDate").exit_code == 2


GENUINE = [
    ("nitro", "marlin_aws.bin", NITRO),
    ("nitro", "HintedNitroAttestation_repaired.bin", NITRO),
    ("nitro", "evervault_2022.bin", NITRO),
    ("nitro", "automata_debug_2024.bin", NITRO),
    ("tdx", "tdx_quote", TDX),
    ("tdx", "sgx_quote", SGX),
    ("snp", "report_milan.hex", SNP),
    ("snp", "go_sev_guest_debug_report.bin", SNP),
]


@pytest.mark.parametrize(("folder", "name", "kind"), GENUINE)
def test_inspect_finds_out_what_it_is(folder: str, name: str, kind: str) -> None:
    path = vectors(folder) / name
    status, report = run_json("evidence", "inspect", path)
    assert (status, report["kind"], report["kind_detected"]) == (0, kind, True)
    assert report["verified"] is False
    shown = run("evidence", "inspect", path).stdout
    assert "NOT VERIFIED" in shown
    assert f"{kind}, by its content" in shown


def test_the_quote_with_a_line_of_text_behind_it(tmp_path: Path) -> None:
    genuine = tdx("tdx_prod_quote_SPR_E4.dat")
    result = run("evidence", "inspect", genuine)
    assert result.exit_code == 30
    assert "dcap.quote.trailing" in result.stderr
    path = tmp_path / "quote"
    path.write_bytes(
        genuine.read_bytes().removesuffix(b"\nextra bytes(only for testing purpose)\n")
    )
    status, report = run_json("evidence", "inspect", path)
    assert (status, report["kind"]) == (0, TDX)


def token(**claims: Any) -> bytes:
    return b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "RS256"}, claims, "x")
    )


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (token(iss="https://confidentialcomputing.googleapis.com"), GCP),
        (token(**{"x-ms-attestation-type": "sevsnpvm"}), MAA),
        (token(**{"x-nvidia-overall-att-result": True}), NVIDIA),
        (b'[["JWT","a"],{}]', NVIDIA),
        (token(iss="https://example.org"), None),
        (b"e30.W10.x", None),
        (b"e30.!!!.x", None),
        (b"e30.x.x", None),
        (b"", None),
        (b"\x03\x00\x02\x00\x81\x00\x00\x00" + bytes(100), None),
        (b"\x04\x00\x02\x00\x81\x00\x00\x00", None),
        (b"hello", None),
    ],
)
def test_detection(document: bytes, kind: str | None) -> None:
    assert detect_kind(document) == kind


def test_detection_of_a_software_enclave(tmp_path: Path) -> None:
    assert detect_kind(factory.evidence().document) == SOFTWARE
    path = tmp_path / "document"
    path.write_bytes(b"hello")
    status, report = verify(path)
    assert (status, report["code"]) == (30, "evidence.malformed")


def test_tokens_need_keys_that_somebody_pinned(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(token(iss="https://confidentialcomputing.googleapis.com") + b"\n")
    result = run("evidence", "verify", path)
    assert result.exit_code == 2
    assert "--policy" in result.stderr


def test_reports_of_gpus(tmp_path: Path) -> None:
    path = tmp_path / "gpus"
    path.write_text('{"arch":"HOPPER","nonce":"00","evidence_list":[]}')
    assert read_evidence(path.read_bytes(), None) == (
        Evidence(kind=NVIDIA, document=path.read_bytes()),
        True,
    )
    assert run("evidence", "verify", path).exit_code == 2
    status, report = verify(path, "--root", "nvidia-device")
    assert (status, report["code"].split(".")[0]) == (30, "gpu")
    status, report = run_json("evidence", "inspect", path)
    assert status == 30


def test_collateral_by_content() -> None:
    chain = read_collateral([snp("cert_chain_milan"), snp("vcek_milan.der")], SNP)
    assert [name for name, _ in chain.items] == ["ask", "vcek"]
    responses = [tdx("sample_tcbInfo_response"), tdx("sample_qeIdentity_response")]
    lists = [tdx("pckcrl"), tdx("rootcrl.der")]
    found = read_collateral([*responses, *lists], TDX)
    assert [name for name, _ in found.items] == [
        "pck_crl",
        "qe_identity",
        "qe_identity_signature",
        "root_ca_crl",
        "tcb_info",
        "tcb_info_signature",
    ]


def test_issuer_chains_by_content(tmp_path: Path) -> None:
    raw = json.loads(tdx("tdx_quote_collateral.json").read_text())
    for name, items in (
        ("tcb_info_issuer_chain", ["qe_identity_issuer_chain", "tcb_info_issuer_chain"]),
        ("pck_crl_issuer_chain", ["pck_crl_issuer_chain"]),
    ):
        path = tmp_path / name
        path.write_text(raw[name])
        found = read_collateral([path], TDX)
        assert [item for item, _ in found.items] == items
        assert {data for _, data in found.items} == {raw[name].strip().encode() + b"\n"}


@pytest.mark.parametrize("data", [b"", b"hello", b"{", b'{"a":5}', b"\x30\x03\x02\x01\x01"])
def test_what_is_no_collateral(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError):
        read_collateral([path], TDX)
    with pytest.raises(ConfigurationError):
        read_collateral([snp("cert_chain_milan")], TDX)
    assert read_collateral([], TDX) == Collateral()


@given(st.binary(max_size=400))
def test_any_bytes_are_evidence_or_malformed(data: bytes) -> None:
    detect_kind(data)
    with contextlib.suppress(MalformedError, UnsupportedError):
        read_evidence(data, None)


def test_hex_that_is_also_base64() -> None:
    text = snp().read_bytes()
    assert read_evidence(text, None)[0].document == bytes.fromhex(text.decode())
    with pytest.raises(MalformedError):
        read_evidence(b'{"kind":"x"}', None)


def test_asked_from_a_mirror(home: Path) -> None:
    from opengradient.cli.times import now_ms

    now, day = now_ms(), 24 * 3600 * 1000
    document = bytes.fromhex(snp().read_text())
    vcek = certificate(now - day, now + day)
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(vendor_services()) as server,
    ):
        status, report = verify(snp(), "--amd-kds", server.url)
        assert (status, report["error"]["code"]) == (1, "collateral.unknown_platform")
        server.answers |= {
            kds_path(document, "Milan"): Answer(vcek),
            "/vcek/v1/Milan/cert_chain": Answer(pem(vcek, vcek)),
            "/vcek/v1/Milan/crl": Answer(crl(now, now + day)),
        }
        status, report = verify(snp(), "--amd-kds", server.url)
        # The mirror's certificates are nobody's: fetched, and refused.
        assert (status, report["code"].split(".")[0]) == (10, "x509")
        out = home / "collateral.json"
        status, report = run_json(
            "evidence", "collateral", snp(), "-o", out, "--amd-kds", server.url
        )
        assert status == 0
        assert set(report["fetched"].values()) == {"0 min ago"}
        shown = run("evidence", "collateral", snp(), "-o", out, "--amd-kds", server.url).stdout
        assert "0 min ago" in shown
        assert "collateral.json" in shown
        kept = read_collateral([out], SNP)
        assert kept.get("vcek") == vcek
    assert len(list((home / "collateral").iterdir())) == 3
    status, report = verify(snp(), "--amd-kds", server.url)
    assert status == 10  # from what was kept
