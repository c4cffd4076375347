"""Encapsulated requests and responses of Oblivious HTTP, each sealed whole (RFC 9458 section 4).

Both sides, without I/O: what goes in and comes out is binary HTTP (`opengradient.wire.bhttp`).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

from opengradient.core.keyset import HpkeKey
from opengradient.errors import ChannelError, ProtocolError
from opengradient.transport.ohttp._hpke import (
    TAG_BYTES,
    OpenContext,
    ResponseKeys,
    SealContext,
    open_with,
    recipient,
    response_nonce_bytes,
    sender,
)
from opengradient.transport.ohttp.keys import PUBLIC_KEY_BYTES, GatewayKey

REQUEST_MEDIA_TYPE: Final = "message/ohttp-req"
RESPONSE_MEDIA_TYPE: Final = "message/ohttp-res"

REQUEST_LABEL: Final = b"message/bhttp request"
RESPONSE_LABEL: Final = b"message/bhttp response"

HEADER_BYTES: Final = 7
"""Key id, KEM, KDF and AEAD (section 4.1)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What ties the answer to one request; each side of the channel has its own.

    Attributes:
        key: The key that the request is sealed to.
        enc: The encapsulated key, of this request only.
    """

    key: HpkeKey
    enc: bytes
    context: SealContext | OpenContext = field(repr=False)

    def new_response_nonce(self) -> bytes:
        """A random nonce of the size that a response begins with."""
        return secrets.token_bytes(self.response_nonce_bytes)

    @property
    def response_nonce_bytes(self) -> int:
        """Size of the nonce that a response begins with."""
        return response_nonce_bytes(self.key.aead_id)

    def response_keys(self, response_nonce: bytes, label: bytes) -> ResponseKeys:
        """The keys of the response that begins with this nonce (section 4.4)."""
        return ResponseKeys.derive(
            self.key.aead_id,
            secret=self.context.export(label, self.response_nonce_bytes),
            enc=self.enc,
            response_nonce=response_nonce,
        )


def encapsulate_request(
    key: HpkeKey, message: bytes, *, ephemeral: bytes | None = None
) -> tuple[bytes, Exchange]:
    """Seal a request (section 4.3).

    Args:
        key: The attested key of the node.
        message: Binary HTTP.
        ephemeral: Private key to use once, for test vectors only.

    Raises:
        ChannelError: Code ``channel.open``: no secret can be agreed with the key.
    """
    header, exchange, context = begin_request(key, REQUEST_LABEL, ephemeral)
    return header + context.seal(message), exchange


def open_request(sealed: bytes, keys: Mapping[int, GatewayKey]) -> tuple[bytes, Exchange]:
    """Open a request.

    Args:
        sealed: An Encapsulated Request.
        keys: The keys in use, by key id.

    Raises:
        ChannelError: Code ``channel.key_unknown``, or ``channel.open``.
        ProtocolError: Code ``channel.truncated``: too short to be one.
    """
    begin = HEADER_BYTES + PUBLIC_KEY_BYTES
    if len(sealed) < begin + TAG_BYTES:
        raise ProtocolError("a sealed request ends early", code="channel.truncated")
    exchange, context = accept_request(sealed[:begin], REQUEST_LABEL, keys)
    return open_with(context, sealed[begin:]), exchange


def seal_response(
    exchange: Exchange, message: bytes, *, response_nonce: bytes | None = None
) -> bytes:
    """Seal a response (section 4.4).

    Args:
        exchange: From `open_request`.
        message: Binary HTTP.
        response_nonce: For test vectors only; random if None.
    """
    nonce = response_nonce or exchange.new_response_nonce()
    return nonce + exchange.response_keys(nonce, RESPONSE_LABEL).seal(message)


def open_response(exchange: Exchange, sealed: bytes) -> bytes:
    """Open a response.

    Args:
        exchange: From `encapsulate_request`.
        sealed: An Encapsulated Response.

    Raises:
        ChannelError: Code ``channel.open``: not the answer to this request.
        ProtocolError: Code ``channel.truncated``: too short to be one.
    """
    begin = exchange.response_nonce_bytes
    if len(sealed) < begin + TAG_BYTES:
        raise ProtocolError("a sealed answer ends early", code="channel.truncated")
    return exchange.response_keys(sealed[:begin], RESPONSE_LABEL).open(sealed[begin:])


def begin_request(
    key: HpkeKey, label: bytes, ephemeral: bytes | None
) -> tuple[bytes, Exchange, SealContext]:
    """What a sealed request begins with, and the context that seals the rest."""
    header = key_header(key)
    enc, context = sender(key, _info(label, header), ephemeral)
    return header + enc, Exchange(key=key, enc=enc, context=context), context


def accept_request(
    begin: bytes, label: bytes, keys: Mapping[int, GatewayKey]
) -> tuple[Exchange, OpenContext]:
    """Read what a sealed request begins with: header and encapsulated key.

    Raises:
        ChannelError: Code ``channel.key_unknown``, or ``channel.open`` when no secret can be
            agreed with the encapsulated key.
    """
    header, enc = begin[:HEADER_BYTES], begin[HEADER_BYTES:]
    key = keys.get(header[0])
    if key is None or header != key_header(key.public):
        raise ChannelError(
            f"a request for key {header[0]}, which is not in use", code="channel.key_unknown"
        )
    context = recipient(key.public, key.private_key, enc, _info(label, header))
    return Exchange(key=key.public, enc=enc, context=context), context


def key_header(key: HpkeKey) -> bytes:
    """The seven bytes that name a key and its algorithms."""
    algorithms = (key.kem_id, key.kdf_id, key.aead_id)
    return bytes([key.key_id]) + b"".join(item.to_bytes(2, "big") for item in algorithms)


def _info(label: bytes, header: bytes) -> bytes:
    return label + b"\0" + header
