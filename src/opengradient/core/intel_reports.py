"""What Intel hardware measures: the report of a trust domain and the report of an enclave.

Layouts: Intel, "TDX DCAP Quoting Library API" (TD Quote Body) for TDX 1.0 and 1.5, and "SGX ECDSA
Quote Library Reference" (Enclave Report Body); both repeat the hardware manuals. Numbers are
little-endian.
"""

from dataclasses import dataclass
from typing import Final

from opengradient.errors import MalformedError

TD_REPORT_10_BYTES: Final = 584
TD_REPORT_15_BYTES: Final = 648
ENCLAVE_REPORT_BYTES: Final = 384
REPORT_DATA_BYTES: Final = 64

_TD_FIELDS: Final = (
    ("tee_tcb_svn", 16),
    ("mr_seam", 48),
    ("mr_signer_seam", 48),
    ("seam_attributes", 8),
    ("td_attributes", 8),
    ("xfam", 8),
    ("mr_td", 48),
    ("mr_config_id", 48),
    ("mr_owner", 48),
    ("mr_owner_config", 48),
    ("rtmr0", 48),
    ("rtmr1", 48),
    ("rtmr2", 48),
    ("rtmr3", 48),
    ("report_data", 64),
    ("tee_tcb_svn2", 16),
    ("mr_service_td", 48),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdReport:
    """The report of a trust domain, as a quote carries it.

    Attributes:
        tee_tcb_svn: Versions of the TDX module and of what it stands on, 16 numbers.
        mr_seam: SHA-384 of the TDX module.
        mr_signer_seam: Who signed the TDX module; zero for Intel.
        seam_attributes: Attributes of the TDX module.
        td_attributes: Attributes of the domain, 8 bytes.
        xfam: Processor features that the domain may use, 8 bytes.
        mr_td: SHA-384 of the domain's first memory.
        mr_config_id: What its owner configured, opaque.
        mr_owner: Who owns it, opaque.
        mr_owner_config: What the owner wants of it, opaque.
        rtmr0: Run-time register 0, extended by the firmware.
        rtmr1: Run-time register 1, extended by the boot loader.
        rtmr2: Run-time register 2, extended by the system.
        rtmr3: Run-time register 3, extended by the guest.
        report_data: What the guest had signed, 64 bytes.
        tee_tcb_svn2: The versions now, after an update of the module; None in reports 1.0.
        mr_service_td: Measurement of service domains; None in reports 1.0.
    """

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn2: bytes | None = None
    mr_service_td: bytes | None = None

    @property
    def rtmrs(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four run-time registers."""
        return (self.rtmr0, self.rtmr1, self.rtmr2, self.rtmr3)

    def encode(self) -> bytes:
        """The report's bytes, 584 of them, or 648 where it is a report 1.5."""
        values = (getattr(self, name) for name, _ in _TD_FIELDS)
        return b"".join(value for value in values if value is not None)


def parse_td_report(data: bytes) -> TdReport:
    """Read a report 1.0 (584 bytes) or 1.5 (648 bytes)."""
    fields: dict[str, bytes] = {}
    offset = 0
    for name, size in _TD_FIELDS:
        if offset < len(data):
            fields[name] = data[offset : offset + size]
        offset += size
    return TdReport(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveReport:
    """The report of an SGX enclave.

    Attributes:
        cpu_svn: Version of processor and microcode, opaque, 16 bytes.
        misc_select: What is saved on an exception, 4 bytes.
        isv_ext_prod_id: Extended product id.
        attributes: Flags (8 bytes) and XFRM (8 bytes).
        mr_enclave: SHA-256 of the enclave's first memory.
        mr_signer: SHA-256 of its signer's key.
        config_id: What it was configured with, opaque, 64 bytes.
        isv_prod_id: Product number.
        isv_svn: Version of the product.
        config_svn: Version of the configuration.
        isv_family_id: Product family.
        report_data: What the enclave had signed, 64 bytes.
    """

    cpu_svn: bytes
    misc_select: bytes
    isv_ext_prod_id: bytes
    attributes: bytes
    mr_enclave: bytes
    mr_signer: bytes
    config_id: bytes
    isv_prod_id: int
    isv_svn: int
    config_svn: int
    isv_family_id: bytes
    report_data: bytes

    def encode(self) -> bytes:
        """The report's 384 bytes."""
        return b"".join(
            (
                self.cpu_svn,
                self.misc_select,
                bytes(12),
                self.isv_ext_prod_id,
                self.attributes,
                self.mr_enclave,
                bytes(32),
                self.mr_signer,
                bytes(32),
                self.config_id,
                self.isv_prod_id.to_bytes(2, "little"),
                self.isv_svn.to_bytes(2, "little"),
                self.config_svn.to_bytes(2, "little"),
                bytes(42),
                self.isv_family_id,
                self.report_data,
            )
        )


def parse_enclave_report(data: bytes) -> EnclaveReport:
    """Read a report of 384 bytes.

    Raises:
        MalformedError: Code ``dcap.quote.reserved``: reserved bytes are not zero.
    """
    report = EnclaveReport(
        cpu_svn=data[:16],
        misc_select=data[16:20],
        isv_ext_prod_id=data[32:48],
        attributes=data[48:64],
        mr_enclave=data[64:96],
        mr_signer=data[128:160],
        config_id=data[192:256],
        isv_prod_id=int.from_bytes(data[256:258], "little"),
        isv_svn=int.from_bytes(data[258:260], "little"),
        config_svn=int.from_bytes(data[260:262], "little"),
        isv_family_id=data[304:320],
        report_data=data[320:384],
    )
    if report.encode() != data:
        raise MalformedError(
            "reserved bytes of an enclave's report are not zero", code="dcap.quote.reserved"
        )
    return report
