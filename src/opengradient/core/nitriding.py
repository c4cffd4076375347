"""The ``user_data`` that the public network's enclaves attest to: two SHA-256 multihashes.

The layout is nitriding's (github.com/brave/nitriding-daemon, attestation.go): the hash of the TLS
certificate, then the hash that the application handed in, here of its RSA signing key, each
behind ``1220``, the multihash prefix of a 32-byte SHA-256.
"""

from typing import Final

from opengradient.core.digests import sha256
from opengradient.errors import MalformedError

PREFIX: Final = b"\x12\x20"
SIZE: Final = 68


def encode_user_data(tls_certificate_der: bytes, signing_key_der: bytes) -> bytes:
    """Build the 68 bytes.

    Args:
        tls_certificate_der: The TLS certificate.
        signing_key_der: SubjectPublicKeyInfo of the RSA signing key.
    """
    return PREFIX + sha256(tls_certificate_der) + PREFIX + sha256(signing_key_der)


def parse_user_data(user_data: bytes | None) -> tuple[bytes, bytes]:
    """Take the 68 bytes apart.

    Returns:
        SHA-256 of the TLS certificate, SHA-256 of the signing key.

    Raises:
        MalformedError: Code ``nitriding.layout`` for any other size or prefix.
    """
    if user_data is None or len(user_data) != SIZE:
        raise MalformedError(
            "user_data does not have nitriding's 68 bytes",
            code="nitriding.layout",
            expected=SIZE,
            actual=user_data and len(user_data),
        )
    half = SIZE // 2
    if user_data[:2] != PREFIX or user_data[half : half + 2] != PREFIX:
        raise MalformedError(
            "user_data does not hold two SHA-256 multihashes", code="nitriding.layout"
        )
    return user_data[2:half], user_data[half + 2 :]
