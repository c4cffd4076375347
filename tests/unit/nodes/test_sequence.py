"""One key's receipts in any order of arrival."""

import itertools

import pytest

from opengradient.core.keys import MemorySigner
from opengradient.core.receipts import FIELDS, Receipt, ReceiptDomain, sign_receipt
from opengradient.errors import VerificationError
from opengradient.nodes import sequence
from opengradient.nodes.sequence import KeyHistory

DOMAIN = ReceiptDomain(chain_id=1, settlement_contract=bytes(20))
SIGNER = MemorySigner(b"\x07" * 32)


def signed(number, previous, salt=0):
    words = {f.name: (0 if f.size else bytes(32)) for f in FIELDS}
    words |= {"kind": 1, "sequence": number, "previous_receipt": previous}
    words |= {"receipt_id": bytes([salt]) * 32}
    return sign_receipt(Receipt(**words), DOMAIN, SIGNER)


def see(history, item):
    history.record(item.receipt, item.digest)


def previous_of(history, item, mark):
    return history.previous_of(item.receipt, item.digest, mark)


def chain(length):
    receipts, previous = [], bytes(32)
    for number in range(1, length + 1):
        receipts.append(signed(number, previous))
        previous = receipts[-1].digest
    return receipts


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_of_one_chain_is_accepted_and_neighbours_are_bound(order):
    history, receipts = KeyHistory(), chain(4)
    seen = set()
    for index in order:
        previous = previous_of(history, receipts[index], None)
        expected = (index, receipts[index - 1].digest) if index - 1 in seen else None
        assert previous == expected
        see(history, receipts[index])
        seen.add(index)
    assert history.mark == (4, receipts[3].digest)


def test_two_receipts_of_one_number_are_a_contradiction():
    history, receipts = KeyHistory(), chain(2)
    see(history, receipts[1])
    previous_of(history, receipts[1], None)  # the same again is a repeated answer
    with pytest.raises(VerificationError) as caught:
        previous_of(history, signed(2, receipts[0].digest, salt=9), None)
    assert caught.value.code == "receipt.sequence"


def test_a_receipt_that_its_successor_does_not_name_is_a_contradiction():
    history, receipts = KeyHistory(), chain(2)
    see(history, receipts[1])
    with pytest.raises(VerificationError) as caught:
        previous_of(history, signed(1, bytes(32), salt=9), None)
    assert caught.value.code == "receipt.sequence"


def test_the_mark_is_used_where_the_predecessor_is_unknown():
    history, receipts = KeyHistory(), chain(4)
    see(history, receipts[0])
    mark = history.mark
    assert previous_of(history, receipts[3], mark) == mark
    assert previous_of(history, receipts[1], None) == (1, receipts[0].digest)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(sequence, "MEMORY", 2)
    history, receipts = KeyHistory(), chain(4)
    for receipt in receipts:
        see(history, receipt)
    assert history.mark == (4, receipts[3].digest)
    assert previous_of(history, receipts[1], None) is None
