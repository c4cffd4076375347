"""The signing and TLS keys that a node makes for itself. In memory only."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from opengradient.core.digests import sha256
from opengradient.core.keys import CURVE_ORDER, MemorySigner

_CERTIFICATE_LIFETIME: Final = timedelta(days=365)
_NAME: Final = "localhost"
"""The public network's nodes carry this name too; clients pin the key, not the name."""


@final
@dataclass(frozen=True, slots=True)
class TlsCredentials:
    """A TLS key with its self-signed certificate."""

    key_pem: bytes
    certificate_pem: str
    certificate_der: bytes
    spki_sha256: bytes

    def __repr__(self) -> str:
        """Never the key."""
        return f"TlsCredentials(spki_sha256={self.spki_sha256.hex()})"


def make_tls_credentials(*, now_ms: int) -> TlsCredentials:
    """Make a P-256 key and a certificate for it.

    Args:
        now_ms: The time, Unix milliseconds.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    start = datetime.fromtimestamp(now_ms // 1000, UTC) - timedelta(minutes=5)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _CERTIFICATE_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .sign(key, SHA256())
    )
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TlsCredentials(
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode(),
        certificate_der=certificate.public_bytes(Encoding.DER),
        spki_sha256=sha256(spki),
    )


def new_signer() -> MemorySigner:
    """A fresh secp256k1 key."""
    return MemorySigner((secrets.randbelow(CURVE_ORDER - 1) + 1).to_bytes(32))
