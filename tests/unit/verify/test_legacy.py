"""The public network's ``tee_*`` fields: each step broken alone, and what a verdict may say."""

import dataclasses
import functools

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opengradient.core.evidence import SOFTWARE, Evidence
from opengradient.core.legacy import TeeFields, message_hash, output_hash, request_hash, tee_id
from opengradient.core.messages import Choice, ToolCall
from opengradient.core.modes import ReceiptKind
from opengradient.errors import (
    FreshnessError,
    MalformedError,
    SignatureError,
    VerificationError,
)
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.legacy import MAX_AGE_MS, legacy_verdict, verify_tee_fields
from opengradient.verify.verdict import Status
from tests.unit.verify import nitro_forge as forge
from tests.vectors.evidence.nitro import policies, simulated_chain

NOW = 1_760_000_000_000
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5}
CHOICES = (Choice(text="Hello."),)


@functools.cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def spki(public) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(*, salt: int = 32, hash_type=SHA256, mgf=SHA256, at: int = NOW // 1000, **changes):
    """Right fields, some changed after or before signing."""
    request, output = request_hash(ReceiptKind.CHAT, BODY), output_hash(CHOICES)
    message = message_hash(request, output, at)
    scheme = padding.PSS(mgf=padding.MGF1(mgf()), salt_length=salt)
    fields = TeeFields(
        signature=key().sign(message, scheme, hash_type()),
        request=request,
        output=output,
        timestamp=at,
        tee_id=tee_id(spki(key().public_key())),
    )
    return dataclasses.replace(fields, **changes)


def check(fields, **changes):
    known = {
        "public_key": spki(key().public_key()),
        "kind": ReceiptKind.CHAT,
        "request": BODY,
        "choices": CHOICES,
        "now_ms": NOW,
    }
    verify_tee_fields(fields, **{**known, **changes})


def refused(code, fields, error=VerificationError, **changes):
    with pytest.raises(error) as caught:
        check(fields, **changes)
    assert caught.value.code == code
    return caught.value


def test_right_fields_pass():
    check(signed())
    check(signed(), now_ms=None)


def test_the_id_is_that_of_the_key():
    other = tee_id(b"x")
    error = refused("legacy.signature", signed(tee_id=other), SignatureError)
    assert (error.expected, error.actual) == (signed().tee_id, other)


def test_the_hashes_are_of_this_exchange():
    error = refused("legacy.hash", signed(), request={**BODY, "temperature": 0.6})
    assert error.step == "tee_request_hash"
    error = refused("legacy.hash", signed(), choices=(Choice(text="Hello!"),))
    assert error.step == "tee_output_hash"
    assert refused("legacy.hash", signed(request=bytes(32))).actual == bytes(32).hex()
    assert refused("legacy.hash", signed(output=bytes(32))).step == "tee_output_hash"
    body = {"model": "m", "prompt": "Hi"}
    refused("legacy.hash", signed(), kind=ReceiptKind.COMPLETION, request=body)


@pytest.mark.parametrize(
    "fields",
    [
        lambda: signed(timestamp=NOW // 1000 + 1),
        lambda: signed(signature=bytes(256)),
        lambda: signed(signature=b""),
        lambda: signed(salt=31),
        lambda: signed(salt=0),
        lambda: signed(hash_type=SHA384, mgf=SHA384),
        lambda: signed(mgf=SHA384),
    ],
)
def test_the_signature_is_rsa_pss_with_one_set_of_parameters(fields):
    refused("legacy.signature", fields(), SignatureError)


def test_the_time_is_near():
    assert MAX_AGE_MS == 300_000
    for now_ms in (NOW + 300_000, NOW - 300_000):
        check(signed(), now_ms=now_ms)
    for now_ms in (NOW + 300_001, NOW - 300_001):
        assert refused("legacy.stale", signed(), FreshnessError, now_ms=now_ms).actual == NOW
    check(signed(), now_ms=NOW + 1000, max_age_ms=1000)
    refused("legacy.stale", signed(), now_ms=NOW + 1001, max_age_ms=1000)


def test_the_key_is_rsa_of_a_sane_size():
    def with_key(der, error=VerificationError):
        return refused(
            "format.malformed" if error is MalformedError else "legacy.signature",
            signed(tee_id=tee_id(der)),
            error,
            public_key=der,
        )

    with_key(b"no key", MalformedError)
    with_key(spki(ec.derive_private_key(5, ec.SECP256R1()).public_key()), SignatureError)
    with_key(spki(rsa.RSAPublicNumbers(65537, 2**1024 + 1).public_key()), SignatureError)
    with_key(spki(rsa.RSAPublicNumbers(65537, 2**8192 + 1).public_key()), SignatureError)


def verified(*, simulated=False):
    if simulated:
        chain = simulated_chain()
        made = forge.document(cabundle=list(chain[:-1]), certificate=chain[-1])
        evidence = Evidence(kind=SOFTWARE, document=made)
        return verify_evidence(evidence, policy=policies()["simulated"], now_ms=forge.NOW)
    return forge.verify(forge.document())


def verdict(*choices, simulated=False, streamed=False, **more):
    return legacy_verdict(
        signed(),
        evidence=verified(simulated=simulated),
        choices=choices or CHOICES,
        streamed=streamed,
        **more,
    )


def test_what_the_format_proves_and_what_it_leaves_open():
    made = verdict()
    assert not made.simulated
    assert {claim.name for claim in made.proven} == {
        "enclave", "signature", "channel", "request", "response",
    }  # fmt: skip
    assert {claim.name for claim in made.asserted} == {"code", "time"}
    assert {claim.name for claim in made.absent} == {
        "nonce", "attachments", "upstream", "finish_reason", "usage", "model", "weights",
        "sequence", "execution", "settlement", "payment",
    }  # fmt: skip
    assert made["response"].detail == "the text"
    assert "forge" in made["enclave"].source
    assert made["signature"].detail.endswith(signed().tee_id)
    assert str(NOW // 1000) in made["time"].detail


def test_a_software_enclave_proves_no_hardware():
    made = verdict(simulated=True)
    assert made.simulated
    assert made["enclave"].status == Status.ASSERTED
    assert "software enclave" in made["enclave"].source


def names(made):
    return {claim.name for claim in made}


def test_parts_of_an_answer_that_the_format_does_not_bind():
    plain = names(verdict())
    assert names(verdict(streamed=True)) == plain | {"stream"}
    assert verdict(streamed=True)["stream"].status == Status.ABSENT
    call = ToolCall(id="1", name="f", arguments="{}")
    assert verdict(Choice(tool_calls=(call,)))["response"].detail == "the tool calls"
    assert names(verdict(Choice(tool_calls=(call,)))) == plain
    assert names(verdict(Choice(tool_calls=(call,), text="x"))) == plain | {"text"}
    assert names(verdict(Choice(text="a"), Choice(index=1, text="b"))) == plain | {"choices"}
    for name, value in (
        ("images", ("i",)),
        ("reasoning", "r"),
        ("refusal", "r"),
        ("logprobs", {"x": 1}),
        ("annotations", [1]),
    ):
        made = verdict(Choice(text="a"), Choice(index=1, **{name: value}))
        assert names(made) == plain | {"choices", name}
        assert made[name].status == Status.ABSENT
    nothing = legacy_verdict(signed(), evidence=verified(), choices=(), streamed=False)
    assert names(nothing) == plain


def test_the_channel_that_was_used():
    for sealed, source in ((False, "pinned TLS"), (True, "Oblivious HTTP")):
        claim = verdict(sealed=sealed)["channel"]
        assert (claim.status, claim.source) == (Status.PROVEN, source)
    sealed = verdict(sealed=True)["channel"]
    assert sealed.detail == "HPKE key signed by the attested RSA key"
