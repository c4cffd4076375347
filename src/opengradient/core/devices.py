"""Devices beside the enclave, such as GPUs: what their evidence says once it is checked.

A `VerifiedDevice` is another type than `VerifiedEvidence`, because it can never stand for it: it
binds no signing key, and no hardware ties the device to the enclave's CPU. A machine can show the
evidence of a GPU in another machine. So a device is a claim of its own.
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Final, final

from opengradient.core.claims import Claim, Status

NOT_BOUND: Final = "not bound to the CPU's evidence"
"""Stands in the claim of every device."""

_SEAL: Final = object()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedDevice:
    """One device whose evidence passed every check. Built by `opengradient.verify` only.

    Attributes:
        kind: Kind of the evidence, for example ``"nvidia-gpu"``.
        name: Its name within the evidence, for example ``"GPU-0"``.
        model: The hardware model.
        identity: The device's own number.
        versions: Name of a piece of firmware or software to its version: ``driver``, ``vbios``.
        source: Who says all this, for example ``"NVIDIA NRAS"``.
        evidence_digest: `Evidence.digest` of the evidence that it stands in.
        issued_at_ms: The evidence's own time, Unix milliseconds; None where it has none.
        valid_from_ms: From when on the evidence holds, Unix milliseconds.
        valid_until_ms: Until when it holds, Unix milliseconds.
        nonce_checked: True where the caller gave a nonce and the evidence answers it.
        status: Proven where the device's own signature was checked, asserted where a service says
            that it was.
        note: What more there is to say of it.
    """

    kind: str
    name: str
    model: str
    identity: str
    versions: Mapping[str, str]
    source: str
    evidence_digest: bytes
    issued_at_ms: int | None
    valid_from_ms: int
    valid_until_ms: int
    nonce_checked: bool
    status: Status = Status.ASSERTED
    note: str = ""
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedDevice is built by opengradient.verify only")

    @property
    def claim(self) -> Claim:
        """The claim ``gpu``; whatever its status, it says that no hardware ties it to the CPU."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        said = "; ".join(filter(None, (f"{self.name}: {self.model}, {versions}", self.note)))
        return Claim("gpu", self.status, self.source, f"{said}; {NOT_BOUND}")
