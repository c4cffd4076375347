"""Attested sessions: the saved proof of one verification of an upstream (ACI 8)."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.aci.fields import (
    digest,
    members,
    optional_text,
    seconds,
    sha256_of_jcs,
    text,
    version,
)
from opengradient.core.digests import equal, sha256
from opengradient.errors import MalformedError

CLAIMS: Final = frozenset(
    {
        "tee_attested",
        "gpu_attested",
        "tcb_up_to_date",
        "os_known_good",
        "serving_software_known_good",
        "model_weights_provenance",
    }
)
HARDWARE: Final = "hardware_proven"
SOURCES: Final = frozenset({HARDWARE, "verifier_derived", "provider_asserted", "operator_asserted"})
UNKNOWN: Final = "unknown"
_CODE: Final = "aci.session.malformed"
_DATA_URI: Final = re.compile(r"data:[!-+\--~]{0,200};base64,([A-Za-z0-9+/]*={0,2})")


@final
@dataclass(frozen=True, slots=True)
class SessionClaim:
    """One typed claim of ACI 8.3; what is not known to us counts as ``unknown``."""

    status: str
    source: str
    reason: str

    @property
    def hardware_proven(self) -> bool:
        """Whether the aggregator says that hardware proves it."""
        return self.status == "asserted" and self.source == HARDWARE


NOT_CLAIMED: Final = SessionClaim(UNKNOWN, "", "")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciSession:
    """A session record whose form and evidence digest were checked.

    Attributes:
        session_id: SHA-256 over its JCS form: receipts cite it.
        upstream_name: The service's label.
        endpoint: The upstream's origin, where it has one.
        verifier_id: What verified it.
        established_at: Unix seconds.
        expires_at: Unix seconds.
        bindings: Types of the channel bindings that were enforced.
        claims: By name.
        evidence: The exact bytes that the aggregator's verifier consumed.
    """

    session_id: bytes
    upstream_name: str
    endpoint: str | None
    verifier_id: str
    established_at: int
    expires_at: int
    bindings: tuple[str, ...]
    claims: Mapping[str, SessionClaim]
    evidence: bytes

    @classmethod
    def parse(cls, value: Any) -> "AciSession":
        """Read a parsed session document.

        Raises:
            UnsupportedError: Code ``aci.version``.
            MalformedError: Codes ``aci.session.malformed``, ``aci.session.evidence`` (the bytes
                are not those of the digest), ``aci.digest``, ``aci.json``, ``aci.unknown_field``.
        """
        if not isinstance(value, dict):
            raise MalformedError("a session is an object", code=_CODE)
        version(value, "the session")
        members(
            value,
            "the session",
            _CODE,
            (
                "api_version",
                "upstream_name",
                "endpoint",
                "verifier_id",
                "established_at",
                "expires_at",
                "channel_binding",
                "claims",
                "evidence",
            ),
            ("identity",),
        )
        return cls(
            session_id=sha256_of_jcs(value, "the session"),
            upstream_name=text(value["upstream_name"], "upstream_name", _CODE),
            endpoint=optional_text(value["endpoint"], "endpoint", _CODE),
            verifier_id=text(value["verifier_id"], "verifier_id", _CODE),
            established_at=seconds(value["established_at"], "established_at", _CODE),
            expires_at=seconds(value["expires_at"], "expires_at", _CODE),
            bindings=_bindings(value["channel_binding"]),
            claims=_claims(value["claims"]),
            evidence=_evidence(value["evidence"]),
        )

    def claim(self, name: str) -> SessionClaim:
        """The claim of that name; ``unknown`` where nothing is said."""
        return self.claims.get(name, NOT_CLAIMED)


def _bindings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedError("channel_binding must be a list of objects", code=_CODE)
    return tuple(text(item.get("type"), "channel_binding.type", _CODE) for item in value)


def _claims(value: Any) -> Mapping[str, SessionClaim]:
    if not isinstance(value, dict):
        raise MalformedError("claims must be an object", code=_CODE)
    return {name: _claim(item) for name, item in value.items() if name in CLAIMS}


def _claim(value: Any) -> SessionClaim:
    """Unknown words make a claim unknown (appendix B), never a pass."""
    if not isinstance(value, dict):
        raise MalformedError("a claim must be an object", code=_CODE)
    status, source = value.get("status"), value.get("source")
    if not isinstance(status, str) or not isinstance(source, str):
        return NOT_CLAIMED
    if status not in {"asserted", "refuted"} or source not in SOURCES:
        return NOT_CLAIMED
    reason = optional_text(value.get("reason"), "claim.reason", _CODE)
    return SessionClaim(status, source, reason or "")


def _evidence(value: Any) -> bytes:
    fields = members(value, "evidence", _CODE, ("digest", "data"), ("source_url",))
    stated = digest(fields["digest"], "evidence.digest")
    found = _DATA_URI.fullmatch(_text_of(fields["data"]))
    try:
        data = base64.b64decode(found[1], validate=True) if found else None
    except binascii.Error:
        data = None
    if found is None or data is None or base64.b64encode(data).decode() != found[1]:
        raise MalformedError("evidence.data must be a data: URI in base64", code=_CODE)
    if not equal(sha256(data), stated):
        raise MalformedError(
            "evidence.data is not what evidence.digest names",
            code="aci.session.evidence",
            expected=stated.hex(),
            actual=sha256(data).hex(),
        )
    return data


def _text_of(value: Any) -> str:
    """A text of any length, or an empty one."""
    return value if isinstance(value, str) else ""
