"""The one encoding of a batch: canonical, strict, and the same from both encoders."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengradient.core.batches import BatchData, leaf_of
from opengradient.core.canonical import canonical_json
from opengradient.core.digests import sha256
from opengradient.core.merkle import settlement_leaf
from opengradient.core.receipts import FIELDS, ReceiptDomain, sign_receipt
from opengradient.errors import MalformedError, OpenGradientError, UnsupportedError
from opengradient.wire.batches import canonical_signed, decode_batch, encode_batch, join_batch
from opengradient.wire.receipts import encode_bundle, encode_signed
from tests.receipt_factory import DOMAIN, SIGNER, Exchange


def signed(number: int = 1, **words):
    exchange = Exchange(words={"receipt_id": sha256(bytes([number])), **words})
    return sign_receipt(exchange.receipt(), DOMAIN, SIGNER)


def batch(*numbers: int) -> BatchData:
    receipts = sorted((signed(number) for number in numbers), key=lambda item: item.digest)
    return BatchData(receipts=tuple(receipts))


_NUMBERS = {
    field.name: st.integers(0, min(2 ** (8 * field.size), 2**53) - 1 if field.size < 32 else 2**256 - 1)
    for field in FIELDS
    if field.size is not None and field.size > 1
}  # fmt: skip


@given(
    st.fixed_dictionaries(_NUMBERS), st.integers(0, 2**53 - 1), st.binary(min_size=20, max_size=20)
)
def test_the_fast_encoder_gives_rfc_8785(words, chain_id, contract) -> None:
    domain = ReceiptDomain(chain_id=chain_id, settlement_contract=contract)
    made = replace(signed(), receipt=replace(signed().receipt, **words), domain=domain)
    assert canonical_signed(made) == canonical_json(encode_signed(made))


@pytest.mark.parametrize(
    "change",
    [
        lambda item: replace(item, receipt=replace(item.receipt, input_tokens=2**53)),
        lambda item: replace(item, domain=replace(item.domain, chain_id=2**53)),
    ],
)
def test_numbers_that_json_does_not_carry_are_refused(change) -> None:
    with pytest.raises(MalformedError):
        canonical_signed(change(signed()))


def test_goes_round() -> None:
    for data in (batch(1), batch(1, 2, 3)):
        encoded = encode_batch(data)
        assert decode_batch(encoded) == data
        assert canonical_json(json.loads(encoded)) == encoded


def test_a_bundle_goes_round() -> None:
    bundle = Exchange().bundle()
    data = BatchData(receipts=(bundle.signed,), bundle=bundle)
    encoded = encode_batch(data)
    assert canonical_json(json.loads(encoded)) == encoded
    assert encode_bundle(decode_batch(encoded).bundle) == encode_bundle(bundle)


def test_a_second_spelling_is_refused() -> None:
    encoded = encode_batch(batch(1, 2))
    value = json.loads(encoded)
    for other in (
        json.dumps(value).encode(),
        encoded + b"\n",
        json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode(),
    ):
        with pytest.raises(MalformedError):
            decode_batch(other)


def test_other_orders_and_doubles_are_refused() -> None:
    first, second = (canonical_signed(item) for item in batch(1, 2).receipts)
    decode_batch(join_batch([first, second]))
    for parts in ([second, first], [first, first], []):
        with pytest.raises(MalformedError):
            decode_batch(join_batch(parts))


def test_a_bundle_stands_beside_its_own_receipt_only() -> None:
    bundle = encode_bundle(Exchange().bundle())
    own = canonical_signed(Exchange().bundle().signed)
    decode_batch(join_batch([own], bundle))
    with pytest.raises(MalformedError):
        decode_batch(join_batch([canonical_signed(signed(1))], bundle))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda value: value | {"version": "opengradient.batch/2"}, UnsupportedError),
        (lambda value: value | {"more": 1}, MalformedError),
        (lambda value: value | {"receipts": {}}, MalformedError),
        (lambda value: {"version": value["version"]}, MalformedError),
        (lambda value: value | {"bundle": None}, MalformedError),
    ],
)
def test_other_shapes_are_refused(change, error) -> None:
    with pytest.raises(error):
        decode_batch(canonical_json(change(json.loads(encode_batch(batch(1))))))


@given(st.binary(max_size=300))
def test_any_bytes_give_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(OpenGradientError):
        decode_batch(data)


def test_the_leaf_is_that_of_digest_and_signature() -> None:
    item = signed()
    assert leaf_of(item) == settlement_leaf(item.digest, item.signature.r, item.signature.vs())
