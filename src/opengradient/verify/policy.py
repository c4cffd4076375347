"""What a caller accepts: roots, measurements, ages, modes. A file form for network profiles.

There is no policy that accepts everything. `TrustPolicy.hardware` accepts AWS Nitro enclaves that
run code with the listed measurements; whatever weakens it has an ugly name and logs a warning.
"""

import base64
import binascii
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar, final

from opengradient.core.canonical import JsonObject
from opengradient.core.evidence import SOFTWARE
from opengradient.core.modes import VerificationMode
from opengradient.errors import (
    CertificateChainError,
    ConfigurationError,
    MalformedError,
    PolicyError,
)
from opengradient.verify.trust import TrustedRoot, UnsafeSimulatedRoot, aws_nitro_root

_log = logging.getLogger("opengradient.verify")
_T = TypeVar("_T")

POLICY_VERSION: Final = "opengradient.policy/1"

MAX_EVIDENCE_AGE_MS: Final = 3 * 60 * 60 * 1000
"""Three hours: the life of the leaf certificate that the Nitro module signs with, so that one
document can serve for as long as its own chain. With a nonce it is fresh whatever this says."""

CLOCK_SKEW_MS: Final = 60_000
"""What the public network's attestation check allows (its nitro_attestation.go)."""

Root: TypeAlias = TrustedRoot | UnsafeSimulatedRoot

_MEASUREMENT = re.compile(r"0x[0-9a-f]{64}")
_PCR = re.compile(r"[0-9a-f]{96}")
_NODE_ID = re.compile(r"0x[0-9a-f]{64}")
_ANY = "unsafe-any"


@final
@dataclass(frozen=True, slots=True)
class UnsafeAnyMeasurement:
    """Accept enclaves whatever code they run. Making one logs a warning."""

    def __post_init__(self) -> None:
        """Say loudly what this is."""
        _log.warning("UNSAFE: accepting enclaves whatever code they run")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredPcr:
    """A register beyond PCR0-2 that must have one of these values.

    PCR3 is the instance's IAM role, PCR4 the instance, PCR8 the certificate that signed the image.

    Attributes:
        index: 0 to 31.
        values: Whole values, 96 lower-case hex digits each.
    """

    index: int
    values: frozenset[str]

    def __post_init__(self) -> None:
        """Refuse a requirement that nothing, or everything, could meet."""
        if not 0 <= self.index <= 31 or not self.values:
            raise ConfigurationError("a required PCR has an index of 0 to 31 and values")
        _require_form(_PCR, self.values, "PCR value")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """What a caller accepts. Immutable; change it with `dataclasses.replace`.

    Attributes:
        roots: Roots that vouch for evidence.
        measurements: Accepted measurement ids: ``0x`` and hex of keccak256(PCR0 || PCR1 || PCR2).
        pcrs: Further registers that must have certain values.
        max_evidence_age_ms: Greatest age of evidence, milliseconds.
        clock_skew_ms: How far in the future evidence may lie, milliseconds.
        allow_debug: Accept debug enclaves, whose memory the host can read. Logs a warning.
        modes: Accepted verification modes of an inference.
        models: Served models that are accepted, as the provider names them; None accepts any.
        revoked_keys: Signing keys that are refused whatever vouches for them, by node id: ``0x``
            and hex of keccak256 of the uncompressed key, as the node registry names them.
        revoked_measurements: Measurement ids that are refused whatever else is said.
    """

    roots: tuple[Root, ...]
    measurements: frozenset[str] | UnsafeAnyMeasurement
    pcrs: tuple[RequiredPcr, ...] = ()
    max_evidence_age_ms: int = MAX_EVIDENCE_AGE_MS
    clock_skew_ms: int = CLOCK_SKEW_MS
    allow_debug: bool = False
    modes: frozenset[VerificationMode] = field(
        default=frozenset({VerificationMode.TEE, VerificationMode.ZKML})
    )
    models: frozenset[str] | None = None
    revoked_keys: frozenset[str] = frozenset()
    revoked_measurements: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse entries that could never match, and say loudly what is weak.

        Raises:
            ConfigurationError: An entry is not in its one form, or a bound is negative.
        """
        if not isinstance(self.measurements, UnsafeAnyMeasurement):
            _require_form(_MEASUREMENT, self.measurements, "measurement")
        _require_form(_MEASUREMENT, self.revoked_measurements, "revoked measurement")
        _require_form(_NODE_ID, self.revoked_keys, "revoked node id")
        if self.max_evidence_age_ms < 0 or self.clock_skew_ms < 0:
            raise ConfigurationError("ages and skews are not negative")
        if self.allow_debug:
            _log.warning("UNSAFE: accepting debug enclaves, whose memory the host can read")

    @classmethod
    def hardware(cls, measurements: frozenset[str] | UnsafeAnyMeasurement) -> "TrustPolicy":
        """Accept AWS Nitro enclaves that run code with one of these measurements.

        Args:
            measurements: Measurement ids; an empty set accepts nothing.
        """
        return cls(roots=(aws_nitro_root(),), measurements=measurements)

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
        accepted = self.measurements
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
            "measurements": (
                _ANY if isinstance(accepted, UnsafeAnyMeasurement) else sorted(accepted)
            ),
            "pcrs": [{"index": p.index, "values": sorted(p.values)} for p in self.pcrs],
            "max_evidence_age_ms": self.max_evidence_age_ms,
            "clock_skew_ms": self.clock_skew_ms,
            "allow_debug": self.allow_debug,
            "modes": sorted(mode.name for mode in self.modes),
            "models": None if self.models is None else sorted(self.models),
            "revoked_keys": sorted(self.revoked_keys),
            "revoked_measurements": sorted(self.revoked_measurements),
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "TrustPolicy":
        """Read what `to_json` writes; every field must be there and no other may be.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: A value that no policy may have.
        """
        fields = _Fields(raw, _POLICY_FIELDS)
        if fields.get("version", str) != POLICY_VERSION:
            raise _malformed(f"version is not {POLICY_VERSION}")
        return cls(
            roots=(
                *fields.each("roots", _read_root),
                *fields.each("unsafe_simulated_roots", _read_simulated_root),
            ),
            measurements=_read_measurements(fields),
            pcrs=tuple(fields.each("pcrs", _read_pcr)),
            max_evidence_age_ms=fields.get("max_evidence_age_ms", int),
            clock_skew_ms=fields.get("clock_skew_ms", int),
            allow_debug=fields.get("allow_debug", bool),
            modes=frozenset(fields.each("modes", _read_mode)),
            models=None if fields.has("models", None) else fields.texts("models"),
            revoked_keys=fields.texts("revoked_keys"),
            revoked_measurements=fields.texts("revoked_measurements"),
        )


_POLICY_FIELDS = frozenset(
    {
        "version",
        "roots",
        "unsafe_simulated_roots",
        "measurements",
        "pcrs",
        "max_evidence_age_ms",
        "clock_skew_ms",
        "allow_debug",
        "modes",
        "models",
        "revoked_keys",
        "revoked_measurements",
    }
)


class _Fields:
    """An object with exactly the named fields, read with their types."""

    def __init__(self, raw: Any, names: frozenset[str]) -> None:
        if not isinstance(raw, dict) or raw.keys() != names:
            raise _malformed(f"an object must have exactly the fields {sorted(names)}")
        self._raw = raw

    def get(self, name: str, kind: type[_T]) -> _T:
        value = self._raw[name]
        if type(value) is not kind:  # not isinstance: true is no integer
            raise _malformed(f"{name} must be {kind.__name__}")
        return value

    def has(self, name: str, value: str | None) -> bool:
        return bool(self._raw[name] == value)

    def each(self, name: str, read: Callable[[Any], _T]) -> list[_T]:
        return [read(item) for item in self.get(name, list)]

    def texts(self, name: str) -> frozenset[str]:
        items = self.get(name, list)
        if not all(isinstance(item, str) for item in items):
            raise _malformed(f"{name} must be a list of text")
        return frozenset(items)

    def certificate(self) -> bytes:
        try:
            return base64.b64decode(self.get("certificate", str), validate=True)
        except binascii.Error as error:
            raise _malformed("certificate must be base64 of DER") from error


def _read_root(raw: Any) -> TrustedRoot:
    fields = _Fields(raw, frozenset({"kind", "name", "certificate"}))
    return TrustedRoot(
        kind=fields.get("kind", str), name=fields.get("name", str), certificate=fields.certificate()
    )


def _read_simulated_root(raw: Any) -> UnsafeSimulatedRoot:
    fields = _Fields(raw, frozenset({"name", "certificate"}))
    return UnsafeSimulatedRoot(name=fields.get("name", str), certificate=fields.certificate())


def _read_pcr(raw: Any) -> RequiredPcr:
    fields = _Fields(raw, frozenset({"index", "values"}))
    return RequiredPcr(index=fields.get("index", int), values=fields.texts("values"))


def _read_mode(raw: Any) -> VerificationMode:
    if not isinstance(raw, str) or raw not in VerificationMode.__members__:
        raise _malformed(f"no such verification mode: {raw!r}")
    return VerificationMode[raw]


def _read_measurements(fields: _Fields) -> frozenset[str] | UnsafeAnyMeasurement:
    return (
        UnsafeAnyMeasurement() if fields.has("measurements", _ANY) else fields.texts("measurements")
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _require_form(pattern: re.Pattern[str], values: Iterable[str], what: str) -> None:
    for value in values:
        if not pattern.fullmatch(value):
            raise ConfigurationError(f"not a {what}: {value!r}", code="policy.malformed")


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not a trust policy: {why}", code="policy.malformed")
