"""The check of the public network's ``tee_*`` fields, and what that format leaves unbound."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from opengradient.core.digests import equal, keccak256
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.keyset import HpkeKey
from opengradient.core.legacy import (
    SALT_BYTES,
    OhttpStatement,
    TeeFields,
    message_hash,
    ohttp_statement_hash,
    output_hash,
    request_hash,
    tee_id,
)
from opengradient.core.messages import Choice
from opengradient.core.modes import ReceiptKind
from opengradient.errors import (
    FreshnessError,
    MalformedError,
    SignatureError,
    VerificationError,
)
from opengradient.verify._claims import Notebook
from opengradient.verify.signatures import verify_rsa_pss
from opengradient.verify.verdict import Verdict

MAX_AGE_MS: Final = 5 * 60 * 1000
"""What the public network's verifier contract tolerates for times that are ahead; we take it for
both directions, because the client asks now."""


def verify_tee_fields(
    fields: TeeFields,
    *,
    public_key: bytes,
    kind: ReceiptKind,
    request: Mapping[str, Any],
    choices: Sequence[Choice],
    now_ms: int | None,
    max_age_ms: int = MAX_AGE_MS,
) -> None:
    """Check one answer in the legacy format.

    The steps: the id is that of the key; both hashes are those of this request and this answer;
    the signature verifies under the key; the time is near `now_ms`.

    Args:
        fields: The fields as received.
        public_key: The node's RSA key, SubjectPublicKeyInfo in DER.
        kind: CHAT or COMPLETION.
        request: The body as sent.
        choices: The answer as received.
        now_ms: Unix milliseconds; None for an answer that may be a repeated one.
        max_age_ms: Greatest distance from `now_ms`.

    Raises:
        VerificationError: A step failed.
    """
    if fields.tee_id != tee_id(public_key):
        raise SignatureError(
            "tee_id is not that of the node's key",
            code="legacy.signature",
            expected=tee_id(public_key),
            actual=fields.tee_id,
        )
    expected = (request_hash(kind, request), output_hash(choices))
    for name, ours, theirs in zip(
        ("request", "output"), expected, (fields.request, fields.output), strict=True
    ):
        if not equal(ours, theirs):
            raise VerificationError(
                f"tee_{name}_hash does not belong to this exchange",
                code="legacy.hash",
                step=f"tee_{name}_hash",
                expected=ours.hex(),
                actual=theirs.hex(),
            )
    message = message_hash(fields.request, fields.output, fields.timestamp)
    try:
        verify_rsa_pss(
            _rsa_key(public_key),
            fields.signature,
            message,
            hash_type=SHA256,
            salt_bytes=SALT_BYTES,
        )
    except SignatureError as error:
        raise SignatureError("tee_signature does not verify", code="legacy.signature") from error
    if now_ms is not None and abs(fields.timestamp * 1000 - now_ms) > max_age_ms:
        raise FreshnessError(
            "tee_timestamp is too far from now",
            code="legacy.stale",
            expected=f"within {max_age_ms} ms of {now_ms}",
            actual=fields.timestamp * 1000,
        )


def verify_ohttp_statement(statement: OhttpStatement, *, public_key: bytes) -> HpkeKey:
    """Check what a node says about its key for Oblivious HTTP.

    The steps: the id is that of the node's RSA key; the configuration is that of the key; the
    signature verifies under the RSA key, which the caller knows to be attested.

    Args:
        statement: As received.
        public_key: The node's RSA key, SubjectPublicKeyInfo in DER.

    Raises:
        VerificationError: A step failed.
        UnsupportedError: Another suite than X25519 and HKDF-SHA256 with an AEAD of RFC 9180.
    """
    if statement.tee_id != keccak256(public_key):
        raise SignatureError(
            "the HPKE key is another node's",
            code="legacy.signature",
            expected=keccak256(public_key).hex(),
            actual=statement.tee_id.hex(),
        )
    key = HpkeKey(
        key_id=statement.key_id,
        kem_id=statement.kem_id,
        kdf_id=statement.kdf_id,
        aead_id=statement.aead_id,
        public_key=statement.public_key,
    )
    if key.encode() != statement.key_config:
        raise MalformedError(
            "the key configuration is not that of the HPKE key", code="channel.key_config"
        )
    try:
        verify_rsa_pss(
            _rsa_key(public_key),
            statement.signature,
            ohttp_statement_hash(statement),
            hash_type=SHA256,
            salt_bytes=SALT_BYTES,
        )
    except SignatureError as error:
        raise SignatureError(
            "the signature under the HPKE key does not verify", code="legacy.signature"
        ) from error
    return key


def _rsa_key(spki: bytes) -> rsa.RSAPublicKey:
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError("the node's signing key is no public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureError("the node's signing key is no RSA key", code="legacy.signature")
    return key


def legacy_verdict(
    fields: TeeFields,
    *,
    evidence: VerifiedEvidence,
    choices: Sequence[Choice],
    streamed: bool,
    sealed: bool = False,
) -> Verdict:
    """The claims about an answer that passed `verify_tee_fields`.

    Args:
        fields: The fields.
        evidence: The evidence that binds the RSA key and the TLS certificate.
        choices: The answer.
        streamed: Whether it came as a stream.
        sealed: Whether it came through a relay, sealed to the node's HPKE key.
    """
    notes = Notebook()
    if evidence.simulated:
        notes.asserted("enclave", f"software enclave, root {evidence.root!r}")
    else:
        notes.proven("enclave", f"{evidence.kind}, root {evidence.root!r}", evidence.module_id)
    measured = f"measurement {evidence.measurement}"
    notes.asserted("code", "the policy, or the registry where it names none", measured)
    notes.proven("signature", "RSA-PSS key bound in the evidence", f"node {fields.tee_id}")
    if sealed:
        notes.proven("channel", "Oblivious HTTP", "HPKE key signed by the attested RSA key")
    else:
        notes.proven("channel", "pinned TLS", "certificate bound in the evidence")
    notes.absent("nonce", "the format has none: the answer could be a replay of this request")
    notes.proven("request", "signed hash", "model, messages' text, temperature and a few options")
    notes.absent("attachments", "bytes of attachments and other parameters are not bound")
    notes.absent("upstream", "the format does not say what went to the provider")
    _note_response(notes, choices)
    if streamed:
        notes.absent("stream", "the format does not bind chunks")
    notes.absent("finish_reason", "not bound by the format")
    notes.absent("usage", "not bound by the format")
    notes.absent("model", "the served model is not bound by the format")
    notes.absent("weights", "nobody proves which weights the provider ran")
    notes.asserted("time", "the node's clock", f"{fields.timestamp} s since 1970")
    notes.absent("sequence", "the format does not show omissions")
    notes.absent("execution", "no proof of execution")
    notes.absent("settlement", "not checked for this format")
    notes.absent("payment", "not bound by the format")
    return Verdict(claims=tuple(notes.claims), simulated=evidence.simulated)


def _note_response(notes: Notebook, choices: Sequence[Choice]) -> None:
    first = choices[0] if choices else Choice()
    if first.tool_calls:
        notes.proven("response", "signed hash", "the tool calls")
        if first.text:
            notes.absent("text", "text beside tool calls is not bound by the format")
    else:
        notes.proven("response", "signed hash", "the text")
    if len(choices) > 1:
        notes.absent("choices", "only the first choice is bound by the format")
    for name in ("images", "reasoning", "refusal", "logprobs", "annotations"):
        if any(getattr(choice, name) for choice in choices):
            notes.absent(name, "not bound by the format")
