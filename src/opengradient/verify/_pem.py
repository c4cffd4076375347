"""Certificates in PEM, in one spelling: what surrounds them in evidence is not signed."""

import base64
import binascii
from typing import Final

from opengradient.errors import MalformedError

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----\n"
_END: Final = b"-----END CERTIFICATE-----"
_LINE: Final = 64


def read_pem_chain(data: bytes, *, count: int, what: str) -> list[bytes]:
    """Read exactly so many certificates.

    Lines of 64 characters (RFC 7468 section 2), base64 without spare bits, one newline between
    certificates; after the last one a newline and a zero byte may stand, as Intel's library
    leaves them.

    Args:
        data: The text.
        count: How many certificates it must hold.
        what: What it is, for the error's message.

    Returns:
        The certificates' DER, in the order of the text.

    Raises:
        MalformedError: Code ``dcap.pem.malformed``, or ``dcap.pem.count`` for another number.
    """
    text = data.removesuffix(b"\0").removesuffix(b"\n")
    parts = text.split(_END)
    if parts.pop():
        raise _malformed(what)
    chain = [
        _read_one(part if index == 0 else _next(part, what), what)
        for index, part in enumerate(parts)
    ]
    if len(chain) != count:
        raise MalformedError(
            f"{what} has another number of certificates",
            code="dcap.pem.count",
            expected=count,
            actual=len(chain),
        )
    return chain


def write_pem_chain(chain: list[bytes]) -> bytes:
    """Write certificates as `read_pem_chain` reads them."""
    return b"".join(_write_one(der) + b"\n" for der in chain)


def _next(part: bytes, what: str) -> bytes:
    if not part.startswith(b"\n"):
        raise _malformed(what)
    return part[1:]


def _read_one(part: bytes, what: str) -> bytes:
    try:
        der = base64.b64decode(part.removeprefix(_BEGIN).replace(b"\n", b""), validate=True)
    except binascii.Error as error:
        raise _malformed(what) from error
    if _write_one(der) != part + _END:
        raise _malformed(what)
    return der


def _write_one(der: bytes) -> bytes:
    body = base64.b64encode(der)
    lines = [body[start : start + _LINE] + b"\n" for start in range(0, len(body), _LINE)]
    return _BEGIN + b"".join(lines) + _END


def _malformed(what: str) -> MalformedError:
    return MalformedError(f"{what} is not PEM in its one form", code="dcap.pem.malformed")
