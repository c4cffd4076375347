"""Reads objects of release manifests and revocation lists: exact fields, exact types."""

import re
from collections.abc import Callable
from typing import Any, TypeVar, final

from opengradient.core.canonical import MAX_SAFE_INTEGER
from opengradient.errors import MalformedError

_T = TypeVar("_T")

MAX_TEXT_CHARS = 512
MAX_ITEMS = 4096


@final
class Fields:
    """An object with exactly the named fields."""

    def __init__(self, raw: Any, what: str, *names: str) -> None:
        """Take the object.

        Raises:
            MalformedError: Code ``releases.malformed``: it is none, or has other fields.
        """
        if not isinstance(raw, dict) or raw.keys() != set(names):
            raise malformed(f"{what} is an object with exactly the fields {', '.join(names)}")
        self._raw = raw
        self._what = what

    def __getitem__(self, name: str) -> Any:
        """A field as it stands."""
        return self._raw[name]

    def text(self, name: str, form: re.Pattern[str] | None = None) -> str:
        """A field that is text: of the form, or else printable and of 1 to 512 characters."""
        value = self._raw[name]
        if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARS:
            raise malformed(f"{self._what}.{name} is text of 1 to {MAX_TEXT_CHARS} characters")
        if not (value.isprintable() if form is None else form.fullmatch(value)):
            raise malformed(f"{self._what}.{name} is not in its form: {value!r}")
        return value

    def natural(self, name: str) -> int:
        """A field that is an integer from 0 to 2**53 - 1."""
        value = self._raw[name]
        if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
            raise malformed(f"{self._what}.{name} is an integer from 0 to 2**53 - 1")
        return value

    def each(self, name: str, read: Callable[[Any], _T]) -> tuple[_T, ...]:
        """A field that is a list."""
        value = self._raw[name]
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise malformed(f"{self._what}.{name} is a list of at most {MAX_ITEMS} items")
        return tuple(read(item) for item in value)


def malformed(why: str) -> MalformedError:
    """The error for a file that is not in its form."""
    return MalformedError(
        f"not a file of releases or revocations: {why}", code="releases.malformed"
    )
