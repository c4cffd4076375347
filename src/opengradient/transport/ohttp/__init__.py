"""Oblivious HTTP (RFC 9458), whole and chunked: what a relay carries and cannot read.

The codec serves both sides of the channel and does no I/O.
"""

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
from opengradient.transport.ohttp.keys import (
    KEYS_MEDIA_TYPE,
    GatewayKey,
    KeyConfig,
    encode_key_configs,
    parse_key_configs,
)
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
    "RequestOpener",
    "RequestSealer",
    "ResponseOpener",
    "ResponseSealer",
    "encapsulate_request",
    "encode_key_configs",
    "open_request",
    "open_response",
    "open_sealed_request",
    "padded_size",
    "parse_key_configs",
    "seal_answer",
    "seal_request",
    "seal_response",
]
