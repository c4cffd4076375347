"""Salted commitments: a public receipt lets nobody guess a prompt, a holder shows one field alone.

A section is a set of named fields. Each field is hashed with a salt of its own; the section's
commitment, which the receipt signs, covers the sorted list of names and field commitments
(spec clauses 3.1 to 3.5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, final

from opengradient.core.canonical import canonical_json
from opengradient.core.digests import ZERO32, Domain, equal, hmac_sha256, tagged_sha256
from opengradient.errors import MalformedError, VerificationError

SALT_BYTES: Final = 32
MAX_NAME_BYTES: Final = 255

FieldValue = Any
"""bytes (raw), str (text) or any other JSON value."""

_SALT_TAG: Final = Domain.SALT.value.encode()
_RAW, _TEXT, _JSON = b"\x01", b"\x02", b"\x03"


def _typed_bytes(value: FieldValue) -> tuple[bytes, bytes]:
    if isinstance(value, bytes):
        return _RAW, value
    if isinstance(value, str):
        try:
            return _TEXT, value.encode()
        except UnicodeEncodeError as error:
            raise MalformedError("text holds a lone surrogate", step="commitment") from error
    return _JSON, canonical_json(value)


@lru_cache(maxsize=1024)
def _name_bytes(name: str) -> bytes:
    encoded = name.encode()
    if not 0 < len(encoded) <= MAX_NAME_BYTES:
        raise MalformedError("a field name has 1 to 255 bytes", step="commitment", actual=name)
    return bytes([len(encoded)]) + encoded


def derive_salt(seed: bytes, section: str, field: str) -> bytes:
    """The salt of one field, from the receipt's 32-byte seed."""
    return hmac_sha256(seed, _SALT_TAG + _name_bytes(section) + _name_bytes(field))


def commit_field(section: str, name: str, salt: bytes, value: FieldValue) -> bytes:
    """Commit to one field: 32 bytes that reveal nothing without the salt."""
    if len(salt) != SALT_BYTES:
        raise MalformedError("a salt has 32 bytes", step="commitment", actual=len(salt))
    kind, data = _typed_bytes(value)
    return tagged_sha256(Domain.FIELD, salt, kind, _name_bytes(section), _name_bytes(name), data)


def commit_section(fields: Mapping[str, bytes]) -> bytes:
    """Commit to a section from its fields' commitments; an empty section is 32 zero bytes."""
    if not fields:
        return ZERO32
    parts = [_name_bytes(name) + fields[name] for name in sorted(fields, key=str.encode)]
    return tagged_sha256(Domain.SECTION, *parts)


@final
@dataclass(frozen=True, slots=True)
class Disclosed:
    """A field that its holder shows."""

    salt: bytes
    value: FieldValue


@final
@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that its holder keeps back: only its commitment is there."""

    commitment: bytes


Section = Mapping[str, Disclosed | Withheld]


def section_commitment(section_name: str, section: Section) -> bytes:
    """Recompute a section's commitment from shown and withheld fields."""
    return commit_section(
        {
            name: field.commitment
            if isinstance(field, Withheld)
            else commit_field(section_name, name, field.salt, field.value)
            for name, field in section.items()
        }
    )


def seal_section(seed: bytes, section_name: str, values: Mapping[str, FieldValue]) -> Section:
    """Give each value its salt: a section that is wholly disclosed."""
    return {
        name: Disclosed(derive_salt(seed, section_name, name), value)
        for name, value in values.items()
    }


def check_section(section_name: str, section: Section, commitment: bytes, *, code: str) -> None:
    """Check a section against the commitment in the receipt.

    Raises:
        VerificationError: With `code`, if they differ.
    """
    actual = section_commitment(section_name, section)
    if not equal(actual, commitment):
        raise VerificationError(
            f"the {section_name} section does not match its commitment in the receipt",
            code=code,
            step=section_name,
            expected=commitment.hex(),
            actual=actual.hex(),
        )


def redact(section_name: str, section: Section, *names: str) -> Section:
    """Withhold the named fields, keeping the section verifiable."""
    result: dict[str, Disclosed | Withheld] = dict(section)
    for name in names:
        field = result.get(name)
        if field is None:
            raise MalformedError(f"the {section_name} section has no field {name!r}")
        if isinstance(field, Disclosed):
            result[name] = Withheld(commit_field(section_name, name, field.salt, field.value))
    return result
