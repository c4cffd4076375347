"""The only user of httpx: bounded requests over pinned TLS, with every failure mapped."""

from opengradient.transport.http import (
    MAX_RESPONSE_BYTES,
    HttpResponse,
    HttpStream,
    HttpTransport,
    Timeouts,
)
from opengradient.transport.retry import RetryPolicy
from opengradient.transport.seam import AnswerStream, Transport, TransportFactory
from opengradient.transport.tls import TlsPin

__all__ = [
    "MAX_RESPONSE_BYTES",
    "AnswerStream",
    "HttpResponse",
    "HttpStream",
    "HttpTransport",
    "RetryPolicy",
    "Timeouts",
    "TlsPin",
    "Transport",
    "TransportFactory",
]
