"""What is no longer to be trusted: measurements, signing keys, product lines."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

from opengradient.core._strict_fields import Fields, malformed
from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.errors import MalformedError, UnsupportedError

REVOCATIONS_VERSION: Final = "opengradient.revocations/1"
MAX_LIST_BYTES: Final = 1024 * 1024

_ID = re.compile(r"0x[0-9a-f]{64}")
_PRODUCT = re.compile(r"[a-z0-9-]{1,64}/[A-Za-z0-9 ._-]{1,64}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One thing that is no longer trusted, and why.

    Attributes:
        id: A measurement id, a node id (both ``0x`` and 64 hex digits), or a product line:
            kind of evidence, a slash, its name, for example ``"amd-sev-snp/Milan"``.
        reason: For people.
    """

    id: str
    reason: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Everything that one file revokes. Each list is in the order of its ids, none twice.

    Attributes:
        measurements: Code that must not run.
        keys: Signing keys, by node id.
        products: Product lines.
    """

    measurements: tuple[Revocation, ...] = ()
    keys: tuple[Revocation, ...] = ()
    products: tuple[Revocation, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a second order and ids that could never match."""
        for entries, form, what in (
            (self.measurements, _ID, "measurements"),
            (self.keys, _ID, "keys"),
            (self.products, _PRODUCT, "products"),
        ):
            ids = [entry.id for entry in entries]
            if ids != sorted(set(ids)):
                raise malformed(f"revoked {what} stand in the order of their ids, each once")
            for each in ids:
                if not form.fullmatch(each):
                    raise malformed(f"revoked {what} has an id that is none: {each!r}")

    def to_json(self) -> JsonObject:
        """As JSON."""
        return {
            "measurements": [_entry_to_json(entry) for entry in self.measurements],
            "keys": [_entry_to_json(entry) for entry in self.keys],
            "products": [_entry_to_json(entry) for entry in self.products],
        }

    @classmethod
    def from_json(cls, raw: Any) -> "Revoked":
        """Read what `to_json` writes.

        Raises:
            MalformedError: Code ``releases.malformed``.
        """
        fields = Fields(raw, "revoked", "measurements", "keys", "products")
        return cls(
            measurements=fields.each("measurements", _read_entry),
            keys=fields.each("keys", _read_entry),
            products=fields.each("products", _read_entry),
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A file that only revokes. Nothing of it is trusted before its signatures are checked.

    Attributes:
        number: Grows with every list that its publisher issues.
        issued_at_ms: When it was made, Unix milliseconds.
        expires_at_ms: Until when it may be taken for complete, Unix milliseconds.
        revoked: What it revokes.
    """

    PAYLOAD_TYPE: ClassVar[str] = "application/vnd.opengradient.revocations+json"

    number: int
    issued_at_ms: int
    expires_at_ms: int
    revoked: Revoked

    def __post_init__(self) -> None:
        """Refuse a window that is none."""
        check_window(self.issued_at_ms, self.expires_at_ms)

    def encode(self) -> bytes:
        """RFC 8785 JSON: the bytes that are signed."""
        return canonical_json(
            {
                "version": REVOCATIONS_VERSION,
                "number": self.number,
                "issued_at": self.issued_at_ms,
                "expires_at": self.expires_at_ms,
                "revoked": self.revoked.to_json(),
            }
        )

    @classmethod
    def parse(cls, data: bytes, *, canonical: bool = True) -> "RevocationList":
        """Read a list.

        Args:
            data: The file.
            canonical: Refuse any spelling but the one that is signed. False for drafts.

        Raises:
            MalformedError: Code ``releases.malformed``, ``releases.not_canonical`` or ``format.*``.
            UnsupportedError: Another version.
        """
        raw = parse_json_object(data, what="the revocation list", max_bytes=MAX_LIST_BYTES)
        require_version(raw, REVOCATIONS_VERSION)
        fields = Fields(raw, "the list", "version", "number", "issued_at", "expires_at", "revoked")
        found = cls(
            number=fields.natural("number"),
            issued_at_ms=fields.natural("issued_at"),
            expires_at_ms=fields.natural("expires_at"),
            revoked=Revoked.from_json(fields["revoked"]),
        )
        require_canonical(found.encode(), data, canonical=canonical)
        return found


def check_window(issued_at_ms: int, expires_at_ms: int) -> None:
    """Refuse a file that expires before it is issued.

    Raises:
        MalformedError: Code ``releases.malformed``.
    """
    if not issued_at_ms < expires_at_ms:
        raise malformed("it expires before it is issued")


def require_version(raw: JsonObject, version: str) -> None:
    """Refuse another version than the one that is read here.

    Raises:
        UnsupportedError: Another version, or none.
    """
    if raw.get("version") != version:
        raise UnsupportedError(f"a file of version {raw.get('version')!r}, where {version} is read")


def require_canonical(encoded: bytes, data: bytes, *, canonical: bool) -> None:
    """Refuse a second spelling of what was read.

    Raises:
        MalformedError: Code ``releases.not_canonical``.
    """
    if canonical and encoded != data:
        raise MalformedError(
            "the file is not written in its one canonical form (RFC 8785)",
            code="releases.not_canonical",
        )


def _entry_to_json(entry: Revocation) -> JsonObject:
    return {"id": entry.id, "reason": entry.reason}


def _read_entry(raw: Any) -> Revocation:
    fields = Fields(raw, "a revocation", "id", "reason")
    return Revocation(id=fields.text("id"), reason=fields.text("reason"))
