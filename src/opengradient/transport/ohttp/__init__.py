"""Oblivious HTTP (RFC 9458), whole and chunked: what a relay carries and cannot read.

The codec serves both sides of the channel and does no I/O; `OhttpTransport` is the client's side.
"""

from opengradient.transport.ohttp._relay_errors import relay_error
from opengradient.transport.ohttp.chunked import (
    CHUNKED_REQUEST_MEDIA_TYPE,
    CHUNKED_RESPONSE_MEDIA_TYPE,
    MAX_CHUNK_BYTES,
    MAX_MESSAGE_BYTES,
    RequestOpener,
    RequestSealer,
    ResponseOpener,
    ResponseSealer,
)
from opengradient.transport.ohttp.client import (
    OhttpTransport,
    RelayHeaders,
    check_relay_url,
    outer_headers,
    route_of,
)
from opengradient.transport.ohttp.keys import (
    KEYS_MEDIA_TYPE,
    GatewayKey,
    KeyConfig,
    encode_key_configs,
    parse_key_configs,
)
from opengradient.transport.ohttp.legacy import LegacyOhttpTransport
from opengradient.transport.ohttp.messages import (
    REQUEST_MEDIA_TYPE,
    RESPONSE_MEDIA_TYPE,
    Exchange,
    encapsulate_request,
    open_request,
    open_response,
    seal_response,
)
from opengradient.transport.ohttp.padded import (
    AnswerOpener,
    AnswerSealer,
    open_sealed_request,
    seal_answer,
    seal_request,
)
from opengradient.transport.ohttp.padding import padded_size

__all__ = [
    "CHUNKED_REQUEST_MEDIA_TYPE",
    "CHUNKED_RESPONSE_MEDIA_TYPE",
    "KEYS_MEDIA_TYPE",
    "MAX_CHUNK_BYTES",
    "MAX_MESSAGE_BYTES",
    "REQUEST_MEDIA_TYPE",
    "RESPONSE_MEDIA_TYPE",
    "AnswerOpener",
    "AnswerSealer",
    "Exchange",
    "GatewayKey",
    "KeyConfig",
    "LegacyOhttpTransport",
    "OhttpTransport",
    "RelayHeaders",
    "RequestOpener",
    "RequestSealer",
    "ResponseOpener",
    "ResponseSealer",
    "check_relay_url",
    "encapsulate_request",
    "encode_key_configs",
    "open_request",
    "open_response",
    "open_sealed_request",
    "outer_headers",
    "padded_size",
    "parse_key_configs",
    "relay_error",
    "route_of",
    "seal_answer",
    "seal_request",
    "seal_response",
]
