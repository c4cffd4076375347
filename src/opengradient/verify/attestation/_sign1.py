"""The COSE_Sign1 envelope of an attestation document: one spelling, one algorithm."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384

from opengradient.core import cbor, cose
from opengradient.errors import AttestationError, MalformedError, SignatureError
from opengradient.verify.signatures import verify_ecdsa_raw


@dataclass(frozen=True, slots=True)
class Envelope:
    """A COSE_Sign1 whose shape is right; the signature is not checked yet.

    Attributes:
        payload: Content of the payload byte string.
        signature: r and s, 48 bytes each.
    """

    payload: bytes
    signature: bytes


def open_envelope(document: bytes) -> Envelope:
    """Read a COSE_Sign1 with protected header ``{1: -35}`` and empty unprotected header.

    What stands around the signed bytes is not signed, so it is held to one spelling: definite
    lengths, shortest heads, an unprotected header of the single byte ``a0``. Only tag 18 is left
    free (RFC 9052 section 2 makes it optional).

    Raises:
        MalformedError: ``nitro.cose.structure``, ``nitro.cose.signature_form`` or
            ``cbor.malformed``.
        AttestationError: ``nitro.cose.protected_header`` or ``nitro.cose.unprotected_header``.
    """
    untagged = document.removeprefix(cose.TAG)
    parts = cbor.decode(untagged)
    if not isinstance(parts, tuple) or len(parts) != 4:
        raise _structure("not an array of four")
    protected, unprotected, payload, signature = parts
    if not isinstance(payload, bytes) or not isinstance(signature, bytes):
        raise _structure("payload and signature must be byte strings")
    # The algorithm is ours, not the document's: nothing but these four bytes is accepted.
    if protected != cose.PROTECTED_ES384:
        raise AttestationError(
            "the protected header is not exactly {alg: ES384}",
            code="nitro.cose.protected_header",
            expected=cose.PROTECTED_ES384.hex(),
            actual=protected.hex() if isinstance(protected, bytes) else protected,
        )
    if unprotected != {}:
        raise AttestationError(
            "the unprotected header is not empty", code="nitro.cose.unprotected_header"
        )
    if len(signature) != cose.SIGNATURE_SIZE:
        raise MalformedError(
            "the signature is not r || s of 48 bytes each (DER is not accepted)",
            code="nitro.cose.signature_form",
            expected=cose.SIGNATURE_SIZE,
            actual=len(signature),
        )
    if cose.envelope(payload, signature) != untagged:
        raise _structure("an unsigned part is written in a second way")
    return Envelope(payload, signature)


def check_signature(envelope: Envelope, key: ec.EllipticCurvePublicKey) -> None:
    """Check the ES384 signature.

    Both values of ``s`` verify (genuine documents use either), so the signature bytes must never
    serve as an identity; see `opengradient.core.evidence`.

    Args:
        envelope: From `open_envelope`.
        key: A P-384 key.

    Raises:
        MalformedError: Code ``nitro.cose.signature_range``: r or s is not in 1..n-1.
        AttestationError: Code ``nitro.cose.signature``: it does not verify.
    """
    try:
        verify_ecdsa_raw(
            key, envelope.signature, cose.signing_bytes(envelope.payload), hash_type=SHA384
        )
    except SignatureError as error:
        if error.code == "signature.range":
            raise MalformedError(
                "r or s of the signature is out of range", code="nitro.cose.signature_range"
            ) from error
        raise AttestationError(
            "the document is not signed by the key of its leaf certificate",
            code="nitro.cose.signature",
        ) from error


def _structure(why: str) -> MalformedError:
    return MalformedError(f"not a COSE_Sign1: {why}", code="nitro.cose.structure")
