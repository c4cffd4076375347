"""A node's GPUs: shown beside its evidence, checked for its keys, a claim in every verdict."""

from dataclasses import replace

import anyio
import pytest

from opengradient.core.digests import sha256
from opengradient.core.evidence import NITRO, NVIDIA, Evidence
from opengradient.core.keyset import Keyset
from opengradient.core.node_evidence import NodeEvidence
from opengradient.errors import MalformedError, OpenGradientError
from opengradient.verify.node import verify_node
from opengradient.verify.receipts import verify_receipt
from opengradient.verify.verdict import Status
from opengradient.wire.nodes import MAX_DEVICES, decode_node_evidence
from opengradient.wire.settlement import encode_evidence
from reference_nodes._kit.enclave import SoftwareEnclave
from tests import receipt_factory as factory
from tests.vectors.devices import nvidia

NONCE = sha256(b"node nonce")
POLICY = replace(factory.policy(), platforms=(nvidia.SETTINGS,))


def device(keyset: Keyset = factory.KEYSET, **more) -> Evidence:
    start = factory.NOW // 1000 - 60
    times = {"iat": start, "nbf": start, "exp": start + 3600}
    fitting = {**times, "eat_nonce": keyset.digest().hex()}
    gpu = {**nvidia.GPU_2, **fitting, **more}
    document = nvidia.answer({"GPU-0": gpu}, overall={**nvidia.OVERALL, **fitting})
    return Evidence(kind=NVIDIA, document=document)


def presented(*devices: Evidence) -> NodeEvidence:
    enclave = SoftwareEnclave(factory.root(), factory.PCRS, clock_ms=lambda: factory.NOW)

    async def attest() -> Evidence:
        return await enclave.attest(keyset=factory.KEYSET, user_data=None, nonce=NONCE)

    return NodeEvidence(
        node_id=factory.SIGNER.public_key.node_id,
        standing=factory.evidence(),
        fresh=anyio.run(attest),
        tls_certificate=None,
        legacy_signing_key=None,
        domain=factory.DOMAIN,
        devices=devices,
    )


def verify(*devices: Evidence, policy=POLICY):
    return verify_node(
        presented(*devices),
        nonce=NONCE,
        peer_certificate=None,
        policy=policy,
        now_ms=factory.NOW,
    )


def test_a_node_without_gpus():
    assert verify().devices == ()


def test_a_node_with_gpus():
    (gpu,) = verify(device()).devices
    assert gpu.model == nvidia.MODEL
    assert gpu.nonce_checked


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (device(replace(factory.KEYSET, tls_spki_sha256=bytes(32))), "gpu.nonce"),
        (device(dbgstat="enabled"), "gpu.debug"),
        (replace(factory.evidence(), kind=NITRO), "gpu.kind"),
        (factory.evidence(), "gpu.kind"),
    ],
)
def test_a_gpu_that_is_not_believed_makes_the_node_refused(shown, code):
    with pytest.raises(OpenGradientError) as caught:
        verify(device(), shown)
    assert caught.value.code == code


def test_a_gpu_of_which_nobody_is_trusted_to_speak_is_no_gpu():
    assert verify(device(), policy=factory.policy()).devices == ()


def test_a_gpu_is_a_claim_of_its_own_in_a_verdict():
    devices = verify(device()).devices
    verified = verify_receipt(
        factory.Exchange().bundle(),
        policy=POLICY,
        now_ms=factory.NOW,
        expect=factory.expecting(devices=devices),
    )
    claim = verified.verdict["gpu"]
    assert claim.status is Status.ASSERTED
    assert claim.source == "NVIDIA NRAS"
    assert "not bound to the CPU's evidence" in claim.detail


def as_json(*devices: Evidence):
    return {
        "nodeId": "0x" + "11" * 32,
        "standing": encode_evidence(factory.evidence()),
        "fresh": None,
        "tlsCertificate": None,
        "legacySigningKey": None,
        "domain": {"chainId": 1, "settlementContract": "0x" + "22" * 20},
        "devices": [encode_evidence(item) for item in devices],
    }


def test_devices_travel_with_a_nodes_evidence():
    shown = (device(),) * MAX_DEVICES
    assert decode_node_evidence(as_json(*shown)).devices == shown
    assert decode_node_evidence(as_json()).devices == ()


def test_devices_are_a_short_list():
    body = as_json()
    too_many = as_json(*(device(),) * (MAX_DEVICES + 1))
    del body["devices"]
    for wrong in (body, {**body, "devices": None}, {**body, "devices": {}}, too_many):
        with pytest.raises(MalformedError):
            decode_node_evidence(wrong)
    with pytest.raises(MalformedError):
        decode_node_evidence({**body, "devices": [{}]})
