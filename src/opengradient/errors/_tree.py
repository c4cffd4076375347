"""The exception classes. Import them from `opengradient.errors`."""

from typing import Any, ClassVar

from opengradient.errors._codes import CODES


class OpenGradientError(Exception):
    """The root of everything this library raises on purpose.

    Attributes:
        code: Stable, documented identifier of what went wrong; assert on this, not on the text.
        message: What happened, in a sentence.
        receipt: The verified receipt of an error that a node signed; None for every other.
    """

    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.receipt: Any = None
        self.code = code or self.default_code
        if self.code not in CODES:
            raise AssertionError(f"error code {self.code!r} is not in opengradient.errors.CODES")
        self.message = message
        super().__init__(message)

    def diagnostics(self) -> str:
        """Say what happened and what to do next, for a person to read."""
        return f"{self.message}\n  code: {self.code}\n  next: {CODES[self.code].hint}"


class ConfigurationError(OpenGradientError):
    """The caller's mistake, found before anything was sent."""

    default_code = "config.invalid"


class UnsupportedParameterError(ConfigurationError):
    """A parameter that this model or provider does not have; it is refused, never dropped."""

    default_code = "request.unsupported_parameter"

    def __init__(self, parameter: str, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.parameter = parameter


class TransportError(OpenGradientError):
    """The bytes did not arrive."""

    default_code = "transport.failed"


class ConnectError(TransportError):
    """No connection could be made; nothing was sent."""

    default_code = "transport.connect"


class TimedOutError(TransportError):
    """No answer in time; the request may have been processed."""

    default_code = "transport.timeout"


class ProtocolError(TransportError):
    """The peer broke HTTP, SSE or JSON, or ended a stream early."""

    default_code = "transport.protocol"


class NodeError(TransportError):
    """The node answered with an error status.

    Attributes:
        status: HTTP status.
        node_id: The node's id where known.
        body: What it said (at most 2,000 characters).
    """

    default_code = "node.error"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        node_id: str | None = None,
        body: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.node_id = node_id
        self.body = body[:2000]


class RateLimitedError(NodeError):
    """The node or the provider behind it asks to slow down.

    Attributes:
        retry_after: Seconds to wait, where the node said so.
    """

    default_code = "node.rate_limited"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int = 429,
        node_id: str | None = None,
        body: str = "",
        code: str | None = None,
    ) -> None:
        super().__init__(message, status=status, node_id=node_id, body=body, code=code)
        self.retry_after = retry_after


class NotFoundError(NodeError):
    """The node does not have what was asked for."""

    default_code = "node.not_found"


class RelayError(TransportError):
    """A relay of the confidential channel answered with an error of its own, outside the seal.

    Nobody vouches for what it says; the node may have processed the request or not.

    Attributes:
        status: HTTP status.
        body: What it said (at most 2,000 characters).
        retry_after: Seconds to wait, where the relay said so.
    """

    default_code = "channel.relay"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: str = "",
        retry_after: float | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.body = body[:2000]
        self.retry_after = retry_after


class OutputError(OpenGradientError):
    """The answer is authentic, and not of the form that was asked for.

    Attributes:
        reply: The verified answer.
    """

    default_code = "output.schema"

    def __init__(self, message: str, *, reply: Any = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.reply = reply


class PaymentError(OpenGradientError):
    """An offer, an allowance or a charge that the caller did not permit."""

    default_code = "payment.refused"


class ChainError(OpenGradientError):
    """The ledger refused or did not answer."""

    default_code = "chain.unreachable"


class RevertedError(ChainError):
    """A contract call or transaction was reverted.

    Attributes:
        reason: The contract's reason where it could be decoded.
    """

    default_code = "chain.reverted"

    def __init__(self, message: str, *, reason: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.reason = reason


class NotFinalError(ChainError):
    """Not anchored deep enough yet; nothing is lost, ask again later."""

    default_code = "chain.not_final"


class SettlementError(OpenGradientError):
    """This receipt will not settle, and why."""

    default_code = "settlement.refused"


class StorageError(OpenGradientError):
    """A blob could not be stored, read or hashed; what was acknowledged is not lost."""

    default_code = "storage.failed"


class VerificationError(OpenGradientError):
    """The bytes arrived and are not to be believed.

    Attributes:
        step: The check that failed, for example ``"signature"``.
        expected: What the check wanted, where it can be said.
        actual: What it found.
    """

    default_code = "verification.failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        step: str = "",
        expected: object = None,
        actual: object = None,
    ) -> None:
        super().__init__(message, code=code)
        self.step = step or self.code.rsplit(".", 1)[0]
        self.expected = expected
        self.actual = actual

    def diagnostics(self) -> str:
        """Say which check failed, on what, and what to do next."""
        lines = [self.message, f"  step: {self.step}", f"  code: {self.code}"]
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.actual is not None:
            lines.append(f"  actual:   {self.actual}")
        lines.append(f"  next: {CODES[self.code].hint}")
        return "\n".join(lines)


class AttestationError(VerificationError):
    """The evidence does not show what it should."""

    default_code = "attestation.failed"


class CertificateChainError(AttestationError):
    """A certificate chain that does not lead from the pinned root to the key."""

    default_code = "attestation.chain"


class MeasurementMismatchError(AttestationError):
    """The enclave runs code that the policy does not allow."""

    default_code = "attestation.measurement"


class FreshnessError(AttestationError):
    """Too old, from the future, or not an answer to our nonce."""

    default_code = "attestation.freshness"


class ChannelError(VerificationError):
    """Not sealed by the attested node for this very request, so it says nothing."""

    default_code = "channel.open"


class SignatureError(VerificationError):
    """A signature that does not verify, or by another key."""

    default_code = "receipt.signature"


class InclusionError(VerificationError):
    """A Merkle proof that does not lead to the anchored root."""

    default_code = "settlement.inclusion"


class ProofError(VerificationError):
    """A zero-knowledge or other proof of execution that does not verify."""

    default_code = "proof.invalid"


class PolicyError(VerificationError):
    """Authentic, but not what the caller's policy accepts."""

    default_code = "policy.refused"


class MalformedError(VerificationError):
    """Not well-formed: it cannot be checked at all."""

    default_code = "format.malformed"


class UnsupportedError(OpenGradientError):
    """A format or version that this release does not know."""

    default_code = "format.unsupported"
