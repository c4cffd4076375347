"""What a caller accepts of ACI services, beside its `TrustPolicy` (ACI 1.3)."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.errors import ConfigurationError, MalformedError

KEYSET_LIFETIME_MS: Final = 3 * 366 * 24 * 60 * 60 * 1000
"""Three years: ACI 3.1 wants implausibly distant ends rejected and names none."""

_FIELDS: Final = frozenset(
    {
        "applications",
        "subjects",
        "revoked_keysets",
        "require_verified_upstream",
        "allow_rewrite",
        "max_keyset_lifetime_ms",
    }
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciPolicy:
    """Settings for ACI receipts.

    Attributes:
        applications: SHA-256, in hex, of the dstack compose files that are accepted; empty where
            the measurements of the `TrustPolicy` alone decide.
        subjects: Accepted subjects of keysets; None takes any and shows it as asserted.
        revoked_keysets: Digests, in hex, of keysets that are refused whatever vouches for them.
        require_verified_upstream: Refuse answers of an aggregator whose upstream was not
            verified, or did not have to be.
        allow_rewrite: Accept that the service changed the request; the verdict shows it.
        max_keyset_lifetime_ms: How far in the future a keyset may end, milliseconds.
    """

    kind: ClassVar[str] = "aci"

    applications: frozenset[str] = field(default=frozenset())
    subjects: frozenset[str] | None = None
    revoked_keysets: frozenset[str] = field(default=frozenset())
    require_verified_upstream: bool = True
    allow_rewrite: bool = True
    max_keyset_lifetime_ms: int = KEYSET_LIFETIME_MS

    def __post_init__(self) -> None:
        """Refuse entries that could never match.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        for digest in self.applications | self.revoked_keysets:
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ConfigurationError(
                    f"not a SHA-256 in lower-case hex: {digest!r}", code="policy.malformed"
                )
        if self.max_keyset_lifetime_ms < 0:
            raise ConfigurationError("a lifetime is not negative", code="policy.malformed")

    def to_json(self) -> JsonObject:
        """The settings as a JSON object."""
        return {
            "applications": sorted(self.applications),
            "subjects": None if self.subjects is None else sorted(self.subjects),
            "revoked_keysets": sorted(self.revoked_keysets),
            "require_verified_upstream": self.require_verified_upstream,
            "allow_rewrite": self.allow_rewrite,
            "max_keyset_lifetime_ms": self.max_keyset_lifetime_ms,
        }

    @classmethod
    def from_json(cls, raw: Any) -> "AciPolicy":
        """Read what `to_json` writes; every field must be there and no other may be.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: A value that no policy may have.
        """
        if not isinstance(raw, dict) or raw.keys() != _FIELDS:
            raise _malformed(f"it must have exactly the fields {sorted(_FIELDS)}")
        flags = (raw["require_verified_upstream"], raw["allow_rewrite"])
        if not all(type(flag) is bool for flag in flags):
            raise _malformed("a flag is true or false")
        if type(raw["max_keyset_lifetime_ms"]) is not int:
            raise _malformed("max_keyset_lifetime_ms is a whole number")
        return cls(
            applications=_texts(raw["applications"]),
            subjects=None if raw["subjects"] is None else _texts(raw["subjects"]),
            revoked_keysets=_texts(raw["revoked_keysets"]),
            require_verified_upstream=flags[0],
            allow_rewrite=flags[1],
            max_keyset_lifetime_ms=raw["max_keyset_lifetime_ms"],
        )


def _texts(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _malformed("a list of text is a list of text")
    return frozenset(value)


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not an ACI policy: {why}", code="policy.malformed")
