"""The struct, its digest and its signature, against independent implementations."""

import dataclasses

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.core.keys import CURVE_ORDER, MemorySigner, PublicKey, Signature, recover
from opengradient.core.receipts import (
    FIELDS,
    TYPE_STRING,
    Receipt,
    ReceiptDomain,
    sign_receipt,
)
from opengradient.errors import MalformedError, SignatureError

DOMAIN = ReceiptDomain(chain_id=31337, settlement_contract=bytes.fromhex("aa" * 20))
SIGNER = MemorySigner(b"\x07" * 32)


def receipt(**changes) -> Receipt:
    words = {
        field.name: (number if field.size else bytes([number]) * 32)
        for number, field in enumerate(FIELDS)
    }
    words |= {"kind": 1, "verification_mode": 2, "settlement_mode": 1, "channel_kind": 1}
    words |= {"proof_kind": 0}
    return Receipt(**(words | changes))


def typed_data(value: Receipt, domain: ReceiptDomain = DOMAIN) -> dict:
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "InferenceReceipt": [{"name": f.wire, "type": f.solidity} for f in FIELDS],
        },
        "primaryType": "InferenceReceipt",
        "domain": {
            "name": "OpenGradient Receipt",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.settlement_contract.hex(),
        },
        "message": {f.wire: getattr(value, f.name) for f in FIELDS},
    }


def test_digest_and_signature_equal_eth_accounts():
    value = receipt()
    signed = sign_receipt(value, DOMAIN, SIGNER)
    message = encode_typed_data(full_message=typed_data(value))
    theirs = Account.sign_message(message, b"\x07" * 32)
    assert signed.signature.encode() == theirs.signature
    assert bytes(theirs.message_hash) == signed.digest
    assert (
        Account.recover_message(message, signature=signed.signature.encode())
        == Account.from_key(b"\x07" * 32).address
    )
    assert signed.signer() == SIGNER.public_key


RANGES = {
    "kind": (1, 8), "verification_mode": (0, 2), "settlement_mode": (0, 2), "channel_kind": (0, 2),
    "proof_kind": (0, 1),
}  # fmt: skip
WORDS = {
    field.name: st.binary(min_size=32, max_size=32)
    if field.size is None
    else st.integers(*RANGES.get(field.name, (0, 2 ** (8 * field.size) - 1)))
    for field in FIELDS
}


@settings(max_examples=60, deadline=None)
@given(
    words=st.fixed_dictionaries(WORDS),
    chain_id=st.integers(0, 2**256 - 1),
    contract=st.binary(min_size=20, max_size=20),
    secret=st.integers(1, CURVE_ORDER - 1),
)
def test_any_receipt_is_signed_as_eth_account_signs_it(words, chain_id, contract, secret):
    value = Receipt(**words)
    domain = ReceiptDomain(chain_id=chain_id, settlement_contract=contract)
    key = secret.to_bytes(32)
    signed = sign_receipt(value, domain, MemorySigner(key))
    message = encode_typed_data(full_message=typed_data(value, domain))
    theirs = Account.sign_message(message, key)
    assert bytes(theirs.message_hash) == signed.digest
    assert theirs.signature == signed.signature.encode()


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_word_changes_the_digest(field):
    value = receipt()
    old = getattr(value, field.name)
    changed = dataclasses.replace(
        value, **{field.name: (old + 1 if field.size else bytes([old[0] ^ 1]) + old[1:])}
    )
    assert changed.signing_digest(DOMAIN) != value.signing_digest(DOMAIN)


@pytest.mark.parametrize(
    "other",
    [
        ReceiptDomain(chain_id=31338, settlement_contract=DOMAIN.settlement_contract),
        ReceiptDomain(chain_id=31337, settlement_contract=b"\xab" * 20),
    ],
)
def test_another_domain_is_another_digest(other):
    assert receipt().signing_digest(other) != receipt().signing_digest(DOMAIN)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_words_out_of_range_are_refused(field):
    bad = 1 << (8 * field.size) if field.size else bytes(31)
    with pytest.raises(MalformedError):
        sign_receipt(receipt(**{field.name: bad}), DOMAIN, SIGNER)
    with pytest.raises(MalformedError):
        sign_receipt(receipt(**{field.name: None}), DOMAIN, SIGNER)


@pytest.mark.parametrize("field", [f for f in FIELDS if f.size], ids=lambda field: field.name)
def test_booleans_and_negatives_are_no_numbers(field):
    for bad in (True, -1):
        with pytest.raises(MalformedError):
            sign_receipt(receipt(**{field.name: bad}), DOMAIN, SIGNER)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("kind", 0),
        ("kind", 9),
        ("verification_mode", 3),
        ("settlement_mode", 3),
        ("channel_kind", 3),
        ("proof_kind", 2),
    ],
)
def test_unknown_kinds_are_refused(name, bad):
    with pytest.raises(MalformedError):
        receipt(**{name: bad}).check()


def test_a_domain_needs_twenty_bytes():
    with pytest.raises(MalformedError):
        ReceiptDomain(chain_id=1, settlement_contract=bytes(19))


def test_the_type_string_has_29_words():
    assert TYPE_STRING.count(",") == 28
    assert len(FIELDS) == 29


def test_the_high_s_twin_is_refused():
    signature = sign_receipt(receipt(), DOMAIN, SIGNER).signature
    twin = (CURVE_ORDER - int.from_bytes(signature.s)).to_bytes(32)
    data = signature.r + twin + bytes([55 - signature.v])
    with pytest.raises(SignatureError) as caught:
        Signature.parse(data)
    assert caught.value.code == "receipt.signature.malleable"


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_other_v_are_refused(v):
    data = sign_receipt(receipt(), DOMAIN, SIGNER).signature.encode()
    with pytest.raises(SignatureError):
        Signature.parse(data[:64] + bytes([v]))


@pytest.mark.parametrize("data", [bytes(64), bytes(66), b""])
def test_signatures_have_65_bytes(data):
    with pytest.raises(MalformedError):
        Signature.parse(data)


def test_zero_r_or_s_is_refused():
    data = sign_receipt(receipt(), DOMAIN, SIGNER).signature.encode()
    for bad in (bytes(32) + data[32:], data[:32] + bytes(32) + data[64:]):
        with pytest.raises(SignatureError):
            Signature.parse(bad)


def test_an_r_that_is_no_coordinate_is_refused():
    signature = sign_receipt(receipt(), DOMAIN, SIGNER).signature
    for number in range(2, 40):
        try:
            recover(bytes(32), Signature(number.to_bytes(32), signature.s, 27))
        except SignatureError:
            return
    pytest.fail("some r below 40 is no x coordinate of the curve")


def test_the_compact_form_is_lossless():
    for number in range(8):
        signature = SIGNER.sign(bytes([number]) * 32)
        assert Signature.from_compact(signature.r, signature.vs()) == signature


def test_verify_raises_for_another_key():
    digest = bytes(32)
    other = MemorySigner(b"\x08" * 32)
    other.public_key.verify(digest, other.sign(digest))
    with pytest.raises(SignatureError):
        SIGNER.public_key.verify(digest, other.sign(digest))


@pytest.mark.parametrize("data", [b"", bytes(33), b"\x02" + b"\xff" * 32, bytes(65)])
def test_what_is_no_point_is_refused(data):
    with pytest.raises(MalformedError):
        PublicKey.parse(data)


@pytest.mark.parametrize("secret", [b"", bytes(32), CURVE_ORDER.to_bytes(32)])
def test_what_is_no_scalar_is_refused(secret):
    with pytest.raises(MalformedError):
        MemorySigner(secret)


def test_a_signer_never_shows_its_key():
    assert "07" * 16 not in repr(SIGNER)


def test_node_id_ends_in_the_address():
    address = Account.from_key(b"\x07" * 32).address
    assert "0x" + SIGNER.public_key.node_id[12:].hex() == address.lower()
    assert SIGNER.public_key.address == SIGNER.public_key.node_id[12:]
