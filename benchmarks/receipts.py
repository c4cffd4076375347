"""Signing and verifying a receipt, evidence cached; a Nitro document; beside eth-account."""

import os
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_typed_data

from benchmarks._table import Row, median_ms
from opengradient.core.commitments import seal_section, section_commitment
from opengradient.core.receipts import sign_receipt
from opengradient.errors import MalformedError
from opengradient.verify.attestation import verify_evidence, verify_nitro
from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement
from opengradient.verify.receipts import verify_receipt
from tests.receipt_factory import DOMAIN, NOW, SEED, SIGNER, Exchange, expecting, policy
from tests.unit.core.test_receipts import typed_data


def rows() -> list[Row]:
    """All rows of this page."""
    exchange = Exchange()
    bundle = exchange.bundle()
    known = verify_evidence(bundle.evidence, policy=policy(), now_ms=NOW)
    receipt = exchange.receipt()
    expect = expecting()

    def sign() -> None:
        for name in ("request", "upstream", "response", "model", "payment"):
            section_commitment(name, seal_section(SEED, name, getattr(exchange, name)))
        sign_receipt(receipt, DOMAIN, SIGNER)

    def check() -> None:
        verify_receipt(bundle, policy=policy(), now_ms=NOW, expect=expect, evidence=known)

    message = typed_data(receipt)
    account = Account.from_key(b"\x07" * 32)
    theirs_sign = median_ms(
        lambda: account.sign_message(encode_typed_data(full_message=message)), repeat=50
    )
    signature = account.sign_message(encode_typed_data(full_message=message)).signature
    theirs_check = median_ms(
        lambda: Account.recover_message(
            encode_typed_data(full_message=message), signature=signature
        ),
        repeat=50,
    )
    ours_sign, ours_check = median_ms(sign), median_ms(check)
    return [
        Row(
            what="sign a receipt (five sections sealed)",
            ours=f"{ours_sign:.2f} ms",
            beside=f"eth-account, the signature alone: {theirs_sign:.2f} ms",
            bar="0.2 ms",
            met=ours_sign <= 0.2,
        ),
        Row(
            what="verify a receipt offline, evidence cached",
            ours=f"{ours_check:.2f} ms",
            beside=f"eth-account, the signature alone: {theirs_check:.2f} ms",
            bar="0.5 ms",
            met=ours_check <= 0.5,
        ),
        *_nitro_rows(),
    ]


def _nitro_rows() -> list[Row]:
    root = Path(__file__).parent.parent.parent / "shared" / "vectors"
    folder = Path(os.environ.get("OPENGRADIENT_VECTORS_DIR", root)) / "nitro"
    if not folder.exists():
        return [Row(what="Nitro document", ours="not measured", note="no third-party vectors here")]
    document = (folder / "HintedNitroAttestation_repaired.bin").read_bytes()
    now = 1_767_480_000_000
    trust = TrustPolicy.hardware(UnsafeAnyMeasurement())
    try:
        ours = median_ms(lambda: verify_nitro(document, policy=trust, now_ms=now), repeat=100)
    except MalformedError as error:
        return [Row(what="Nitro document", ours="not measured", note=str(error))]
    return [Row(what="verify a Nitro document", ours=f"{ours:.1f} ms", bar="10 ms", met=ours <= 10)]
