"""The receipt document: a signed event log of one request (ACI 7)."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

from opengradient.core.aci.fields import (
    bare_hex,
    digest,
    jcs,
    members,
    optional_text,
    seconds,
    text,
    version,
)
from opengradient.core.canonical import JsonObject
from opengradient.errors import MalformedError

RECEIVED: Final = "request.received"
FORWARDED: Final = "request.forwarded"
RETURNED: Final = "response.returned"
UPSTREAM: Final = "upstream.verified"
SIGNATURE_BYTES: Final = 64

_CODE: Final = "aci.receipt.malformed"
_EVENT: Final = "aci.event.malformed"
_MAX_EVENTS: Final = 256
_MEMBERS: Final = (
    "api_version",
    "receipt_id",
    "chat_id",
    "model",
    "workload_keyset_digest",
    "endpoint",
    "method",
    "served_at",
    "event_log",
    "key_id",
    "signature",
)


@final
@dataclass(frozen=True, slots=True)
class BodyEvent:
    """``request.received``, ``request.forwarded`` or ``response.returned`` (ACI 7.4)."""

    type: str
    body_hash: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamEvent:
    """``upstream.verified`` (ACI 7.5).

    Attributes:
        verified: The result.
        required: Whether the request could only be served verified.
        model_id: The upstream's model.
        session_id: 32 bytes that name the attested session; None where it failed.
        reason: Why it failed; None where it did not.
    """

    verified: bool
    required: bool
    model_id: str
    session_id: bytes | None
    reason: str | None
    type: str = UPSTREAM


@final
@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of a type that an implementation added; signed, and otherwise ignored."""

    type: str


Event: TypeAlias = BodyEvent | UpstreamEvent | OtherEvent


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AciReceipt:
    """A receipt whose form was checked, and nothing else.

    Attributes:
        receipt_id: The service's name for it.
        chat_id: The id in the response, if it has one.
        model: The model that was asked for.
        keyset_digest: The keyset that the signing key belongs to.
        endpoint: The path that was called.
        method: The HTTP method.
        served_at: The service's own time, Unix seconds.
        events: What happened, in order.
        key_id: The key that signed.
        signature: 64 bytes.
        signing_input: The JCS form without ``signature``: what was signed.
    """

    receipt_id: str
    chat_id: str | None
    model: str | None
    keyset_digest: bytes
    endpoint: str
    method: str
    served_at: int
    events: tuple[Event, ...]
    key_id: str
    signature: bytes
    signing_input: bytes

    @classmethod
    def parse(cls, value: Any) -> "AciReceipt":
        """Read a parsed receipt document.

        Raises:
            UnsupportedError: Code ``aci.version``.
            MalformedError: Codes ``aci.receipt.malformed``, ``aci.receipt.signature_form``,
                ``aci.digest``, ``aci.json``, ``aci.unknown_field``, ``aci.event.*``.
        """
        if not isinstance(value, dict):
            raise MalformedError("a receipt is an object", code=_CODE)
        version(value, "the receipt")
        members(value, "the receipt", _CODE, _MEMBERS)
        unsigned = {name: item for name, item in value.items() if name != "signature"}
        return cls(
            receipt_id=text(value["receipt_id"], "receipt_id", _CODE),
            chat_id=optional_text(value["chat_id"], "chat_id", _CODE),
            model=optional_text(value["model"], "model", _CODE),
            keyset_digest=digest(value["workload_keyset_digest"], "workload_keyset_digest"),
            endpoint=text(value["endpoint"], "endpoint", _CODE),
            method=text(value["method"], "method", _CODE),
            served_at=seconds(value["served_at"], "served_at", _CODE),
            events=_events(value["event_log"]),
            key_id=text(value["key_id"], "key_id", _CODE),
            signature=bare_hex(
                value["signature"], "signature", "aci.receipt.signature_form", SIGNATURE_BYTES
            ),
            signing_input=jcs(unsigned, "the receipt"),
        )

    def body_hash(self, kind: str) -> bytes | None:
        """The hash in the one event of that type; None where there is none."""
        for event in self.events:
            if isinstance(event, BodyEvent) and event.type == kind:
                return event.body_hash
        return None

    @property
    def upstream(self) -> tuple[UpstreamEvent, ...]:
        """Every verification of an upstream, in order."""
        return tuple(event for event in self.events if isinstance(event, UpstreamEvent))

    @property
    def served_by(self) -> UpstreamEvent | None:
        """The verification that counts: the last one; earlier ones were other attempts."""
        return self.upstream[-1] if self.upstream else None

    @property
    def refused(self) -> bool:
        """Whether the prompt was not forwarded because a required verification failed."""
        last = self.served_by
        return last is not None and last.required and not last.verified


def _events(value: Any) -> tuple[Event, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_EVENTS:
        raise MalformedError(
            f"event_log must be a list of 1 to {_MAX_EVENTS}", code="aci.event.count"
        )
    events = tuple(_event(item, f"event_log[{index}]") for index, item in enumerate(value))
    if events[0].type != RECEIVED:
        raise MalformedError(
            f"the first event must be {RECEIVED}", code="aci.event.first", actual=events[0].type
        )
    types = [event.type for event in events if isinstance(event, BodyEvent)]
    for name in types:
        if types.count(name) > 1:
            raise MalformedError(f"{name} stands twice", code="aci.event.twice", actual=name)
    if RETURNED not in types:
        raise MalformedError(f"there is no {RETURNED}", code="aci.event.missing", expected=RETURNED)
    return events


def _event(value: Any, what: str) -> Event:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be an object", code=_EVENT)
    if any(isinstance(item, dict | list) for item in value.values()):
        raise MalformedError(f"{what}: events are flat", code="aci.event.nested")
    kind = text(value.get("type"), f"{what}.type", _EVENT)
    if kind in {RECEIVED, FORWARDED, RETURNED}:
        members(value, what, _EVENT, ("type", "body_hash"))
        return BodyEvent(kind, digest(value["body_hash"], f"{what}.body_hash"))
    return _upstream(value, what) if kind == UPSTREAM else OtherEvent(kind)


def _upstream(value: JsonObject, what: str) -> UpstreamEvent:
    common = ("type", "result", "required", "model_id")
    verified = value.get("result") == "verified"
    if verified:
        members(value, what, _EVENT, (*common, "session_id"))
    elif value.get("result") == "failed":
        members(value, what, _EVENT, (*common, "reason"), ("upstream_name",))
        optional_text(value.get("upstream_name"), f"{what}.upstream_name", _EVENT)
    else:
        raise MalformedError(f"{what}.result is verified or failed", code=_EVENT)
    if type(value["required"]) is not bool:
        raise MalformedError(f"{what}.required is true or false", code=_EVENT)
    return UpstreamEvent(
        verified=verified,
        required=value["required"],
        model_id=text(value["model_id"], f"{what}.model_id", _EVENT),
        session_id=bare_hex(value["session_id"], f"{what}.session_id", _EVENT, 32)
        if verified
        else None,
        reason=None if verified else text(value["reason"], f"{what}.reason", _EVENT),
    )
