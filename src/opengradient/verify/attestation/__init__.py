"""Evidence kinds: one file per format, one line in the registry."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from opengradient.core.evidence import (
    GCP,
    MAA,
    NITRO,
    NVIDIA,
    SGX,
    SNP,
    SOFTWARE,
    TDX,
    Evidence,
    VerifiedEvidence,
)
from opengradient.errors import MalformedError, UnsupportedError
from opengradient.verify.attestation.binding import require_key, verify_nitriding_user_data
from opengradient.verify.attestation.devices import inspect_gpus, verify_device
from opengradient.verify.attestation.gcp import inspect_gcp, verify_gcp
from opengradient.verify.attestation.inspect import inspect_nitro
from opengradient.verify.attestation.maa import inspect_maa, verify_maa
from opengradient.verify.attestation.nitro import verify_nitro, verify_software_enclave
from opengradient.verify.attestation.sgx import inspect_sgx, verify_sgx
from opengradient.verify.attestation.snp import inspect_snp, verify_snp
from opengradient.verify.attestation.tdx import inspect_tdx, verify_tdx
from opengradient.verify.policy import TrustPolicy


class EvidenceVerifier(Protocol):
    """Verifies evidence of one kind."""

    def __call__(
        self,
        evidence: Evidence,
        /,
        *,
        policy: TrustPolicy,
        now_ms: int,
        nonce: bytes | None = None,
    ) -> VerifiedEvidence:
        """Return what the evidence says, or raise."""
        ...


class _DocumentVerifier(Protocol):
    def __call__(
        self, document: bytes, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
    ) -> VerifiedEvidence: ...


def _of_document(verify: _DocumentVerifier) -> EvidenceVerifier:
    """The verifier of a kind whose document carries everything."""

    def verify_alone(
        evidence: Evidence,
        /,
        *,
        policy: TrustPolicy,
        now_ms: int,
        nonce: bytes | None = None,
    ) -> VerifiedEvidence:
        if evidence.collateral or evidence.runtime_data:
            raise MalformedError(
                f"evidence of kind {evidence.kind} is a document and nothing beside it",
                code="evidence.malformed",
            )
        return verify(evidence.document, policy=policy, now_ms=now_ms, nonce=nonce)

    return verify_alone


VERIFIERS: Mapping[str, EvidenceVerifier] = MappingProxyType(
    {
        NITRO: _of_document(verify_nitro),
        SOFTWARE: _of_document(verify_software_enclave),
        SNP: verify_snp,
        TDX: verify_tdx,
        SGX: verify_sgx,
        GCP: verify_gcp,
        MAA: verify_maa,
    }
)
"""Kind of evidence to its verifier."""

INSPECTORS: Mapping[str, Callable[[bytes], dict[str, Any]]] = MappingProxyType(
    {
        NITRO: inspect_nitro,
        SOFTWARE: inspect_nitro,
        SNP: inspect_snp,
        TDX: inspect_tdx,
        SGX: inspect_sgx,
        GCP: inspect_gcp,
        MAA: inspect_maa,
        NVIDIA: inspect_gpus,
    }
)
"""Kind of evidence to what reads its document in words, with nothing verified."""


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
    return verifier(evidence, policy=policy, now_ms=now_ms, nonce=nonce)


__all__ = [
    "INSPECTORS",
    "VERIFIERS",
    "EvidenceVerifier",
    "inspect_nitro",
    "inspect_sgx",
    "inspect_snp",
    "inspect_tdx",
    "require_key",
    "verify_device",
    "verify_evidence",
    "verify_nitriding_user_data",
    "verify_nitro",
    "verify_sgx",
    "verify_snp",
    "verify_software_enclave",
    "verify_tdx",
]
