"""From signed files to releases and revocations that a policy may rest on.

Who signs them is the caller's choice: there is no built-in key. A manifest makes the ``code`` claim
say which release of which source commit runs; a list of revocations takes trust away at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass
from typing import Any, Final, Protocol, final

from opengradient.core.canonical import JsonObject, canonical_json, parse_json
from opengradient.core.releases import Release, ReleaseManifest
from opengradient.core.revocations import RevocationList, Revoked
from opengradient.core.signed_files import Signatures, signing_bytes
from opengradient.errors import (
    ConfigurationError,
    FreshnessError,
    MalformedError,
    MeasurementMismatchError,
    PolicyError,
    SignatureError,
)
from opengradient.verify.signatures import ED25519_KEY_BYTES, verify_ed25519

CLOCK_SKEW_MS: Final = 60_000
"""How far in the future a file may have been made; as for evidence."""

_SEAL: Final = object()


class _Dated(Protocol):
    """What manifests and lists have in common."""

    @property
    def number(self) -> int: ...
    @property
    def issued_at_ms(self) -> int: ...
    @property
    def expires_at_ms(self) -> int: ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReleases:
    """A manifest that enough of the caller's keys signed. Built by `verify_releases` only.

    Attributes:
        manifest: The releases, and what is revoked.
        signatures: The signatures beside it.
        keys: Keys that the caller accepts, 32 bytes each.
        threshold: How many of them must have signed.
        signed_by: Those that did.
    """

    manifest: ReleaseManifest
    signatures: Signatures
    keys: frozenset[bytes]
    threshold: int
    signed_by: tuple[bytes, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedReleases is built by opengradient.verify only")

    @property
    def expires_at_ms(self) -> int:
        """Until when the manifest may be used, Unix milliseconds."""
        return self.manifest.expires_at_ms

    def require_release(
        self, kind: str, measurement: str, registers: Mapping[str, str], *, now_ms: int
    ) -> Release:
        """The release that an enclave runs.

        Args:
            kind: Kind of evidence.
            measurement: The measurement id that it shows.
            registers: All its registers by name, in hex.
            now_ms: Unix milliseconds; a manifest that has expired since says nothing.

        Raises:
            FreshnessError: Code ``releases.future`` or ``releases.expired``.
            PolicyError: Code ``releases.revoked_measurement``.
            MeasurementMismatchError: Code ``releases.unlisted``; ``releases.register`` where the
                release fixes a register beyond the id, and the enclave shows another value.
        """
        _check_time(self.manifest, now_ms)
        _refuse(self.manifest.revoked, "measurements", measurement, "releases.revoked_measurement")
        found = self.manifest.find(kind, measurement)
        if found is None:
            raise MeasurementMismatchError(
                "no release in the signed manifest has this measurement",
                code="releases.unlisted",
                expected=f"a measurement of manifest {self.manifest.number} for {kind}",
                actual=measurement,
            )
        release, measured = found
        for name, value in measured.registers.items():
            if registers.get(name) != value:
                raise MeasurementMismatchError(
                    f"{name} is not what the release {release.name} fixes",
                    code="releases.register",
                    expected=value,
                    actual=registers.get(name),
                )
        return release

    def require_key(self, node_id: str) -> None:
        """Refuse a signing key that the manifest revokes.

        Args:
            node_id: ``0x`` and hex.

        Raises:
            PolicyError: Code ``releases.revoked_key``.
        """
        _refuse(self.manifest.revoked, "keys", node_id, "releases.revoked_key")

    def require_product(self, product: str) -> None:
        """Refuse a product line that the manifest revokes.

        Args:
            product: Kind, a slash and the line's name.

        Raises:
            PolicyError: Code ``releases.revoked_product``.
        """
        _refuse(self.manifest.revoked, "products", product, "releases.revoked_product")

    def to_json(self) -> JsonObject:
        """For a policy file: the manifest with its signatures and who has to sign."""
        return {
            "manifest": parse_json(self.manifest.encode()),
            "signatures": parse_json(self.signatures.encode()),
            "keys": sorted(key.hex() for key in self.keys),
            "threshold": self.threshold,
        }

    @classmethod
    def from_json(cls, raw: Any) -> "VerifiedReleases":
        """Read what `to_json` writes, and check the signatures again.

        The window of time is not looked at here: `require_release` does that at every use.

        Raises:
            VerificationError: The form or a signature is wrong.
            ConfigurationError: The keys or the threshold make no sense.
        """
        if not isinstance(raw, dict) or raw.keys() != {
            "manifest",
            "signatures",
            "keys",
            "threshold",
        }:
            raise MalformedError(
                "releases have manifest, signatures, keys and threshold", code="policy.malformed"
            )
        return _open_releases(
            canonical_json(raw["manifest"]),
            canonical_json(raw["signatures"]),
            keys=[_key(item) for item in raw["keys"]] if isinstance(raw["keys"], list) else [],
            threshold=raw["threshold"],
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRevocations:
    """A list that enough of the caller's keys signed. Built by `verify_revocations` only.

    Attributes:
        revocations: The list.
        signed_by: Keys that signed it, 32 bytes each.
    """

    revocations: RevocationList
    signed_by: tuple[bytes, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedRevocations is built by opengradient.verify only")


def verify_releases(
    manifest: bytes,
    signatures: bytes,
    *,
    keys: Iterable[bytes],
    threshold: int,
    now_ms: int,
    last_seen: int | None = None,
) -> VerifiedReleases:
    """Check a release manifest.

    1. It is in its one canonical form, and its measurement ids follow from their registers
       (``releases.malformed``, ``releases.not_canonical``, ``releases.measurement_id``).
    2. The signatures are in their form and made for a manifest (``releases.signatures``,
       ``releases.type``).
    3. Every signature by a key of the caller's is genuine (``releases.signature``), and there are
       as many as the threshold says (``releases.threshold``). Signatures by other keys count
       for nothing.
    4. It is not from the future and has not expired (``releases.future``, ``releases.expired``).
    5. Its number is not below the last one that the caller saw (``releases.rollback``).

    Args:
        manifest: The manifest, as signed.
        signatures: The signatures file.
        keys: Ed25519 public keys that the caller accepts, 32 bytes each.
        threshold: How many of them must have signed, 1 or more.
        now_ms: Unix milliseconds.
        last_seen: Number of the last manifest that the caller took; the same one may come again.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: A version that this release does not know.
        ConfigurationError: Keys or threshold could never be met.
    """
    found = _open_releases(manifest, signatures, keys=keys, threshold=threshold)
    _check_time(found.manifest, now_ms)
    _check_number(found.manifest, last_seen)
    return found


def verify_revocations(
    revocations: bytes,
    signatures: bytes,
    *,
    keys: Iterable[bytes],
    threshold: int,
    now_ms: int,
    last_seen: int | None = None,
) -> VerifiedRevocations:
    """Check a list of revocations, step by step as `verify_releases` does.

    Arguments and errors are those of `verify_releases`.
    """
    found = RevocationList.parse(revocations)
    attached = Signatures.parse(signatures)
    signed_by = _signers(revocations, RevocationList.PAYLOAD_TYPE, attached, keys, threshold)
    _check_time(found, now_ms)
    _check_number(found, last_seen)
    return VerifiedRevocations(revocations=found, signed_by=signed_by, seal=_SEAL)


def _open_releases(
    manifest: bytes, signatures: bytes, *, keys: Iterable[bytes], threshold: int
) -> VerifiedReleases:
    accepted = frozenset(keys)
    found = ReleaseManifest.parse(manifest)
    attached = Signatures.parse(signatures)
    signed_by = _signers(manifest, ReleaseManifest.PAYLOAD_TYPE, attached, accepted, threshold)
    return VerifiedReleases(
        manifest=found,
        signatures=attached,
        keys=accepted,
        threshold=threshold,
        signed_by=signed_by,
        seal=_SEAL,
    )


def _signers(
    payload: bytes,
    payload_type: str,
    attached: Signatures,
    keys: Iterable[bytes],
    threshold: int,
) -> tuple[bytes, ...]:
    accepted = _accepted(keys, threshold)
    if attached.payload_type != payload_type:
        raise SignatureError(
            "the signatures are for another type of file",
            code="releases.type",
            expected=payload_type,
            actual=attached.payload_type,
        )
    signed = signing_bytes(payload_type, payload)
    signers = []
    for item in attached.items:
        if item.key not in accepted:
            continue
        try:
            verify_ed25519(item.key, item.signature, signed)
        except SignatureError as error:
            raise SignatureError(
                "a signature is not by the key that it names, or not of this file",
                code="releases.signature",
                actual=item.key.hex(),
            ) from error
        signers.append(item.key)
    if len(signers) < threshold:
        raise SignatureError(
            "too few of the keys that must sign have signed",
            code="releases.threshold",
            expected=f">= {threshold} of {sorted(key.hex() for key in accepted)}",
            actual=[key.hex() for key in signers],
        )
    return tuple(signers)


def _accepted(keys: Iterable[bytes], threshold: int) -> frozenset[bytes]:
    known = frozenset(keys)
    if any(len(key) != ED25519_KEY_BYTES for key in known):
        raise ConfigurationError("an Ed25519 public key has 32 bytes", code="policy.malformed")
    if type(threshold) is not int or not 1 <= threshold <= len(known):
        raise ConfigurationError(
            f"the threshold is 1 to the number of keys, {len(known)}", code="policy.malformed"
        )
    return known


def _check_time(dated: _Dated, now_ms: int) -> None:
    if dated.issued_at_ms > now_ms + CLOCK_SKEW_MS:
        raise FreshnessError(
            "the signed file is from the future",
            code="releases.future",
            expected=f"<= {now_ms + CLOCK_SKEW_MS} ms",
            actual=f"{dated.issued_at_ms} ms",
        )
    if now_ms >= dated.expires_at_ms:
        raise FreshnessError(
            "the signed file has expired",
            code="releases.expired",
            expected=f"< {dated.expires_at_ms} ms",
            actual=f"{now_ms} ms",
        )


def _check_number(dated: _Dated, last_seen: int | None) -> None:
    if last_seen is not None and dated.number < last_seen:
        raise FreshnessError(
            "an older file than the last one that was seen",
            code="releases.rollback",
            expected=f">= {last_seen}",
            actual=dated.number,
        )


def _refuse(revoked: Revoked, what: str, id_: str, code: str) -> None:
    for entry in getattr(revoked, what):
        if entry.id == id_:
            raise PolicyError(f"revoked: {entry.reason}", code=code, actual=id_)


def _key(raw: Any) -> bytes:
    try:
        return bytes.fromhex(raw)
    except (TypeError, ValueError) as error:
        raise MalformedError("a key is hex text", code="policy.malformed") from error
