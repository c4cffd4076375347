"""One call as it came: what the headers ask for, read strictly, and failures as replies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.commitments import FieldValue
from opengradient.core.digests import ZERO32, new_sha256
from opengradient.core.messages import ErrorReply
from opengradient.core.modes import SettlementMode
from opengradient.errors import OpenGradientError
from reference_nodes._kit.app import error_reply
from reference_nodes._kit.identity import Arrival

SETTLEMENT_MODES: Final[Mapping[str, SettlementMode]] = {
    "private": SettlementMode.PRIVATE,
    "batch": SettlementMode.BATCH_HASHED,
    "individual": SettlementMode.INDIVIDUAL_FULL,
}
"""Values of ``X-SETTLEMENT-TYPE``, as on the public network."""

_NONCE: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeaders:
    """The three headers that a call may carry; None where absent."""

    nonce: str | None = None
    idempotency_key: str | None = None
    settlement_type: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, its headers read.

    Attributes:
        path: HTTP path.
        raw: The exact bytes of the body.
        nonce: 32 bytes; zero if the client sent none.
        idempotency_key: Chosen by the client.
        settlement_mode: What of it reaches the ledger.
        started_at: Unix milliseconds at which the whole request was there.
        arrival: The channel that it came over, and the evidence that binds its key.
        problem: Why the headers were refused, if they were.
    """

    path: str
    raw: bytes
    nonce: bytes
    idempotency_key: str | None
    settlement_mode: SettlementMode
    started_at: int
    arrival: Arrival
    problem: ErrorReply | None = None

    @classmethod
    def read(
        cls, path: str, raw: bytes, headers: CallHeaders, *, arrival: Arrival, now_ms: int
    ) -> "Call":
        """Read the headers. What cannot be read becomes `problem`, which is signed.

        A call whose settlement type cannot be read is PRIVATE: perhaps that was meant.
        """
        problem = None
        nonce, key = ZERO32, headers.idempotency_key
        mode = SETTLEMENT_MODES.get(headers.settlement_type or "batch")
        if key is not None and not _KEY.fullmatch(key):
            problem = _refused("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
            key = None
        if headers.nonce is not None:
            if _NONCE.fullmatch(headers.nonce):
                nonce = bytes.fromhex(headers.nonce)
            else:
                problem = _refused("X-OpenGradient-Nonce", "must be 64 lower-case hex digits")
        if mode is None:
            problem = _refused("X-SETTLEMENT-TYPE", "must be private, batch or individual")
        return cls(
            path=path,
            raw=raw,
            nonce=nonce,
            idempotency_key=key,
            settlement_mode=SettlementMode.PRIVATE if mode is None else mode,
            started_at=now_ms,
            arrival=arrival,
            problem=problem,
        )

    def request_fields(self) -> dict[str, FieldValue]:
        """The request section of the receipt."""
        fields: dict[str, FieldValue] = {"path": self.path, "body": self.raw}
        if self.idempotency_key is not None:
            fields["idempotency_key"] = self.idempotency_key
        return fields

    def request_hash(self) -> bytes:
        """What makes two requests the same to an idempotency key: path and exact bytes."""
        hasher = new_sha256()
        hasher.update(self.path.encode() + b"\0" + self.raw)
        digest: bytes = hasher.digest()
        return digest


def _refused(header: str, why: str) -> ErrorReply:
    return ErrorReply(
        status=400, code="request.invalid", message=f"{header}: {why}", parameter=header
    )


_STATUS: Final[Mapping[str, int]] = {
    "inference.unknown_model": 404,
    "inference.worker": 503,
    "inference.timeout": 504,
    "inference.no_engine": 503,
    "inference.format": 500,
    "model.bytes": 500,
    "model.signature": 500,
    "model.onnx": 500,
    "model.external_data": 500,
    "model.custom_op": 500,
    "provider.unknown_model": 404,
    "provider.no_key": 503,
    "provider.protocol": 502,
}

NOT_KEPT: Final = frozenset({"node.overloaded", "node.rate_limited", "provider.unreachable"})
"""Failures that say that no provider did the work: a repetition is a new try, not a replay."""


def refusal(error: OpenGradientError) -> ErrorReply:
    """The signed reply for a request that goes no further."""
    reply = error_reply(error)
    status = _STATUS.get(error.code)
    if status is None:
        return reply
    return ErrorReply(
        status=status, code=reply.code, message=reply.message, parameter=reply.parameter
    )
