"""Receipts of models that a node ran itself: what is proven, by whom, and what is refused."""

import dataclasses

import pytest

from opengradient.core import evidence as core_evidence
from opengradient.core.modes import ReceiptKind, VerificationMode
from opengradient.errors import VerificationError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.expectation import Expectation
from opengradient.verify.receipts import verify_receipt
from opengradient.verify.verdict import Status
from tests.receipt_factory import NOW, Exchange, evidence, policy

ROOT = "ab" * 32
MODEL = {
    "requested": ROOT,
    "served": ROOT,
    "root": ROOT,
    "engine": "onnxruntime 1.20, CPU, 1 thread(s)",
    "file_sha256": "cd" * 32,
}
RESPONSE = {"status": 200, "output.y": b"tensors"}
NO_USAGE = {"input_tokens": 0, "output_tokens": 0, "cached_input_tokens": 0}
ANY = dataclasses.replace(policy(), modes=frozenset(VerificationMode))


def exchange(model=MODEL, mode=VerificationMode.TEE, kind=ReceiptKind.MODEL):
    words = {"kind": kind, "verification_mode": mode, **NO_USAGE}
    return Exchange(words=words, upstream={}, response=RESPONSE, model=dict(model))


def verdict(made, trust=ANY, **known):
    return verify_receipt(
        made.bundle(), policy=trust, now_ms=NOW, expect=Expectation(**known)
    ).verdict


def refused(code, *args, **kwargs):
    with pytest.raises(VerificationError) as caught:
        verdict(*args, **kwargs)
    assert caught.value.code == code


def test_software_enclaves_only_assert():
    found = verdict(exchange(), requested_model=ROOT)
    assert found["model"].detail == f"root {ROOT}"
    assert "cd" * 32 in found["weights"].detail
    assert "onnxruntime" in found["weights"].detail
    for name in ("model", "weights"):
        assert found[name].status == Status.ASSERTED
        assert "no hardware" in found[name].source
    assert found["mode"].status == Status.PROVEN
    assert found["upstream"].status == Status.ABSENT


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.PROVEN),
        ({"measurement_accepted": False}, Status.ASSERTED),
        ({"debug": True}, Status.ASSERTED),
        ({"kind": core_evidence.MAA}, Status.ASSERTED),
    ],
)
def test_hardware_proves_which_bytes_were_loaded(changes, status):
    judged = verify_evidence(evidence(), policy=ANY, now_ms=NOW)
    hardware = dataclasses.replace(
        judged,
        **{"simulated": False, "measurement_accepted": True, **changes},
        seal=core_evidence._SEAL,
    )
    for mode in (VerificationMode.TEE, VerificationMode.VANILLA):
        found = verify_receipt(
            exchange(mode=mode).bundle(), policy=ANY, now_ms=NOW, evidence=hardware
        ).verdict
        expected = status if mode == VerificationMode.TEE else Status.ASSERTED
        assert found["weights"].status == found["model"].status == expected


def test_vanilla_is_a_signature_only_and_says_so():
    found = verdict(exchange(mode=VerificationMode.VANILLA))
    for name in ("mode", "model", "weights"):
        assert found[name].status == Status.ASSERTED
        assert found[name].source.startswith("signature only")


def test_vanilla_is_admitted_by_name_only():
    refused("policy.mode", exchange(mode=VerificationMode.VANILLA), policy())


@pytest.mark.parametrize("asked", [VerificationMode.TEE, VerificationMode.VANILLA])
def test_the_mode_is_the_one_that_was_asked_for(asked):
    other = VerificationMode.TEE if asked == VerificationMode.VANILLA else VerificationMode.VANILLA
    verdict(exchange(mode=asked), verification_mode=asked)
    refused("receipt.verification_mode", exchange(mode=other), verification_mode=asked)


@pytest.mark.parametrize("name", sorted(MODEL))
def test_every_field_is_there(name):
    refused("receipt.model", exchange({k: v for k, v in MODEL.items() if k != name}))


@pytest.mark.parametrize("name", ["requested", "served", "root"])
def test_one_root_stands_everywhere(name):
    refused("receipt.model", exchange({**MODEL, name: "ee" * 32}))


@pytest.mark.parametrize(
    "changes",
    [{"file_sha256": "CD" * 32}, {"root": "ab"}, {"engine": 7}, {"served": ["ab"]}],
)
def test_fields_have_one_form(changes):
    refused("receipt.model", exchange({**MODEL, **changes}))


def test_another_model_than_was_asked_for():
    refused("receipt.model", exchange(), requested_model="ee" * 32)


def test_a_chat_that_names_a_root_is_held_to_the_same():
    refused("receipt.model", exchange({**MODEL, "root": "ee" * 32}, kind=ReceiptKind.CHAT))


def test_withheld_fields_are_not_claimed():
    bundle = exchange().bundle()
    partly = verify_receipt(bundle.redacted("model", "root", "engine"), policy=ANY, now_ms=NOW)
    assert "withheld" in partly.verdict["model"].detail
    assert "withheld" in partly.verdict["weights"].detail
    for kind in (ReceiptKind.MODEL, ReceiptKind.CHAT):
        hidden = exchange(kind=kind).bundle().redacted("model")
        whole = verify_receipt(hidden, policy=ANY, now_ms=NOW)
        assert whole.verdict["weights"].status == Status.ABSENT
        assert whole.verdict["model"].status == Status.ABSENT
    file = verify_receipt(bundle.redacted("model", "file_sha256"), policy=ANY, now_ms=NOW)
    assert file.verdict["weights"].detail.startswith("withheld")


def test_policies_name_roots():
    verdict(exchange(), dataclasses.replace(ANY, models=frozenset({ROOT})))
    refused("policy.model", exchange(), dataclasses.replace(ANY, models=frozenset({"ee" * 32})))
