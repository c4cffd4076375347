"""AWS Nitro Enclaves attestation documents, and documents of the same format by software enclaves.

One verifier serves both: only the root and the policy differ, and the result says which it was.
"""

from types import MappingProxyType
from typing import Final

from opengradient.core import cose
from opengradient.core.digests import equal, keccak256, sha256
from opengradient.core.evidence import (
    _SEAL,
    NITRO,
    SOFTWARE,
    Evidence,
    VerifiedEvidence,
)
from opengradient.core.keyset import Keyset, claims_keyset
from opengradient.core.nitriding import parse_user_data
from opengradient.core.nitro_document import (
    MAX_NONCE_BYTES,
    NitroDocument,
    parse_document,
)
from opengradient.errors import (
    AttestationError,
    ConfigurationError,
    FreshnessError,
    MalformedError,
)
from opengradient.verify._x509 import ECDSA_P384_SHA384, parse_certificate, verify_chain
from opengradient.verify.attestation._common import check_key_not_revoked, check_measurement
from opengradient.verify.attestation._sign1 import check_signature, open_envelope
from opengradient.verify.policy import TrustPolicy

MAX_DOCUMENT_BYTES: Final = 16 * 1024
"""Nothing larger is parsed; the Nitro module's own answers end at 12 KiB."""


def verify_nitro(
    document: bytes, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify an AWS Nitro attestation document.

    1. The document is at most 16 KiB (``format.too_large``).
    2. It is one COSE_Sign1, written in one way, whose protected header is exactly ES384 and whose
       unprotected header is empty (``nitro.cose.*``, ``cbor.malformed``).
    3. The payload is a map, definite or indefinite, with no key twice and no bytes after it; keys
       that are not known are reported (``nitro.payload.structure``, ``cbor.malformed``).
    4. Every field has its type and size (``nitro.payload.*``, ``nitro.pcr.*``).
    5. The chain starts at a root that the policy trusts for this kind (``x509.root``).
    6. The signature is by the leaf's key over the payload as received (``nitro.cose.signature``).
       It comes before the chain because it costs one operation and not four, so a changed
       document is cheap to refuse; it means nothing until step 7 has passed.
    7. The chain leads from the root to the leaf, and all of it is valid now (``x509.*``).
    8. The document is not too old, nor from the future (``nitro.timestamp.*``).
    9. It is no debug enclave: PCR0-2 are not all zero (``nitro.debug``).
    10. Its measurement is accepted, and not revoked (``attestation.measurement``,
        ``attestation.revoked_measurement``, ``attestation.register``; where the policy rests on a
        release manifest ``releases.expired``, ``releases.future``, ``releases.unlisted``,
        ``releases.register``, ``releases.revoked_measurement``).
    11. It answers our nonce (``nitro.nonce.*``).
    12. Where it binds a keyset of ours: the keyset is well-formed, agrees with ``user_data``, and
        its signing key is not revoked (``keyset.*``, ``nitriding.*``,
        ``attestation.revoked_key``, ``releases.revoked_key``). That it is the key in use is for
        the caller to require, see `opengradient.verify.attestation.binding`.

    Certificates are not looked up in revocation lists: the verifier fetches nothing, and the leaf
    lives for three hours.

    Args:
        document: The document as received.
        policy: What the caller accepts.
        now_ms: The time to verify at, Unix milliseconds. For an archived receipt, a time that
            the caller trusts for other reasons, never the document's own.
        nonce: The nonce that the document must answer; None where none was sent.

    Returns:
        What the document says; nothing is returned before every step has passed.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: The document binds a keyset of a version this release does not know.
        ConfigurationError: The nonce is empty or longer than a document can carry.
    """
    return _verify(NITRO, document, policy=policy, now_ms=now_ms, nonce=nonce)


def verify_software_enclave(
    document: bytes, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> VerifiedEvidence:
    """Verify the document of a software enclave: the steps of `verify_nitro`, another root.

    The policy must name the network's `UnsafeSimulatedRoot`; the result has ``simulated`` set.
    Arguments, result and errors are those of `verify_nitro`.
    """
    return _verify(SOFTWARE, document, policy=policy, now_ms=now_ms, nonce=nonce)


def _verify(
    kind: str, document: bytes, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None
) -> VerifiedEvidence:
    if nonce is not None and not 1 <= len(nonce) <= MAX_NONCE_BYTES:
        raise ConfigurationError(f"a nonce has 1 to {MAX_NONCE_BYTES} bytes")
    check_size(document)  # step 1
    envelope = open_envelope(document)  # step 2
    content = parse_document(envelope.payload)  # steps 3 and 4
    root = policy.root_for(kind, content.cabundle[0])  # step 5
    presented = [
        parse_certificate(der, ECDSA_P384_SHA384)
        for der in (*content.cabundle[1:], content.certificate)
    ]
    check_signature(envelope, presented[-1].key)  # step 6
    window = verify_chain(
        root.certificate, presented, profile=ECDSA_P384_SHA384, now_ms=now_ms
    )  # step 7
    _check_age(content.timestamp_ms, policy, now_ms)  # step 8
    debug = _check_debug(content, policy)  # step 9
    measurement = measurement_id(content)
    registers = {f"PCR{i}": v.hex() for i, v in sorted(content.pcrs.items())}
    accepted, source = check_measurement(
        kind, measurement, registers, policy, now_ms=now_ms
    )  # step 10
    _check_nonce(content, nonce)  # step 11
    keyset = _check_keyset(content, policy)  # step 12
    return VerifiedEvidence(
        kind=kind,
        simulated=kind == SOFTWARE,
        root=root.name,
        evidence_digest=Evidence(kind=kind, document=document).digest(),
        statement_digest=sha256(cose.signing_bytes(envelope.payload)),
        keyset=keyset,
        measurements=MappingProxyType(registers),
        measurement=measurement,
        measurement_accepted=accepted,
        measurement_source=source,
        debug=debug,
        issued_at_ms=content.timestamp_ms,
        valid_from_ms=window.from_ms,
        valid_until_ms=window.until_ms,
        module_id=content.module_id,
        nonce=content.nonce,
        nonce_checked=nonce is not None,
        public_key=content.public_key,
        user_data=content.user_data,
        unknown_keys=content.unknown_keys,
        seal=_SEAL,
    )


def check_size(document: bytes) -> None:
    """Refuse what is too large to be parsed.

    Raises:
        MalformedError: Code ``format.too_large``.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise MalformedError(
            "the document is too large",
            code="format.too_large",
            expected=f"<= {MAX_DOCUMENT_BYTES}",
            actual=len(document),
        )


def measurement_id(content: NitroDocument) -> str:
    """The public network's name for what runs: keccak256 over the whole of PCR0, PCR1, PCR2."""
    return "0x" + keccak256(content.pcrs[0] + content.pcrs[1] + content.pcrs[2]).hex()


def is_debug(content: NitroDocument) -> bool:
    """A debug enclave's PCR0-2 are zero (AWS, "Verifying an enclave's measurements")."""
    return not any(content.pcrs[0] + content.pcrs[1] + content.pcrs[2])


def _check_age(timestamp_ms: int, policy: TrustPolicy, now_ms: int) -> None:
    if timestamp_ms > now_ms + policy.clock_skew_ms:
        raise FreshnessError(
            "the document is from the future",
            code="nitro.timestamp.future",
            expected=f"<= {now_ms + policy.clock_skew_ms} ms",
            actual=f"{timestamp_ms} ms",
        )
    if now_ms - timestamp_ms > policy.max_evidence_age_ms:
        raise FreshnessError(
            "the document is too old",
            code="nitro.timestamp.stale",
            expected=f"age <= {policy.max_evidence_age_ms} ms",
            actual=f"{now_ms - timestamp_ms} ms",
        )


def _check_debug(content: NitroDocument, policy: TrustPolicy) -> bool:
    debug = is_debug(content)
    if debug and not policy.allow_debug:
        raise AttestationError(
            "a debug enclave: the host can read its memory, its measurements are zero",
            code="nitro.debug",
        )
    return debug


def _check_nonce(content: NitroDocument, nonce: bytes | None) -> None:
    if nonce is None:
        return
    if content.nonce is None:
        raise FreshnessError("the document has no nonce", code="nitro.nonce.absent")
    if not equal(content.nonce, nonce):
        raise FreshnessError(
            "the document answers another nonce",
            code="nitro.nonce.mismatch",
            expected=nonce.hex(),
            actual=content.nonce.hex(),
        )


def _check_keyset(content: NitroDocument, policy: TrustPolicy) -> Keyset | None:
    if content.public_key is None or not claims_keyset(content.public_key):
        return None
    keyset = Keyset.parse(content.public_key)
    if keyset.legacy_rsa_spki_sha256 is not None:
        # Old clients read the RSA key's hash from user_data, new ones from the keyset.
        _, attested = parse_user_data(content.user_data)
        if not equal(attested, keyset.legacy_rsa_spki_sha256):
            raise AttestationError(
                "user_data and the keyset name different RSA keys", code="keyset.user_data"
            )
    check_key_not_revoked(keyset, policy)
    return keyset
