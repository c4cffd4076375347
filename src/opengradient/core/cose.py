"""COSE_Sign1 (RFC 9052) with ES384: the bytes that attestation documents are signed over.

Signer and verifier both take them from here, so there is one place that knows what is signed.
"""

from opengradient.core import cbor

PROTECTED_ES384 = bytes.fromhex("a1013822")
"""The protected header ``{1: -35}``: algorithm ES384 (RFC 9053 section 2.1) and nothing else."""

SIGNATURE_SIZE = 96
"""Bytes of an ES384 signature: r and s, 48 bytes each, big-endian (RFC 9053 section 2.1)."""

TAG = b"\xd2"
"""CBOR tag 18, which may stand before a COSE_Sign1 (RFC 9052 section 2)."""


def signing_bytes(payload: bytes) -> bytes:
    """Build the Sig_structure of RFC 9052 section 4.4 with no external data.

    Args:
        payload: The content of the payload byte string, exactly as it stands in the document.

    Returns:
        The bytes that the signature covers.
    """
    return cbor.encode(["Signature1", PROTECTED_ES384, b"", payload])


def envelope(payload: bytes, signature: bytes) -> bytes:
    """Build an untagged COSE_Sign1 with an empty unprotected header.

    Args:
        payload: What was signed.
        signature: r and s, 48 bytes each.
    """
    return cbor.encode([PROTECTED_ES384, {}, payload, signature])
