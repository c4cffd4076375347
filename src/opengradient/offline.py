"""The one offline verifier: a receipt file in, a verdict or an error out. Opens no connection.

Receipts of two kinds are read: our own, and those of the open format ACI.
"""

import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from opengradient.core.aci import AciBundle
from opengradient.core.bundle import ReceiptBundle
from opengradient.core.canonical import parse_json_object
from opengradient.errors import ConfigurationError, MalformedError
from opengradient.networks import Network, load_network
from opengradient.verify.aci import AciExpectation, VerifiedAciReceipt, verify_aci_receipt
from opengradient.verify.aci.receipt import NOTHING_KNOWN
from opengradient.verify.expectation import Expectation
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.receipts import VerifiedReceipt, verify_receipt
from opengradient.verify.verdict import Verdict
from opengradient.wire.aci import claims_aci, decode_aci
from opengradient.wire.receipts import MAX_FILE_BYTES, decode_bundle

ReceiptSource: TypeAlias = bytes | Mapping[str, Any] | str | os.PathLike[str] | ReceiptBundle
"""A file's bytes, its parsed JSON, its path, or a bundle."""

_TRUSTS_NOBODY: Final[frozenset[str]] = frozenset()


def verify(
    receipt: ReceiptSource,
    policy: TrustPolicy | None = None,
    now: datetime | int | None = None,
    network: str | os.PathLike[str] | Network | None = None,
) -> Verdict:
    """Verify a receipt offline.

    Args:
        receipt: A receipt file: its path, its bytes, its parsed JSON, or a bundle.
        policy: Whom to trust; the network's policy if None.
        now: The time to judge at: a datetime with time zone, or Unix milliseconds; None for this
            machine's clock. Evidence is valid for hours: for an old file state a time that you
            know from elsewhere, such as that of the anchoring block.
        network: The network that the receipt must belong to. If None, the one that
            `opengradient.networks.load_network` finds; without any, hardware alone is trusted,
            and no measurement.

    Returns:
        Every claim, proven, asserted or absent.

    Raises:
        VerificationError: With step, expected, actual and a stable code.
        UnsupportedError: A format that this release does not know.
        ConfigurationError: An argument is not valid, or the file cannot be read.
    """
    read = receipt if isinstance(receipt, ReceiptBundle) else read_any(receipt)
    if isinstance(read, AciBundle):
        return verify_aci(read, policy=policy, now=now, network=network).verdict
    return verify_bundle(read, policy=policy, now=now, network=network).verdict


def verify_aci(
    receipt: AciBundle,
    *,
    policy: TrustPolicy | None = None,
    now: datetime | int | None = None,
    network: str | os.PathLike[str] | Network | None = None,
    expect: AciExpectation = NOTHING_KNOWN,
) -> VerifiedAciReceipt:
    """Verify an ACI receipt offline.

    Args:
        receipt: What `read_any` read.
        policy: As in `verify`; `opengradient.verify.platforms.aci.AciPolicy` in it has the
            settings for ACI.
        now: As in `verify`.
        network: Only its policy counts: ACI receipts belong to no ledger.
        expect: What the caller knows by itself.
    """
    chosen = _network(network, needed=policy is None)
    trust = policy or (chosen.trust if chosen else TrustPolicy.hardware(_TRUSTS_NOBODY))
    return verify_aci_receipt(receipt, policy=trust, now_ms=to_milliseconds(now), expect=expect)


def verify_bundle(
    receipt: ReceiptSource,
    *,
    policy: TrustPolicy | None = None,
    now: datetime | int | None = None,
    network: str | os.PathLike[str] | Network | None = None,
    anchored_roots: frozenset[bytes] = frozenset(),
) -> VerifiedReceipt:
    """Like `verify`, and gives the verified receipt itself.

    Args:
        receipt: As in `verify`.
        policy: As in `verify`.
        now: As in `verify`.
        network: As in `verify`.
        anchored_roots: Roots that the caller found on the ledger.
    """
    chosen = _network(network, needed=policy is None)
    trust = policy or (chosen.trust if chosen else TrustPolicy.hardware(_TRUSTS_NOBODY))
    return verify_receipt(
        read_receipt(receipt),
        policy=trust,
        now_ms=to_milliseconds(now),
        expect=Expectation(domain=chosen.domain if chosen else None, anchored_roots=anchored_roots),
    )


def read_receipt(receipt: ReceiptSource) -> ReceiptBundle:
    """Read a receipt of ours from any of its forms; nothing is verified yet.

    Raises:
        MalformedError: Not a receipt file.
        ConfigurationError: The file cannot be read.
    """
    if isinstance(receipt, ReceiptBundle):
        return receipt
    return decode_bundle(_content(receipt))


def read_any(
    receipt: bytes | Mapping[str, Any] | str | os.PathLike[str],
) -> ReceiptBundle | AciBundle:
    """Read a receipt of either kind; nothing is verified yet.

    Raises:
        MalformedError: Neither.
        UnsupportedError: A version that this release does not know.
        ConfigurationError: The file cannot be read.
    """
    content = _content(receipt)
    if isinstance(content, bytes):
        content = parse_json_object(content, what="the receipt file", max_bytes=MAX_FILE_BYTES)
    return decode_aci(content) if claims_aci(content) else decode_bundle(content)


def _content(source: bytes | Mapping[str, Any] | str | os.PathLike[str]) -> bytes | dict[str, Any]:
    if isinstance(source, bytes):
        return source
    if isinstance(source, Mapping):
        return dict(source)
    path = Path(source)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise MalformedError(f"{path} is too large for a receipt", code="format.too_large")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the receipt cannot be read: {error}") from error


def to_milliseconds(now: datetime | int | None) -> int:
    """A time as Unix milliseconds; this machine's time for None.

    Raises:
        ConfigurationError: A datetime without time zone.
    """
    if now is None:
        return time.time_ns() // 1_000_000
    if isinstance(now, datetime):
        if now.tzinfo is None:
            raise ConfigurationError("now needs a time zone, for example datetime.now(UTC)")
        return int(now.timestamp() * 1000)
    return now


def _network(choice: str | os.PathLike[str] | Network | None, *, needed: bool) -> Network | None:
    if choice is None and not needed:
        return None
    try:
        return load_network(choice)
    except ConfigurationError as error:
        if choice is None and error.code == "config.no_network":
            return None
        raise
