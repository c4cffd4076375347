"""Settings for Intel TDX quotes."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, final

from opengradient.core.canonical import JsonObject
from opengradient.errors import ConfigurationError
from opengradient.verify._fields import Fields, malformed
from opengradient.verify.platforms._dcap import (
    SHARED_FIELDS,
    DcapSettings,
    optional_json,
    optional_texts,
    read_mask,
    read_shared,
    require_hex,
    write_mask,
)

SEPT_VE_DISABLE: Final = 1 << 28
PKS: Final = 1 << 30
KEY_LOCKER: Final = 1 << 31
PERFMON: Final = 1 << 63

TD_ATTRIBUTES: Final = SEPT_VE_DISABLE | PKS | KEY_LOCKER | PERFMON
"""Attributes of a domain that do not weaken it (Intel, "TDX Module ABI Specification", ATTRIBUTES).
Left out beside reserved bits: DEBUG (bit 0, see ``allow_debug`` of the policy), the profiling bits
4 to 6, and MIGRATABLE (bit 29), which lets another domain move it."""

XFAM: Final = 0x000000000006DBE7
"""Processor features that the specification defines for domains: x87, SSE, AVX, AVX-512, PT, PKRU,
CET, user interrupts, LBR and AMX."""

SIZE: Final = 48


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TdxPolicy(DcapSettings):
    """What a caller accepts of TDX beside its code. The defaults are the strict ones.

    Sets of values are lower-case hex; None accepts any.

    Attributes:
        require_sept_ve_disable: Demand that the host cannot make the guest take an exception on
            its private memory.
        allowed_attributes: Mask of TD_ATTRIBUTES that may be set.
        allowed_xfam: Mask of XFAM that may be set.
        mr_seam: Accepted SHA-384 of the TDX module; None leaves it to Intel's TCB info.
        mr_config_id: Accepted MRCONFIGID.
        mr_owner: Accepted MROWNER.
        mr_owner_config: Accepted MROWNERCONFIG.
        mr_service_td: Accepted MRSERVICETD of reports 1.5; by default no service domain.
        events: Events of the guest that must stand in the replayed log, by name, each with its
            accepted payloads in hex: ``(("compose-hash", frozenset({"…"})),)``. The last event of
            a name counts.
    """

    kind: ClassVar[str] = "intel-tdx"

    require_sept_ve_disable: bool = True
    allowed_attributes: int = TD_ATTRIBUTES
    allowed_xfam: int = XFAM
    mr_seam: frozenset[str] | None = None
    mr_config_id: frozenset[str] | None = None
    mr_owner: frozenset[str] | None = None
    mr_owner_config: frozenset[str] | None = None
    mr_service_td: frozenset[str] | None = frozenset({"00" * SIZE})
    events: tuple[tuple[str, frozenset[str]], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could never match.

        Raises:
            ConfigurationError: Code ``policy.malformed``.
        """
        DcapSettings.__post_init__(self)
        for name in _SETS:
            require_hex(getattr(self, name), SIZE, name)
        for mask in (self.allowed_attributes, self.allowed_xfam):
            if not 0 <= mask < 1 << 64:
                raise ConfigurationError("a mask has 64 bits", code="policy.malformed")
        names = [name for name, _ in self.events]
        if names != sorted(set(names)):
            raise ConfigurationError("events stand once, by name", code="policy.malformed")

    def to_json(self) -> JsonObject:
        """The settings as a JSON object, without the kind."""
        return {
            **self.shared_json(),
            "require_sept_ve_disable": self.require_sept_ve_disable,
            "allowed_attributes": write_mask(self.allowed_attributes),
            "allowed_xfam": write_mask(self.allowed_xfam),
            **{name: optional_json(getattr(self, name)) for name in _SETS},
            "events": [
                {"name": name, "payloads": sorted(payloads)} for name, payloads in self.events
            ],
        }

    @classmethod
    def from_json(cls, raw: JsonObject) -> Self:
        """Read what `to_json` writes.

        Raises:
            MalformedError: Code ``policy.malformed``.
            ConfigurationError: The same, for values that could never match.
        """
        fields = Fields(raw, _NAMES)
        sets: dict[str, Any] = {name: optional_texts(raw, fields, name) for name in _SETS}
        return cls(
            **read_shared(fields),
            require_sept_ve_disable=fields.get("require_sept_ve_disable", bool),
            allowed_attributes=read_mask(fields, "allowed_attributes"),
            allowed_xfam=read_mask(fields, "allowed_xfam"),
            **sets,
            events=tuple(fields.each("events", _read_event)),
        )


_SETS: Final = ("mr_seam", "mr_config_id", "mr_owner", "mr_owner_config", "mr_service_td")
_NAMES: Final = SHARED_FIELDS | {
    "require_sept_ve_disable",
    "allowed_attributes",
    "allowed_xfam",
    "events",
    *_SETS,
}


def _read_event(raw: Any) -> tuple[str, frozenset[str]]:
    fields = Fields(raw, frozenset({"name", "payloads"}))
    payloads = fields.texts("payloads")
    if not payloads:
        raise malformed("an event has accepted payloads")
    return fields.get("name", str), payloads
