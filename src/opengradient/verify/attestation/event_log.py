"""The log of what a trust domain extended its run-time registers with, replayed.

A register holds only a hash of all that was extended, in order; the log says what that was, and
it is right if replaying it gives the register that the hardware signed. The form is the JSON that
dstack's guest agent writes: a list of events with ``imr`` (the register), ``event_type``,
``digest`` (SHA-384 in hex), ``event`` (a name) and ``event_payload`` (hex).

Source: dstack, ``cc-eventlog`` and its SDKs; the extension rule is Intel's (TDX Module ABI
Specification, TDG.MR.RTMR.EXTEND): register = SHA-384(register || digest).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opengradient.core.canonical import parse_json
from opengradient.core.digests import equal, sha384
from opengradient.core.rtmr import replay
from opengradient.errors import AttestationError, MalformedError

REGISTERS: Final = 4
MAX_LOG_BYTES: Final = 128 * 1024

GUEST_EVENT: Final = 0x08000001
"""Type of the events that dstack's guest writes to register 3; their digest is over their text."""

_FIELDS: Final = {"imr", "event_type", "digest", "event", "event_payload"}
_DIGEST: Final = re.compile(r"[0-9a-f]{96}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PAYLOAD: Final = re.compile(r"(?:[0-9a-f]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event.

    Attributes:
        register: Number of the run-time register, 0 to 3.
        event_type: What kind of event it is.
        digest: What the register was extended with, 48 bytes.
        name: Its name; empty for events of the firmware.
        payload: Its content; proven only where `is_guest_event`, else it is but said.
    """

    register: int
    event_type: int
    digest: bytes
    name: str
    payload: bytes

    @property
    def is_guest_event(self) -> bool:
        """Whether its digest is over its type, name and payload, and so proves them."""
        return self.register == REGISTERS - 1 and self.event_type == GUEST_EVENT


def guest_event_digest(event_type: int, name: str, payload: bytes) -> bytes:
    """SHA-384(type, four bytes little-endian, ``:``, name, ``:``, payload), as dstack defines it."""
    return sha384(event_type.to_bytes(4, "little") + b":" + name.encode() + b":" + payload)


def parse_event_log(data: bytes) -> tuple[Event, ...]:
    """Read a log.

    Raises:
        MalformedError: Code ``tdx.event_log.malformed``.
        AttestationError: Code ``tdx.event_log.digest``: an event of the guest does not have the
            digest of its own content.
    """
    try:
        raw = parse_json(data, what="the event log", max_bytes=MAX_LOG_BYTES)
    except MalformedError as error:
        raise _malformed(error.message) from error
    if not isinstance(raw, list):
        raise _malformed("not a list of events")
    return tuple(_read_event(item) for item in raw)


def replay_event_log(events: Iterable[Event], register: int) -> bytes:
    """What a register holds after these events, from zero on.

    Args:
        events: The whole log; events of other registers are passed over.
        register: Number of the run-time register, 0 to 3.
    """
    return replay(event.digest for event in events if event.register == register)


def check_event_log(events: Sequence[Event], registers: Sequence[bytes]) -> None:
    """Require that the log gives every register that it speaks of, and register 3 in any case.

    Args:
        events: The log.
        registers: The four registers that the hardware signed.

    Raises:
        AttestationError: Code ``tdx.event_log.register``.
    """
    spoken_of = {event.register for event in events} | {REGISTERS - 1}
    for register in sorted(spoken_of):
        replayed = replay_event_log(events, register)
        if not equal(replayed, registers[register]):
            raise AttestationError(
                f"the event log does not lead to RTMR{register}",
                code="tdx.event_log.register",
                expected=registers[register].hex(),
                actual=replayed.hex(),
            )


def check_events(
    events: Sequence[Event], required: Iterable[tuple[str, frozenset[str]]]
) -> dict[str, str]:
    """Require events of the guest.

    Args:
        events: A log that `check_event_log` accepted.
        required: Names and their accepted payloads in hex.

    Returns:
        Name to payload of every event of the guest; the first of a name counts: what runs later
        can write events of every name, but none before those of the boot.

    Raises:
        AttestationError: Code ``tdx.event_log.event``.
    """
    found: dict[str, str] = {}
    for event in events:
        if event.is_guest_event:
            found.setdefault(event.name, event.payload.hex())
    for name, payloads in required:
        if found.get(name) not in payloads:
            raise AttestationError(
                f"the guest did not log {name!r} as the policy requires",
                code="tdx.event_log.event",
                expected=sorted(payloads),
                actual=found.get(name),
            )
    return found


def _read_event(raw: Any) -> Event:
    if not isinstance(raw, dict) or raw.keys() != _FIELDS:
        raise _malformed(f"an event has other fields than {sorted(_FIELDS)}")
    register, event_type = raw["imr"], raw["event_type"]
    if type(register) is not int or not 0 <= register < REGISTERS:
        raise _malformed("an event of an unknown register")
    if type(event_type) is not int or not 0 <= event_type < 1 << 32:
        raise _malformed("an event's type has 32 bits")
    name = raw["event"]
    if not isinstance(name, str) or _SURROGATE.search(name):
        raise _malformed("an event's name is text")
    event = Event(
        register=register,
        event_type=event_type,
        digest=_hex(raw["digest"], _DIGEST),
        name=name,
        payload=_hex(raw["event_payload"], _PAYLOAD),
    )
    if event.is_guest_event:
        _check_digest(event)
    return event


def _check_digest(event: Event) -> None:
    wanted = guest_event_digest(event.event_type, event.name, event.payload)
    if event.digest != wanted:
        raise AttestationError(
            f"the event {event.name!r} does not have the digest of its content",
            code="tdx.event_log.digest",
            expected=wanted.hex(),
            actual=event.digest.hex(),
        )


def _hex(raw: Any, pattern: re.Pattern[str]) -> bytes:
    if not isinstance(raw, str) or not pattern.fullmatch(raw):
        raise _malformed("digests and payloads are lower-case hex")
    return bytes.fromhex(raw)


def _malformed(why: str) -> MalformedError:
    return MalformedError(f"not an event log: {why}", code="tdx.event_log.malformed")
