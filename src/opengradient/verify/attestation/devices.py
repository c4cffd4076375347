"""Evidence of devices: other kinds, another registry and another result than that of enclaves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from opengradient.core.devices import VerifiedDevice
from opengradient.core.evidence import NVIDIA, Evidence
from opengradient.core.keyset import Keyset
from opengradient.errors import PolicyError, UnsupportedError
from opengradient.verify.attestation.nvidia import inspect_nvidia, verify_nvidia
from opengradient.verify.attestation.nvidia_report import inspect_reports, verify_reports
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy


class DeviceVerifier(Protocol):
    """Verifies evidence of one kind of device."""

    def __call__(
        self,
        evidence: Evidence,
        /,
        *,
        policy: TrustPolicy,
        now_ms: int,
        nonce: bytes | None = None,
    ) -> tuple[VerifiedDevice, ...]:
        """Return the devices that the evidence speaks of, or raise."""
        ...


def verify_gpus(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> tuple[VerifiedDevice, ...]:
    """Verify evidence of NVIDIA's GPUs, in either of its forms.

    A JSON array is the service's answer (`verify_nvidia`), an object holds the GPUs' own reports
    (`verify_reports`); arguments, result and errors are theirs.
    """
    verify = verify_reports if _has_reports(evidence) else verify_nvidia
    return verify(evidence, policy=policy, now_ms=now_ms, nonce=nonce)


def inspect_gpus(document: bytes) -> dict[str, Any]:
    """Read evidence of GPUs in either form, without verifying it.

    Raises:
        VerificationError: It has neither form.
    """
    evidence = Evidence(kind=NVIDIA, document=document)
    return (inspect_reports if _has_reports(evidence) else inspect_nvidia)(document)


def _has_reports(evidence: Evidence) -> bool:
    return evidence.document.startswith(b"{")


DEVICE_VERIFIERS: Mapping[str, DeviceVerifier] = MappingProxyType({NVIDIA: verify_gpus})
"""Kind of evidence to its verifier. None of these kinds stands in `VERIFIERS`."""


def verify_device(
    evidence: Evidence, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> tuple[VerifiedDevice, ...]:
    """Verify evidence of any kind of device that this release knows.

    Args:
        evidence: The evidence as received.
        policy: What the caller accepts.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The 32 bytes that the evidence must answer; None compares its nonce with nothing.

    Returns:
        The devices that it speaks of; at least one.

    Raises:
        UnsupportedError: Code ``gpu.kind``.
        VerificationError: A check failed; the code says which.
    """
    verifier = DEVICE_VERIFIERS.get(evidence.kind)
    if verifier is None:
        raise UnsupportedError(
            f"no verifier for a device's evidence of kind {evidence.kind!r}", code="gpu.kind"
        )
    return verifier(evidence, policy=policy, now_ms=now_ms, nonce=nonce)


def verify_devices(
    presented: tuple[Evidence, ...], keyset: Keyset, *, policy: TrustPolicy, now_ms: int
) -> tuple[VerifiedDevice, ...]:
    """Check the devices that a node shows beside its own evidence.

    Each must have been attested with the digest of the node's keyset as nonce. Where the policy
    trusts nobody for its form (no pinned key for tokens, no root for reports), it is passed over as
    if it were not there: it adds a claim, and a claim that nobody is trusted for is absent.

    Args:
        presented: What the node shows.
        keyset: The keys that its own evidence binds.
        policy: What the caller accepts.
        now_ms: The time to verify at, Unix milliseconds.

    Returns:
        The devices; empty where there is none to believe in.

    Raises:
        PolicyError: Code ``gpu.absent``: the policy demands a device and there is none.
        UnsupportedError: Code ``gpu.kind``.
        VerificationError: A check failed; the code says which.
    """
    settings = policy.platform(NvidiaPolicy)
    rooted = any(root.kind == NVIDIA for root in policy.roots)
    trusted = [item for item in presented if (rooted if _has_reports(item) else settings.keys)]
    devices = tuple(
        device
        for evidence in trusted
        for device in verify_device(evidence, policy=policy, now_ms=now_ms, nonce=keyset.digest())
    )
    if settings.required and not devices:
        raise PolicyError("the node shows no GPU that the policy trusts", code="gpu.absent")
    return devices
