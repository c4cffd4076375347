"""What a caller knows by itself about an exchange whose ACI receipt it checks."""

from dataclasses import dataclass
from typing import final

from opengradient.core.aci import AciKeyset


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciExpectation:
    """What the caller knows by itself. None means that it does not know, and is shown as such.

    Attributes:
        keyset: A keyset that the caller has established before: it vouches for it, and the
            verdict says so.
        nonce: The 32 bytes that the caller asked for the report with.
        tls_spki_sha256: SHA-256 of the SubjectPublicKeyInfo that the TLS peer proved to hold.
        hostname: The name that the caller connected to.
        request: The body that was sent.
        response: The body that came back, of a stream with its framing.
        model: The model that was asked for.
        session_ids: The sessions that the caller pinned.
    """

    keyset: AciKeyset | None = None
    nonce: bytes | None = None
    tls_spki_sha256: bytes | None = None
    hostname: str | None = None
    request: bytes | None = None
    response: bytes | None = None
    model: str | None = None
    session_ids: frozenset[bytes] | None = None
