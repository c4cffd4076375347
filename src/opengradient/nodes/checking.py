"""The check of an answer, whole or streamed, before anybody gets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

from opengradient.core.bundle import AttachedReceipt
from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.core.messages import ErrorReply
from opengradient.core.modes import ChannelKind, ReceiptKind, VerificationMode
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    NodeError,
    NotFoundError,
    OpenGradientError,
    PaymentError,
    ProtocolError,
    RateLimitedError,
    UnsupportedParameterError,
)
from opengradient.nodes.calls import Call, fields_of, nonce_of
from opengradient.nodes.environment import Environment
from opengradient.nodes.node import KnownEvidence, Node, Session
from opengradient.nodes.receipt import HeldReceipt
from opengradient.nodes.trust import Trust
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.receipts import verify_receipt
from opengradient.wire.openai_decode import decode_error
from opengradient.wire.openai_reply import ATTACHMENT
from opengradient.wire.receipts import decode_attached

Channel = tuple[ChannelKind, bytes]
_ERRORS: Final = frozenset({ReceiptKind.ERROR})


@final
@dataclass(slots=True)
class Attempts:
    """What one call remembers from try to try.

    Attributes:
        count: How often it was sent.
        channels: The channels that it went over: a repeated answer names the first one.
        marks: Node id to the highest receipt seen when it was first sent there.
    """

    count: int = 0
    channels: list[Channel] = field(default_factory=list)
    marks: dict[bytes, tuple[int, bytes] | None] = field(default_factory=dict)

    def unsent(self) -> None:
        """The last try did not reach the node."""
        self.count -= 1
        self.channels.pop()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, taken apart.

    Attributes:
        attached: The receipt.
        response: The fields of the answer as they are about to be shown.
        kinds: Receipt kinds that such an answer can have.
        status: HTTP status; None where the answer came as a stream, whose head says nothing.
        usage: Input, output and cached tokens as about to be shown.
        chunk_digests: SHA-256 of each chunk as received; None for a whole answer.
        replayed: Whether the node says that it gave this answer before.
    """

    attached: AttachedReceipt
    response: Mapping[str, Any]
    kinds: frozenset[ReceiptKind]
    status: int | None
    usage: tuple[int, int, int] = (0, 0, 0)
    chunk_digests: tuple[bytes, ...] | None = None
    replayed: bool = False


@final
class Checker:
    """Verifies what one node answered to one call."""

    def __init__(
        self,
        *,
        call: Call,
        attempts: Attempts,
        node: Node,
        session: Session,
        trust: Trust,
        environment: Environment,
    ) -> None:
        """Take all that the client knows by itself; take it when the request is sent.

        The policy is the exception: what comes back is judged by the one in force then.
        """
        self.call = call
        self.node = node
        self.session = session
        self._attempts = attempts
        self._trust = trust
        self._environment = environment
        node_id = session.verified.node_id
        attempts.count += 1
        attempts.channels.append(session.verified.channel)
        mode = call.settlement.number
        attempts.marks.setdefault(node_id, node.history(node_id, mode).mark)

    async def check(self, answer: Answer) -> HeldReceipt:
        """Verify an answer against all that the client knows.

        Raises:
            VerificationError: It is not what was signed, or not the answer to this request.
        """
        signed = answer.attached.signed
        receipt, digest = signed.receipt, signed.digest
        known = await self.node.evidence(receipt.evidence_digest, self.session)
        history = self.node.history(receipt.node_id, receipt.settlement_mode)
        expect = self._expectation(answer, digest, known)
        policy = admitting(known.policy, self.call.verification_mode)
        bundle = answer.attached.bundle(
            request=fields_of(self.call),
            response=answer.response,
            chunk_digests=answer.chunk_digests or None,
            evidence=known.evidence,
        )
        verified = verify_receipt(
            bundle,
            policy=policy,
            now_ms=self._environment.clock(),
            expect=expect,
            evidence=known.verified,
        )
        history.record(receipt, digest)
        return HeldReceipt(verified, policy=policy, expect=expect)

    def _expectation(self, answer: Answer, digest: bytes, known: KnownEvidence) -> Expectation:
        receipt = answer.attached.signed.receipt
        repeated = answer.replayed or self._attempts.count > 1 or self.call.own_key
        mark = None if repeated else self._attempts.marks.get(receipt.node_id)
        return Expectation(
            domain=self.session.verified.domain,
            devices=self.session.verified.devices,
            nonce=nonce_of(self.call.key),
            channel=self._channel(receipt.channel_binding, replayed=answer.replayed),
            settlement_mode=self.call.settlement.number,
            verification_mode=self.call.verification_mode,
            kinds=answer.kinds,
            request=fields_of(self.call),
            response=answer.response,
            status=receipt.status if answer.status is None else answer.status,
            chunk_digests=answer.chunk_digests,
            usage=answer.usage,
            requested_model=self._requested_model(answer),
            previous=self.node.history(receipt.node_id, receipt.settlement_mode).previous_of(
                receipt, digest, mark
            ),
            collateral_fetched_at_ms=known.fetched_at_ms,
        )

    def _channel(self, binding: bytes, *, replayed: bool) -> Channel | None:
        """The channel that the receipt must name: the one of any try of this call.

        Of an answer that was given to an earlier call, before the node got new keys, this call
        does not know the channel.
        """
        for channel in self._attempts.channels:
            if channel[1] == binding:
                return channel
        return None if replayed else self.session.verified.channel

    def _requested_model(self, answer: Answer) -> str | None:
        if answer.kinds == _ERRORS and answer.attached.model.get("requested") is None:
            return None  # refused before the model was read
        return self.call.model

    async def error_for(
        self,
        body: JsonObject,
        *,
        http_status: int | None,
        parts: Mapping[str, Any] | None = None,
        chunk_digests: tuple[bytes, ...] | None = None,
        replayed: bool = False,
    ) -> OpenGradientError:
        """The error that a node's answer stands for, verified where it is signed.

        Args:
            body: The answer, with its receipt.
            http_status: HTTP status; None for an error in the final frame of a stream.
            parts: The parts of a stream that came before, as the receipt binds them.
            chunk_digests: SHA-256 of each chunk that came before.
            replayed: Whether the node says that it gave this answer before.

        Raises:
            VerificationError: It is not what was signed.
        """
        attachment = body.pop(ATTACHMENT, None)
        if attachment is None:
            return self._unsigned(body, http_status)
        attached = decode_attached(attachment)
        status = attached.signed.receipt.status if http_status is None else http_status
        error = decode_error(body, status)
        receipt = await self.check(
            Answer(
                attached=attached,
                response={**error.committed_fields(), **(parts or {})},
                kinds=_ERRORS,
                status=http_status,
                chunk_digests=chunk_digests,
                replayed=replayed,
            )
        )
        failure = error_of(error, self.session)
        failure.receipt = receipt
        return failure

    def _unsigned(self, body: JsonObject, http_status: int | None) -> OpenGradientError:
        """An error without receipt: its node could not sign, or it was no inference.

        The pinned channel vouches for it; nothing of an answer is in it.
        """
        if http_status is not None:
            try:
                return error_of(decode_error(body, http_status), self.session)
            except MalformedError as error:
                raise ProtocolError(
                    f"{self.node.url} answered with status {http_status}, and not as a node does"
                ) from error
        raise ProtocolError(f"{self.node.url} ended a stream with an error that is not signed")


def read_json(body: bytes, status: int, checker: Checker) -> JsonObject:
    """The JSON object of an answer.

    Raises:
        PaymentError: The node asks to be paid.
        ProtocolError: Not the JSON of a node.
    """
    where = checker.node.url
    if status == 402:
        raise PaymentError(f"{where} asks for a payment, which this release does not make")
    try:
        return parse_json_object(body, what=f"the answer of {where}")
    except MalformedError as error:
        raise ProtocolError(f"{where} answered with status {status}: {error.message}") from error


def admitting(policy: TrustPolicy, mode: VerificationMode | None) -> TrustPolicy:
    """The policy for one call: VANILLA is admitted where the caller asked for just that."""
    if mode != VerificationMode.VANILLA or mode in policy.modes:
        return policy
    return replace(policy, modes=policy.modes | {mode})


def error_of(error: ErrorReply, session: Session) -> OpenGradientError:
    """The exception for a node's error reply."""
    node_id = "0x" + session.verified.node_id.hex()
    if error.code == "request.unsupported_parameter" or (
        error.parameter is not None and error.code == "request.invalid"
    ):
        return UnsupportedParameterError(error.parameter or "", error.message, code=error.code)
    if error.code.startswith(("request.", "config.", "inference.", "tensor.")) and (
        error.status < 500
    ):
        return ConfigurationError(error.message, code=error.code)
    if error.code == "node.rate_limited":
        return RateLimitedError(
            error.message, retry_after=error.retry_after, status=error.status, node_id=node_id
        )
    kind = NotFoundError if error.status == 404 else NodeError
    return kind(error.message, status=error.status, node_id=node_id, code=error.code)
