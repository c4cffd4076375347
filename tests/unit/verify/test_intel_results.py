"""What a verified Intel quote says, field by field, and what a file says before."""

import dataclasses

import pytest

from opengradient.core.claims import Status
from opengradient.core.collateral import Collateral
from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import SGX, TDX, Evidence
from opengradient.errors import ConfigurationError
from opengradient.verify.attestation import INSPECTORS, require_key, verify_evidence
from opengradient.verify.attestation.event_log import parse_event_log, replay_event_log
from tests.vectors.evidence.intel_forge import (
    DAY,
    NOW,
    Case,
    enclave_report,
    point,
    td_report,
)
from tests.vectors.evidence.intel_forge import key as forge_key
from tests.vectors.evidence.intel_kit import BOUND, KEYSET, LOG, NONCE, Vector, with_log
from tests.vectors.evidence.tdx import policy

PLAIN = policy(Vector(name="", expect="accept"))


def evidence(case, runtime_data=b""):
    return Evidence(
        kind=TDX if case.tdx else SGX,
        document=case.quote(),
        runtime_data=runtime_data,
        collateral=Collateral.of(case.collateral()),
    )


def verify(case, *, runtime_data=b"", nonce=None, trust=PLAIN, now_ms=NOW):
    return verify_evidence(evidence(case, runtime_data), policy=trust, now_ms=now_ms, nonce=nonce)


@pytest.mark.parametrize("case", [Case(report=BOUND), Case(tdx=False, version=3, report=BOUND)])
def test_what_is_bound(case):
    verified = verify(case, runtime_data=KEYSET.encode(), nonce=NONCE)
    assert verified.keyset == KEYSET
    assert require_key(verified, signing=KEYSET.signing) == KEYSET
    assert (verified.nonce, verified.nonce_checked) == (NONCE, True)
    assert verified.report_data == BOUND["report_data"]
    assert verified.measurement_accepted
    assert not verified.debug
    assert verified.root == "test vectors"
    assert verified.module_id == "33" * 16
    assert verified.statement_digest == sha256(case.signed())
    without = verify(case, runtime_data=KEYSET.encode())
    assert (without.nonce, without.nonce_checked) == (None, False)
    for nonce in (b"", b"x" * 513):
        with pytest.raises(ConfigurationError):
            verify(case, runtime_data=KEYSET.encode(), nonce=nonce)


def test_a_domains_registers():
    report = td_report(service=True)
    verified = verify(Case(version=5, body=3))
    assert verified.kind == TDX
    assert verified.measurements == {
        "MRTD": report.mr_td.hex(),
        "RTMR0": report.rtmr0.hex(),
        "RTMR1": report.rtmr1.hex(),
        "RTMR2": report.rtmr2.hex(),
        "RTMR3": report.rtmr3.hex(),
        "MRSEAM": report.mr_seam.hex(),
        "MRSIGNERSEAM": report.mr_signer_seam.hex(),
        "MRCONFIGID": report.mr_config_id.hex(),
        "MROWNER": report.mr_owner.hex(),
        "MROWNERCONFIG": report.mr_owner_config.hex(),
        "MRSERVICETD": report.mr_service_td.hex(),
    }
    code = report.mr_td + report.rtmr0 + report.rtmr1 + report.rtmr2 + report.rtmr3
    assert verified.measurement == "0x" + keccak256(code).hex()
    assert "MRSERVICETD" not in verify(Case()).measurements


def test_an_enclaves_registers():
    report = enclave_report()
    verified = verify(Case(tdx=False, version=3))
    assert verified.kind == SGX
    assert verified.measurements == {
        "MRENCLAVE": report.mr_enclave.hex(),
        "MRSIGNER": report.mr_signer.hex(),
        "CONFIGID": report.config_id.hex(),
        "ISVPRODID": "0007",
        "ISVSVN": "0003",
    }
    assert verified.measurement == "0x" + keccak256(report.mr_enclave + report.mr_signer).hex()
    assert verified.product == "90C06F000000"


def test_debug_is_said():
    trust = dataclasses.replace(PLAIN, allow_debug=True)
    attributes = {"td_attributes": (1 << 28 | 1).to_bytes(8, "little")}
    assert verify(Case(report=attributes), trust=trust).debug
    flags = {"attributes": bytes.fromhex("0700000000000000e700000000000000")}
    enclave = Case(tdx=False, version=3, report=flags)
    assert verify(enclave, trust=trust).debug
    for case, said in ((Case(report=attributes), True), (Case(), False), (enclave, True)):
        kind = TDX if case.tdx else SGX
        assert INSPECTORS[kind](case.quote())["debug"] is said


def test_the_claims():
    case = Case(**with_log())
    claims = {claim.name: claim for claim in verify(case, now_ms=NOW + 3 * DAY).claims}
    assert claims["platform_firmware"].detail == "UpToDate, no advisory"
    assert claims["platform_collateral"].detail == "4 days old, evaluation data 19"
    assert claims["platform"].detail == "FMSPC 90C06F000000, scalable SGX, platform CA"
    assert claims["tdx_module"].detail == td_report().mr_seam.hex()
    assert claims["event_log"].detail == "system-preparing=, compose-hash=abcd"
    assert claims["physical_access"].status is Status.ABSENT
    others = [claim for claim in claims.values() if claim.name != "physical_access"]
    assert all(claim.status is Status.PROVEN for claim in others)
    assert "event_log" not in {claim.name for claim in verify(Case()).claims}


def test_the_register_of_the_log_is_the_one_in_the_quote():
    events = parse_event_log(with_log()["items"]["event_log"](b""))
    assert len(events) == len(LOG)
    value = replay_event_log(events, 3)
    assert verify(Case(**with_log())).measurements["RTMR3"] == value.hex()


def test_what_a_file_says():
    case = Case(document=lambda quote: quote + bytes(5))
    said = INSPECTORS[TDX](case.quote())
    assert said["verified"] is False
    assert (said["kind"], said["version"], said["padding"]) == (TDX, 4, 5)
    assert said["registers"] == dict(verify(case).measurements)
    assert said["measurement"] == verify(case).measurement
    assert said["attestation_key"] == point(forge_key("attestation")).hex()
    assert said["certificate_sha256"] == [
        sha256(case.cert(slot)).hex() for slot in ("pck", "ca", "root")
    ]
    enclave = INSPECTORS[SGX](Case(tdx=False, version=3).quote())
    assert (enclave["kind"], enclave["version"], enclave["debug"]) == (SGX, 3, False)
    assert enclave["verified"] is False
