"""What the settings of Intel's two kinds of evidence share."""

import re
from dataclasses import dataclass
from typing import Any, Final

from opengradient.core.canonical import JsonObject
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields, malformed, require_form

UP_TO_DATE: Final = "UpToDate"
ACCEPTABLE_STATUSES: Final = frozenset(
    {
        UP_TO_DATE,
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
    }
)
"""What a policy may accept; ``Revoked`` is never acceptable."""

MAX_COLLATERAL_AGE_MS: Final = 30 * 24 * 60 * 60 * 1000
"""Thirty days: how long Intel's signed data is valid (PCS API v4, ``nextUpdate``)."""

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
SHARED_FIELDS: Final = frozenset(
    {
        "accepted_statuses",
        "accepted_advisories",
        "min_evaluation_number",
        "max_collateral_age_ms",
        "allow_padding",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DcapSettings:
    """How far Intel's platform has to be up to date.

    Attributes:
        accepted_statuses: Accepted states of the platform's firmware, as Intel names them.
        accepted_advisories: Intel's advisories that may apply to the platform, for example
            ``"INTEL-SA-00615"``; any other one is refused.
        min_evaluation_number: Lowest ``tcbEvaluationDataNumber`` of TCB info and QE identity: it
            grows with each of Intel's security releases.
        max_collateral_age_ms: Greatest age of TCB info and QE identity, milliseconds.
        allow_padding: Whether zero bytes may follow the quote, as the buffers of kernels and
            cloud agents leave them. They are part of the evidence's digest, and signed by nobody.
    """

    accepted_statuses: frozenset[str] = frozenset({UP_TO_DATE})
    accepted_advisories: frozenset[str] = frozenset()
    min_evaluation_number: int = 0
    max_collateral_age_ms: int = MAX_COLLATERAL_AGE_MS
    allow_padding: bool = True

    def __post_init__(self) -> None:
        """Refuse what could never match, or may never be accepted.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        unknown = self.accepted_statuses - ACCEPTABLE_STATUSES
        if unknown:
            raise ConfigurationError(
                f"not an acceptable TCB status: {sorted(unknown)}", code="policy.malformed"
            )
        if self.min_evaluation_number < 0 or self.max_collateral_age_ms < 0:
            raise ConfigurationError("ages and numbers are not negative", code="policy.malformed")

    def shared_json(self) -> JsonObject:
        """The shared settings as JSON."""
        return {
            "accepted_statuses": sorted(self.accepted_statuses),
            "accepted_advisories": sorted(self.accepted_advisories),
            "min_evaluation_number": self.min_evaluation_number,
            "max_collateral_age_ms": self.max_collateral_age_ms,
            "allow_padding": self.allow_padding,
        }


def read_shared(fields: Fields) -> dict[str, Any]:
    """Read what `DcapSettings.shared_json` wrote."""
    return {
        "accepted_statuses": fields.texts("accepted_statuses"),
        "accepted_advisories": fields.texts("accepted_advisories"),
        "min_evaluation_number": fields.get("min_evaluation_number", int),
        "max_collateral_age_ms": fields.get("max_collateral_age_ms", int),
        "allow_padding": fields.get("allow_padding", bool),
    }


def require_hex(values: frozenset[str] | None, size: int, what: str) -> None:
    """Refuse a set with values that are not so many bytes in lower-case hex.

    Raises:
        ConfigurationError: Code ``policy.malformed``.
    """
    if values is None:
        return
    require_form(_HEX, values, what)
    if any(len(value) != 2 * size for value in values):
        raise ConfigurationError(f"{what} has {size} bytes", code="policy.malformed")


def optional_texts(raw: JsonObject, fields: Fields, name: str) -> frozenset[str] | None:
    """A list of text as a set, or null for "any"."""
    return None if raw[name] is None else fields.texts(name)


def optional_json(values: frozenset[str] | None) -> list[str] | None:
    """What `optional_texts` reads."""
    return None if values is None else sorted(values)


def read_mask(fields: Fields, name: str) -> int:
    """A bit mask of 64 bits, as 16 digits of hex.

    Raises:
        MalformedError: Code ``policy.malformed``.
    """
    text = fields.get(name, str)
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        raise malformed(f"{name} must be 16 digits of hex")
    return int(text, 16)


def write_mask(mask: int) -> str:
    """What `read_mask` reads."""
    return f"{mask:016x}"
