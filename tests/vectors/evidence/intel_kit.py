"""Vectors of Intel quotes: what one is, and short ways to say what is wrong in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opengradient.core.digests import sha256
from opengradient.core.keys import MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.report_data import report_data
from opengradient.verify.attestation.event_log import (
    GUEST_EVENT,
    guest_event_digest,
    parse_event_log,
    replay_event_log,
)
from tests.vectors.evidence.intel_forge import (
    NOW,
    SVNS,
    Case,
    key,
    point,
    tlv,
)

KEYSET = Keyset(signing=MemorySigner(b"\x07" * 32).public_key)


NONCE = sha256(b"nonce")


BOUND = {"report_data": report_data(KEYSET.digest(), NONCE)}


STANDING = {"report_data": report_data(KEYSET.digest(), None)}


SECOND = 1000


@dataclass(frozen=True, kw_only=True)
class Vector:
    """A case, how it is looked at, and what must come of it."""

    name: str
    expect: str
    case: Case = field(default_factory=Case)
    settings: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    now_ms: int = NOW
    nonce: bytes | None = None
    runtime_data: bytes = b""


def bad(
    expect: str, what: str = "", /, *, view: Mapping[str, Any] | None = None, **case: Any
) -> Vector:
    """A vector that is refused with this code."""
    return Vector(
        name=f"{expect}-{what}" if what else expect,
        expect=expect,
        case=Case(**case),
        **(view or {}),
    )


def good(name: str, /, *, view: Mapping[str, Any] | None = None, **case: Any) -> Vector:
    """A vector that is accepted."""
    return Vector(name=f"ok-{name}", expect="accept", case=Case(**case), **(view or {}))


def put(offset: int, data: bytes) -> Any:
    """Write over bytes."""
    return lambda whole: whole[:offset] + data + whole[offset + len(data) :]


def flip(offset: int) -> Any:
    """Change one bit; a negative offset counts from the end."""

    def change(whole: bytes) -> bytes:
        position = offset % len(whole)
        return whole[:position] + bytes((whole[position] ^ 1,)) + whole[position + 1 :]

    return change


def add(offset: int, size: int, by: int) -> Any:
    """Add to a little-endian number."""

    def change(whole: bytes) -> bytes:
        number = int.from_bytes(whole[offset : offset + size], "little") + by
        return whole[:offset] + number.to_bytes(size, "little") + whole[offset + size :]

    return change


def setting(**fields: Any) -> Any:
    """Set fields of an object; ``...`` removes one."""

    def change(raw: dict[str, Any]) -> None:
        for name, value in fields.items():
            if value is ...:
                del raw[name]
            else:
                raw[name] = value

    return change


def text(old: str, new: str) -> Any:
    """Replace text in bytes; it must be there."""

    def change(whole: bytes) -> bytes:
        if old.encode() not in whole:
            raise AssertionError(f"{old!r} is not there")
        return whole.replace(old.encode(), new.encode(), 1)

    return change


def tcb_number(index: int, value: bytes) -> Any:
    def change(fields: dict[str, Any]) -> None:
        fields["tcb"][index] = value
        if index < len(SVNS) and len(value) in (3, 4):  # CPUSVN says the same
            cpu_svn = bytearray(SVNS)
            cpu_svn[index] = value[-1]
            fields["tcb"][len(SVNS) + 1] = tlv(0x04, bytes(cpu_svn))

    return change


def td_attributes(*bits: int) -> dict[str, Any]:
    mask = sum(1 << bit for bit in bits)
    return {"report": {"td_attributes": mask.to_bytes(8, "little")}}


def xfam(mask: int) -> dict[str, Any]:
    return {"report": {"xfam": mask.to_bytes(8, "little")}}


SGX = {"tdx": False, "version": 3}


SIG = 48 + 584 + 4
"""Where the signature data of a version 4 quote starts."""


def auth(data: bytes) -> dict[str, Any]:
    return {"report_data": sha256(point(key("attestation")) + data) + bytes(32)}


def ca_name(text_: str) -> dict[str, Any]:
    return {"ca": {"subject": text_}, "pck": {"issuer_name": text_}}


def of_processor() -> dict[str, Any]:
    return {"pck_crl": {"issuer_name": "Intel SGX PCK Processor CA"}}


def generation_0() -> Any:
    def change(raw: dict[str, Any]) -> None:
        for item in raw["tcbLevels"]:
            item["tcb"]["tdxtcbcomponents"][1]["svn"] = 0

    return change


def first_level(**change: Any) -> Any:
    return lambda raw: raw["tcbLevels"][0].update(change)


def module_identity(**fields: Any) -> Any:
    return lambda raw: raw["tdxModuleIdentities"][0].update(fields)


LOG: list[dict[str, Any]] = [
    {
        "imr": 3,
        "event_type": GUEST_EVENT,
        "event": event,
        "event_payload": payload,
        "digest": guest_event_digest(GUEST_EVENT, event, bytes.fromhex(payload)).hex(),
    }
    for event, payload in (
        ("system-preparing", ""),
        ("compose-hash", "abcd"),
        ("compose-hash", "0000"),
    )
]


def with_log(edit: Any = None, *, log: bytes | None = None) -> dict[str, Any]:
    """A domain whose register 3 is what `LOG` gives; the log is then edited."""
    events = json.loads(json.dumps(LOG))
    register = replay_event_log(parse_event_log(json.dumps(LOG).encode()), 3)
    if edit:
        edit(events)
    made = json.dumps(events).encode() if log is None else log
    return {"report": {"rtmr3": register}, "items": {"event_log": lambda _: made}}


def foreign_log(event: dict[str, Any]) -> dict[str, Any]:
    log = json.dumps([event]).encode()
    register = replay_event_log(parse_event_log(log), 3)
    return {"report": {"rtmr3": register}, "items": {"event_log": lambda _: log}}


def sgx_flags(flags: int, xfrm: int = 0xE7) -> dict[str, Any]:
    return {"attributes": flags.to_bytes(8, "little") + xfrm.to_bytes(8, "little")}
