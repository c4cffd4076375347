"""From "this evidence is authentic" to "it is about the key I am talking to".

Authentic evidence can be copied: a fake server can show a genuine enclave's document. What it
cannot do is use the keys that the document binds, so whoever uses a key requires it here.
"""

from opengradient.core.digests import equal, sha256
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.keys import PublicKey
from opengradient.core.keyset import HpkeKey, Keyset
from opengradient.core.nitriding import parse_user_data
from opengradient.errors import AttestationError, ConfigurationError


def require_key(
    verified: VerifiedEvidence,
    *,
    signing: PublicKey | None = None,
    tls_spki_sha256: bytes | None = None,
    hpke: HpkeKey | None = None,
    legacy_rsa_spki_sha256: bytes | None = None,
) -> Keyset:
    """Require that the evidence binds every key that is given.

    Args:
        verified: Evidence that passed verification.
        signing: The key that signed a receipt.
        tls_spki_sha256: SHA-256 of the SubjectPublicKeyInfo that the TLS peer proved to hold.
        hpke: The key that a request is encrypted to.
        legacy_rsa_spki_sha256: SHA-256 of the SubjectPublicKeyInfo that signed ``tee_*`` fields.

    Returns:
        The keyset.

    Raises:
        AttestationError: Code ``attestation.no_keyset`` where the evidence binds no keyset,
            ``attestation.binding`` where it binds another key or none for that use.
        ConfigurationError: No key was given.
    """
    keyset = verified.keyset
    if keyset is None:
        raise AttestationError("the evidence binds no keyset", code="attestation.no_keyset")
    pairs = [
        ("signing key", signing, keyset.signing),
        ("TLS key", tls_spki_sha256, keyset.tls_spki_sha256),
        ("HPKE key", hpke, keyset.hpke),
        ("legacy RSA key", legacy_rsa_spki_sha256, keyset.legacy_rsa_spki_sha256),
    ]
    required = [pair for pair in pairs if pair[1] is not None]
    if not required:
        raise ConfigurationError("no key was given to require")
    for name, used, bound in required:
        if used != bound:
            raise AttestationError(
                f"the evidence does not bind the {name} that is in use",
                code="attestation.binding",
                expected=bound,
                actual=used,
            )
    return keyset


def verify_nitriding_user_data(
    verified: VerifiedEvidence, *, tls_certificate_der: bytes, signing_key_der: bytes
) -> None:
    """Require the binding of the public network: ``user_data`` names certificate and RSA key.

    Stricter than the public network's own check, which does not look at the prefixes.

    Args:
        verified: Evidence that passed verification.
        tls_certificate_der: The certificate that the TLS peer presented.
        signing_key_der: SubjectPublicKeyInfo of the RSA key that signs ``tee_*`` fields.

    Raises:
        MalformedError: Code ``nitriding.layout``.
        AttestationError: Code ``nitriding.tls_certificate`` or ``nitriding.signing_key``.
    """
    tls_hash, key_hash = parse_user_data(verified.user_data)
    if not equal(tls_hash, sha256(tls_certificate_der)):
        raise AttestationError(
            "user_data names another TLS certificate", code="nitriding.tls_certificate"
        )
    if not equal(key_hash, sha256(signing_key_der)):
        raise AttestationError("user_data names another signing key", code="nitriding.signing_key")
