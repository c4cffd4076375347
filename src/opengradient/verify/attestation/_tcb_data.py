"""TCB info and QE identity: what Intel signs about versions, as JSON.

Format: Intel, "Provisioning Certification Service API v4", models TcbInfoV3 and
EnclaveIdentityV2. Read strictly: a field that this release does not know could change what the
others mean, so it is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from opengradient.core.canonical import parse_json_object
from opengradient.errors import MalformedError

MAX_JSON_BYTES: Final = 128 * 1024
"""Genuine TCB info is some 3 to 8 KiB."""

COMPONENTS: Final = 16
STATUSES: Final = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "Revoked",
    }
)
PART_STATUSES: Final = frozenset({"UpToDate", "OutOfDate", "Revoked"})
"""What a single enclave or TDX module can be (models EnclaveIdentityV2 and TcbInfoV3)."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_ADVISORY: Final = re.compile(r"[A-Z0-9-]{1,32}")
_MODULE_ID: Final = re.compile(r"TDX_[0-9A-F]{2}")
_LEVEL: Final = frozenset({"tcb", "tcbDate", "tcbStatus"})
_TCB_INFO: Final = frozenset(
    {
        "id",
        "version",
        "issueDate",
        "nextUpdate",
        "fmspc",
        "pceId",
        "tcbType",
        "tcbEvaluationDataNumber",
        "tcbLevels",
    }
)
_QE_IDENTITY: Final = frozenset(
    {
        "id",
        "version",
        "issueDate",
        "nextUpdate",
        "tcbEvaluationDataNumber",
        "miscselect",
        "miscselectMask",
        "attributes",
        "attributesMask",
        "mrsigner",
        "isvprodid",
        "tcbLevels",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When signed data was issued and when the next is due, Unix milliseconds, both included."""

    issued_ms: int
    next_ms: int
    evaluation_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level: from these versions on, this status.

    Attributes:
        sgx: Versions of the 16 SGX components; empty for levels of a single enclave or module.
        tdx: Versions of the 16 TDX components; empty in SGX data.
        svn: ``pcesvn`` of a platform, ``isvsvn`` of an enclave or module.
        status: One of `STATUSES`.
        advisories: Ids of Intel's advisories that apply.
    """

    sgx: tuple[int, ...]
    tdx: tuple[int, ...]
    svn: int
    status: str
    advisories: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleIdentity:
    """A TDX module that Intel signed; `levels` is empty for the first generation's."""

    mr_signer: bytes
    attributes: bytes
    attributes_mask: bytes
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbInfo:
    """TCB info of one platform family.

    Attributes:
        period: When it holds.
        fmspc: The family, 6 bytes.
        pce_id: 2 bytes.
        levels: The levels, the best first.
        module: The TDX module of generation 0; None in SGX data.
        modules: Generation to TDX module.
    """

    period: Period
    fmspc: bytes
    pce_id: bytes
    levels: tuple[Level, ...]
    module: ModuleIdentity | None
    modules: Mapping[int, ModuleIdentity]


@dataclass(frozen=True, slots=True, kw_only=True)
class QeIdentity:
    """Which quoting enclave is Intel's, and how its versions stand."""

    period: Period
    misc_select: bytes
    misc_select_mask: bytes
    attributes: bytes
    attributes_mask: bytes
    mr_signer: bytes
    isv_prod_id: int
    levels: tuple[Level, ...]


def parse_tcb_info(data: bytes, identity: str) -> TcbInfo:
    """Read TCB info whose signature was checked.

    Args:
        data: The JSON object, exactly as signed.
        identity: ``"TDX"`` or ``"SGX"``.

    Raises:
        MalformedError: ``dcap.tcb_info.malformed``, ``dcap.tcb_info.id``,
            ``dcap.tcb_info.version``, ``dcap.tcb_info.tcb_type`` or
            ``dcap.tcb_info.components``.
    """
    read = _Reader("tcb_info")
    raw = read.document(data, identity, 3)
    tdx = identity == "TDX"
    read.exactly(raw, _TCB_INFO | ({"tdxModule"} if tdx else set()), _OPTIONAL if tdx else set())
    if read.number(raw["tcbType"], 0xFF) != 0:
        raise MalformedError(
            "TCB info of another type",
            code="dcap.tcb_info.tcb_type",
            expected=0,
            actual=raw["tcbType"],
        )
    return TcbInfo(
        period=read.period(raw),
        fmspc=read.hex(raw["fmspc"], 6),
        pce_id=read.hex(raw["pceId"], 2),
        levels=tuple(read.platform_level(item, tdx=tdx) for item in read.list(raw["tcbLevels"])),
        module=read.module(raw["tdxModule"], set()) if tdx else None,
        modules=read.modules(raw.get("tdxModuleIdentities", [])),
    )


_OPTIONAL: Final = frozenset({"tdxModuleIdentities"})


def parse_qe_identity(data: bytes, identity: str) -> QeIdentity:
    """Read a QE identity whose signature was checked.

    Args:
        data: The JSON object, exactly as signed.
        identity: ``"TD_QE"`` or ``"QE"``.

    Raises:
        MalformedError: ``dcap.qe_identity.malformed``, ``dcap.qe_identity.id`` or
            ``dcap.qe_identity.version``.
    """
    read = _Reader("qe_identity")
    raw = read.document(data, identity, 2)
    read.exactly(raw, _QE_IDENTITY, set())
    return QeIdentity(
        period=read.period(raw),
        misc_select=read.hex(raw["miscselect"], 4),
        misc_select_mask=read.hex(raw["miscselectMask"], 4),
        attributes=read.hex(raw["attributes"], 16),
        attributes_mask=read.hex(raw["attributesMask"], 16),
        mr_signer=read.hex(raw["mrsigner"], 32),
        isv_prod_id=read.number(raw["isvprodid"], 0xFFFF),
        levels=tuple(read.svn_level(item) for item in read.list(raw["tcbLevels"])),
    )


class _Reader:
    """Reads fields of one kind of data; what is wrong carries that kind's code."""

    def __init__(self, area: str) -> None:
        self._area = area

    def _code(self, what: str) -> str:
        return f"dcap.{self._area}.{what}"

    def fail(self, why: str) -> NoReturn:
        raise MalformedError(f"{self._area}: {why}", code=self._code("malformed"))

    def document(self, data: bytes, identity: str, version: int) -> dict[str, Any]:
        try:
            raw = parse_json_object(data, what=self._area, max_bytes=MAX_JSON_BYTES)
        except MalformedError as error:
            raise MalformedError(error.message, code=self._code("malformed")) from error
        for name, wanted in (("id", identity), ("version", version)):
            actual = raw.get(name)
            if type(actual) is not type(wanted) or actual != wanted:
                raise MalformedError(
                    f"{self._area} of another {name}",
                    code=self._code(name),
                    expected=wanted,
                    actual=actual,
                )
        return raw

    def exactly(self, raw: Any, names: frozenset[str] | set[str], optional: Any) -> dict[str, Any]:
        if not isinstance(raw, dict) or not names <= raw.keys() <= names | optional:
            self.fail(f"an object has other fields than {sorted(names)}")
        return raw

    def list(self, raw: Any) -> list[Any]:
        if not isinstance(raw, list) or not raw:
            self.fail("a list is missing or empty")
        return raw

    def number(self, raw: Any, highest: int) -> int:
        if type(raw) is not int or not 0 <= raw <= highest:
            self.fail(f"{raw!r} is no number from 0 to {highest}")
        return raw

    def hex(self, raw: Any, size: int) -> bytes:
        if not isinstance(raw, str) or not re.fullmatch(f"[0-9A-Fa-f]{{{2 * size}}}", raw):
            self.fail(f"{raw!r} is not {size} bytes in hex")
        return bytes.fromhex(raw)

    def time(self, raw: Any) -> int:
        if not isinstance(raw, str) or not _TIME.fullmatch(raw):
            self.fail(f"{raw!r} is no time")
        try:
            moment = datetime.strptime(raw, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{raw!r} is no time")
        return int(moment.timestamp()) * 1000

    def period(self, raw: dict[str, Any]) -> Period:
        return Period(
            issued_ms=self.time(raw["issueDate"]),
            next_ms=self.time(raw["nextUpdate"]),
            evaluation_number=self.number(raw["tcbEvaluationDataNumber"], 2**31 - 1),
        )

    def platform_level(self, raw: Any, *, tdx: bool) -> Level:
        tcb = self._level_tcb(raw)
        names = {"sgxtcbcomponents", "pcesvn"} | ({"tdxtcbcomponents"} if tdx else set())
        self.exactly(tcb, names, set())
        return self._level(
            raw,
            svn=self.number(tcb["pcesvn"], 0xFFFF),
            sgx=self._components(tcb["sgxtcbcomponents"]),
            tdx=self._components(tcb["tdxtcbcomponents"]) if tdx else (),
        )

    def svn_level(self, raw: Any) -> Level:
        tcb = self.exactly(self._level_tcb(raw), {"isvsvn"}, set())
        return self._level(raw, svn=self.number(tcb["isvsvn"], 0xFFFF), sgx=(), tdx=())

    def _level_tcb(self, raw: Any) -> Any:
        return self.exactly(raw, _LEVEL, {"advisoryIDs"})["tcb"]

    def _level(
        self, raw: dict[str, Any], *, svn: int, sgx: tuple[int, ...], tdx: tuple[int, ...]
    ) -> Level:
        self.time(raw["tcbDate"])
        status = raw["tcbStatus"]
        known = STATUSES if sgx else PART_STATUSES
        if not isinstance(status, str) or status not in known:
            self.fail(f"unknown status {status!r}")
        advisories = raw.get("advisoryIDs", [])
        if not isinstance(advisories, list) or not all(
            isinstance(item, str) and _ADVISORY.fullmatch(item) for item in advisories
        ):
            self.fail("advisoryIDs are not advisory ids")
        return Level(sgx=sgx, tdx=tdx, svn=svn, status=status, advisories=frozenset(advisories))

    def _components(self, raw: Any) -> tuple[int, ...]:
        items = self.list(raw)
        if len(items) != COMPONENTS:
            raise MalformedError(
                "a level does not have 16 components",
                code="dcap.tcb_info.components",
                expected=COMPONENTS,
                actual=len(items),
            )
        fields = [self.exactly(item, {"svn"}, {"category", "type"}) for item in items]
        return tuple(self.number(item["svn"], 0xFF) for item in fields)

    def module(self, raw: Any, more: set[str]) -> ModuleIdentity:
        self.exactly(raw, {"mrsigner", "attributes", "attributesMask"} | more, set())
        return ModuleIdentity(
            mr_signer=self.hex(raw["mrsigner"], 48),
            attributes=self.hex(raw["attributes"], 8),
            attributes_mask=self.hex(raw["attributesMask"], 8),
            levels=tuple(self.svn_level(item) for item in self.list(raw["tcbLevels"]))
            if more
            else (),
        )

    def modules(self, raw: Any) -> Mapping[int, ModuleIdentity]:
        if not isinstance(raw, list):
            self.fail("tdxModuleIdentities is no list")
        modules: dict[int, ModuleIdentity] = {}
        for item in raw:
            module = self.module(item, {"id", "tcbLevels"})
            name = item["id"]
            if not isinstance(name, str) or not _MODULE_ID.fullmatch(name):
                self.fail(f"{name!r} is no id of a TDX module")
            generation = int(name[4:], 16)
            if generation in modules:
                self.fail(f"{name} stands twice")
            modules[generation] = module
        return modules
