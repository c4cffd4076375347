"""Intel quotes that are right, and right at the edges."""

from collections.abc import Iterator
from typing import Any

from tests.vectors.evidence.intel_forge import (
    DAY,
    NOW,
    PCE_SVN,
    SPECS,
    TEE_SVNS,
    Case,
    integer,
    iso,
)
from tests.vectors.evidence.intel_kit import (
    BOUND,
    KEYSET,
    NONCE,
    SECOND,
    SGX,
    STANDING,
    Vector,
    ca_name,
    generation_0,
    good,
    of_processor,
    setting,
    sgx_flags,
    tcb_number,
    td_attributes,
    with_log,
)


def accepted() -> Iterator[Vector]:
    yield good("tdx-v4")
    yield good("tdx-v5-report-1.0", version=5)
    yield good("tdx-v5-report-1.5", version=5, body=3)
    yield good("sgx-v3", **SGX)
    yield good("padded", document=lambda d: d + bytes(3000))
    yield good("pem-without-zero-byte", chain_pem=lambda p: p[:-1])
    yield good("pem-without-last-newline", chain_pem=lambda p: p[:-2])
    yield good("processor-pck", pck=setting(instance=None, configuration=None))
    yield good(
        "processor-ca", certificates=ca_name("Intel SGX PCK Processor CA"), lists=of_processor()
    )
    yield good(
        "keyset-and-nonce",
        report=BOUND,
        view={"nonce": NONCE, "runtime_data": KEYSET.encode()},
    )
    yield good("keyset-standing", report=STANDING, view={"runtime_data": KEYSET.encode()})
    yield good(
        "sgx-keyset", **SGX, report=BOUND, view={"nonce": NONCE, "runtime_data": KEYSET.encode()}
    )
    yield good("foreign-nonce", view={"nonce": b"\x5a" * 64})
    yield good(
        "out-of-date-allowed",
        pck=tcb_number(16, integer(PCE_SVN - 1)),
        view={
            "settings": {
                "accepted_statuses": {"OutOfDate"},
                "accepted_advisories": {"INTEL-SA-01036"},
            }
        },
    )
    yield good("debug-allowed", **td_attributes(0, 28), view={"policy": {"allow_debug": True}})
    yield good(
        "sgx-debug-allowed", **SGX, report=sgx_flags(0x07), view={"policy": {"allow_debug": True}}
    )
    yield good(
        "module-generation-0",
        report={"tee_tcb_svn": bytes((5, 0, *TEE_SVNS[2:]))},
        tcb=generation_0(),
    )
    yield good("module-newer-than-its-level", report={"tee_tcb_svn": bytes((9, *TEE_SVNS[1:]))})
    yield good("evaluation-number-met", view={"settings": {"min_evaluation_number": 19}})
    yield good("age-met", view={"settings": {"max_collateral_age_ms": DAY}})
    yield good(
        "event-log", **with_log(), view={"settings": {"events": (("compose-hash", {"abcd"}),)}}
    )
    yield good("level-unlisted-fields", tcb=named_components())
    yield good(
        "sept-ve-not-required",
        **td_attributes(30),
        view={"settings": {"require_sept_ve_disable": False}},
    )
    yield good("mr-values", view={"settings": listed()})
    yield good(
        "service-td-allowed",
        version=5,
        body=3,
        report={"mr_service_td": b"\x01" * 48},
        view={"settings": {"mr_service_td": {"01" * 48}}},
    )
    yield good(
        "highest-versions",
        pck=highest_in_certificate,
        tcb=highest_in_data,
    )
    yield good(
        "no-key-identifiers",
        certificates={slot: {"subject_key": False} for slot in ("root", "ca")},
    )
    yield from good_edges()


def good_edges() -> Iterator[Vector]:
    """The first and the last moment of everything that has a window."""
    for slot in SPECS:
        for field_ in ("start_ms", "end_ms"):
            yield good(f"{slot}-{field_}-now", certificates={slot: {field_: NOW}})
    for item in ("root_ca_crl", "pck_crl"):
        yield good(f"{item}-starts-now", lists={item: {"start_ms": NOW}})
        yield good(
            f"{item}-last-millisecond",
            lists={item: {"end_ms": NOW + SECOND}},
            view={"now_ms": NOW + SECOND - 1},
        )
        yield good(f"{item}-ends-in-a-second", lists={item: {"end_ms": NOW + SECOND}})
    for what in ("tcb", "identity"):
        yield good(f"{what}-issued-now", **{what: setting(issueDate=iso(NOW))})
        yield good(f"{what}-next-update-now", **{what: setting(nextUpdate=iso(NOW))})


def named_components() -> Any:
    def change(raw: dict[str, Any]) -> None:
        raw["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][0] |= {"category": "BIOS", "type": "x"}

    return change


def listed() -> dict[str, Any]:
    report = Case().signed()[48:]
    return {
        "mr_seam": {report[16:64].hex()},
        "mr_config_id": {report[184:232].hex()},
        "mr_owner": {report[232:280].hex()},
        "mr_owner_config": {report[280:328].hex()},
    }


def highest_in_certificate(fields: dict[str, Any]) -> None:
    """Component 1 as high as it can be, PCESVN as high as dcap-qvl reads it."""
    tcb_number(16, integer(0x7FFF))(fields)
    tcb_number(0, integer(0xFF))(fields)


def highest_in_data(raw: dict[str, Any]) -> None:
    """The best level asks for just that."""
    tcb = raw["tcbLevels"][0]["tcb"]
    tcb["sgxtcbcomponents"][0]["svn"] = 0xFF
    tcb["pcesvn"] = 0x7FFF
