"""Steps 4 to 8 of an ACI receipt's check: signature, channel, bodies, model, times (ACI 9.3)."""

from opengradient.core.aci import AciBundle, AciKeyset, AciReceipt
from opengradient.core.aci.keyset import ED25519
from opengradient.core.aci.receipt import FORWARDED, RECEIVED, RETURNED
from opengradient.core.digests import equal, sha256
from opengradient.errors import (
    FreshnessError,
    PolicyError,
    SignatureError,
    VerificationError,
)
from opengradient.verify._claims import Notebook
from opengradient.verify.aci.expectation import AciExpectation
from opengradient.verify.platforms.aci import AciPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.signatures import verify_ed25519


def check_signature(receipt: AciReceipt, keyset: AciKeyset, notes: Notebook) -> None:
    """The attested entry decides the algorithm, never the receipt (ACI 7.2)."""
    if not equal(receipt.keyset_digest, keyset.digest):
        raise VerificationError(
            "the receipt names another keyset",
            code="aci.receipt.keyset",
            expected=keyset.digest.hex(),
            actual=receipt.keyset_digest.hex(),
        )
    key = keyset.receipt_key(receipt.key_id)
    if key is None:
        raise SignatureError(
            "the keyset has no receipt key of that name",
            code="aci.receipt.key",
            expected=[item.key_id for item in keyset.receipt_keys],
            actual=receipt.key_id,
        )
    if key.algorithm != ED25519:
        raise SignatureError(
            f"the key's algorithm is {key.algorithm!r}", code="aci.receipt.algorithm"
        )
    try:
        verify_ed25519(bytes.fromhex(key.public_key), receipt.signature, receipt.signing_input)
    except (SignatureError, ValueError) as error:
        raise SignatureError(
            "the signature does not verify", code="aci.receipt.signature"
        ) from error
    notes.proven("signature", "Ed25519 key in the keyset", f"key {receipt.key_id}")


def check_channel(keyset: AciKeyset, expect: AciExpectation, notes: Notebook) -> None:
    """The TLS key that was used is listed for the name that was called (ACI 9.1 step 6)."""
    if expect.tls_spki_sha256 is None:
        notes.absent("channel", "the caller does not say which TLS key it saw")
        return
    listed = [
        key.spki_sha256
        for key in keyset.tls_keys
        if key.domain is None or (expect.hostname or "").lower() == key.domain.lower()
    ]
    if expect.tls_spki_sha256 not in listed:
        raise VerificationError(
            "the keyset does not list the TLS key that was used",
            code="aci.channel",
            expected=[item.hex() for item in listed],
            actual=expect.tls_spki_sha256.hex(),
        )
    notes.proven("channel", "TLS key in the keyset", expect.tls_spki_sha256.hex())


def check_request(
    bundle: AciBundle, rules: AciPolicy, expect: AciExpectation, notes: Notebook
) -> None:
    """The body that was sent, and whether it reached inference unchanged."""
    received = bundle.receipt.body_hash(RECEIVED)
    _compare("request", "aci.request", received, (expect.request, bundle.request), notes)
    forwarded = bundle.receipt.body_hash(FORWARDED)
    refused = bundle.receipt.refused
    if forwarded is None and not refused:
        raise VerificationError(
            "the request was neither forwarded nor refused", code="aci.event.not_forwarded"
        )
    if forwarded is not None and refused:
        raise VerificationError(
            "the request was forwarded without the verification that it required",
            code="aci.event.forwarded_refusal",
        )
    if forwarded is None:
        notes.proven("forwarded", "signed receipt", "refused: the prompt was not forwarded")
    elif forwarded == received:
        notes.proven("forwarded", "signed receipt", "byte for byte as received")
    elif rules.allow_rewrite:
        notes.asserted("forwarded", "the measured code", "REWRITTEN before inference")
    else:
        raise PolicyError("the request was rewritten", code="aci.request.rewritten")


def check_response(bundle: AciBundle, expect: AciExpectation, notes: Notebook) -> None:
    """The body that came back."""
    returned = bundle.receipt.body_hash(RETURNED)
    _compare("response", "aci.response", returned, (expect.response, bundle.response), notes)


def _compare(
    what: str,
    code: str,
    signed: bytes | None,
    bodies: tuple[bytes | None, bytes | None],
    notes: Notebook,
) -> None:
    """Compare a signed hash with the bytes of the caller, and with those of the file."""
    for body in bodies:
        if body is not None and (signed is None or not equal(sha256(body), signed)):
            raise VerificationError(
                f"the receipt is about another {what}",
                code=code,
                expected=None if signed is None else signed.hex(),
                actual=sha256(body).hex(),
            )
    known, shown = bodies
    body = shown if known is None else known
    if body is None:
        notes.absent(what, "not shown: the receipt has its hash only")
    else:
        notes.proven(what, "signed hash", f"exact bytes, {len(body)} of them")


def check_model(
    receipt: AciReceipt, policy: TrustPolicy, expect: AciExpectation, notes: Notebook
) -> None:
    """The model that was asked for, and the one that the service says it served."""
    if expect.model is not None and receipt.model != expect.model:
        raise VerificationError(
            "the receipt is for another model than was asked for",
            code="aci.model",
            expected=expect.model,
            actual=receipt.model,
        )
    upstream = receipt.served_by
    served = receipt.model if upstream is None else upstream.model_id
    if policy.models is not None and served not in policy.models:
        raise PolicyError(
            "the served model is not one that the policy allows",
            code="policy.model",
            expected=sorted(policy.models),
            actual=served,
        )
    if served is None:
        notes.absent("model", "the receipt names none")
    else:
        notes.asserted("model", "the service", f"asked for {receipt.model}, served {served}")


def check_times(
    receipt: AciReceipt, keyset: AciKeyset, policy: TrustPolicy, now_ms: int, notes: Notebook
) -> None:
    """The service's own time lies before now and before the end of its keyset."""
    served_ms = receipt.served_at * 1000
    if served_ms > now_ms + policy.clock_skew_ms:
        raise FreshnessError(
            "the receipt is from the future",
            code="aci.receipt.future",
            expected=f"<= {now_ms}",
            actual=served_ms,
        )
    if receipt.served_at >= keyset.not_after:
        raise FreshnessError(
            "the receipt was made after its keyset ended",
            code="aci.receipt.after_keyset",
            expected=f"< {keyset.not_after}",
            actual=receipt.served_at,
        )
    notes.asserted("time", "the service's own clock", f"{receipt.served_at} (Unix seconds)")
    notes.absent("sequence", "ACI receipts have no order: an omitted one does not show")
    notes.absent("settlement", "ACI receipts are anchored nowhere")
