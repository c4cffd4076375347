"""The work of a verification process: the bytes of a request in, a verdict per receipt out.

Everything here is plain CPU work without I/O, so that it can run in another process. A process
keeps the evidence that it has verified; what it does not know, it names, and the caller sends it.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, final

from opengradient.core.bundle import ReceiptBundle
from opengradient.core.canonical import parse_json_object
from opengradient.core.collateral import Collateral
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.receipts import ReceiptDomain, SignedReceipt
from opengradient.errors import MalformedError, OpenGradientError
from opengradient.verify.attestation import verify_evidence
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.settlement import SettleableReceipt, verify_for_settlement
from opengradient.wire.batches import canonical_signed
from opengradient.wire.fields import members
from opengradient.wire.receipts import decode_bundle, decode_signed, encode_bundle
from reference_nodes.full_node.records import CheckedReceipt, KnownEvidence, RefusedReceipt

MAX_RECEIPTS: Final = 1000
"""Receipts in one request."""

_CACHE_SIZE: Final = 4096

Outcome = CheckedReceipt | RefusedReceipt


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """What receipts are judged by.

    Attributes:
        domain: The network's domain.
        policy: Whose evidence the full node accepts.
        max_body_bytes: Larger requests are refused unread.
    """

    domain: ReceiptDomain
    policy: TrustPolicy
    max_body_bytes: int


class _Judged(NamedTuple):
    """Verified evidence, and the vendor's data that it was judged with."""

    verified: VerifiedEvidence
    collateral: Collateral


class _Cache:
    """The evidence that this process has verified, the least recently used thrown out."""

    def __init__(self) -> None:
        self._items: OrderedDict[tuple[bytes, TrustPolicy], _Judged] = OrderedDict()

    def get(self, digest: bytes, policy: TrustPolicy) -> _Judged | None:
        key = (digest, policy)
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
        return found

    def add(self, known: KnownEvidence, policy: TrustPolicy) -> None:
        """Verify and keep, unless it is kept already."""
        key = (known.evidence.digest(), policy)
        if key not in self._items:
            verified = verify_evidence(known.evidence, policy=policy, now_ms=known.judged_at_ms)
            self._items[key] = _Judged(verified, known.evidence.collateral)
            while len(self._items) > _CACHE_SIZE:
                self._items.popitem(last=False)


_CACHE: Final = _Cache()


def check_body(
    body: bytes,
    settings: CheckSettings,
    now_ms: int,
    evidence: Sequence[KnownEvidence] = (),
    only: Collection[int] | None = None,
) -> list[Outcome]:
    """Check the receipts of one request body.

    Args:
        body: ``{"receipts": [{"signed": ..., "bundle": ...}]}``.
        settings: What to judge by.
        now_ms: The time at which to judge, Unix milliseconds.
        evidence: Evidence that this process may not have yet.
        only: Positions to look at; None for all.

    Returns:
        One outcome per receipt that was looked at, in order. One whose evidence this process
        does not have is refused with `settlement.evidence_needed`, which the caller can cure.

    Raises:
        MalformedError: The body is not such an object.
    """
    refused: dict[bytes, OpenGradientError] = {}
    for known in evidence:
        try:
            _CACHE.add(known, settings.policy)
        except OpenGradientError as error:
            refused[known.evidence.digest()] = error
    items = _read_items(body, settings.max_body_bytes)
    return [
        _check_item(item, settings, now_ms, refused)
        for index, item in enumerate(items)
        if only is None or index in only
    ]


def _read_items(body: bytes, max_bytes: int) -> list[Any]:
    value = parse_json_object(body, what="the request", max_bytes=max_bytes)
    items = members(value, "request", ("receipts",))["receipts"]
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_RECEIPTS:
        raise MalformedError(f"receipts must be a list of 1 to {MAX_RECEIPTS}")
    return items


def _check_item(
    item: Any, settings: CheckSettings, now_ms: int, refused: dict[bytes, OpenGradientError]
) -> Outcome:
    signed: SignedReceipt | None = None
    try:
        members(item, "receipt", ("signed", "bundle"))
        signed = decode_signed(item["signed"])
        named = signed.receipt.evidence_digest
        judged = _CACHE.get(named, settings.policy)
        if judged is None:
            return _without_evidence(signed, refused.get(named))
        bundle = None if item["bundle"] is None else _published(item["bundle"], judged)
        settleable = verify_for_settlement(
            signed,
            verified_evidence=judged.verified,
            policy=settings.policy,
            domain=settings.domain,
            now_ms=now_ms,
            bundle=bundle,
        )
        return _checked(settleable, bundle)
    except OpenGradientError as error:
        digest = None if signed is None else signed.digest
        return RefusedReceipt(digest, error.code, error.message, retry=False)


def _without_evidence(signed: SignedReceipt, error: OpenGradientError | None) -> RefusedReceipt:
    if error is not None:
        return RefusedReceipt(signed.digest, error.code, error.message, retry=False)
    named = signed.receipt.evidence_digest
    return RefusedReceipt(
        signed.digest,
        "settlement.evidence_needed",
        f"post the evidence 0x{named.hex()} first",
        retry=True,
        evidence_digest=named,
    )


def _published(value: Any, judged: _Judged) -> ReceiptBundle:
    """The bundle as it is published.

    Its evidence has the collateral that it was judged with, and no other, so that it verifies
    without its vendor. A proof of inclusion cannot be part of what it proves.
    """
    bundle = replace(decode_bundle(value), inclusion=None)
    if bundle.evidence is None:
        return bundle
    return replace(bundle, evidence=replace(bundle.evidence, collateral=judged.collateral))


def _checked(settleable: SettleableReceipt, bundle: ReceiptBundle | None) -> CheckedReceipt:
    receipt = settleable.signed.receipt
    return CheckedReceipt(
        digest=settleable.digest,
        leaf=settleable.leaf,
        node_id=receipt.node_id,
        evidence_digest=receipt.evidence_digest,
        mode=receipt.settlement_mode,
        finished_at_ms=receipt.finished_at,
        signed=canonical_signed(settleable.signed),
        bundle=None if bundle is None else encode_bundle(bundle),
    )
