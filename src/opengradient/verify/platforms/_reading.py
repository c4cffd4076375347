"""Reading and writing of settings that several platforms have."""

from collections.abc import Collection

from opengradient.core.canonical import JsonObject
from opengradient.verify._fields import Fields
from opengradient.verify.token_keys import TokenKey


def texts_or_any(fields: Fields, name: str) -> frozenset[str] | None:
    """A list of texts; null accepts any."""
    return None if fields.has(name, None) else fields.texts(name)


def sorted_or_any(values: Collection[str] | None) -> list[str] | None:
    """What `texts_or_any` reads."""
    return None if values is None else sorted(values)


def text_or_none(fields: Fields, name: str) -> str | None:
    """A text, or null."""
    return None if fields.has(name, None) else fields.get(name, str)


def read_keys(fields: Fields) -> tuple[TokenKey, ...]:
    """The field ``keys``."""
    return tuple(fields.each("keys", TokenKey.from_json))


def write_keys(keys: tuple[TokenKey, ...]) -> list[JsonObject]:
    """What `read_keys` reads."""
    return [key.to_json() for key in keys]
