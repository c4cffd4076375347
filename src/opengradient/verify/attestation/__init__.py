"""Evidence kinds: one file per format, one line in the registry."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from opengradient.core.evidence import NITRO, SOFTWARE, Evidence, VerifiedEvidence
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.verify.attestation.binding import require_key, verify_nitriding_user_data
from opengradient.verify.attestation.inspect import inspect_nitro
from opengradient.verify.attestation.nitro import verify_nitro, verify_software_enclave
from opengradient.verify.policy import TrustPolicy


class DocumentVerifier(Protocol):
    """Verifies documents of one kind."""

    def __call__(
        self, document: bytes, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
    ) -> VerifiedEvidence:
        """Return what the document says, or raise."""
        ...


VERIFIERS: Mapping[str, DocumentVerifier] = MappingProxyType(
    {
        NITRO: verify_nitro,
        SOFTWARE: verify_software_enclave,
    }
)
"""Kind of evidence to its verifier."""


def verify_evidence(
    evidence: Evidence, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify evidence of any kind that this release knows.

    Args:
        evidence: The evidence as received.
        policy: What the caller accepts.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The nonce that the evidence must answer; None where none was sent.

    Returns:
        What the evidence says.

    Raises:
        UnsupportedError: Code ``attestation.kind``.
        VerificationError: A check failed; the code says which.
    """
    verifier = VERIFIERS.get(evidence.kind)
    if verifier is None:
        raise UnsupportedError(
            f"no verifier for evidence of kind {evidence.kind!r}", code="attestation.kind"
        )
    if evidence.collateral:
        raise MalformedError(
            f"evidence of kind {evidence.kind} has no collateral", code="evidence.malformed"
        )
    return verifier(evidence.document, policy=policy, now_ms=now_ms, nonce=nonce)


__all__ = [
    "VERIFIERS",
    "DocumentVerifier",
    "inspect_nitro",
    "require_key",
    "verify_evidence",
    "verify_nitriding_user_data",
    "verify_nitro",
    "verify_software_enclave",
]
