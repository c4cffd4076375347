"""Policies as JSON objects: every field must be there, and no other may be."""

import base64
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from opengradient.errors import ConfigurationError, MalformedError

_T = TypeVar("_T")


class Fields:
    """An object with exactly the named fields, read with their types."""

    def __init__(self, raw: Any, names: frozenset[str]) -> None:
        """Take an object with exactly these fields.

        Raises:
            MalformedError: Code ``policy.malformed``.
        """
        if not isinstance(raw, dict) or raw.keys() != names:
            raise malformed(f"an object must have exactly the fields {sorted(names)}")
        self._raw = raw

    def get(self, name: str, kind: type[_T]) -> _T:
        """The field, which must be of exactly this type."""
        value = self._raw[name]
        if type(value) is not kind:  # not isinstance: true is no integer
            raise malformed(f"{name} must be {kind.__name__}")
        return value

    def has(self, name: str, value: str | None) -> bool:
        """Whether the field is this value."""
        return bool(self._raw[name] == value)

    def is_object(self, name: str) -> bool:
        """Whether the field is an object."""
        return isinstance(self._raw[name], dict)

    def each(self, name: str, read: Callable[[Any], _T]) -> list[_T]:
        """The items of a list, each read."""
        return [read(item) for item in self.get(name, list)]

    def texts(self, name: str) -> frozenset[str]:
        """A list of text, as a set."""
        items = self.get(name, list)
        if not all(isinstance(item, str) for item in items):
            raise malformed(f"{name} must be a list of text")
        return frozenset(items)

    def certificate(self) -> bytes:
        """The field ``certificate``: base64 of DER."""
        try:
            return base64.b64decode(self.get("certificate", str), validate=True)
        except ValueError as error:
            raise malformed("certificate must be base64 of DER") from error


def require_form(pattern: re.Pattern[str], values: Iterable[str], what: str) -> None:
    """Refuse an entry that is not in its one form, and so could never match.

    Raises:
        ConfigurationError: Code ``policy.malformed``.
    """
    for value in values:
        if not pattern.fullmatch(value):
            raise ConfigurationError(f"not a {what}: {value!r}", code="policy.malformed")


def malformed(why: str) -> MalformedError:
    """The error for JSON that is no policy."""
    return MalformedError(f"not a trust policy: {why}", code="policy.malformed")
