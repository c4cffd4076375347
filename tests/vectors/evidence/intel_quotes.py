"""What can be wrong with the form of a quote and with its signatures."""

from collections.abc import Iterator
from typing import Any

from opengradient.core.digests import sha256
from tests.vectors.evidence.intel_forge import (
    AUTH_DATA,
    key,
    point,
)
from tests.vectors.evidence.intel_kit import SGX, SIG, Vector, add, auth, bad, flip, put


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
    for data in (b"", AUTH_DATA[:-1], AUTH_DATA + b"x"):
        yield bad(
            "dcap.quote.auth_data_size",
            str(len(data)),
            signature={"qe_auth_data": lambda _, data=data: data},
            qe=auth(data),
        )
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
