"""What a caller accepts: roots, measurements, ages, modes. A file form for network profiles.

There is no policy that accepts everything. `TrustPolicy.hardware` accepts hardware enclaves that
run code with the listed measurements; whatever weakens it has an ugly name and logs a warning.
"""

import base64
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import SOFTWARE
from opengradient.core.modes import VerificationMode
from opengradient.errors import (
    CertificateChainError,
    ConfigurationError,
    PolicyError,
)
from opengradient.verify._fields import Fields, malformed, require_form
from opengradient.verify.platforms import PLATFORMS, PlatformPolicy
from opengradient.verify.releases import VerifiedReleases, VerifiedRevocations
from opengradient.verify.requirements import RequiredRegister, UnsafeAnyMeasurement
from opengradient.verify.trust import (
    HARDWARE_KINDS,
    TrustedRoot,
    UnsafeSimulatedRoot,
    hardware_roots,
)

_log = logging.getLogger("opengradient.verify")
_P = TypeVar("_P")

__all__ = ["RequiredRegister", "Root", "TrustPolicy", "UnsafeAnyMeasurement"]

POLICY_VERSION: Final = "opengradient.policy/2"
_VERSION_1: Final = "opengradient.policy/1"
"""Had ``pcrs`` by number, and neither platforms nor product lines; it is still read."""

MAX_EVIDENCE_AGE_MS: Final = 3 * 60 * 60 * 1000
"""Three hours: the life of the leaf certificate that the Nitro module signs with, so that one
document can serve for as long as its own chain. With a nonce it is fresh whatever this says."""

CLOCK_SKEW_MS: Final = 60_000
"""What the public network's attestation check allows (its nitro_attestation.go)."""

Root: TypeAlias = TrustedRoot | UnsafeSimulatedRoot

_MEASUREMENT = re.compile(r"0x[0-9a-f]{64}")
_NODE_ID = re.compile(r"0x[0-9a-f]{64}")
_PRODUCT = re.compile(r"[a-z0-9-]+/[A-Za-z0-9 ._-]+")
_ANY = "unsafe-any"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """What a caller accepts. Immutable; change it with `dataclasses.replace`.

    Attributes:
        roots: Roots that vouch for evidence.
        measurements: Accepted measurement ids, as `VerifiedEvidence.measurement` has them; or the
            releases of a signed manifest, which then also revokes.
        registers: Further registers that must have certain values.
        platforms: Settings for single kinds of evidence, each at most once; where there is none,
            the kind's own defaults hold (`opengradient.verify.platforms`).
        max_evidence_age_ms: Greatest age of evidence, milliseconds.
        clock_skew_ms: How far in the future evidence may lie, milliseconds.
        allow_debug: Accept debug enclaves, whose memory the host can read. Logs a warning.
        modes: Accepted verification modes of an inference.
        models: Served models that are accepted, as the provider names them; None accepts any.
        revoked_keys: Signing keys that are refused whatever vouches for them, by node id: ``0x``
            and hex of keccak256 of the uncompressed key, as the node registry names them.
        revoked_measurements: Measurement ids that are refused whatever else is said.
        revoked_products: Product lines that are refused, for example ``"amd-sev-snp/Milan"``.
    """

    roots: tuple[Root, ...]
    measurements: frozenset[str] | VerifiedReleases | UnsafeAnyMeasurement
    registers: tuple[RequiredRegister, ...] = ()
    platforms: tuple[PlatformPolicy, ...] = ()
    max_evidence_age_ms: int = MAX_EVIDENCE_AGE_MS
    clock_skew_ms: int = CLOCK_SKEW_MS
    allow_debug: bool = False
    modes: frozenset[VerificationMode] = field(
        default=frozenset({VerificationMode.TEE, VerificationMode.ZKML})
    )
    models: frozenset[str] | None = None
    revoked_keys: frozenset[str] = frozenset()
    revoked_measurements: frozenset[str] = frozenset()
    revoked_products: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse entries that could never match, and say loudly what is weak.

        Raises:
            ConfigurationError: An entry is not in its one form, or a bound is negative.
        """
        if not isinstance(self.measurements, UnsafeAnyMeasurement | VerifiedReleases):
            require_form(_MEASUREMENT, self.measurements, "measurement")
        require_form(_MEASUREMENT, self.revoked_measurements, "revoked measurement")
        require_form(_NODE_ID, self.revoked_keys, "revoked node id")
        require_form(_PRODUCT, self.revoked_products, "revoked product line")
        kinds = [platform.kind for platform in self.platforms]
        if len(kinds) != len(set(kinds)):
            raise ConfigurationError("a policy has settings twice for one kind of evidence")
        if self.max_evidence_age_ms < 0 or self.clock_skew_ms < 0:
            raise ConfigurationError("ages and skews are not negative")
        if self.allow_debug:
            _log.warning("UNSAFE: accepting debug enclaves, whose memory the host can read")

    @classmethod
    def hardware(
        cls,
        measurements: frozenset[str] | VerifiedReleases | UnsafeAnyMeasurement,
        kinds: Collection[str] = HARDWARE_KINDS,
    ) -> "TrustPolicy":
        """Accept hardware enclaves that run code with one of these measurements.

        Args:
            measurements: Measurement ids, or the releases of a signed manifest; an empty set
                accepts nothing.
            kinds: Kinds of evidence, each under its vendor's roots: AWS Nitro, Intel TDX and AMD
                SEV-SNP (Genoa and Turin) unless something else is said.

        Raises:
            ConfigurationError: A kind that no hardware root vouches for.
        """
        return cls(roots=hardware_roots(kinds), measurements=measurements)

    def with_revocations(self, verified: VerifiedRevocations) -> "TrustPolicy":
        """This policy, which also refuses what a signed list revokes.

        What is revoked stays revoked: a later list can only add to it.
        """
        revoked = verified.revocations.revoked
        return replace(
            self,
            revoked_keys=self.revoked_keys | {entry.id for entry in revoked.keys},
            revoked_measurements=self.revoked_measurements
            | {entry.id for entry in revoked.measurements},
            revoked_products=self.revoked_products | {entry.id for entry in revoked.products},
        )

    def is_current(self, now_ms: int) -> bool:
        """Whether what the policy rests on is still good: False once its manifest has expired."""
        accepted = self.measurements
        return not isinstance(accepted, VerifiedReleases) or now_ms < accepted.expires_at_ms

    def platform(self, settings: type[_P]) -> _P:
        """The settings of this class, or its defaults where the policy has none."""
        for given in self.platforms:
            if isinstance(given, settings):
                return given
        return settings()

    def root_for(self, kind: str, certificate: bytes) -> Root:
        """Find the root of this kind that is this certificate, byte for byte.

        Raises:
            PolicyError: Code ``policy.no_trust`` or ``policy.simulated`` where the policy names
                no root of the kind.
            CertificateChainError: Code ``x509.root`` where it names others.
        """
        candidates = [root for root in self.roots if root.kind == kind]
        if not candidates:
            raise PolicyError(
                f"the policy names no root for evidence of kind {kind}",
                code="policy.simulated" if kind == SOFTWARE else "policy.no_trust",
            )
        for root in candidates:
            if root.certificate == certificate:
                return root
        raise CertificateChainError(
            "the chain does not start at a root that the policy trusts",
            code="x509.root",
            expected=[root.fingerprint for root in candidates],
        )

    def to_json(self) -> JsonObject:
        """The policy as a JSON object, for a profile file."""
        return {
            "version": POLICY_VERSION,
            "roots": [
                {"kind": r.kind, "name": r.name, "certificate": _base64(r.certificate)}
                for r in self.roots
                if isinstance(r, TrustedRoot)
            ],
            "unsafe_simulated_roots": [
                {"name": r.name, "certificate": _base64(r.certificate)}
                for r in self.roots
                if isinstance(r, UnsafeSimulatedRoot)
            ],
            "measurements": _measurements_to_json(self.measurements),
            "registers": [
                {"name": r.name, "values": sorted(r.values), "kind": r.kind} for r in self.registers
            ],
            "platforms": [{"kind": p.kind, **p.to_json()} for p in self.platforms],
            "max_evidence_age_ms": self.max_evidence_age_ms,
            "clock_skew_ms": self.clock_skew_ms,
            "allow_debug": self.allow_debug,
            "modes": sorted(mode.name for mode in self.modes),
            "models": None if self.models is None else sorted(self.models),
            "revoked_keys": sorted(self.revoked_keys),
            "revoked_measurements": sorted(self.revoked_measurements),
            "revoked_products": sorted(self.revoked_products),
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "TrustPolicy":
        """Read what `to_json` writes; every field must be there and no other may be.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: A value that no policy may have.
        """
        fields = Fields(_upgraded(raw), _POLICY_FIELDS)
        if fields.get("version", str) != POLICY_VERSION:
            raise malformed(f"version is not {POLICY_VERSION}")
        return cls(
            roots=(
                *fields.each("roots", _read_root),
                *fields.each("unsafe_simulated_roots", _read_simulated_root),
            ),
            measurements=_read_measurements(fields),
            registers=tuple(fields.each("registers", _read_register)),
            platforms=tuple(fields.each("platforms", _read_platform)),
            max_evidence_age_ms=fields.get("max_evidence_age_ms", int),
            clock_skew_ms=fields.get("clock_skew_ms", int),
            allow_debug=fields.get("allow_debug", bool),
            modes=frozenset(fields.each("modes", _read_mode)),
            models=None if fields.has("models", None) else fields.texts("models"),
            revoked_keys=fields.texts("revoked_keys"),
            revoked_measurements=fields.texts("revoked_measurements"),
            revoked_products=fields.texts("revoked_products"),
        )


_POLICY_FIELDS = frozenset(
    {
        "version",
        "roots",
        "unsafe_simulated_roots",
        "measurements",
        "registers",
        "platforms",
        "max_evidence_age_ms",
        "clock_skew_ms",
        "allow_debug",
        "modes",
        "models",
        "revoked_keys",
        "revoked_measurements",
        "revoked_products",
    }
)


def _read_root(raw: Any) -> TrustedRoot:
    fields = Fields(raw, frozenset({"kind", "name", "certificate"}))
    return TrustedRoot(
        kind=fields.get("kind", str), name=fields.get("name", str), certificate=fields.certificate()
    )


def _read_simulated_root(raw: Any) -> UnsafeSimulatedRoot:
    fields = Fields(raw, frozenset({"name", "certificate"}))
    return UnsafeSimulatedRoot(name=fields.get("name", str), certificate=fields.certificate())


def _read_register(raw: Any) -> RequiredRegister:
    fields = Fields(raw, frozenset({"name", "values", "kind"}))
    return RequiredRegister(
        name=fields.get("name", str),
        values=fields.texts("values"),
        kind=None if fields.has("kind", None) else fields.get("kind", str),
    )


def _read_platform(raw: Any) -> PlatformPolicy:
    if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
        raise malformed("settings of a platform name their kind")
    settings = PLATFORMS.get(raw["kind"])
    if settings is None:
        raise malformed(f"no settings are known for evidence of kind {raw['kind']!r}")
    return settings.from_json({name: value for name, value in raw.items() if name != "kind"})


def _upgraded(raw: Any) -> Any:
    """Version 1 in the form of version 2."""
    if not isinstance(raw, dict) or raw.get("version") != _VERSION_1:
        return raw
    given = dict(raw)
    if not isinstance(given.get("pcrs"), list):
        raise malformed("pcrs must be a list")
    registers = []
    for item in given.pop("pcrs"):
        fields = Fields(item, frozenset({"index", "values"}))
        registers.append(
            {
                "name": f"PCR{fields.get('index', int)}",
                "values": sorted(fields.texts("values")),
                "kind": None,
            }
        )
    if given.keys() & {"registers", "platforms", "revoked_products"}:
        raise malformed("version 1 with fields of version 2")
    return {
        **given,
        "version": POLICY_VERSION,
        "registers": registers,
        "platforms": [],
        "revoked_products": [],
    }


def _read_mode(raw: Any) -> VerificationMode:
    if not isinstance(raw, str) or raw not in VerificationMode.__members__:
        raise malformed(f"no such verification mode: {raw!r}")
    return VerificationMode[raw]


def _measurements_to_json(
    accepted: frozenset[str] | VerifiedReleases | UnsafeAnyMeasurement,
) -> Any:
    if isinstance(accepted, UnsafeAnyMeasurement):
        return _ANY
    return accepted.to_json() if isinstance(accepted, VerifiedReleases) else sorted(accepted)


def _read_measurements(
    fields: Fields,
) -> frozenset[str] | VerifiedReleases | UnsafeAnyMeasurement:
    if fields.has("measurements", _ANY):
        return UnsafeAnyMeasurement()
    if fields.is_object("measurements"):
        return VerifiedReleases.from_json(fields.get("measurements", dict))
    return fields.texts("measurements")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
