"""GPUs: what their evidence gives, and what it can never be taken for."""

import base64
import json
from dataclasses import fields, replace

import pytest

from opengradient.core.collateral import Collateral
from opengradient.core.devices import NOT_BOUND, VerifiedDevice
from opengradient.core.evidence import NITRO, NVIDIA, Evidence, VerifiedEvidence
from opengradient.errors import CODES, OpenGradientError, PolicyError, UnsupportedError
from opengradient.verify.attestation import INSPECTORS, VERIFIERS, verify_device, verify_evidence
from opengradient.verify.attestation.devices import DEVICE_VERIFIERS, verify_devices
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.token_keys import TokenKey
from opengradient.verify.verdict import Status
from tests.support import vectors
from tests.vectors.devices import nvidia
from tests.vectors.evidence.token_forge import KEYSET, NOW_MS, OTHER_KEYSET

OURS = json.loads(nvidia.FILE.read_text())
GOOD = Evidence(kind=NVIDIA, document=nvidia.answer())


def run(vector):
    def blob(name):
        return b"" if name is None else base64.b64decode(OURS["blobs"][name], validate=True)

    try:
        items = {item: blob(name) for item, name in vector["collateral"].items()}
        verify_device(
            Evidence(
                kind=OURS["kind"],
                document=blob(vector["document"]),
                runtime_data=blob(vector["runtime_data"]),
                collateral=Collateral.of(items),
            ),
            policy=TrustPolicy.from_json(OURS["policies"][vector["policy"]]),
            now_ms=vector["now_ms"],
            nonce=None if vector["nonce"] is None else bytes.fromhex(vector["nonce"]),
        )
    except OpenGradientError as error:
        return error.code
    return "accept"


@pytest.mark.parametrize("vector", OURS["vectors"], ids=lambda vector: vector["name"])
def test_vector(vector):
    assert vector["expect"] == "accept" or vector["expect"] in CODES
    assert run(vector) == vector["expect"]


def test_vectors_have_names_of_their_own():
    names = [vector["name"] for vector in OURS["vectors"]]
    assert len(names) == len(set(names))


def test_the_file_is_what_the_generator_makes():
    assert nvidia.FILE.read_text() == nvidia.render()


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


def test_the_policy_in_its_file_form():
    for policy in nvidia.policies().values():
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
