"""The parts of a binary HTTP message and what makes one invalid (RFC 9292 sections 3 and 4)."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from opengradient.errors import MalformedError

Fields: TypeAlias = tuple[tuple[str, str], ...]
"""Field lines in order: lower-case names; values as ISO 8859-1 text, which keeps every byte."""

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bound of the control data and field sections of one message, each."""

CONNECTION_FIELDS: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)
"""Fields of a connection, without meaning here (RFC 9110 section 7.6.1). An encoder leaves them
out; a decoder does not call them invalid (RFC 9292 section 3.6)."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+", re.ASCII)
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]*", re.ASCII)
_VALUE: Final = re.compile(r"(?![ \t])[^\x00\r\n]*(?<![ \t])")
_CONTROL_NAMES: Final = frozenset({":method", ":scheme", ":authority", ":path", ":status"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """Control data and header section of a request.

    Attributes:
        method: A token, for example ``POST``.
        scheme: For example ``https``.
        authority: Host and port; may be empty.
        path: Path and query.
        headers: Header field lines.
    """

    method: str
    scheme: str
    authority: str
    path: str
    headers: Fields = ()

    def __post_init__(self) -> None:
        """Refuse what RFC 9292 section 4 calls invalid."""
        if not _METHOD.fullmatch(self.method):
            raise invalid("the method is not a token")
        for name in (self.scheme, self.authority, self.path):
            if not _VISIBLE.fullmatch(name):
                raise invalid("control data holds other than visible ASCII")
        check_fields(self.headers)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """Status and header section of a response, informational (1xx) or final.

    Attributes:
        status: 100 to 599.
        headers: Header field lines.
    """

    status: int
    headers: Fields = ()

    def __post_init__(self) -> None:
        """Refuse what RFC 9292 section 4 calls invalid."""
        if not 100 <= self.status <= 599:
            raise invalid(f"a status of {self.status}")
        check_fields(self.headers)

    @property
    def informational(self) -> bool:
        """Whether more heads follow."""
        return self.status < 200


@final
@dataclass(frozen=True, slots=True)
class Content:
    """A piece of the content."""

    data: bytes


@final
@dataclass(frozen=True, slots=True)
class Trailers:
    """The trailer section; it ends the message."""

    fields: Fields


Part: TypeAlias = RequestHead | ResponseHead | Content | Trailers


def check_fields(fields: Fields, *, trailers: bool = False) -> None:
    """Check names and values of a field section (RFC 9292 section 3.6, RFC 9113 section 8.2.1).

    Args:
        fields: The field lines.
        trailers: Whether it is a trailer section, which holds no pseudo-field.

    Raises:
        MalformedError: Code ``channel.bhttp_field``.
    """
    pseudo_allowed = not trailers
    for name, value in fields:
        if name.startswith(":"):
            if not pseudo_allowed or name in _CONTROL_NAMES:
                raise _bad_field("a pseudo-field that does not belong there")
        else:
            pseudo_allowed = False
        if not _TOKEN.fullmatch(name.removeprefix(":")):
            raise _bad_field("a field name that is not a lower-case token")
        if not _VALUE.fullmatch(value) or not is_latin(value):
            raise _bad_field(f"the value of {name!r} has characters that no field carries")


def is_latin(text: str) -> bool:
    """Whether every character is one byte in ISO 8859-1."""
    return not text or max(text) <= "\xff"


def invalid(why: str) -> MalformedError:
    """The error for a message that is invalid."""
    return MalformedError(f"not a binary HTTP message: {why}", code="channel.bhttp")


def _bad_field(why: str) -> MalformedError:
    return MalformedError(f"not a binary HTTP message: {why}", code="channel.bhttp_field")
