"""Intel quotes: TDX of version 4 and 5, SGX of version 3. Parsed strictly, written for tests.

Layout: Intel, "TDX DCAP Quoting Library API" and "SGX ECDSA Quote Library Reference", appendix A.
A quote is a header, a report and signature data. The first two are signed by the attestation key;
what follows is not, so every size in it must say exactly what is there. Numbers are
little-endian.
"""

from dataclasses import dataclass
from typing import Final

from opengradient.core.intel_reports import (
    ENCLAVE_REPORT_BYTES,
    TD_REPORT_10_BYTES,
    TD_REPORT_15_BYTES,
)
from opengradient.errors import AttestationError, MalformedError

MAX_QUOTE_BYTES: Final = 16 * 1024
"""Nothing larger is parsed; genuine quotes are some 5 KiB, and the kernel's buffer that some
platforms return whole is 8,000 bytes."""

HEADER_BYTES: Final = 48
INTEL_QE_VENDOR: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
"""Vendor id of Intel's quoting enclaves (appendix A.4 of the reference)."""

KEY_TYPE_P256: Final = 2
TEE_SGX: Final = 0x00
TEE_TDX: Final = 0x81
CERTIFICATION_PCK_CHAIN: Final = 5
CERTIFICATION_QE_REPORT: Final = 6
BODY_SIZES: Final = {2: TD_REPORT_10_BYTES, 3: TD_REPORT_15_BYTES}
"""Bodies of version 5 that are known: TD reports 1.0 and 1.5."""

QE_AUTH_DATA_BYTES: Final = 32
"""What Intel's quoting enclave writes; the format would allow other sizes, and nobody uses them."""

VERSIONS: Final = {TEE_SGX: frozenset({3}), TEE_TDX: frozenset({4, 5})}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSignature:
    """The signature data: what makes the attestation key Intel's.

    Attributes:
        signature: By the attestation key over header and report, r and s of 32 bytes.
        attestation_key: Point of P-256, x and y of 32 bytes.
        qe_report: Report of the quoting enclave, 384 bytes as signed.
        qe_signature: By the platform's PCK over `qe_report`, r and s.
        qe_auth_data: What the quoting enclave hashed beside the attestation key.
        pck_chain: PEM of the PCK certificate, its issuer and the root.
    """

    signature: bytes
    attestation_key: bytes
    qe_report: bytes
    qe_signature: bytes
    qe_auth_data: bytes
    pck_chain: bytes

    def encode(self, version: int) -> bytes:
        """The signature data as a quote of this version holds it, without its size."""
        inner = b"".join(
            (
                self.qe_report,
                self.qe_signature,
                len(self.qe_auth_data).to_bytes(2, "little"),
                self.qe_auth_data,
                CERTIFICATION_PCK_CHAIN.to_bytes(2, "little"),
                len(self.pck_chain).to_bytes(4, "little"),
                self.pck_chain,
            )
        )
        if version == 3:
            return self.signature + self.attestation_key + inner
        outer = CERTIFICATION_QE_REPORT.to_bytes(2, "little") + len(inner).to_bytes(4, "little")
        return self.signature + self.attestation_key + outer + inner


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quote whose form is right; nothing is checked yet.

    Attributes:
        version: 3, 4 or 5.
        tee_type: 0 for SGX, 0x81 for TDX.
        user_data: 20 bytes that the quoting enclave wrote, here its platform id.
        signed: The bytes under the signature: header and report.
        body: The report: of a trust domain for TDX, of an enclave for SGX.
        signature: The signature data.
        padding: How many zero bytes follow the quote.
    """

    version: int
    tee_type: int
    user_data: bytes
    signed: bytes
    body: bytes
    signature: QuoteSignature
    padding: int


class _Reader:
    """Takes fields from the front of bytes."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what, self.offset = data, what, 0

    @property
    def left(self) -> int:
        return len(self._data) - self.offset

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise MalformedError(
                f"{self._what} ends within a field",
                code="dcap.quote.truncated",
                expected=f"{size} bytes",
                actual=self.left,
            )
        self.offset += size
        return self._data[self.offset - size : self.offset]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")


def parse_quote(document: bytes, tee_type: int) -> Quote:
    """Parse a quote of the given kind.

    Args:
        document: The quote, possibly followed by zero bytes.
        tee_type: `TEE_TDX` or `TEE_SGX`.

    Raises:
        MalformedError: ``format.too_large`` or ``dcap.quote.*`` for a wrong form.
        AttestationError: ``dcap.quote.version``, ``dcap.quote.key_type``, ``dcap.quote.tee_type``
            or ``dcap.quote.vendor``: of a kind that is not accepted.
    """
    if len(document) > MAX_QUOTE_BYTES:
        raise MalformedError(
            "the quote is too large",
            code="format.too_large",
            expected=f"<= {MAX_QUOTE_BYTES}",
            actual=len(document),
        )
    reader = _Reader(document, "the quote")
    version, user_data = _read_header(_Reader(reader.take(HEADER_BYTES), "the header"), tee_type)
    body = reader.take(_body_size(reader, version))
    signed = document[: reader.offset]
    signature = _read_signature(_Reader(reader.take(reader.number(4)), "signature data"), version)
    padding = reader.take(reader.left)
    if any(padding):
        raise MalformedError("bytes follow the quote", code="dcap.quote.trailing")
    return Quote(
        version=version,
        tee_type=tee_type,
        user_data=user_data,
        signed=signed,
        body=body,
        signature=signature,
        padding=len(padding),
    )


def _read_header(header: _Reader, tee_type: int) -> tuple[int, bytes]:
    version, key_type, actual_tee = header.number(2), header.number(2), header.number(4)
    if version not in VERSIONS[tee_type]:
        raise _refused("version", "a quote of another version", VERSIONS[tee_type], version)
    if key_type != KEY_TYPE_P256:
        raise _refused("key_type", "no ECDSA on P-256", KEY_TYPE_P256, key_type)
    if actual_tee != tee_type:
        raise _refused("tee_type", "a quote of another kind of TEE", tee_type, actual_tee)
    header.take(4)  # versions of QE and PCE in SGX quotes, reserved in TDX quotes; signed
    vendor = header.take(16)
    if vendor != INTEL_QE_VENDOR:
        raise _refused("vendor", "not by Intel's QE", INTEL_QE_VENDOR.hex(), vendor.hex())
    return version, header.take(20)


def _body_size(reader: _Reader, version: int) -> int:
    if version == 3:
        return ENCLAVE_REPORT_BYTES
    if version == 4:
        return TD_REPORT_10_BYTES
    kind, size = reader.number(2), reader.number(4)
    if kind not in BODY_SIZES:
        raise _refused("body_type", "an unknown kind of body", sorted(BODY_SIZES), kind)
    if size != BODY_SIZES[kind]:
        raise _refused("body_size", "the body has another size", BODY_SIZES[kind], size)
    return size


def _read_signature(reader: _Reader, version: int) -> QuoteSignature:
    signature, key = reader.take(64), reader.take(64)
    if version != 3:
        _read_certification(reader, CERTIFICATION_QE_REPORT, _OUTER)
    qe_report, qe_signature = reader.take(ENCLAVE_REPORT_BYTES), reader.take(64)
    auth_size = reader.number(2)
    if auth_size != QE_AUTH_DATA_BYTES:
        raise _refused("auth_data_size", "other QE data", QE_AUTH_DATA_BYTES, auth_size)
    auth_data = reader.take(auth_size)
    _read_certification(reader, CERTIFICATION_PCK_CHAIN, _INNER)
    return QuoteSignature(
        signature=signature,
        attestation_key=key,
        qe_report=qe_report,
        qe_signature=qe_signature,
        qe_auth_data=auth_data,
        pck_chain=reader.take(reader.left),
    )


_OUTER: Final = ("certification_type", "certification_size")
_INNER: Final = ("pck_certification_type", "pck_certification_size")


def _read_certification(reader: _Reader, wanted: int, codes: tuple[str, str]) -> None:
    """Read a head of certification data, whose content must be all that is left."""
    kind, size = reader.number(2), reader.number(4)
    if kind != wanted:
        raise _refused(codes[0], "another kind of certification data", wanted, kind)
    if size != reader.left:
        raise MalformedError(
            "certification data has another size than is said",
            code=f"dcap.quote.{codes[1]}",
            expected=reader.left,
            actual=size,
        )


def _refused(what: str, why: str, expected: object, actual: object) -> AttestationError:
    return AttestationError(
        f"the quote is refused: {why}",
        code=f"dcap.quote.{what}",
        expected=expected,
        actual=actual,
    )
