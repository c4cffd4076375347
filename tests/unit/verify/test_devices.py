"""GPUs: what their evidence gives, and what it can never be taken for."""

import base64
import json
from dataclasses import fields, replace

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.devices import NOT_BOUND, VerifiedDevice
from opengradient.core.digests import sha256
from opengradient.core.evidence import NITRO, NVIDIA, Evidence, VerifiedEvidence
from opengradient.errors import (
    CODES,
    ConfigurationError,
    OpenGradientError,
    PolicyError,
    UnsupportedError,
    VerificationError,
)
from opengradient.verify._roots.nvidia import NVIDIA_DEVICE_ROOT_SHA256
from opengradient.verify.attestation import INSPECTORS, VERIFIERS, verify_device, verify_evidence
from opengradient.verify.attestation.devices import DEVICE_VERIFIERS, verify_devices
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.token_keys import TokenKey
from opengradient.verify.trust import nvidia_device_root
from opengradient.verify.verdict import Status
from tests.support import vectors
from tests.vectors.devices import nvidia, nvidia_report
from tests.vectors.evidence.token_forge import KEYSET, NOW_MS, OTHER_KEYSET

FILES = {module: json.loads(module.FILE.read_text()) for module in (nvidia, nvidia_report)}
CASES = [
    pytest.param(file, vector, id=f"{module.FILE.stem}-{vector['name']}")
    for module, file in FILES.items()
    for vector in file["vectors"]
]
GOOD = Evidence(kind=NVIDIA, document=nvidia.answer())


def run(file, vector):
    def blob(name):
        return b"" if name is None else base64.b64decode(file["blobs"][name], validate=True)

    try:
        items = {item: blob(name) for item, name in vector["collateral"].items()}
        verify_device(
            Evidence(
                kind=file["kind"],
                document=blob(vector["document"]),
                runtime_data=blob(vector["runtime_data"]),
                collateral=Collateral.of(items),
            ),
            policy=TrustPolicy.from_json(file["policies"][vector["policy"]]),
            now_ms=vector["now_ms"],
            nonce=None if vector["nonce"] is None else bytes.fromhex(vector["nonce"]),
        )
    except OpenGradientError as error:
        return error.code
    return "accept"


@pytest.mark.parametrize(("file", "vector"), CASES)
def test_vector(file, vector):
    assert vector["expect"] == "accept" or vector["expect"] in CODES
    assert run(file, vector) == vector["expect"]


@pytest.mark.parametrize("module", FILES)
def test_the_files_are_what_the_generators_make(module):
    assert module.FILE.read_text() == module.render()
    names = [vector["name"] for vector in FILES[module]["vectors"]]
    assert len(names) == len(set(names))


def test_what_is_said_of_a_gpu():
    document = nvidia.answer({"GPU-10": nvidia.SECOND, "GPU-9": nvidia.GPU_2})
    first, second = verify_device(
        Evidence(kind=NVIDIA, document=document),
        policy=nvidia.BASE,
        now_ms=NOW_MS,
        nonce=nvidia.ASKED,
    )
    assert (first.name, second.name) == ("GPU-9", "GPU-10")
    assert (first.model, first.identity) == (nvidia.MODEL, nvidia.GPU_2["ueid"])
    assert dict(first.versions) == {"driver": nvidia.DRIVER, "vbios": nvidia.VBIOS}
    assert first.nonce_checked
    assert first.issued_at_ms == nvidia.TIMES["iat"] * 1000
    assert first.valid_until_ms == nvidia.TIMES["exp"] * 1000 - 1
    assert first.claim.name == "gpu"
    assert first.claim.status is Status.ASSERTED
    assert first.claim.source == "NVIDIA NRAS"
    assert NOT_BOUND in first.claim.detail


def test_a_gpus_evidence_is_no_evidence_of_a_key():
    assert not DEVICE_VERIFIERS.keys() & VERIFIERS.keys()
    with pytest.raises(UnsupportedError) as caught:
        verify_evidence(GOOD, policy=nvidia.BASE, now_ms=NOW_MS)
    assert caught.value.code == "attestation.kind"
    assert not issubclass(VerifiedDevice, VerifiedEvidence)
    assert "keyset" not in {field.name for field in fields(VerifiedDevice)}


def test_a_keys_evidence_is_no_evidence_of_a_gpu():
    with pytest.raises(UnsupportedError) as caught:
        verify_device(replace(GOOD, kind=NITRO), policy=nvidia.BASE, now_ms=NOW_MS)
    assert caught.value.code == "gpu.kind"


def test_nobody_else_builds_a_verified_device():
    (device,) = verify_device(GOOD, policy=nvidia.BASE, now_ms=NOW_MS)
    values = {field.name: getattr(device, field.name) for field in fields(device)}
    with pytest.raises(TypeError):
        VerifiedDevice(**values, seal=object())


def test_a_nodes_gpus_are_attested_for_its_keys():
    (device,) = verify_devices((GOOD,), KEYSET, policy=nvidia.BASE, now_ms=NOW_MS)
    assert device.nonce_checked
    with pytest.raises(OpenGradientError) as caught:
        verify_devices((GOOD,), OTHER_KEYSET, policy=nvidia.BASE, now_ms=NOW_MS)
    assert caught.value.code == "gpu.nonce"


def test_without_pinned_keys_there_is_no_gpu():
    nobody = nvidia.policies()["unpinned"]
    assert verify_devices((GOOD,), KEYSET, policy=nobody, now_ms=NOW_MS) == ()


@pytest.mark.parametrize("keys", [(), nvidia.SETTINGS.keys])
def test_a_gpu_can_be_demanded(keys):
    settings = replace(nvidia.SETTINGS, keys=keys, required=True)
    policy = replace(nvidia.BASE, platforms=(settings,))
    shown = () if keys else (GOOD,)
    with pytest.raises(PolicyError) as caught:
        verify_devices(shown, KEYSET, policy=policy, now_ms=NOW_MS)
    assert caught.value.code == "gpu.absent"


def test_a_gpu_that_is_demanded_and_there():
    settings = replace(nvidia.SETTINGS, required=True)
    policy = replace(nvidia.BASE, platforms=(settings,))
    assert len(verify_devices((GOOD,), KEYSET, policy=policy, now_ms=NOW_MS)) == 1


def test_inspection_believes_nothing():
    shown = INSPECTORS[NVIDIA](nvidia.answer(sign=lambda _: b""))
    assert shown["verified"] is False
    assert shown["gpus"]["GPU-0"]["hwmodel"] == nvidia.MODEL
    assert shown["overall"]["sub"] == "NVIDIA-PLATFORM-ATTESTATION"


@pytest.mark.parametrize("module", FILES)
def test_the_policies_in_their_file_form(module):
    for policy in module.policies().values():
        assert TrustPolicy.from_json(policy.to_json()) == policy


def test_a_genuine_answer_at_the_edges_of_its_window():
    """H100, August 2025, claims of version 2.0; no byte of it may be another."""
    sample = json.loads((vectors("nvidia") / "nras_h100_2025.json").read_text())
    key = TokenKey.from_json(sample["key"])
    policy = replace(nvidia.BASE, platforms=(NvidiaPolicy(keys=(key,)),))
    document, nonce = sample["document"].encode(), bytes.fromhex(sample["nonce"])

    def outcome(document, now_ms):
        try:
            evidence = Evidence(kind=NVIDIA, document=document)
            return len(verify_device(evidence, policy=policy, now_ms=now_ms, nonce=nonce))
        except OpenGradientError as error:
            return error.code

    start, end = sample["nbf"] * 1000, sample["exp"] * 1000
    skew = policy.clock_skew_ms
    assert outcome(document, start - skew) == outcome(document, end + skew - 1) == 1
    assert outcome(document, start - skew - 1) == "jwt.time.not_yet_valid"
    assert outcome(document, end + skew) == "jwt.time.expired"
    token = document.index(b"eyJ")
    for position in range(token, len(document) - 3, 37):
        changed = bytearray(document)
        changed[position] ^= 1
        assert outcome(bytes(changed), start) != 1, position


REPORTS = Evidence(kind=NVIDIA, document=nvidia_report.one())


def test_what_a_gpu_says_of_itself():
    document = nvidia_report.document(
        (nvidia_report.chain(), nvidia_report.report()),
        (nvidia_report.chain(**nvidia_report.SECOND), nvidia_report.report()),
    )
    first, second = verify_device(
        Evidence(kind=NVIDIA, document=document),
        policy=nvidia_report.policies()["measured"],
        now_ms=NOW_MS,
        nonce=nvidia_report.ASKED,
    )
    assert (first.name, second.name) == ("GPU-0", "GPU-1")
    assert (first.identity, second.identity) == ("1004", "2000")
    assert first.model == nvidia_report.MODEL
    assert dict(first.versions) == {"driver": nvidia_report.DRIVER, "vbios": nvidia_report.VBIOS}
    assert first.nonce_checked
    assert first.issued_at_ms is None
    assert first.valid_from_ms == nvidia_report.START * 1000
    assert first.valid_until_ms == nvidia_report.END * 1000
    assert first.claim.status is Status.PROVEN
    assert first.claim.source == "device certificate, root 'test root of GPUs'"
    assert "2 of its measurements compared with the policy's" in first.claim.detail
    assert first.claim.detail.endswith(NOT_BOUND)


def test_a_report_without_a_nonce_is_not_called_fresh():
    (device,) = verify_device(REPORTS, policy=nvidia_report.base(), now_ms=NOW_MS)
    assert not device.nonce_checked


def test_each_form_needs_its_own_trust():
    tokens, reports = nvidia.BASE, nvidia_report.base()
    both = replace(tokens, roots=reports.roots)

    def kinds(policy):
        found = verify_devices((GOOD, REPORTS), KEYSET, policy=policy, now_ms=NOW_MS)
        return [device.claim.status for device in found]

    assert kinds(tokens) == [Status.ASSERTED]
    assert kinds(reports) == [Status.PROVEN]
    assert kinds(both) == [Status.ASSERTED, Status.PROVEN]


def test_inspection_of_reports_believes_nothing():
    unsigned = nvidia_report.report(lambda _: bytes(96))
    shown = INSPECTORS[NVIDIA](nvidia_report.one(evidence=unsigned))
    assert shown["verified"] is False
    assert shown["gpus"][0]["nonce"] == nvidia_report.ASKED.hex()
    assert shown["gpus"][0]["measurements"]["1"] == nvidia_report.BLOCKS[1].hex()
    assert json.dumps(shown)


def test_the_embedded_root_is_nvidias():
    root = nvidia_device_root()
    assert root.kind == NVIDIA
    assert sha256(root.certificate) == NVIDIA_DEVICE_ROOT_SHA256


@pytest.mark.parametrize(
    "measurements",
    [
        ((0, frozenset({"00" * 48})),),
        ((255, frozenset({"00" * 48})),),
        ((1, frozenset({"00" * 48})), (1, frozenset())),
        ((1, frozenset({"00" * 32})),),
        ((1, frozenset({"AB" * 48})),),
    ],
)
def test_measurements_that_no_gpu_has(measurements):
    with pytest.raises(ConfigurationError) as caught:
        NvidiaPolicy(measurements=measurements)
    assert caught.value.code == "policy.malformed"


def test_no_signed_byte_of_a_report_may_be_another():
    report = nvidia_report.report()
    for position in range(len(report)):
        changed = bytearray(report)
        changed[position] ^= 1
        evidence = Evidence(kind=NVIDIA, document=nvidia_report.one(evidence=bytes(changed)))
        with pytest.raises(VerificationError):
            verify_device(evidence, policy=nvidia_report.base(), now_ms=NOW_MS)


def test_a_genuine_report_of_a_gpu():
    """GH100 under NVIDIA's own root; the certificates have no end, and the report no time."""
    document = (vectors("nvidia") / "gh100_report.json").read_bytes()
    policy = replace(nvidia_report.base(), roots=(nvidia_device_root(),))
    nonce = bytes.fromhex(json.loads(document)["nonce"])
    evidence = Evidence(kind=NVIDIA, document=document)
    (device,) = verify_device(evidence, policy=policy, now_ms=NOW_MS, nonce=nonce)
    assert (device.model, device.versions["vbios"]) == ("GH100 A01 GSP BROM", "96.00.9F.00.01")
    assert device.claim.status is Status.PROVEN
    with pytest.raises(OpenGradientError) as caught:
        verify_device(evidence, policy=nvidia_report.base(), now_ms=NOW_MS, nonce=nonce)
    assert caught.value.code == "x509.root"
