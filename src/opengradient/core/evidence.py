"""Evidence: the document that makes a node's signing key trustworthy, and what it says once checked.

`Evidence` is what travels: bytes that nobody has checked. `VerifiedEvidence` is what a verifier
made of them; only `opengradient.verify` can build one, so that unchecked evidence cannot be taken
for checked evidence by accident.

Two names for a document, and why there are two. ECDSA is malleable: whoever holds a document can
flip the sign of ``s`` and get another valid document, and a COSE tag may stand in front or not;
genuine Nitro documents come with high and with low ``s``, so neither form can be refused.
`Evidence.digest` therefore covers the exact bytes and says *which file* was presented: receipts
carry it, and a twin is simply another file. `VerifiedEvidence.statement_digest` covers the signed
bytes only and is the same for all twins: use it to count, to cache or to revoke.
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from typing import Final, final

from opengradient.core.claims import Claim
from opengradient.core.collateral import Collateral
from opengradient.core.digests import Domain, tagged_sha256
from opengradient.core.keyset import Keyset
from opengradient.errors import MalformedError

NITRO: Final = "aws-nitro"
"""Kind of an AWS Nitro Enclaves attestation document."""

SOFTWARE: Final = "software-enclave"
"""Kind of a document in Nitro's format by a software enclave: it proves nothing about hardware."""

TDX: Final = "intel-tdx"
"""Kind of an Intel TDX quote, version 4 or 5."""

SGX: Final = "intel-sgx"
"""Kind of an Intel SGX quote, version 3."""

SNP: Final = "amd-sev-snp"
"""Kind of an AMD SEV-SNP attestation report, version 2 to 5."""

GCP: Final = "gcp-confidential-space"
"""Kind of a Google Confidential Space token."""

MAA: Final = "azure-maa"
"""Kind of a Microsoft Azure Attestation token."""

NVIDIA: Final = "nvidia-gpu"
"""Kind of a GPU's evidence; it speaks of a device and never of a signing key."""

BY_SERVICE: Final = frozenset({GCP, MAA})
"""Kinds in which a service says what it found in the hardware's report: the service's word, which
is asserted and not proven, because the report itself is not there to be checked."""

MAX_DOCUMENT_BYTES: Final = 64 * 1024
"""Nothing genuine is larger; verifiers set tighter limits for their own format."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An unchecked attestation document.

    Attributes:
        kind: Format and claimed origin, for example ``"aws-nitro"``.
        document: The document as the enclave gave it.
        runtime_data: What the document binds by its hash only: the keyset's encoding. Empty for
            Nitro, which carries the keyset, and for documents that bind none of ours.
        collateral: What its vendor signs beside it; empty for Nitro, which carries its chain.
    """

    kind: str
    document: bytes
    runtime_data: bytes = b""
    collateral: Collateral = field(default_factory=Collateral)

    def __post_init__(self) -> None:
        """Refuse what is empty or absurdly large."""
        if not self.kind or not self.document:
            raise MalformedError("evidence has a kind and a document", code="evidence.malformed")
        if len(self.document) + len(self.runtime_data) > MAX_DOCUMENT_BYTES:
            raise MalformedError("evidence is too large", code="format.too_large")

    def digest(self) -> bytes:
        """SHA-256 that names exactly these bytes; receipts carry it.

        Returns:
            The tagged hash over kind, document and, if there is any, the runtime data, each
            behind its length in four bytes, big-endian. Collateral is not in it: it is the
            vendor's, and is replaced as it ages.
        """
        runtime = (self.runtime_data,) if self.runtime_data else ()
        parts = (self.kind.encode(), self.document, *runtime)
        return tagged_sha256(Domain.EVIDENCE, *(len(p).to_bytes(4) + p for p in parts))


_SEAL: Final = object()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEvidence:
    """What authentic evidence says, after every check of its format and of the caller's policy.

    Built by `opengradient.verify` only.

    Attributes:
        kind: Format of the document.
        simulated: True where the root is a software enclave's: nothing is proven about hardware.
        root: Name of the trusted root that the chain ends in.
        evidence_digest: `Evidence.digest` of the document.
        statement_digest: SHA-256 of the signed bytes: the same for every twin of the document.
        keyset: The keys it binds; None where it binds none of ours.
        measurements: Name of a register to its value in hex: ``PCR0``, ``MRTD``, ``RTMR0``,
            ``MEASUREMENT``, ``HOST_DATA``.
        measurement: The id that policies list: ``0x`` and hex of keccak256 over the registers that
            say which code runs (docs/spec/evidence.md, clause 3); for Nitro
            keccak256(PCR0 || PCR1 || PCR2), the public network's id.
        measurement_accepted: False where the policy took any measurement, unsafely.
        measurement_source: What says that this code is good: the policy's list, or a release.
        debug: True for a debug enclave, whose measurements mean nothing.
        issued_at_ms: The document's own time, Unix milliseconds; None for kinds without one.
        valid_from_ms: From when on what it signs may stand on it, Unix milliseconds: from when on
            the certificates of its authorities, and those in the document, are valid. When
            collateral was issued is no bound.
        valid_until_ms: Until when every certificate and every item of its collateral is valid,
            Unix milliseconds.
        module_id: The enclave's or platform's name as the document gives it.
        product: The product line, for example ``"Milan"``; empty where the kind has none.
        nonce: The document's nonce; None where it has none.
        nonce_checked: True where the caller gave a nonce and it is this one.
        public_key: The document's public_key field; None where null.
        user_data: The document's user_data field; None where null.
        unknown_keys: Names of fields that this version does not know; ignored, but shown.
        report_data: The 64 bytes that the guest had signed; None for kinds without them.
        claims: What the kind says beyond all this, each with its source: state of the platform's
            firmware, age of the collateral, privilege level.
    """

    kind: str
    simulated: bool
    root: str
    evidence_digest: bytes
    statement_digest: bytes
    keyset: Keyset | None
    measurements: Mapping[str, str]
    measurement: str
    measurement_accepted: bool
    measurement_source: str
    debug: bool
    issued_at_ms: int | None
    valid_from_ms: int
    valid_until_ms: int
    module_id: str
    nonce: bytes | None
    nonce_checked: bool
    public_key: bytes | None
    user_data: bytes | None
    unknown_keys: tuple[str, ...]
    product: str = ""
    report_data: bytes | None = None
    claims: tuple[Claim, ...] = ()
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedEvidence is built by opengradient.verify only")

    @property
    def by_service(self) -> bool:
        """True where all this is the word of an attestation service."""
        return self.kind in BY_SERVICE
