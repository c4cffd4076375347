"""What a caller accepts of ACI services, beside the rest of its policy (ACI 1.3)."""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields, require_form

KEYSET_LIFETIME_MS: Final = 3 * 366 * 24 * 60 * 60 * 1000
"""Three years: ACI 3.1 wants implausibly distant ends rejected and names none."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
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
            the policy's measurements alone decide.
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
        require_form(_SHA256, self.applications, "SHA-256 of an application")
        require_form(_SHA256, self.revoked_keysets, "digest of a keyset")
        if self.max_keyset_lifetime_ms < 0:
            raise ConfigurationError("a lifetime is not negative", code="policy.malformed")

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            "applications": sorted(self.applications),
            "subjects": None if self.subjects is None else sorted(self.subjects),
            "revoked_keysets": sorted(self.revoked_keysets),
            "require_verified_upstream": self.require_verified_upstream,
            "allow_rewrite": self.allow_rewrite,
            "max_keyset_lifetime_ms": self.max_keyset_lifetime_ms,
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> "AciPolicy":
        """Read what `to_json` writes; every field must be there and no other may be.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: A value that no policy may have.
        """
        fields = Fields(raw, _FIELDS)
        return cls(
            applications=fields.texts("applications"),
            subjects=None if fields.has("subjects", None) else fields.texts("subjects"),
            revoked_keysets=fields.texts("revoked_keysets"),
            require_verified_upstream=fields.get("require_verified_upstream", bool),
            allow_rewrite=fields.get("allow_rewrite", bool),
            max_keyset_lifetime_ms=fields.get("max_keyset_lifetime_ms", int),
        )
