"""What can be wrong with a platform's facts and with what Intel signs about it."""

from collections.abc import Iterator
from typing import Any

from opengradient.core.digests import sha256
from tests.vectors.evidence.intel_forge import (
    DAY,
    NOW,
    PCE_SVN,
    SVNS,
    TEE_SVNS,
    Case,
    integer,
    iso,
    key,
    pair,
    sign,
    svn_level,
    tlv,
)
from tests.vectors.evidence.intel_kit import (
    SECOND,
    SGX,
    Vector,
    bad,
    first_level,
    generation_0,
    module_identity,
    setting,
    tcb_number,
    text,
)


def platform() -> Iterator[Vector]:
    """The PCK certificate's facts."""
    code = "dcap.pck.extension"
    yield bad(code, "missing", bare_pck=True)
    yield bad(code, "tail", pck=setting(tail=b"\0"))
    yield bad(code, "unknown-field", pck=setting(more=pair((8,), integer(1))))
    yield bad(code, "field-twice", pck=setting(more=pair((4,), tlv(0x04, bytes(6)))))
    yield bad(
        code, "other-arc", pck=setting(more=tlv(0x30, tlv(0x06, b"\x2a\x03\x01"), integer(1)))
    )
    for name in ("ppid", "pce_id", "fmspc", "type", "instance"):
        yield bad(code, f"no-{name}", pck=setting(**{name: b""}))
    for name, size in (("ppid", 16), ("pce_id", 2), ("fmspc", 6)):
        yield bad(code, f"{name}-short", pck=setting(**{name: tlv(0x04, bytes(size - 1))}))
        yield bad(code, f"{name}-long", pck=setting(**{name: tlv(0x04, bytes(size + 1))}))
    yield bad(code, "fmspc-tag", pck=setting(fmspc=tlv(0x05, bytes(6))))
    yield bad(code, "type-3", pck=setting(type=tlv(0x0A, b"\x03")))
    yield bad(code, "type-long", pck=setting(type=tlv(0x0A, b"\0\x01")))
    yield bad(code, "components-17", pck=lambda f: f["tcb"].pop())
    yield bad(code, "components-19", pck=lambda f: f["tcb"].append(integer(0)))
    yield bad(code, "component-negative", pck=tcb_number(0, integer(-1)))
    yield bad(code, "component-256", pck=tcb_number(0, integer(256)))
    yield bad(code, "component-not-minimal", pck=tcb_number(0, tlv(0x02, b"\0\x03")))
    yield bad(code, "component-empty", pck=tcb_number(0, tlv(0x02)))
    yield bad(code, "component-tail", pck=tcb_number(0, integer(3) + b"\0"))
    yield bad(code, "pcesvn-65536", pck=tcb_number(16, integer(65536)))
    yield bad(code, "cpusvn-short", pck=tcb_number(17, tlv(0x04, bytes(15))))


def data() -> Iterator[Vector]:
    """TCB info and QE identity."""
    for area, edit in (("tcb_info", "tcb"), ("qe_identity", "identity")):
        yield from common_data(area, edit)
    code = "dcap.tcb_info"
    yield bad(f"{code}.id", "sgx-for-tdx", items=swapped("tcb_info"))
    yield bad("dcap.qe_identity.id", "sgx-for-tdx", items=swapped("qe_identity"))
    yield bad(f"{code}.id", "sgx", **SGX, tcb=setting(id="TDX"))
    yield bad(f"{code}.tcb_type", tcb=setting(tcbType=1))
    yield bad(f"{code}.fmspc", tcb=setting(fmspc="90C06F000001"))
    yield bad(f"{code}.fmspc", "sgx", **SGX, tcb=setting(fmspc="90C06F000001"))
    yield bad(f"{code}.pce_id", tcb=setting(pceId="0001"))
    for name in ("sgxtcbcomponents", "tdxtcbcomponents"):
        for count in (15, 17):
            yield bad(f"{code}.components", f"{name}-{count}", tcb=component_count(name, count))
    malformed = f"{code}.malformed"
    yield bad(malformed, "no-components", tcb=component_count("sgxtcbcomponents", 0))
    yield bad(malformed, "component-256", tcb=component(svn=256))
    yield bad(malformed, "component-negative", tcb=component(svn=-1))
    yield bad(malformed, "component-text", tcb=component(svn="3"))
    yield bad(malformed, "component-true", tcb=component(svn=True))
    yield bad(malformed, "component-float", tcb=component(svn=3.0))
    yield bad(malformed, "component-unknown-field", tcb=component(svn=3, x=1))
    yield bad(malformed, "fmspc-short", tcb=setting(fmspc="90C06F0000"))
    yield bad(malformed, "fmspc-no-hex", tcb=setting(fmspc="90C06F00000g"))
    yield bad(malformed, "no-module", tcb=setting(tdxModule=...))
    yield bad(malformed, "module-in-sgx", **SGX, tcb=setting(tdxModule={}))
    yield bad(malformed, "module-id", tcb=module_identity(id="TDX_1"))
    yield bad(malformed, "module-twice", tcb=module_twice)
    yield bad(malformed, "modules-no-list", tcb=setting(tdxModuleIdentities={}))
    yield bad(malformed, "module-no-levels", tcb=module_identity(tcbLevels=[]))
    yield bad("dcap.qe_identity.malformed", "mrsigner", identity=setting(mrsigner="00" * 31))
    yield bad("dcap.qe_identity.malformed", "isvprodid", identity=setting(isvprodid="2"))
    yield bad(
        "dcap.qe_identity.malformed",
        "isvsvn",
        identity=setting(tcbLevels=[svn_level(-1, "UpToDate")]),
    )


def common_data(area: str, edit: str) -> Iterator[Vector]:
    """What holds for both."""
    code = f"dcap.{area}"
    patch = f"{edit}_patch"

    def view(**settings: Any) -> dict[str, Any]:
        return {"settings": settings}

    yield bad(f"{code}.signature", "changed", items={area: text("2026", "2027")})
    yield bad(f"{code}.signature", "spaced", items={area: text('"version":', '"version": ')})
    yield bad(f"{code}.signature", "zero", items={f"{area}_signature": lambda _: bytes(64)})
    yield bad(
        f"{code}.signature",
        "root",
        items={f"{area}_signature": lambda _: sign(key("root"), Case().collateral()[area])},
    )
    yield bad(f"{code}.signature_form", "63", items={f"{area}_signature": lambda s: s[:-1]})
    yield bad(f"{code}.signature_form", "65", items={f"{area}_signature": lambda s: s + b"\0"})
    yield bad(f"{code}.id", **{edit: setting(id="OTHER")})
    yield bad(f"{code}.id", "missing", **{edit: setting(id=...)})
    yield bad(f"{code}.version", "1", **{edit: setting(version=1)})
    yield bad(f"{code}.version", "4", **{edit: setting(version=4)})
    yield bad(f"{code}.version", "text", **{edit: setting(version="3")})
    yield bad(f"{code}.not_yet_valid", **{edit: setting(issueDate=iso(NOW + SECOND))})
    yield bad(f"{code}.expired", **{edit: setting(nextUpdate=iso(NOW - SECOND))})
    yield bad(
        f"{code}.expired",
        "millisecond",
        **{edit: setting(nextUpdate=iso(NOW))},
        view={"now_ms": NOW + 1},
    )
    old = setting(issueDate=iso(NOW - 30 * DAY - SECOND))
    yield bad(f"{code}.stale", **{edit: old})
    older = setting(issueDate=iso(NOW - DAY - SECOND))
    yield bad(f"{code}.stale", "policy", **{edit: older}, view=view(max_collateral_age_ms=DAY))
    yield bad(
        f"{code}.evaluation_number",
        **{edit: setting(tcbEvaluationDataNumber=18)},
        view=view(min_evaluation_number=19),
    )
    malformed = f"{code}.malformed"
    yield bad(malformed, "not-json", **{patch: lambda _: b"{"})
    yield bad(malformed, "array", **{patch: lambda d: b"[" + d + b"]"})
    yield bad(malformed, "tail", **{patch: lambda d: d + b"{}"})
    yield bad(malformed, "key-twice", **{patch: text('"version":', '"version":9,"version":')})
    yield bad(malformed, "unknown-field", **{edit: setting(more=1)})
    yield bad(malformed, "missing-field", **{edit: setting(issueDate=...)})
    yield bad(malformed, "time", **{edit: setting(issueDate="2026-05-31 00:00:00Z")})
    yield bad(malformed, "month-13", **{edit: setting(issueDate="2026-13-31T00:00:00Z")})
    yield bad(malformed, "evaluation-negative", **{edit: setting(tcbEvaluationDataNumber=-1)})
    yield bad(malformed, "no-levels", **{edit: setting(tcbLevels=[])})
    for what, change in {
        "status": {"tcbStatus": "Fine"},
        "level-field": {"more": 1},
        "level-date": {"tcbDate": "yesterday"},
        "advisories": {"advisoryIDs": "INTEL-SA-00615"},
        "advisory": {"advisoryIDs": ["intel sa"]},
        "tcb-field": {"tcb": {"isvsvn": 1, "more": 1}},
    }.items():
        yield bad(malformed, what, **{edit: first_level(**change)})


def component(**fields: Any) -> Any:
    def change(raw: dict[str, Any]) -> None:
        raw["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][0] = fields

    return change


def component_count(name: str, count: int) -> Any:
    def change(raw: dict[str, Any]) -> None:
        for item in raw["tcbLevels"]:
            item["tcb"][name] = (item["tcb"][name] * 2)[:count]

    return change


def module_twice(raw: dict[str, Any]) -> None:
    raw["tdxModuleIdentities"] *= 2


def swapped(area: str) -> dict[str, Any]:
    """Genuine data for the other kind of TEE."""
    other = Case(tdx=False, version=3).collateral()
    return {name: lambda _, name=name: other[name] for name in (area, f"{area}_signature")}


def standing() -> Iterator[Vector]:
    """Quoting enclave, TDX module, levels, statuses."""
    yield bad("dcap.qe.mr_signer", qe={"mr_signer": sha256(b"other")})
    yield bad("dcap.qe.mr_signer", "sgx", **SGX, qe={"mr_signer": sha256(b"other")})
    yield bad("dcap.qe.prod_id", qe={"isv_prod_id": 1})
    yield bad("dcap.qe.misc_select", qe={"misc_select": b"\x01\0\0\0"})
    yield bad(
        "dcap.qe.attributes",
        "debug",
        qe={"attributes": bytes.fromhex("1700000000000000e700000000000000")},
    )
    yield bad(
        "dcap.qe.attributes",
        "no-provision-key",
        qe={"attributes": bytes.fromhex("0500000000000000e700000000000000")},
    )
    yield bad("dcap.qe.no_level", qe={"isv_svn": 3})
    yield bad("tdx.module.unknown", "2", report={"tee_tcb_svn": bytes((5, 2, *TEE_SVNS[2:]))})
    yield bad("tdx.module.unknown", "none-listed", tcb=setting(tdxModuleIdentities=...))
    yield bad("tdx.module.signer", report={"mr_signer_seam": b"\x01" + bytes(47)})
    yield bad(
        "tdx.module.signer",
        "generation-0",
        tcb=generation_0(),
        report={"mr_signer_seam": b"\x01" * 48, "tee_tcb_svn": bytes((5, 0, *TEE_SVNS[2:]))},
    )
    yield bad("tdx.module.attributes", report={"seam_attributes": b"\x01" + bytes(7)})
    yield bad("tdx.module.no_level", report={"tee_tcb_svn": bytes((1, *TEE_SVNS[1:]))})
    for index in (0, 7):
        low = tcb_number(index, integer(max(0, SVNS[index] - 2)))
        yield bad("dcap.tcb.no_level", f"sgx-{index}", pck=low)
    yield bad("dcap.tcb.no_level", "sgx-kind", **SGX, pck=tcb_number(4, integer(2)))
    yield bad("dcap.tcb.no_level", "pcesvn", pck=tcb_number(16, integer(PCE_SVN - 2)))
    yield bad("dcap.tcb.no_level", "tdx-2", report={"tee_tcb_svn": bytes((5, 1, 4, *TEE_SVNS[3:]))})
    old = bytes((3, 0, *TEE_SVNS[2:]))
    yield bad(
        "dcap.tcb.no_level", "tdx-0-generation-0", tcb=generation_0(), report={"tee_tcb_svn": old}
    )
    yield bad("dcap.tcb.no_level", "last-component", tcb=last_component)
    code = "dcap.tcb.status"
    yield bad(code, "out-of-date-sgx", pck=tcb_number(0, integer(SVNS[0] - 1)))
    yield bad(code, "out-of-date-pcesvn", pck=tcb_number(16, integer(PCE_SVN - 1)))
    yield bad(code, "out-of-date-tdx", report={"tee_tcb_svn": bytes((5, 1, 5, *TEE_SVNS[3:]))})
    yield bad(code, "out-of-date-qe", qe={"isv_svn": 5})
    yield bad(code, "out-of-date-module", report={"tee_tcb_svn": bytes((4, *TEE_SVNS[1:]))})
    lenient = {
        "accepted_statuses": ALL,
        "accepted_advisories": {"INTEL-SA-00615", "INTEL-SA-01036"},
    }
    for status in sorted(ALL - {"UpToDate"} | {"Revoked"}):
        yield bad(code, f"platform-{status}", tcb=first_level(tcbStatus=status))
        part = status in ("OutOfDate", "Revoked")
        yield bad(
            code if part else "dcap.qe_identity.malformed",
            f"qe-{status}",
            identity=first_level(tcbStatus=status),
        )
        yield bad(
            code if part else "dcap.tcb_info.malformed",
            f"module-{status}",
            tcb=module_identity(tcbLevels=[svn_level(1, status)]),
        )
    yield bad(
        code, "revoked-whatever", tcb=first_level(tcbStatus="Revoked"), view={"settings": lenient}
    )
    yield bad(
        code,
        "qe-revoked-whatever",
        identity=first_level(tcbStatus="Revoked"),
        view={"settings": lenient},
    )
    for status, merged in MERGED.items():
        others = {"accepted_statuses": ALL - {merged}, "accepted_advisories": {"INTEL-SA-00615"}}
        yield bad(
            code,
            f"merged-{status}",
            tcb=first_level(tcbStatus=status),
            qe={"isv_svn": 5},
            view={"settings": others},
        )
    advised = first_level(advisoryIDs=["INTEL-SA-00001", "INTEL-SA-00002"])
    yield bad("dcap.tcb.advisory", tcb=advised)
    yield bad(
        "dcap.tcb.advisory",
        "one-of-two",
        tcb=advised,
        view={"settings": {"accepted_advisories": {"INTEL-SA-00001"}}},
    )
    yield bad("dcap.tcb.advisory", "qe", identity=first_level(advisoryIDs=["INTEL-SA-00003"]))
    yield bad(
        "dcap.tcb.advisory",
        "module",
        tcb=module_identity(tcbLevels=[svn_level(1, "UpToDate", advisoryIDs=["INTEL-SA-00004"])]),
    )


ALL = {
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
}


MERGED = {
    "UpToDate": "OutOfDate",
    "SWHardeningNeeded": "OutOfDate",
    "ConfigurationNeeded": "OutOfDateConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded": "OutOfDateConfigurationNeeded",
}


def last_component(raw: dict[str, Any]) -> None:
    for item in raw["tcbLevels"]:
        item["tcb"]["sgxtcbcomponents"][15]["svn"] = 1
