"""dstack's boot event log: what ties an application to a TDX quote (ACI 4.2).

The log is worth what its replay is: RTMR3 of a verified quote must come out. A runtime event's
digest is recomputed from its name and payload, so neither can be changed under a right digest
(dstack's event format: SHA-384 over the type in four bytes little-endian, ``:``, name, ``:``,
payload).
"""

from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import parse_json
from opengradient.core.digests import sha384
from opengradient.core.rtmr import REGISTER_BYTES, replay
from opengradient.errors import AttestationError, MalformedError

RUNTIME_EVENT: Final = 0x08000001
"""Event type of dstack's own measurements; firmware events have those of the TCG."""

COMPOSE_HASH: Final = "compose-hash"
SYSTEM_READY: Final = "system-ready"
MAX_LOG_BYTES: Final = 256 * 1024
_REGISTER: Final = 3
_CODE: Final = "aci.event_log.malformed"


@final
@dataclass(frozen=True, slots=True)
class BootEvent:
    """One entry of the log that went into RTMR3."""

    name: str
    payload: bytes
    digest: bytes
    runtime: bool


def parse_event_log(text: str) -> tuple[BootEvent, ...]:
    """Read the entries for RTMR3; those of other registers are left aside.

    Raises:
        MalformedError: Code ``aci.event_log.malformed`` or ``format.*``.
    """
    entries = parse_json(text, what="event_log", max_bytes=MAX_LOG_BYTES)
    if not isinstance(entries, list):
        raise MalformedError("event_log must hold a list", code=_CODE)
    return tuple(_event(entry) for entry in entries if _register(entry) == _REGISTER)


def replay_event_log(events: tuple[BootEvent, ...]) -> bytes:
    """The value of RTMR3 after these events."""
    return replay(event.digest for event in events)


def compose_hash(events: tuple[BootEvent, ...]) -> bytes:
    """The measured SHA-256 of the application's compose file.

    Only what was measured before ``system-ready`` counts: afterwards the application itself can
    extend the register.

    Raises:
        AttestationError: Code ``aci.event_log.compose``: not there, there twice, or not 32 bytes.
    """
    found: list[bytes] = []
    for event in events:
        if event.runtime and event.name == SYSTEM_READY:
            break
        if event.runtime and event.name == COMPOSE_HASH:
            found.append(event.payload)
    if len(found) != 1 or len(found[0]) != 32:
        raise AttestationError(
            "the log must measure one compose-hash of 32 bytes before system-ready",
            code="aci.event_log.compose",
            actual=[item.hex() for item in found],
        )
    return found[0]


def _register(entry: Any) -> int:
    if not isinstance(entry, dict) or type(entry.get("imr")) is not int:
        raise MalformedError("an event names its register in imr", code=_CODE)
    register: int = entry["imr"]
    return register


def _event(entry: dict[str, Any]) -> BootEvent:
    kind, name = entry.get("event_type"), entry.get("event")
    if type(kind) is not int or not 0 <= kind < 2**32 or not isinstance(name, str):
        raise MalformedError("an event has a type and a name", code=_CODE)
    if kind != RUNTIME_EVENT:
        digest = _hex(entry.get("digest"))
        if len(digest) != REGISTER_BYTES:
            raise MalformedError("an event's digest has 48 bytes", code=_CODE)
        return BootEvent(name, b"", digest, runtime=False)
    payload = _hex(entry.get("event_payload"))
    try:
        measured = kind.to_bytes(4, "little") + b":" + name.encode() + b":" + payload
    except UnicodeEncodeError as error:
        raise MalformedError("an event's name holds a lone surrogate", code=_CODE) from error
    return BootEvent(name, payload, sha384(measured), runtime=True)


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise MalformedError("an event's bytes are hex", code=_CODE) from error
