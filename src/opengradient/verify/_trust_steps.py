"""Steps 2 to 7 and 12 of a receipt's check: who signed it, when, and over which channel."""

from typing import Final

from opengradient.core.bundle import ReceiptBundle
from opengradient.core.claims import age_in_words
from opengradient.core.digests import ZERO32, equal
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.keys import PublicKey
from opengradient.core.keyset import Keyset
from opengradient.core.modes import ChannelKind, SettlementMode, VerificationMode
from opengradient.core.receipts import Receipt, SignedReceipt
from opengradient.errors import (
    AttestationError,
    FreshnessError,
    PolicyError,
    SignatureError,
    VerificationError,
)
from opengradient.verify._claims import Notebook
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.attestation._common import check_key_not_revoked
from opengradient.verify.attestation.configuration import configuration_claim
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy

SIGNATURE_ONLY: Final = "signature only: the node signed, and claims nothing more of how it ran"
"""What VANILLA stands on, wherever its verdict says so."""


def check_domain(bundle: ReceiptBundle, expect: Expectation, notes: Notebook) -> None:
    """Step 2: the network's chain and settlement contract."""
    domain = bundle.signed.domain
    where = f"chain {domain.chain_id}, contract 0x{domain.settlement_contract.hex()}"
    if expect.domain is None:
        notes.asserted("network", "the receipt", where)
    elif domain != expect.domain:
        raise VerificationError(
            "the receipt belongs to another network",
            code="receipt.domain",
            expected=f"chain {expect.domain.chain_id}, "
            f"contract 0x{expect.domain.settlement_contract.hex()}",
            actual=where,
        )
    else:
        notes.proven("network", "signed domain", where)


def check_evidence(
    bundle: ReceiptBundle,
    policy: TrustPolicy,
    now_ms: int,
    verified: VerifiedEvidence | None,
    notes: Notebook,
) -> VerifiedEvidence:
    """Step 3: the very document that the receipt names, against the policy."""
    named = bundle.signed.receipt.evidence_digest
    if bundle.evidence is not None:
        presented = bundle.evidence.digest()
        if not equal(presented, named):
            raise AttestationError(
                "the receipt names other evidence than is presented",
                code="receipt.evidence_digest",
                step="evidence",
                expected=named.hex(),
                actual=presented.hex(),
            )
    if verified is None:
        if bundle.evidence is None:
            raise AttestationError(
                "the receipt comes without its evidence, and none was given",
                code="receipt.evidence_digest",
                step="evidence",
                expected=named.hex(),
            )
        verified = verify_evidence(bundle.evidence, policy=policy, now_ms=now_ms)
    elif not equal(verified.evidence_digest, named):
        raise AttestationError(
            "the receipt names other evidence than the node's",
            code="receipt.evidence_digest",
            step="evidence",
            expected=named.hex(),
            actual=verified.evidence_digest.hex(),
        )
    _note_enclave(verified, notes)
    return verified


def _note_enclave(verified: VerifiedEvidence, notes: Notebook) -> None:
    if verified.simulated:
        notes.asserted(
            "enclave", f"software enclave, root {verified.root!r}: no hardware stands behind it"
        )
    elif verified.by_service:
        notes.asserted("enclave", verified.root, verified.module_id)
    else:
        notes.proven("enclave", f"{verified.kind}, root {verified.root!r}", verified.module_id)
    measured = f"measurement {verified.measurement}"
    if verified.simulated or not verified.measurement_accepted:
        notes.asserted(
            "code",
            "software enclave" if verified.simulated else "any measurement is accepted",
            measured,
        )
    elif verified.by_service:
        notes.asserted("code", f"{verified.root}; {verified.measurement_source}", measured)
    else:
        notes.proven("code", verified.measurement_source, measured)
    notes.write(configuration_claim(verified))
    for claim in verified.claims:
        notes.write(claim)


def note_collateral(expect: Expectation, now_ms: int, notes: Notebook) -> None:
    """Step 3, for the reader: how long ago the vendor was asked.

    The evidence's own claims say how old its answer was.
    """
    if expect.collateral_fetched_at_ms is not None:
        age = age_in_words(now_ms - expect.collateral_fetched_at_ms)
        notes.asserted("collateral_fetched", "this client", f"fetched {age}")


def check_key(
    bundle: ReceiptBundle, verified: VerifiedEvidence, policy: TrustPolicy, notes: Notebook
) -> None:
    """Steps 4 and 5: the key is bound by the evidence, is not revoked, and signed."""
    key = attested_signer(bundle.signed, bundle.signed.digest, verified, policy)
    notes.proven("signature", "secp256k1 key bound in the evidence", f"node {key.node_id.hex()}")


def attested_signer(
    signed: SignedReceipt, digest: bytes, verified: VerifiedEvidence, policy: TrustPolicy
) -> PublicKey:
    """The attested key, which made the signature over `digest`, the receipt's signing digest."""
    receipt = signed.receipt
    if verified.keyset is None:
        raise AttestationError("the evidence binds no signing key", code="attestation.binding")
    key = verified.keyset.signing
    if not equal(key.node_id, receipt.node_id):
        raise SignatureError(
            "the receipt's node id is not that of the attested key",
            code="receipt.node_id",
            expected=key.node_id.hex(),
            actual=receipt.node_id.hex(),
        )
    try:
        key.verify(digest, signed.signature)
    except SignatureError as error:
        raise SignatureError(
            "the receipt is not signed by the attested key",
            expected=key.compressed.hex(),
            actual=error.actual,
        ) from error
    check_key_not_revoked(verified.keyset, policy)
    return key


def check_modes(
    receipt: Receipt, policy: TrustPolicy, expect: Expectation, notes: Notebook
) -> None:
    """Step 6: verification mode and settlement mode."""
    mode = VerificationMode(receipt.verification_mode)
    if mode not in policy.modes:
        raise PolicyError(
            f"verification mode {mode.name} is not accepted",
            code="policy.mode",
            expected=sorted(item.name for item in policy.modes),
            actual=mode.name,
        )
    if expect.verification_mode is not None and mode != expect.verification_mode:
        raise VerificationError(
            "the receipt names another verification mode than was asked for",
            code="receipt.verification_mode",
            expected=expect.verification_mode.name,
            actual=mode.name,
        )
    settlement = SettlementMode(receipt.settlement_mode)
    if expect.settlement_mode is not None and settlement != expect.settlement_mode:
        raise VerificationError(
            "the receipt names another settlement mode than was asked for",
            code="receipt.settlement_mode",
            expected=expect.settlement_mode.name,
            actual=settlement.name,
        )
    detail = f"{mode.name}, settles as {settlement.name}"
    if mode == VerificationMode.VANILLA:
        notes.asserted("mode", SIGNATURE_ONLY, detail)
    else:
        notes.proven("mode", "signed receipt", detail)


def check_channel(
    receipt: Receipt, verified: VerifiedEvidence, expect: Expectation, notes: Notebook
) -> None:
    """Step 7: the channel that was used, and bound by the evidence."""
    kind = ChannelKind(receipt.channel_kind)
    attested = _attested_channel(kind, verified.keyset)
    if kind != ChannelKind.NONE and receipt.channel_binding != attested:
        raise VerificationError(
            f"the receipt names a key of its {kind.name} channel that the evidence does not bind",
            code="receipt.channel",
            expected=attested.hex() if attested else None,
            actual=receipt.channel_binding.hex(),
        )
    if kind == ChannelKind.NONE and receipt.channel_binding != ZERO32:
        raise VerificationError("a receipt without channel names a key", code="receipt.channel")
    if expect.channel is not None and expect.channel != (kind, receipt.channel_binding):
        raise VerificationError(
            "the receipt names another channel than was used",
            code="receipt.channel",
            expected=f"{expect.channel[0].name} {expect.channel[1].hex()}",
            actual=f"{kind.name} {receipt.channel_binding.hex()}",
        )
    detail = f"attested {kind.name} key {receipt.channel_binding.hex()}"
    if kind == ChannelKind.NONE:
        notes.absent("channel", "plain connection: anybody on the way could read it")
    elif expect.channel is None:
        notes.asserted("channel", "the node", detail)
    else:
        source = "pinned TLS" if kind == ChannelKind.TLS else "Oblivious HTTP to the attested key"
        notes.proven("channel", source, detail)


def _attested_channel(kind: ChannelKind, keyset: Keyset | None) -> bytes | None:
    if keyset is None:
        return None
    if kind == ChannelKind.HPKE:
        return keyset.hpke.digest() if keyset.hpke is not None else None
    return keyset.tls_spki_sha256


def check_time(
    receipt: Receipt,
    verified: VerifiedEvidence,
    policy: TrustPolicy,
    now_ms: int,
    notes: Notebook,
) -> None:
    """Step 12: the receipt's times, against the clock and the evidence."""
    start, first, end = receipt.started_at, receipt.first_token_at, receipt.finished_at
    if not start <= end or (first and not start <= first <= end):
        raise VerificationError(
            "the receipt's times are out of order", code="receipt.time", actual=(start, first, end)
        )
    if end > now_ms + policy.clock_skew_ms:
        raise FreshnessError(
            "the receipt is from the future",
            code="receipt.time",
            expected=f"<= {now_ms + policy.clock_skew_ms}",
            actual=end,
        )
    skew = policy.clock_skew_ms
    if not verified.valid_from_ms - skew <= start or not end <= verified.valid_until_ms + skew:
        raise VerificationError(
            "the receipt was made outside the validity of its evidence",
            code="receipt.time",
            expected=f"{verified.valid_from_ms} to {verified.valid_until_ms}",
            actual=f"{start} to {end}",
        )
    notes.asserted("time", "the node's clock", f"{start} to {end} ms since 1970")


def check_sequence(receipt: Receipt, expect: Expectation, notes: Notebook) -> None:
    """Step 12: the hash chain of the key's receipts."""
    if receipt.sequence < 1 or (receipt.sequence == 1) != (receipt.previous_receipt == ZERO32):
        raise VerificationError(
            "only a key's first receipt has no predecessor", code="receipt.sequence"
        )
    if expect.previous is None:
        notes.asserted("sequence", "the node", f"number {receipt.sequence} of its key")
        return
    number, digest = expect.previous
    follows = receipt.sequence > number
    if not follows or (receipt.sequence == number + 1 and receipt.previous_receipt != digest):
        raise VerificationError(
            "the receipt does not continue this key's sequence",
            code="receipt.sequence",
            expected=f"after number {number}",
            actual=f"number {receipt.sequence}",
        )
    if receipt.sequence == number + 1:
        notes.proven("sequence", "hash chain", f"number {receipt.sequence}, follows the last seen")
    else:
        notes.asserted("sequence", "the node", f"number {receipt.sequence}, after {number}")
