"""What verified tokens say, and that nothing near a genuine one is accepted."""

import json
from dataclasses import replace

import pytest

from opengradient.cli.evidence_claims import claims_of
from opengradient.core.digests import keccak256, sha256
from opengradient.core.evidence import GCP, MAA, Evidence
from opengradient.core.report_data import MAX_NONCE_BYTES
from opengradient.errors import ConfigurationError, MalformedError, VerificationError
from opengradient.verify.attestation import INSPECTORS, require_key, verify_evidence
from opengradient.verify.receipts import verify_receipt
from opengradient.verify.requirements import UnsafeAnyMeasurement
from opengradient.verify.verdict import Status
from tests import receipt_factory as factory
from tests.vectors.evidence import gcp, maa
from tests.vectors.evidence.token_forge import (
    ES_PIN,
    KEYSET,
    NONCE,
    NOW_MS,
    RS_PIN,
    sign_es384,
    token,
)

GCP_TOKEN = token(gcp.CLAIMS, RS_PIN)
MAA_TOKENS = {
    "snp": maa.signed(maa.SNP_CLAIMS),
    "tdx": maa.signed(maa.TDX_CLAIMS),
    "machine": maa.signed(maa.VM_CLAIMS),
    "runtime": maa.signed(maa.WITH_RUNTIME),
}


def verify(kind, document, *, runtime_data=None, policy=None, **more):
    evidence = Evidence(
        kind=kind,
        document=document,
        runtime_data=KEYSET.encode() if runtime_data is None else runtime_data,
    )
    base = gcp.BASE if kind == GCP else maa.BASE
    return verify_evidence(evidence, policy=policy or base, now_ms=NOW_MS, **more)


@pytest.mark.parametrize("module", [gcp, maa])
def test_the_files_are_what_the_generators_make(module):
    assert module.FILE.read_text() == module.render()


def test_what_google_says():
    checked = verify(GCP, GCP_TOKEN, nonce=NONCE)
    require_key(checked, signing=KEYSET.signing)
    assert checked.measurement == "0x" + keccak256(gcp.IMAGE).hex()
    assert dict(checked.measurements) == {"IMAGE_DIGEST": gcp.IMAGE.hex()}
    assert checked.product == "GCP_INTEL_TDX"
    assert checked.module_id == "project-1/us-west1-b"
    assert checked.root == "Google's attestation service, key rs-1"
    assert (checked.simulated, checked.debug, checked.by_service) == (False, False, True)
    assert checked.nonce_checked
    assert checked.issued_at_ms == gcp.CLAIMS["iat"] * 1000
    assert checked.valid_from_ms == gcp.CLAIMS["nbf"] * 1000
    assert checked.valid_until_ms == gcp.CLAIMS["exp"] * 1000 - 1
    assert checked.unknown_keys == ()
    assert {claim.name: claim.status for claim in checked.claims} == {
        "attester": Status.ASSERTED,
        "platform": Status.ASSERTED,
        "place": Status.ASSERTED,
    }


def test_unknown_claims_of_google_are_shown():
    assert verify(GCP, token({**gcp.CLAIMS, "b": 1, "a": 2}, RS_PIN)).unknown_keys == ("a", "b")


def test_a_debug_image_is_called_one():
    claims = {**gcp.CLAIMS, "dbgstat": "enabled"}
    assert verify(GCP, token(claims, RS_PIN), policy=gcp.policies()["debug"]).debug


@pytest.mark.parametrize("name", MAA_TOKENS)
def test_what_azure_says(name):
    checked = verify(MAA, MAA_TOKENS[name], nonce=NONCE)
    require_key(checked, signing=KEYSET.signing)
    tdx = name == "tdx"
    assert checked.measurement == (maa.TDX_MEASUREMENT if tdx else maa.SNP_MEASUREMENT)
    assert checked.product == ("tdxvm" if tdx else "sevsnpvm")
    assert ("RTMR3" if tdx else "MEASUREMENT") in checked.measurements
    assert checked.root == f"{maa.ISSUER}, key rs-1"
    assert checked.by_service
    assert not checked.debug
    assert checked.nonce_checked
    said = {claim.name: claim.status for claim in checked.claims}
    assert said["attester"] is said["platform"] is Status.ASSERTED
    bound = {"machine": Status.ASSERTED, "runtime": Status.PROVEN}
    assert said.get("binding") is bound.get(name)
    assert checked.module_id == (maa.MACHINE["x-ms-azurevm-vmid"] if name == "machine" else "")


def test_a_hash_that_nobody_recomputed_is_not_called_proven():
    names = [claim.name for claim in verify(MAA, MAA_TOKENS["runtime"], runtime_data=b"").claims]
    assert "binding" not in names


def test_debug_machines_are_called_so():
    for claims, name in (
        (maa.SNP_CLAIMS, "x-ms-sevsnpvm-is-debuggable"),
        (maa.TDX_CLAIMS, "tdx_td_attributes_debug"),
    ):
        document = maa.signed({**claims, name: True})
        assert verify(MAA, document, policy=maa.policies()["debug"]).debug


@pytest.mark.parametrize("nonce", [b"", bytes(MAX_NONCE_BYTES + 1)])
@pytest.mark.parametrize(("kind", "document"), [(GCP, GCP_TOKEN), (MAA, MAA_TOKENS["snp"])])
def test_nonces_that_nobody_sends(kind, document, nonce):
    with pytest.raises(ConfigurationError):
        verify(kind, document, nonce=nonce)


@pytest.mark.parametrize(("kind", "document"), [(GCP, GCP_TOKEN), (MAA, MAA_TOKENS["snp"])])
def test_inspection_believes_nothing(kind, document):
    shown = INSPECTORS[kind](document.rpartition(b".")[0] + b".")
    assert shown["verified"] is False
    assert shown["header"]["alg"] == "RS256"
    assert json.dumps(shown)
    with pytest.raises(MalformedError):
        INSPECTORS[kind](b"x")


def test_a_twin_of_an_ecdsa_token_is_another_file_and_the_same_statement():
    order = int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        16,
    )

    def twin(data: bytes) -> bytes:
        signature = sign_es384(data)
        return signature[:48] + (order - int.from_bytes(signature[48:])).to_bytes(48)

    one = verify(GCP, token(gcp.CLAIMS, ES_PIN))
    two = verify(GCP, token(gcp.CLAIMS, ES_PIN, sign=twin))
    assert one.evidence_digest != two.evidence_digest
    assert one.statement_digest == two.statement_digest
    assert one.statement_digest == sha256(token(gcp.CLAIMS, ES_PIN).rpartition(b".")[0])


@pytest.mark.parametrize(("kind", "document"), [(GCP, GCP_TOKEN), (MAA, MAA_TOKENS["machine"])])
def test_no_byte_may_be_another_none_missing_and_none_more(kind, document):
    for position in range(len(document)):
        changed = bytearray(document)
        changed[position] ^= 1
        with pytest.raises(VerificationError):
            verify(kind, bytes(changed))
    for end in range(1, len(document)):
        with pytest.raises(VerificationError):
            verify(kind, document[:end])
    for more in (b"\0", b".", b"A", b"=", b"\n"):
        with pytest.raises(VerificationError):
            verify(kind, document + more)
        with pytest.raises(VerificationError):
            verify(kind, more + document)


def test_a_services_word_is_asserted_in_the_verdict_on_a_receipt():
    start = factory.NOW // 1000 - 60
    times = {"iat": start, "nbf": start, "exp": start + 3600}
    claims = {**gcp.CLAIMS, **times, "eat_nonce": [factory.KEYSET.digest().hex()]}
    evidence = Evidence(
        kind=GCP, document=token(claims, RS_PIN), runtime_data=factory.KEYSET.encode()
    )
    verdict = verify_receipt(
        factory.Exchange(evidence=evidence).bundle(),
        policy=gcp.BASE,
        now_ms=factory.NOW,
        expect=factory.expecting(),
    ).verdict
    assert not verdict.simulated
    for name in ("enclave", "code", "attester", "platform"):
        assert verdict[name].status is Status.ASSERTED
        assert "Google's attestation service" in verdict[name].source
    assert verdict["signature"].status is Status.PROVEN


def test_a_services_word_is_asserted_in_the_verdict_on_evidence():
    claims = {claim.name: claim for claim in claims_of(verify(GCP, GCP_TOKEN))}
    assert claims["enclave"].status is claims["code"].status is Status.ASSERTED
    assert "Google's attestation service" in claims["document"].source
    any_code = replace(gcp.BASE, measurements=UnsafeAnyMeasurement())
    claims = {claim.name: claim for claim in claims_of(verify(GCP, GCP_TOKEN, policy=any_code))}
    assert claims["code"].source == "compared with nothing"
