"""Transactions are encoded and signed as eth-account does."""

from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from opengradient.chain.transactions import Transaction, contract_address, rlp_encode
from opengradient.core.digests import sha256
from opengradient.core.keys import MemorySigner

SECRET = sha256(b"sender")
SIGNER = MemorySigner(SECRET)


@settings(max_examples=60, deadline=None)
@given(
    chain_id=st.integers(1, 2**40),
    nonce=st.integers(0, 2**40),
    fee=st.integers(0, 2**70),
    gas=st.integers(21_000, 30_000_000),
    to=st.one_of(st.none(), st.binary(min_size=20, max_size=20)),
    value=st.integers(0, 2**90),
    data=st.binary(max_size=300),
)
def test_the_same_bytes_as_eth_account(chain_id, nonce, fee, gas, to, value, data):
    ours = Transaction(
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee=fee,
        max_fee=fee + 7,
        gas=gas,
        to=to,
        value=value,
        data=data,
    ).sign(SIGNER)
    fields = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "maxPriorityFeePerGas": fee,
        "maxFeePerGas": fee + 7,
        "gas": gas,
        "value": value,
        "data": data,
    }
    theirs = Account.sign_transaction(fields | ({} if to is None else {"to": to}), SECRET)
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == bytes(theirs.hash)
    assert ours.sender == bytes.fromhex(Account.from_key(SECRET).address[2:])


@given(
    st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=9)
)
def test_rlp_is_the_reference(item):
    import rlp

    assert rlp_encode(item) == rlp.encode(item)


def test_contract_addresses():
    """From the go-ethereum test of crypto.CreateAddress."""
    sender = bytes.fromhex("970e8128ab834e8eac17ab8e3812f010678cf791")
    expected = [
        "333c3310824b7c685133f2bedb2ca4b8b4df633d",
        "8bda78331c916a08481428e4b07c96d3e916d165",
    ]
    assert [contract_address(sender, n).hex() for n in range(2)] == expected
