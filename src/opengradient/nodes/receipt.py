"""The receipt that a caller holds: verified, and completed when it has settled."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import final

from opengradient.core.bundle import ReceiptBundle
from opengradient.core.receipts import Receipt
from opengradient.core.settlement import InclusionProof
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.receipts import VerifiedReceipt, verify_receipt
from opengradient.verify.verdict import Verdict
from opengradient.wire.receipts import encode_bundle


@final
class HeldReceipt:
    """A verified receipt with everything needed to verify it again.

    It changes once: when the proof of inclusion is known, it is added and the verdict says so.
    """

    __slots__ = ("_expect", "_policy", "_verified")

    def __init__(
        self, verified: VerifiedReceipt, *, policy: TrustPolicy, expect: Expectation
    ) -> None:
        """Hold what `verify_receipt` returned for this policy and expectation."""
        self._verified = verified
        self._policy = policy
        self._expect = expect

    @property
    def verified(self) -> VerifiedReceipt:
        """What the verifier returned."""
        return self._verified

    @property
    def bundle(self) -> ReceiptBundle:
        """The receipt with all that is shown beside it."""
        return self._verified.bundle

    @property
    def receipt(self) -> Receipt:
        """The struct that was signed."""
        return self._verified.receipt

    @property
    def digest(self) -> bytes:
        """The signing digest, 32 bytes: the receipt's identity."""
        return self.bundle.signed.digest

    @property
    def verdict(self) -> Verdict:
        """The claims."""
        return self._verified.verdict

    def encode(self) -> bytes:
        """The receipt file's bytes."""
        return encode_bundle(self.bundle)

    def save(
        self, path: str | os.PathLike[str], *, withhold: Mapping[str, tuple[str, ...]] | None = None
    ) -> Path:
        """Write the receipt file, readable by its owner only: it holds prompt and answer.

        Args:
            path: Where to.
            withhold: Section to fields that are kept back; no fields for the whole section.
        """
        bundle = self.bundle
        for section, fields in (withhold or {}).items():
            bundle = bundle.redacted(section, *fields)
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor, for its mode)
            file.write(encode_bundle(bundle))
        partial.replace(target)
        return target

    def settled(self, inclusion: InclusionProof, *, proven: bool, now_ms: int) -> None:
        """Add a proof of inclusion and judge again.

        Args:
            inclusion: The proof.
            proven: Whether the caller itself found the root anchored on the ledger.
            now_ms: Unix milliseconds.

        Raises:
            VerificationError: The proof does not hold.
        """
        roots = frozenset({inclusion.root}) if proven else frozenset()
        self._verified = verify_receipt(
            replace(self.bundle, inclusion=inclusion),
            policy=self._policy,
            now_ms=now_ms,
            expect=replace(self._expect, anchored_roots=roots),
            evidence=self._verified.evidence,
        )
