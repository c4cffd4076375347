"""What a verdict says of each claim, word for word where a caller relies on it."""

import dataclasses

import pytest

from opengradient.core.digests import ZERO32, sha256
from opengradient.core.keyset import HpkeKey, Keyset
from opengradient.core.modes import ChannelKind, SettlementMode
from opengradient.core.settlement import Anchor, InclusionProof
from opengradient.errors import MalformedError, VerificationError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import UnsafeAnyMeasurement
from opengradient.verify.receipts import verify_receipt
from opengradient.verify.verdict import Status
from tests.receipt_factory import DOMAIN, MODEL, NONCE, REPLY, SIGNER, SPKI
from tests.unit.verify import nitro_forge as forge
from tests.unit.verify.nitro_forge import NOW
from tests.vectors.evidence import nitro
from tests.vectors.receipt_files import evidence, exchange, leaf, simulated

LISTED = nitro.policies()["default"]
ANY = dataclasses.replace(LISTED, measurements=UnsafeAnyMeasurement())
PROVEN, ASSERTED, ABSENT = Status.PROVEN, Status.ASSERTED, Status.ABSENT
WITHHELD = "withheld by the holder"
HPKE = HpkeKey(key_id=1, public_key=b"\x05" * 32)


def verdict(made=None, *, bundle=None, policy=LISTED, **known):
    return verify_receipt(
        bundle or (made or exchange()).bundle(),
        policy=policy,
        now_ms=NOW,
        expect=Expectation(**{"domain": DOMAIN, **known}),
    ).verdict


def words(**changes):
    return exchange(words=changes)


def said(made, name):
    claim = made[name]
    return claim.status, claim.source, claim.detail


def test_hardware_and_listed_code():
    made = verdict()
    assert not made.simulated
    assert said(made, "enclave") == (
        PROVEN, "aws-nitro, root 'forge'", "i-0123456789abcdef0-enc0123456789abcdef",
    )  # fmt: skip
    measured = f"measurement {nitro.MEASUREMENT}"
    assert said(made, "code") == (PROVEN, "measurement that the policy lists", measured)
    assert said(verdict(policy=ANY), "code") == (ASSERTED, "any measurement is accepted", measured)


def test_a_software_enclave_proves_neither_hardware_nor_code():
    unlisted = nitro.policies()["simulated"]
    any_code = dataclasses.replace(unlisted, measurements=UnsafeAnyMeasurement())
    for policy in (unlisted, any_code):
        made = verdict(exchange(evidence=simulated()), policy=policy)
        assert made.simulated
        assert said(made, "enclave")[:2] == (
            ASSERTED, "software enclave, root 'test network': no hardware stands behind it",
        )  # fmt: skip
        assert said(made, "code")[:2] == (ASSERTED, "software enclave")
        assert made["upstream"].status == ASSERTED


def test_the_network():
    where = f"chain 31337, contract 0x{DOMAIN.settlement_contract.hex()}"
    assert said(verdict(), "network") == (PROVEN, "signed domain", where)
    assert said(verdict(domain=None), "network") == (ASSERTED, "the receipt", where)


def test_the_mode():
    assert said(verdict(), "mode")[2] == "TEE, settles as BATCH_HASHED"


def test_the_channel():
    detail = f"attested TLS key {SPKI.hex()}"
    assert said(verdict(), "channel") == (ASSERTED, "the node", detail)
    used = (ChannelKind.TLS, SPKI)
    assert said(verdict(channel=used), "channel") == (PROVEN, "pinned TLS", detail)
    plain = words(channel_kind=ChannelKind.NONE, channel_binding=ZERO32)
    for known in ({}, {"channel": (ChannelKind.NONE, ZERO32)}):
        assert said(verdict(plain, **known), "channel")[0] == ABSENT
    keyset = Keyset(signing=SIGNER.public_key, tls_spki_sha256=SPKI, hpke=HPKE)
    binding = HPKE.digest()
    sealed = exchange(
        evidence=evidence(keyset),
        words={"channel_kind": ChannelKind.HPKE, "channel_binding": binding},
    )
    made = verdict(sealed, channel=(ChannelKind.HPKE, binding))
    assert said(made, "channel") == (
        PROVEN, "Oblivious HTTP to the attested key", f"attested HPKE key {binding.hex()}",
    )  # fmt: skip


def test_the_nonce():
    assert said(verdict(nonce=NONCE), "nonce")[:2] == (PROVEN, "signed receipt")
    assert said(verdict(), "nonce") == (ASSERTED, "the receipt", NONCE.hex())
    assert said(verdict(words(client_nonce=ZERO32)), "nonce")[0] == ABSENT


def test_the_request():
    assert said(verdict(), "request")[2] == "exact bytes, 36 of them"
    whole = exchange().bundle()
    for bundle in (whole.redacted("request"), whole.redacted("request", "body")):
        assert said(verdict(bundle=bundle), "request") == (ABSENT, WITHHELD, "")


def test_what_went_upstream():
    made = said(verdict(), "upstream")
    assert made[:2] == (PROVEN, "attested code says so in the signed receipt")
    assert made[2] == "30 bytes to http://127.0.0.1:1/v1/chat/completions"
    whole = exchange().bundle()
    assert said(verdict(bundle=whole.redacted("upstream")), "upstream") == (ABSENT, WITHHELD, "")
    no_body = verdict(bundle=whole.redacted("upstream", "body"))
    assert said(no_body, "upstream")[2] == "http://127.0.0.1:1/v1/chat/completions"
    no_url = verdict(bundle=whole.redacted("upstream", "url"))
    assert said(no_url, "upstream")[2] == "30 bytes to a withheld address"
    assert said(verdict(exchange(upstream={})), "upstream")[:2] == (
        ABSENT, "nothing was sent to a provider",
    )  # fmt: skip


def test_the_response():
    parts = len(REPLY.committed_fields())
    assert said(verdict(), "response")[2] == f"chat, {parts} parts"
    one = exchange().bundle().redacted("response", "choice.0.text")
    assert said(verdict(bundle=one), "response")[2] == f"chat, {parts - 1} parts, 1 withheld"


def test_usage():
    assert said(verdict(), "usage") == (ASSERTED, "the provider", "9 in, 2 out")
    response = {k: v for k, v in REPLY.committed_fields().items() if k != "usage"}
    names = ("input_tokens", "output_tokens", "cached_input_tokens")
    nothing = exchange(response=response, words=dict.fromkeys(names, 0))
    assert said(verdict(nothing), "usage")[0] == ABSENT
    for name in names:
        one = exchange(response=response, words={**dict.fromkeys(names, 0), name: 1})
        assert said(verdict(one), "usage")[0] == ASSERTED


@pytest.mark.parametrize("usage", ["9, 2, 1", [9, 2, 1], {}, {"input_tokens": 9}])
def test_usage_of_another_shape(usage):
    made = exchange(response=REPLY.committed_fields() | {"usage": usage})
    with pytest.raises(VerificationError) as caught:
        verdict(made)
    assert caught.value.code == "receipt.usage"


def test_the_model():
    assert said(verdict(), "model")[1:] == ("the provider", "asked for local/tiny, served tiny")
    unnamed = verdict(exchange(model=MODEL | {"served": None}))
    assert said(unnamed, "model") == (ABSENT, "the provider named none", "asked for local/tiny")
    held = exchange().bundle().redacted("model")
    assert said(verdict(bundle=held), "model") == (ABSENT, WITHHELD, "")


def test_the_sequence():
    previous = exchange().receipt().previous_receipt
    assert said(verdict(), "sequence") == (ASSERTED, "the node", "number 7 of its key")
    follows = said(verdict(previous=(6, previous)), "sequence")
    assert follows == (PROVEN, "hash chain", "number 7, follows the last seen")
    later = said(verdict(previous=(5, sha256(b"x"))), "sequence")
    assert later == (ASSERTED, "the node", "number 7, after 5")


def test_settlement_that_is_not_there():
    assert said(verdict(), "settlement") == (ABSENT, "no proof of it yet", "")
    private = words(settlement_mode=SettlementMode.PRIVATE)
    assert said(verdict(private), "settlement") == (ABSENT, "private by choice", "")


def test_settlement_that_is_shown():
    bundle = exchange().bundle()
    root = leaf(bundle.signed)
    anchor = Anchor(
        chain_id=DOMAIN.chain_id,
        settlement_contract=DOMAIN.settlement_contract,
        transaction_hash=bytes(32),
        block_number=5,
        block_hash=bytes(32),
        block_time=1,
    )
    alone = InclusionProof(
        root=root, size=1, proof=(), blob_id=bytes(32), submitter=bytes(20), anchor=anchor
    )
    where = f"root {root.hex()}, batch of 1"
    anchored = dataclasses.replace(bundle, inclusion=alone)
    assert said(verdict(bundle=anchored), "settlement") == (
        ASSERTED,
        "Merkle proof checked; that the root is on the ledger is the full node's word",
        f"{where}, block 5",
    )
    found = verdict(bundle=anchored, anchored_roots=frozenset({root}))
    assert said(found, "settlement") == (
        PROVEN, "Merkle proof to a root found on the ledger", where,
    )  # fmt: skip
    early = dataclasses.replace(bundle, inclusion=dataclasses.replace(alone, anchor=None))
    assert said(verdict(bundle=early), "settlement") == (
        ASSERTED, "Merkle proof checked; the root is not anchored yet", where,
    )  # fmt: skip


def test_when_the_vendor_was_asked():
    made = said(verdict(collateral_fetched_at_ms=NOW - 60_000), "collateral_fetched")
    assert made == (ASSERTED, "this client", "fetched 1 min ago")
    assert "collateral_fetched" not in {claim.name for claim in verdict()}


def test_payment():
    assert said(verdict(), "payment") == (ABSENT, "free of charge", "")
    paid = exchange(words={"price": 5}, payment={"asset": "OPG"})
    assert said(verdict(paid), "payment") == (ASSERTED, "the node", "price 5 of OPG")
    held = paid.bundle().redacted("payment")
    assert said(verdict(bundle=held), "payment") == (ABSENT, WITHHELD, "price 5")
    free = exchange(payment={"asset": "OPG"})
    assert said(verdict(free), "payment") == (ASSERTED, "the node", "price 0 of OPG")
    unpaid = verdict(words(price=5))
    assert said(unpaid, "payment") == (ASSERTED, "the node", "price 5 of None")


def test_the_words_are_checked_even_of_a_receipt_that_no_decoder_read():
    bundle = exchange().bundle()
    receipt = dataclasses.replace(bundle.signed.receipt, kind=99)
    forged = dataclasses.replace(bundle, signed=dataclasses.replace(bundle.signed, receipt=receipt))
    verified = verify_evidence(evidence(), policy=LISTED, now_ms=NOW)
    with pytest.raises(MalformedError) as caught:
        verify_receipt(forged, policy=LISTED, now_ms=NOW, evidence=verified)
    assert "receipt.kind" in str(caught.value)


def test_evidence_that_binds_nothing_binds_no_channel():
    made = exchange(evidence=evidence(keyset=None))
    with pytest.raises(VerificationError) as caught:
        verdict(made)
    assert caught.value.code == "attestation.binding"


assert forge.NOW == NOW
