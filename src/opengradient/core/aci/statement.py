"""The attestation statement: what a quote's report data stands for (ACI 3.2)."""

from typing import Final

from opengradient.core.aci.fields import spelled
from opengradient.core.digests import sha256
from opengradient.errors import ConfigurationError

NONCE_BYTES: Final = 32
SLOT_BYTES: Final = 64


def statement(keyset_digest: bytes, nonce: bytes | None) -> bytes:
    """The exact bytes that the verifier builds itself: the template is its own JCS form.

    Args:
        keyset_digest: SHA-256 over the keyset's JCS form.
        nonce: The 32 bytes of the challenge; None for the form without one.

    Raises:
        ConfigurationError: The nonce has another size.
    """
    if nonce is not None and len(nonce) != NONCE_BYTES:
        raise ConfigurationError("an ACI nonce has 32 bytes", code="aci.nonce")
    asked = "null" if nonce is None else f'"{nonce.hex()}"'
    return (
        f'{{"keyset_digest":"{spelled(keyset_digest)}","nonce":{asked},'
        '"purpose":"aci.report_data.v1"}'
    ).encode()


def report_data(keyset_digest: bytes, nonce: bytes | None) -> bytes:
    """The 32 bytes of a report's ``report_data``."""
    return sha256(statement(keyset_digest, nonce))


def report_data_slot(keyset_digest: bytes, nonce: bytes | None) -> bytes:
    """The 64 bytes of the quote's slot: the digest, then zeros."""
    return report_data(keyset_digest, nonce).ljust(SLOT_BYTES, b"\0")
