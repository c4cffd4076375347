"""The check of the public network's ``tee_*`` fields, and what that format leaves unbound."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from opengradient.core.digests import equal
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.legacy import (
    SALT_BYTES,
    TeeFields,
    message_hash,
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


def _rsa_key(spki: bytes) -> rsa.RSAPublicKey:
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError("the node's signing key is no public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureError("the node's signing key is no RSA key", code="legacy.signature")
    return key


def legacy_verdict(
    fields: TeeFields, *, evidence: VerifiedEvidence, choices: Sequence[Choice], streamed: bool
) -> Verdict:
    """The claims about an answer that passed `verify_tee_fields`.

    Args:
        fields: The fields.
        evidence: The evidence that binds the RSA key and the TLS certificate.
        choices: The answer.
        streamed: Whether it came as a stream.
    """
    notes = Notebook()
    if evidence.simulated:
        notes.asserted("enclave", f"software enclave, root {evidence.root!r}")
    else:
        notes.proven("enclave", f"{evidence.kind}, root {evidence.root!r}", evidence.module_id)
    measured = f"measurement {evidence.measurement}"
    notes.asserted("code", "the policy, or the registry where it names none", measured)
    notes.proven("signature", "RSA-PSS key bound in the evidence", f"node {fields.tee_id}")
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
