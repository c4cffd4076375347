"""What every call to a node has, whatever it asks for."""

import enum
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol

from opengradient.core.digests import Domain, tagged_sha256
from opengradient.core.modes import SettlementMode, VerificationMode
from opengradient.errors import ConfigurationError

_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")


class x402SettlementMode(enum.StrEnum):  # noqa: N801 (the published client's name)
    """What of an inference reaches the ledger; the values are those of the wire.

    PRIVATE: nothing about the content leaves the node, not even hashes.
    BATCH_HASHED: salted commitments, in a batch under one Merkle root (the default).
    INDIVIDUAL_FULL: the preimages are published, anchored by themselves.
    """

    PRIVATE = "private"
    BATCH_HASHED = "batch"
    INDIVIDUAL_FULL = "individual"

    @property
    def number(self) -> SettlementMode:
        """The mode as receipts name it."""
        return SettlementMode[self.name]


class Call(Protocol):
    """One call, ready to be sent."""

    @property
    def path(self) -> str:
        """HTTP path."""
        ...

    @property
    def raw(self) -> bytes:
        """The exact bytes of the body."""
        ...

    @property
    def media_type(self) -> str:
        """What the body is."""
        ...

    @property
    def model(self) -> str:
        """Model as the caller named it; a receipt says what was asked for."""
        ...

    @property
    def verification_mode(self) -> VerificationMode | None:
        """How the inference is to be checkable; None for whatever the policy accepts."""
        ...

    @property
    def settlement(self) -> x402SettlementMode:
        """What of it reaches the ledger."""
        ...

    @property
    def key(self) -> str:
        """Idempotency key."""
        ...

    @property
    def own_key(self) -> bool:
        """Whether the caller chose the key, so that an answer may be an earlier one."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds per attempt, or between two pieces of a stream; None for the client's."""
        ...


def headers_of(call: Call) -> dict[str, str]:
    """The headers of a call's request."""
    return {
        "content-type": call.media_type,
        "x-opengradient-nonce": nonce_of(call.key).hex(),
        "idempotency-key": call.key,
        "x-settlement-type": call.settlement.value,
    }


def fields_of(call: Call) -> dict[str, Any]:
    """The request section of a call's receipt."""
    return {"path": call.path, "body": call.raw, "idempotency_key": call.key}


def nonce_of(key: str) -> bytes:
    """The client nonce of an idempotency key.

    It follows from the key, so that whoever repeats a request can still check that the answer is
    to this very request. A random key gives a random nonce.
    """
    return tagged_sha256(Domain.NONCE, key.encode())


def settlement_of(given: Mapping[str, Any]) -> x402SettlementMode:
    """The settlement mode among options, under either name; BATCH_HASHED if none is given.

    Raises:
        ConfigurationError: Both names, or no such mode.
    """
    chosen = [given[name] for name in ("settlement_mode", "x402_settlement_mode") if name in given]
    if len(chosen) > 1:
        raise ConfigurationError(
            "settlement_mode and x402_settlement_mode are two names of one option"
        )
    if not chosen:
        return x402SettlementMode.BATCH_HASHED
    try:
        return x402SettlementMode(chosen[0])
    except ValueError as error:
        modes = ", ".join(x402SettlementMode)
        raise ConfigurationError(f"settlement_mode must be one of {modes}") from error


def new_key() -> str:
    """A fresh idempotency key."""
    return secrets.token_hex(32)


def checked_key(key: Any) -> str:
    """An idempotency key that the caller chose.

    Raises:
        ConfigurationError: No node would accept it.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ConfigurationError("an idempotency key has 1 to 255 printable ASCII characters")
    return key
