"""The one table from httpx's exceptions to ours. What may have been sent decides the row."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx

from opengradient.errors import (
    ConfigurationError,
    ConnectError,
    OpenGradientError,
    ProtocolError,
    TimedOutError,
    TransportError,
)
from opengradient.transport.tls import PinMismatchError

_Family = type[ConfigurationError | TransportError]

TABLE: Final[Mapping[type[Exception], _Family]] = {
    httpx.InvalidURL: ConfigurationError,
    httpx.UnsupportedProtocol: ConfigurationError,
    httpx.CookieConflict: ProtocolError,
    httpx.ConnectError: ConnectError,
    httpx.ConnectTimeout: ConnectError,
    httpx.PoolTimeout: ConnectError,
    httpx.ProxyError: ConnectError,
    httpx.ReadTimeout: TimedOutError,
    httpx.WriteTimeout: TimedOutError,
    httpx.TimeoutException: TimedOutError,
    httpx.ReadError: TransportError,
    httpx.WriteError: TransportError,
    httpx.CloseError: TransportError,
    httpx.NetworkError: TransportError,
    httpx.LocalProtocolError: ConfigurationError,
    httpx.RemoteProtocolError: ProtocolError,
    httpx.ProtocolError: ProtocolError,
    httpx.DecodingError: ProtocolError,
    httpx.TooManyRedirects: ProtocolError,
    httpx.HTTPStatusError: ProtocolError,
    httpx.TransportError: TransportError,
    httpx.RequestError: TransportError,
    httpx.HTTPError: TransportError,
    httpx.StreamClosed: TransportError,
    httpx.StreamConsumed: TransportError,
    httpx.RequestNotRead: TransportError,
    httpx.ResponseNotRead: TransportError,
    httpx.StreamError: TransportError,
    ssl.SSLError: TransportError,
    OSError: TransportError,
}
"""A PoolTimeout waited for a free connection, so nothing was sent; a WriteTimeout may have sent
some. ssl.SSLError and OSError are what httpx lets through from a broken connection."""

_CAUGHT: Final = tuple(TABLE)


def translate(error: Exception, what: str) -> OpenGradientError:
    """The error of ours for one of the table's.

    Args:
        error: An instance of a type in `TABLE`.
        what: Method and URL, for the message.
    """
    if _pin_mismatch(error):
        return ConnectError(
            f"{what}: the TLS certificate is not the pinned one", code="transport.tls_pin"
        )
    family = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    detail = str(error) or type(error).__name__
    return family(f"{what}: {detail}")


def _pin_mismatch(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, PinMismatchError | ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Raise our errors instead of httpx's in the block."""
    try:
        yield
    except _CAUGHT as error:
        raise translate(error, what) from error
