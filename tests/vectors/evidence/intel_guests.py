"""What can be wrong with the trust domain or the enclave, and with what it is bound to."""

from collections.abc import Iterator

from opengradient.core.digests import sha256
from opengradient.core.report_data import report_data
from tests.vectors.evidence.intel_forge import (
    Case,
)
from tests.vectors.evidence.intel_kit import (
    BOUND,
    KEYSET,
    NONCE,
    SGX,
    STANDING,
    Vector,
    bad,
    foreign_log,
    good,
    sgx_flags,
    td_attributes,
    with_log,
    xfam,
)


def domain() -> Iterator[Vector]:
    """The trust domain itself."""
    yield bad(
        "attestation.revoked_product",
        view={"policy": {"revoked_products": {"intel-tdx/90C06F000000"}}},
    )
    yield bad("tdx.debug", **td_attributes(0, 28))
    for bit in (1, 4, 5, 7, 8, 27, 29, 32, 62):
        yield bad("tdx.attributes", f"bit-{bit}", **td_attributes(bit, 28))
    yield bad(
        "tdx.attributes",
        "narrower",
        **td_attributes(28, 30),
        view={"settings": {"allowed_attributes": 1 << 28}},
    )
    yield bad("tdx.sept_ve_disable", **td_attributes(30))
    for bit in (3, 4, 10, 13, 16, 19, 63):
        yield bad("tdx.xfam", f"bit-{bit}", **xfam(0x602E7 | 1 << bit))
    yield bad("tdx.xfam", "no-x87", **xfam(0x602E6))
    yield bad("tdx.xfam", "no-sse", **xfam(0x602E5))
    for name in ("mr_seam", "mr_config_id", "mr_owner", "mr_owner_config"):
        yield bad(f"tdx.{name}", view={"settings": {name: {"00" * 48}}})
    yield bad("tdx.mr_service_td", version=5, body=3, report={"mr_service_td": b"\x01" * 48})
    yield from event_logs()


def event_logs() -> Iterator[Vector]:
    """The event log."""
    code = "tdx.event_log"
    demand = {"settings": {"events": (("compose-hash", {"abcd"}),)}}
    yield bad(f"{code}.missing", view=demand)
    yield bad(
        f"{code}.event",
        "first-counts",
        **with_log(),
        view={"settings": {"events": (("compose-hash", {"0000"}),)}},
    )
    yield bad(
        f"{code}.event",
        "absent",
        **with_log(),
        view={"settings": {"events": (("app-id", {"00"}),)}},
    )
    yield bad(f"{code}.register", "one-less", **with_log(lambda e: e.pop()))
    yield bad(f"{code}.register", "order", **with_log(lambda e: e.reverse()))
    yield bad(f"{code}.register", "twice", **with_log(lambda e: e.append(e[-1])))
    yield bad(f"{code}.register", "empty", **with_log(lambda e: e.clear()))
    other = {"imr": 0, "event_type": 1, "digest": "00" * 48, "event": "", "event_payload": ""}
    yield bad(f"{code}.register", "register-0", **with_log(lambda e: e.append(other)))
    yield bad(f"{code}.digest", "payload", **with_log(lambda e: e[2].update(event_payload="abce")))
    yield bad(f"{code}.digest", "name", **with_log(lambda e: e[2].update(event="compose_hash")))
    foreign = {**other, "imr": 3, "event": "app-id", "event_payload": "00"}
    yield bad(
        f"{code}.event",
        "unproven",
        **foreign_log(foreign),
        view={"settings": {"events": (("app-id", {"00"}),)}},
    )
    for what, change in {
        "unknown-field": {"more": 1},
        "imr-4": {"imr": 4},
        "imr-negative": {"imr": -1},
        "imr-true": {"imr": True},
        "type": {"event_type": 1 << 32},
        "type-text": {"event_type": "1"},
        "digest-upper": {"digest": "A" * 96},
        "digest-short": {"digest": "00" * 47},
        "payload": {"event_payload": "0"},
        "name": {"event": None},
        "surrogate": {"event": "\ud800"},
    }.items():
        yield bad(
            f"{code}.malformed", what, **with_log(lambda e, change=change: e[0].update(change))
        )
    yield bad(f"{code}.malformed", "object", **with_log(log=b"{}"))
    yield bad(f"{code}.malformed", "not-json", **with_log(log=b"["))
    yield bad(f"{code}.malformed", "item", **with_log(log=b"[1]"))


def enclave() -> Iterator[Vector]:
    """The enclave itself."""
    yield bad("sgx.not_initialised", **SGX, report=sgx_flags(0x04))
    yield bad("sgx.debug", **SGX, report=sgx_flags(0x07))
    for bit in (3, 4, 5, 6, 8, 63):
        yield bad("sgx.flags", f"bit-{bit}", **SGX, report=sgx_flags(0x05 | 1 << bit))
    yield bad("sgx.xfrm", "bit-8", **SGX, report=sgx_flags(0x05, 0x1E7))
    yield bad("sgx.xfrm", "no-sse", **SGX, report=sgx_flags(0x05, 0xE5))
    yield bad("sgx.misc_select", **SGX, report={"misc_select": b"\x01\0\0\0"})
    yield bad(
        "sgx.misc_select",
        "reserved",
        **SGX,
        report={"misc_select": b"\x02\0\0\0"},
        view={"settings": {"allow_exception_info": True}},
    )
    yield good(
        "sgx-exception-info",
        **SGX,
        report={"misc_select": b"\x01\0\0\0"},
        view={"settings": {"allow_exception_info": True}},
    )
    yield bad("sgx.isv_prod_id", **SGX, view={"settings": {"isv_prod_ids": {8}}})
    yield good("sgx-isv-prod-id", **SGX, view={"settings": {"isv_prod_ids": {7}}})
    yield bad("sgx.isv_svn", **SGX, view={"settings": {"min_isv_svn": 4}})
    yield good("sgx-isv-svn", **SGX, view={"settings": {"min_isv_svn": 3}})
    yield bad("sgx.config_id", **SGX, view={"settings": {"config_id": {"01" * 64}}})
    yield good("sgx-config-id", **SGX, view={"settings": {"config_id": {"00" * 64}}})
    yield bad(
        "dcap.quote.padding",
        "sgx",
        **SGX,
        document=lambda d: d + b"\0",
        view={"settings": {"allow_padding": False}},
    )
    yield bad(
        "attestation.revoked_product",
        "sgx",
        **SGX,
        view={"policy": {"revoked_products": {"intel-sgx/90C06F000000"}}},
    )
    yield bad("attestation.measurement", "sgx-mrenclave", **SGX, report={"mr_enclave": bytes(32)})
    yield bad("attestation.measurement", "sgx-mrsigner", **SGX, report={"mr_signer": bytes(32)})
    yield bad("attestation.nonce", "sgx", **SGX, view={"nonce": NONCE})
    yield bad("collateral.unknown", "sgx-event-log", **SGX, items={"event_log": lambda _: b"[]"})


def bindings() -> Iterator[Vector]:
    """What the quote is about."""
    for name in ("mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3"):
        yield bad("attestation.measurement", name, report={name: b"\x01" * 48})
    yield bad("attestation.revoked_measurement", view={"policy": {"revoked_measurements": "own"}})
    for name in (
        "MRTD",
        "RTMR3",
        "MRSEAM",
        "MRCONFIGID",
        "MROWNER",
        "MROWNERCONFIG",
        "MRSERVICETD",
    ):
        yield bad("attestation.register", name, view={"policy": {"registers": {name: "ff" * 48}}})
    bound = {"nonce": NONCE, "runtime_data": KEYSET.encode()}
    yield bad(
        "attestation.report_data",
        "other-keyset",
        report={"report_data": report_data(sha256(b"x"), NONCE)},
        view=bound,
    )
    yield bad("attestation.report_data", "unbound", view={"runtime_data": KEYSET.encode()})
    yield bad(
        "attestation.nonce",
        "other",
        report={"report_data": report_data(KEYSET.digest(), b"x")},
        view=bound,
    )
    yield bad("attestation.nonce", "standing", report=STANDING, view=bound)
    yield bad("attestation.nonce", "no-keyset", view={"nonce": NONCE})
    yield bad("attestation.nonce", "foreign", view={"nonce": b"\x5b" * 64})
    yield bad(
        "attestation.revoked_key",
        report=BOUND,
        view={**bound, "policy": {"revoked_keys": {"0x" + KEYSET.signing.node_id.hex()}}},
    )
    yield bad(
        "keyset.not_canonical", report=BOUND, view={**bound, "runtime_data": b" " + KEYSET.encode()}
    )


def collateral_items() -> Iterator[Vector]:
    """Missing and unknown items."""
    for item in sorted(Case().collateral()):
        yield bad("collateral.missing", item, items={item: lambda _: None})
    yield bad("collateral.unknown", items={"vcek": lambda _: b"\x30\0"})
