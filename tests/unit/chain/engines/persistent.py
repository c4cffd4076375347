"""What the writer process and the test that kills it share."""

from pathlib import Path

from opengradient.chain.engines import EmbeddedSettings
from opengradient.chain.transactions import SignedTransaction, Transaction
from opengradient.core.digests import sha256
from opengradient.core.keys import MemorySigner

SENDER = MemorySigner(sha256(b"writer"))
PAYEE = b"\x55" * 20


def settings(folder: Path, **changes: object) -> EmbeddedSettings:
    return EmbeddedSettings(folder=folder, funded={SENDER.public_key.address: 10**24}, **changes)


def transfer(nonce: int) -> SignedTransaction:
    return Transaction(
        chain_id=31337,
        nonce=nonce,
        max_priority_fee=10**6,
        max_fee=10**10,
        gas=21_000,
        to=PAYEE,
        value=1,
    ).sign(SENDER)
