"""What can be wrong with an Intel quote or its collateral, one thing at a time."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384

from opengradient.core.collateral import Collateral
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
    AUTH_DATA,
    DAY,
    NOW,
    PCE_SVN,
    SIGNS,
    SPECS,
    SVNS,
    TEE_SVNS,
    Case,
    certificate,
    integer,
    iso,
    key,
    level,
    pair,
    pem,
    point,
    sign,
    svn_level,
    tlv,
    usage,
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

    return change


def td_attributes(*bits: int) -> dict[str, Any]:
    mask = sum(1 << bit for bit in bits)
    return {"report": {"td_attributes": mask.to_bytes(8, "little")}}


def xfam(mask: int) -> dict[str, Any]:
    return {"report": {"xfam": mask.to_bytes(8, "little")}}


SGX = {"tdx": False, "version": 3}
SIG = 48 + 584 + 4
"""Where the signature data of a version 4 quote starts."""


def accepted() -> Iterator[Vector]:
    yield good("tdx-v4")
    yield good("tdx-v5-report-1.0", version=5)
    yield good("tdx-v5-report-1.5", version=5, body=3)
    yield good("sgx-v3", **SGX)
    yield good("padded", document=lambda d: d + bytes(3000))
    yield good("pem-without-zero-byte", chain_pem=lambda p: p[:-1])
    yield good("pem-without-last-newline", chain_pem=lambda p: p[:-2])
    yield good("no-auth-data", signature={"qe_auth_data": lambda _: b""}, qe=auth(b""))
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
    yield from good_edges()


def good_edges() -> Iterator[Vector]:
    """The first and the last moment of everything that has a window."""
    for slot in SPECS:
        for field_ in ("start_ms", "end_ms"):
            yield good(f"{slot}-{field_}-now", certificates={slot: {field_: NOW}})
    for item in ("root_ca_crl", "pck_crl"):
        yield good(f"{item}-starts-now", lists={item: {"start_ms": NOW}})
        yield good(f"{item}-ends-in-a-second", lists={item: {"end_ms": NOW + SECOND}})
    for what in ("tcb", "identity"):
        yield good(f"{what}-issued-now", **{what: setting(issueDate=iso(NOW))})
        yield good(f"{what}-next-update-now", **{what: setting(nextUpdate=iso(NOW))})


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


def forms() -> Iterator[Vector]:
    """The quote's own form."""
    yield bad("format.too_large", document=lambda d: d + bytes(16385 - len(d)))
    for size in (0, 1, 47, 48 + 583, SIG - 1, SIG, SIG + 63):
        if size:
            yield bad("dcap.quote.truncated", str(size), document=lambda d, size=size: d[:size])
    yield bad("dcap.quote.truncated", "last-byte", document=lambda d: d[:-1])
    yield bad("dcap.quote.truncated", "v5", version=5, document=lambda d: d[:50])
    yield bad("dcap.quote.truncated", "auth-size", document=add(SIG - 4, 4, 1))
    yield bad(
        "dcap.quote.certification_size",
        "signature-data-one-less",
        document=lambda d: add(SIG - 4, 4, -1)(d[:-1]),
    )
    for version in (0, 2, 3, 6):
        yield bad(
            "dcap.quote.version", str(version), header_patch=put(0, version.to_bytes(2, "little"))
        )
    yield bad("dcap.quote.version", "sgx-4", **SGX, header_patch=put(0, b"\x04\0"))
    for kind in (0, 1, 3):
        yield bad("dcap.quote.key_type", str(kind), header_patch=put(2, kind.to_bytes(2, "little")))
    yield bad("dcap.quote.tee_type", "sgx", header_patch=put(4, bytes(4)))
    yield bad("dcap.quote.tee_type", "high-byte", header_patch=put(7, b"\x01"))
    yield bad("dcap.quote.tee_type", "tdx-as-sgx", **SGX, header_patch=put(4, b"\x81"))
    yield bad("dcap.quote.vendor", header_patch=flip(12))
    yield bad("dcap.quote.vendor", "zero", header_patch=put(12, bytes(16)))
    for kind in (0, 1, 4):
        yield bad(
            "dcap.quote.body_type",
            str(kind),
            version=5,
            descriptor_patch=put(0, kind.to_bytes(2, "little")),
        )
    for by in (-1, 1, 64):
        yield bad("dcap.quote.body_size", f"{by:+}", version=5, descriptor_patch=add(2, 4, by))
    yield bad("dcap.quote.certification_type", "5", signature_data=put(128, b"\x05\0"))
    yield bad("dcap.quote.certification_size", "+1", signature_data=add(130, 4, 1))
    yield bad("dcap.quote.certification_size", "-1", signature_data=add(130, 4, -1))
    inner = 134 + 384 + 64 + 2 + len(AUTH_DATA)
    yield bad("dcap.quote.pck_certification_type", "4", signature_data=put(inner, b"\x04\0"))
    yield bad("dcap.quote.pck_certification_type", "6", signature_data=put(inner, b"\x06\0"))
    yield bad("dcap.quote.pck_certification_size", "+1", signature_data=add(inner + 2, 4, 1))
    yield bad("dcap.quote.pck_certification_size", "-1", signature_data=add(inner + 2, 4, -1))
    yield bad("dcap.quote.trailing", document=lambda d: d + b"\x01")
    yield bad("dcap.quote.trailing", "behind-zeros", document=lambda d: d + bytes(99) + b"\x01")
    yield bad(
        "dcap.quote.padding",
        document=lambda d: d + b"\0",
        view={"settings": {"allow_padding": False}},
    )
    for offset in (20, 31, 96, 127, 160, 191, 262, 303):
        yield bad("dcap.quote.reserved", f"qe-{offset}", qe_patch=flip(offset))
    yield bad("dcap.quote.reserved", "sgx", **SGX, report_patch=flip(100))


def signatures() -> Iterator[Vector]:
    """Who signed what in the quote."""
    yield bad("dcap.quote.key", **named_key(b"\xff" * 64))
    yield bad("dcap.quote.key", "off-curve", **named_key(flip(63)(point(key("attestation")))))
    yield bad("dcap.quote.signature", "other-key", quote_key="somebody")
    yield bad("dcap.quote.signature", "changed-header", document=flip(40))
    yield bad("dcap.quote.signature", "changed-report", document=flip(48 + 140))
    yield bad("dcap.quote.signature", "changed-descriptor-v5", version=5, document=flip(30))
    yield bad("dcap.quote.signature", "changed-report-sgx", **SGX, document=flip(48 + 70))
    yield bad("dcap.quote.signature", "r-zero", signature={"signature": put(0, bytes(32))})
    yield bad("dcap.quote.signature", "s-zero", signature={"signature": put(32, bytes(32))})
    yield bad("dcap.quote.signature", "all-zero", signature={"signature": lambda _: bytes(64)})
    yield bad(
        "dcap.quote.signature", "r-s-swapped", signature={"signature": lambda s: s[32:] + s[:32]}
    )
    yield bad("dcap.qe.report_data", "other-key", qe={"report_data": sha256(b"other") + bytes(32)})
    yield bad("dcap.qe.report_data", "second-half", qe_patch=flip(383))
    yield bad("dcap.qe.report_data", "auth-data", signature={"qe_auth_data": flip(0)})
    yield bad(
        "dcap.qe.report_data",
        "key-alone",
        qe={"report_data": sha256(point(key("attestation"))) + bytes(32)},
    )
    yield bad("dcap.qe.signature", "other-key", qe_key="somebody")
    yield bad("dcap.qe.signature", "attestation-key", qe_key="attestation")
    yield bad("dcap.qe.signature", "changed", signature={"qe_signature": flip(5)})
    yield bad("dcap.qe.signature", "zero", signature={"qe_signature": lambda _: bytes(64)})
    yield bad("dcap.qe.signature", "sgx", **SGX, qe_key="somebody")


def named_key(raw: bytes) -> dict[str, Any]:
    return {
        "signature": {"attestation_key": lambda _: raw},
        "qe": {"report_data": sha256(raw + AUTH_DATA) + bytes(32)},
    }


def chains() -> Iterator[Vector]:
    """Certificates."""
    for what, change in {
        "crlf": lambda p: p.replace(b"\n", b"\r\n"),
        "text-before": lambda p: b"x\n" + p,
        "text-between": lambda p: p.replace(b"-\n-", b"-\nx\n-", 1),
        "blank-line": lambda p: p.replace(b"-\n-", b"-\n\n-", 1),
        "text-after": lambda p: p[:-1] + b"x",
        "two-zero-bytes": lambda p: p + b"\0",
        "long-line": lambda p: p[:92] + p[93:],
        "bad-digit": put(40, b"!"),
        "no-head": lambda p: p[1:],
        "empty": lambda _: b"",
    }.items():
        expect = "dcap.pem.count" if what == "empty" else "dcap.pem.malformed"
        yield bad(expect, what, chain_pem=change)
    yield bad("dcap.pem.malformed", "spare-bits", chain_pem=spare_bits)
    yield bad("dcap.pem.count", "two", chain=lambda c: c[:2])
    yield bad("dcap.pem.count", "four", chain=lambda c: [*c, c[2]])
    yield bad(
        "dcap.pem.count",
        "tcb-three",
        items={"tcb_info_issuer_chain": lambda p: p + pem([Case().cert("root")])},
    )
    yield bad(
        "dcap.pem.count",
        "qe-one",
        items={"qe_identity_issuer_chain": lambda _: pem([Case().cert("signer")])},
    )
    yield bad("dcap.pem.malformed", "tcb", items={"tcb_info_issuer_chain": lambda p: b"\n" + p})
    yield bad("dcap.pem.malformed", "crl", items={"pck_crl_issuer_chain": lambda p: b"\n" + p})
    other = certificate(dataclasses.replace(SPECS["root"], serial=0x0101))
    yield bad("x509.root", "other", chain=lambda c: [c[0], c[1], other])
    yield bad("x509.root", "order", chain=lambda c: [c[2], c[1], c[0]])
    for item in ("tcb_info", "qe_identity"):
        yield bad(
            "x509.root",
            item,
            items={f"{item}_issuer_chain": lambda _: pem([Case().cert("signer"), other])},
        )
    yield bad("policy.no_trust", "kind", view={"policy": {"roots": "sgx"}})
    yield bad(
        "dcap.pck.issuer",
        certificates=ca_name("Intel SGX PCK Other CA"),
        lists={"pck_crl": {"issuer_name": "Intel SGX PCK Other CA"}},
    )
    yield from certificates()


def spare_bits(chain: bytes) -> bytes:
    """Set an unused bit in the last digit of the last certificate that has one."""
    end = chain.rindex(b"=\n-----END")
    while chain[end - 1 : end] == b"=":
        end -= 1
    digit = chain[end - 1 : end]
    return chain[: end - 1] + bytes((digit[0] + 1,)) + chain[end:]


def certificates() -> Iterator[Vector]:
    """The rules of one certificate and of its issuer, for each in whose place they matter."""
    for slot in ("pck", "ca"):
        yield bad("x509.serial", slot, certificates={slot: {"patch": negative_serial}})
        yield bad("x509.malformed", slot, certificates={slot: {"patch": lambda d: d + b"\0"}})
    yield bad("x509.algorithm", "pck", certificates={"pck": {"hash_type": SHA384}})
    yield bad("x509.algorithm", "signer", certificates={"signer": {"hash_type": SHA384}})
    yield bad("x509.key", "pck", certificates={"pck": {"curve": ec.SECP384R1}})
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\0")
    for slot in ("pck", "ca", "signer"):
        yield bad(
            "x509.critical_extension", slot, certificates={slot: {"extra": ((unknown, True),)}}
        )
    yield bad("x509.ca", "ca", certificates={"ca": {"ca": False}})
    yield bad("x509.ca", "ca-silent", certificates={"ca": {"constraints": False}})
    yield bad("x509.key_usage", "ca", certificates={"ca": {"usage": usage(crl_sign=True)}})
    yield bad("x509.path_length", "root", certificates={"root": {"path_length": 0}})
    yield bad("x509.leaf_ca", "pck", certificates={"pck": {"ca": True}})
    yield bad("x509.leaf_ca", "signer", certificates={"signer": {"ca": True}})
    yield bad(
        "x509.leaf_key_usage", "pck", certificates={"pck": {"usage": usage(key_agreement=True)}}
    )
    yield bad("x509.leaf_key_usage", "signer", certificates={"signer": {"usage": None}})
    yield bad("x509.name_chain", "pck", certificates={"pck": {"issuer_name": "Somebody"}})
    yield bad("x509.name_chain", "ca", certificates={"ca": {"issuer_name": "Somebody"}})
    yield bad("x509.name_chain", "signer", certificates={"signer": {"issuer_name": "Somebody"}})
    for slot in ("pck", "ca", "signer"):
        yield bad("x509.key_identifier", slot, certificates={slot: {"authority_key": "somebody"}})
        yield bad("x509.signature", slot, certificates={slot: {"signed_by": "somebody"}})
    for slot in SPECS:
        late, early = {"start_ms": NOW + SECOND}, {"end_ms": NOW - SECOND}
        yield bad("x509.not_yet_valid", slot, certificates={slot: late})
        yield bad("x509.expired", slot, certificates={slot: early})
    yield bad(
        "x509.expired",
        "millisecond",
        certificates={"pck": {"end_ms": NOW}},
        view={"now_ms": NOW + 1},
    )
    yield bad(
        "dcap.tcb_signer.name", certificates={"signer": {"subject": "Intel SGX Something Else"}}
    )
    yield bad("dcap.tcb_signer.name", "pck", **signed_by_a_pck())
    yield bad(
        "dcap.tcb_signer.revoked", lists={"root_ca_crl": {"revoked": (SPECS["signer"].serial,)}}
    )


def negative_serial(der: bytes) -> bytes:
    """The serial number's first content byte, behind the version."""
    position = der.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    return put(position, b"\x82")(der)


def signed_by_a_pck() -> dict[str, Any]:
    """TCB info by a key that the root certified, for another purpose."""
    leaf = certificate(
        dataclasses.replace(
            SPECS["pck"], issuer="root", issuer_name="Intel SGX Root CA", usage=SIGNS
        )
    )
    return {
        "items": {
            "tcb_info_issuer_chain": lambda _: pem([leaf, Case().cert("root")]),
            "tcb_info_signature": lambda _: sign(key("pck"), Case().collateral()["tcb_info"]),
        }
    }


def revocation() -> Iterator[Vector]:
    """Revocation lists."""
    for item, issuer in (("root_ca_crl", "root"), ("pck_crl", "ca")):
        short = item.split("_")[0]

        def of(_item: str = item, /, **change: Any) -> dict[str, Any]:
            return {"lists": {_item: change}}

        yield bad("dcap.crl.malformed", f"{short}-tail", **of(patch=lambda d: d + b"\0"))
        yield bad("dcap.crl.malformed", f"{short}-cut", **of(patch=lambda d: d[:-1]))
        yield bad("dcap.crl.malformed", f"{short}-empty", items={item: lambda _: b""})
        yield bad("dcap.crl.malformed", f"{short}-unused-bits", **of(patch=unused_bits))
        yield bad("dcap.crl.algorithm", short, **of(hash_type=SHA384))
        delta = (x509.DeltaCRLIndicator(1), True)
        yield bad("dcap.crl.critical_extension", f"{short}-delta", **of(extra=(delta,)))
        indirect = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
        yield bad(
            "dcap.crl.critical_extension", f"{short}-indirect", **of(extra=((indirect, True),))
        )
        yield bad("dcap.crl.issuer", short, **of(issuer_name="Somebody"))
        yield bad("dcap.crl.key_identifier", short, **of(authority_key="somebody"))
        yield bad("dcap.crl.signature", short, **of(signed_by="somebody"))
        yield bad("dcap.crl.not_yet_valid", short, **of(start_ms=NOW + SECOND))
        yield bad("dcap.crl.expired", f"{short}-at-next-update", **of(end_ms=NOW))
        yield bad("dcap.crl.expired", f"{short}-after", **of(end_ms=NOW - SECOND))
        no_lists = usage(key_cert_sign=True)
        yield bad("dcap.crl.key_usage", short, certificates={issuer: {"usage": no_lists}})
    yield bad("dcap.crl.malformed", "no-next-update", items={"pck_crl": lambda _: endless_list()})
    yield bad(
        "dcap.crl.issuer",
        "swapped",
        items={"pck_crl": lambda _: Case().collateral()["root_ca_crl"]},
    )
    other_root = certificate(dataclasses.replace(SPECS["root"], serial=0x0101))
    ca = certificate(SPECS["ca"])
    yield bad(
        "dcap.crl.issuer_chain",
        "root",
        items={"pck_crl_issuer_chain": lambda _: pem([ca, other_root])},
    )
    other_ca = certificate(dataclasses.replace(SPECS["ca"], slot="other ca"))
    root = certificate(SPECS["root"])
    yield bad(
        "dcap.crl.issuer_chain",
        "key",
        items={"pck_crl_issuer_chain": lambda _: pem([other_ca, root])},
    )
    renamed = certificate(dataclasses.replace(SPECS["ca"], subject="Intel SGX PCK Processor CA"))
    yield bad(
        "dcap.crl.issuer_chain",
        "name",
        items={"pck_crl_issuer_chain": lambda _: pem([renamed, root])},
    )
    yield bad("dcap.root.revoked", lists={"root_ca_crl": {"revoked": (SPECS["root"].serial,)}})
    yield bad("dcap.pck_ca.revoked", lists={"root_ca_crl": {"revoked": (SPECS["ca"].serial,)}})
    yield bad("dcap.pck.revoked", lists={"pck_crl": {"revoked": (1, SPECS["pck"].serial)}})
    yield bad(
        "dcap.pck.revoked", "sgx", **SGX, lists={"pck_crl": {"revoked": (SPECS["pck"].serial,)}}
    )


def unused_bits(der: bytes) -> bytes:
    """Say that the signature's last bit is none."""
    position = der.rindex(b"\x03", 0, len(der) - 60)
    return put(position + 2, b"\x01")(der)


def endless_list() -> bytes:
    """A list without nextUpdate, which no builder makes: the right one, cut and signed again."""
    der = Case().collateral()["pck_crl"]
    tbs_start = 4 if der[1] == 0x82 else 3
    size = der[tbs_start + 1] if der[tbs_start + 1] < 0x80 else der[tbs_start + 2]
    head = 2 if der[tbs_start + 1] < 0x80 else 3
    content = der[tbs_start + head : tbs_start + head + size]
    times = [i for i in range(len(content)) if content[i : i + 2] == b"\x17\x0d"]
    tbs = tlv(0x30, content[: times[1]], content[times[1] + 15 :])
    made = sign(key("ca"), tbs)
    signature = tlv(0x30, *(integer(int.from_bytes(half)) for half in (made[:32], made[32:])))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return tlv(0x30, tbs, algorithm, tlv(0x03, b"\0", signature))


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


def first_level(**change: Any) -> Any:
    return lambda raw: raw["tcbLevels"][0].update(change)


def component(**fields: Any) -> Any:
    def change(raw: dict[str, Any]) -> None:
        raw["tcbLevels"][0]["tcb"]["sgxtcbcomponents"][0] = fields

    return change


def component_count(name: str, count: int) -> Any:
    def change(raw: dict[str, Any]) -> None:
        for item in raw["tcbLevels"]:
            item["tcb"][name] = (item["tcb"][name] * 2)[:count]

    return change


def module_identity(**fields: Any) -> Any:
    return lambda raw: raw["tdxModuleIdentities"][0].update(fields)


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
        yield bad(code, f"qe-{status}", identity=first_level(tcbStatus=status))
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
        ("compose-hash", "0000"),
        ("compose-hash", "abcd"),
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


def event_logs() -> Iterator[Vector]:
    """The event log."""
    code = "tdx.event_log"
    demand = {"settings": {"events": (("compose-hash", {"abcd"}),)}}
    yield bad(f"{code}.missing", view=demand)
    yield bad(
        f"{code}.event",
        "last-counts",
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
    yield bad(f"{code}.malformed", "too-many", **with_log(log=b"[" + b"1," * 4096 + b"1]"))


def foreign_log(event: dict[str, Any]) -> dict[str, Any]:
    log = json.dumps([event]).encode()
    register = replay_event_log(parse_event_log(log), 3)
    return {"report": {"rtmr3": register}, "items": {"event_log": lambda _: log}}


def sgx_flags(flags: int, xfrm: int = 0xE7) -> dict[str, Any]:
    return {"attributes": flags.to_bytes(8, "little") + xfrm.to_bytes(8, "little")}


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


def every_vector() -> Iterator[Vector]:
    """All of them."""
    for part in (
        accepted,
        forms,
        signatures,
        chains,
        revocation,
        platform,
        data,
        standing,
        domain,
        enclave,
        bindings,
        collateral_items,
    ):
        yield from part()


__all__ = ["Collateral", "Vector", "every_vector", "level"]
