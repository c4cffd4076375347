"""Any bytes in, only a typed error out: nothing near a token makes the verifiers fail otherwise."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core.evidence import GCP, MAA, NVIDIA, Evidence
from opengradient.core.jwt import encode_part, parse_token
from opengradient.core.spdm_report import parse_report
from opengradient.errors import OpenGradientError, VerificationError
from opengradient.verify.attestation import INSPECTORS, verify_device, verify_evidence
from tests.vectors.devices import nvidia, nvidia_report
from tests.vectors.evidence import gcp, maa
from tests.vectors.evidence.token_forge import ES_PIN, NONCE, NOW_MS, RS_PIN, compact, token

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
BASES = {
    GCP: [gcp.CLAIMS],
    MAA: [maa.SNP_CLAIMS, maa.TDX_CLAIMS, maa.VM_CLAIMS, maa.WITH_RUNTIME],
}


def paths(claims, prefix=()):
    for name, value in claims.items():
        yield (*prefix, name)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, name))


def changed(claims, path, value):
    name, *rest = path
    return {**claims, name: changed(claims[name], rest, value) if rest else value}


def verify(kind, document, *, runtime_data=b"", nonce=None):
    evidence = Evidence(kind=kind, document=document, runtime_data=runtime_data)
    policy = gcp.BASE if kind == GCP else maa.BASE
    verify_evidence(evidence, policy=policy, now_ms=NOW_MS, nonce=nonce)


@given(st.binary(max_size=400))
def test_any_bytes_as_a_token(data):
    with suppress(VerificationError):
        parse_token(data)
    for inspect in INSPECTORS.values():
        with suppress(VerificationError):
            inspect(data)


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=100))
def test_any_bytes_as_the_parts_of_a_token(header, claims, signature):
    with suppress(VerificationError):
        parse_token(b".".join(map(encode_part, (header, claims, signature))))


@given(st.sampled_from([GCP, MAA]), st.binary(min_size=1, max_size=200))
def test_any_bytes_as_evidence(kind, data):
    with pytest.raises(VerificationError):
        verify(kind, data)


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_as_a_gpus_evidence(data):
    with pytest.raises(VerificationError):
        verify_device(Evidence(kind=NVIDIA, document=data), policy=nvidia.BASE, now_ms=NOW_MS)


@settings(max_examples=300)
@given(st.data())
def test_any_value_in_any_signed_claim(data):
    kind = data.draw(st.sampled_from([GCP, MAA]))
    claims = data.draw(st.sampled_from(BASES[kind]))
    path = data.draw(st.sampled_from(list(paths(claims))))
    value = data.draw(JSON)
    header = maa.HEADER if kind == MAA else None
    document = token(changed(claims, path, value), RS_PIN, header=header)
    nonce = data.draw(st.sampled_from([None, NONCE]))
    with suppress(OpenGradientError):
        verify(kind, document, nonce=nonce)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "crit", "x"]), JSON))
def test_any_value_in_the_header(more):
    document = token(gcp.CLAIMS, RS_PIN, header={"alg": "RS256", "kid": "rs-1", **more})
    with suppress(VerificationError):
        verify(GCP, document)


@settings(max_examples=200)
@given(st.sampled_from(list(paths({"gpu": nvidia.GPU_3, "overall": nvidia.OVERALL}))), JSON)
def test_any_value_in_any_claim_of_a_gpu(path, value):
    both = {"gpu": nvidia.GPU_3, "overall": {**nvidia.OVERALL, "x-nvidia-ver": "3.0"}}
    if len(path) > 1:
        both = changed(both, path, value)
    document = nvidia.answer({"GPU-0": both["gpu"]}, overall=both["overall"])
    with suppress(VerificationError):
        verify_device(Evidence(kind=NVIDIA, document=document), policy=nvidia.BASE, now_ms=NOW_MS)


@given(JSON, JSON)
def test_any_json_as_a_gpus_evidence(overall, gpus):
    document = compact([["JWT", overall], gpus])
    with pytest.raises(VerificationError):
        verify_device(Evidence(kind=NVIDIA, document=document), policy=nvidia.BASE, now_ms=NOW_MS)


@given(JSON)
def test_any_submodules_of_a_gpus_evidence(submods):
    claims = {**nvidia.OVERALL, "submods": submods}
    document = compact(
        [["JWT", token(claims, ES_PIN, header=nvidia.HEADER).decode()], {"GPU-0": "a.b.c"}]
    )
    with pytest.raises(VerificationError):
        verify_device(Evidence(kind=NVIDIA, document=document), policy=nvidia.BASE, now_ms=NOW_MS)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_gpus_report(data):
    for report in (data, bytes.fromhex("11e001ff") + data, nvidia_report.signed()[:60] + data):
        with suppress(VerificationError):
            parse_report(report)


@settings(max_examples=200)
@given(st.integers(0, 4000), st.binary(max_size=8))
def test_any_change_of_a_gpus_report(position, data):
    report = nvidia_report.report()
    at = position % len(report)
    changed = report[:at] + data + report[at + len(data) :]
    evidence = Evidence(kind=NVIDIA, document=nvidia_report.one(evidence=changed))
    with suppress(VerificationError):
        verify_device(evidence, policy=nvidia_report.base(), now_ms=NOW_MS)
        assert changed == report


@given(st.binary(max_size=200), JSON)
def test_any_certificates_of_a_gpu(data, item):
    for document in (
        nvidia_report.one(data),
        nvidia_report.one(nvidia_report.pem(data or b"x") + nvidia_report.chain()),
        nvidia_report.document(evidence_list=[item]),
    ):
        with pytest.raises(VerificationError):
            verify_device(
                Evidence(kind=NVIDIA, document=document),
                policy=nvidia_report.base(),
                now_ms=NOW_MS,
            )
