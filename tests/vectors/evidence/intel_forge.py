"""An Intel of our own: root, authorities, a platform, its quotes, and what is signed about it.

`Case` describes one quote with its collateral; everything in it is right unless a field says
otherwise, and whatever is changed is signed again by its right signer, so that a case breaks one
rule and no other. Keys are derived from names and signatures are deterministic: the output is
byte-stable.
"""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from opengradient.core.digests import sha256, sha384
from opengradient.core.intel_reports import EnclaveReport, TdReport
from opengradient.core.tdx_quote import INTEL_QE_VENDOR, QuoteSignature
from opengradient.verify.attestation.dcap import ITEMS

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_780_272_000_000
"""2026-06-01T00:00:00Z."""

FMSPC, PCE_ID = bytes.fromhex("90c06f000000"), bytes(2)
SVNS = (3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0)
PCE_SVN = 11
TEE_SVNS = (5, 1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
AUTH_DATA = bytes(range(32))
SGX_OID = x509.ObjectIdentifier("1.2.840.113741.1.13.1")

Patch = Callable[[bytes], bytes]
Edit = Callable[[dict[str, Any]], None]


def same(data: bytes) -> bytes:
    return data


def unedited(raw: dict[str, Any]) -> None:
    """Leave it."""


@cache
def key(name: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """The key of a name; never zero, and below the order of either curve."""
    seed = int.from_bytes(sha256(b"opengradient intel forge " + name.encode())) >> 1
    return ec.derive_private_key(seed | 1, curve())


def point(private: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = private.public_key().public_numbers()
    return numbers.x.to_bytes(32) + numbers.y.to_bytes(32)


def sign(private: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Raw r and s."""
    made = private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(made)
    return r.to_bytes(32) + s.to_bytes(32)


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def iso(ms: int) -> str:
    return at(ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, text),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OpenGradient test vectors"),
        ]
    )


def usage(**set_: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: set_.get(name, False) for name in names})


ISSUES = usage(key_cert_sign=True, crl_sign=True)
SIGNS = usage(digital_signature=True, content_commitment=True)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One certificate, and every way to make it wrong."""

    slot: str
    subject: str
    issuer: str
    issuer_name: str
    ca: bool = True
    constraints: bool = True
    path_length: int | None = None
    usage: x509.KeyUsage | None = ISSUES
    serial: int = 0x0100
    start_ms: int = NOW - 1000 * DAY
    end_ms: int = NOW + 1000 * DAY
    curve: type[ec.EllipticCurve] = ec.SECP256R1
    hash_type: type[HashAlgorithm] = SHA256
    extension: bytes | None = None
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    subject_key: bool = True
    authority_key: str | None = None
    signed_by: str | None = None
    patch: Patch = same


ROOT_NAME, CA_NAME = "Intel SGX Root CA", "Intel SGX PCK Platform CA"
SPECS = {
    "root": Spec(
        slot="root", subject=ROOT_NAME, issuer="root", issuer_name=ROOT_NAME, path_length=1
    ),
    "ca": Spec(
        slot="ca",
        subject=CA_NAME,
        issuer="root",
        issuer_name=ROOT_NAME,
        path_length=0,
        serial=0x0200,
    ),
    "pck": Spec(
        slot="pck",
        subject="Intel SGX PCK Certificate",
        issuer="ca",
        issuer_name=CA_NAME,
        ca=False,
        usage=SIGNS,
        serial=0x0300,
    ),
    "signer": Spec(
        slot="signer",
        subject="Intel SGX TCB Signing",
        issuer="root",
        issuer_name=ROOT_NAME,
        ca=False,
        usage=SIGNS,
        serial=0x0400,
    ),
}


def certificate(spec: Spec) -> bytes:
    public = key(spec.slot, spec.curve).public_key()
    authority = key(spec.authority_key or spec.issuer).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(spec.subject))
        .issuer_name(name(spec.issuer_name))
        .public_key(public)
        .serial_number(spec.serial)
        .not_valid_before(at(spec.start_ms))
        .not_valid_after(at(spec.end_ms))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False
        )
    )
    if spec.subject_key:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(identifier, critical=False)
    if spec.constraints:
        length = spec.path_length if spec.ca else None
        builder = builder.add_extension(x509.BasicConstraints(spec.ca, length), critical=True)
    if spec.usage is not None:
        builder = builder.add_extension(spec.usage, critical=True)
    if spec.extension is not None:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(SGX_OID, spec.extension), critical=False
        )
    for extension, critical in spec.extra:
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(
        key(spec.signed_by or spec.issuer), spec.hash_type(), ecdsa_deterministic=True
    )
    return spec.patch(made.public_bytes(Encoding.DER))


@dataclass(frozen=True, kw_only=True)
class CrlSpec:
    """One revocation list."""

    issuer: str
    issuer_name: str
    revoked: tuple[int, ...] = (0x9999,)
    start_ms: int = NOW - DAY
    end_ms: int = NOW + 29 * DAY
    hash_type: type[HashAlgorithm] = SHA256
    signed_by: str | None = None
    authority_key: str | None = None
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    patch: Patch = same


CRLS = {
    "root_ca_crl": CrlSpec(issuer="root", issuer_name=ROOT_NAME, end_ms=NOW + 300 * DAY),
    "pck_crl": CrlSpec(issuer="ca", issuer_name=CA_NAME),
}


def revocation_list(spec: CrlSpec) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name(spec.issuer_name))
        .last_update(at(spec.start_ms))
        .next_update(at(spec.end_ms))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                key(spec.authority_key or spec.issuer).public_key()
            ),
            critical=False,
        )
    )
    for serial in spec.revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(serial)
            .revocation_date(at(spec.start_ms))
            .build()
        )
    for extension, critical in spec.extra:
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(
        key(spec.signed_by or spec.issuer), spec.hash_type(), ecdsa_deterministic=True
    )
    return spec.patch(made.public_bytes(Encoding.DER))


def tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    size = len(body)
    if size < 0x80:
        head = bytes((size,))
    else:
        head = b"\x81" + bytes((size,)) if size < 0x100 else b"\x82" + size.to_bytes(2)
    return bytes((tag,)) + head + body


def integer(number: int) -> bytes:
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, signed=True))


ARC = bytes.fromhex("2a864886f84d010d01")


def pair(path: tuple[int, ...], value: bytes) -> bytes:
    return tlv(0x30, tlv(0x06, ARC + bytes(path)), value)


def pck_fields() -> dict[str, Any]:
    """The fields of the SGX extension, to be changed; see `pck_extension`."""
    return {
        "ppid": tlv(0x04, b"\x11" * 16),
        "tcb": [
            *(integer(svn) for svn in SVNS),
            integer(PCE_SVN),
            tlv(0x04, bytes(SVNS)),
        ],
        "pce_id": tlv(0x04, PCE_ID),
        "fmspc": tlv(0x04, FMSPC),
        "type": tlv(0x0A, b"\x01"),
        "instance": tlv(0x04, b"\x22" * 16),
        "configuration": tlv(
            0x30, *(pair((7, number), tlv(0x01, b"\xff")) for number in (1, 2, 3))
        ),
        "tail": b"",
    }


def pck_extension(fields: Mapping[str, Any]) -> bytes:
    tcb = tlv(0x30, *(pair((2, n), value) for n, value in enumerate(fields["tcb"], 1)))
    values = {**fields, "tcb": tcb}
    order = ("ppid", "tcb", "pce_id", "fmspc", "type", "instance", "configuration")
    return (
        tlv(
            0x30,
            *(pair((n,), values[name]) for n, name in enumerate(order, 1) if values[name]),
            values.get("more", b""),
        )
        + fields["tail"]
    )


def level(status: str, *, tdx: bool, lower: int = 0, **changes: Any) -> dict[str, Any]:
    """A platform's level; `lower` takes from every version."""

    def components(svns: tuple[int, ...]) -> list[dict[str, Any]]:
        return [{"svn": max(0, svn - lower)} for svn in svns]

    tcb: dict[str, Any] = {"sgxtcbcomponents": components(SVNS), "pcesvn": PCE_SVN - lower}
    if tdx:
        tcb["tdxtcbcomponents"] = components(TEE_SVNS)
    return {"tcb": tcb, "tcbDate": "2026-03-11T00:00:00Z", "tcbStatus": status, **changes}


def svn_level(svn: int, status: str, **changes: Any) -> dict[str, Any]:
    date = "2026-03-11T00:00:00Z"
    return {"tcb": {"isvsvn": svn}, "tcbDate": date, "tcbStatus": status, **changes}


def tcb_info(*, tdx: bool) -> dict[str, Any]:
    module = {
        "mrsigner": "00" * 48,
        "attributes": "00" * 8,
        "attributesMask": "FF" * 8,
    }
    levels = [svn_level(5, "UpToDate"), svn_level(2, "OutOfDate")]
    return {
        "id": "TDX" if tdx else "SGX",
        "version": 3,
        "issueDate": iso(NOW - DAY),
        "nextUpdate": iso(NOW + 28 * DAY),
        "fmspc": FMSPC.hex().upper(),
        "pceId": PCE_ID.hex(),
        "tcbType": 0,
        "tcbEvaluationDataNumber": 19,
        **({"tdxModule": module} if tdx else {}),
        **(
            {"tdxModuleIdentities": [{"id": "TDX_01", **module, "tcbLevels": levels}]}
            if tdx
            else {}
        ),
        "tcbLevels": [
            level("UpToDate", tdx=tdx),
            level("OutOfDate", tdx=tdx, lower=1, advisoryIDs=["INTEL-SA-01036"]),
        ],
    }


def qe_identity(*, tdx: bool) -> dict[str, Any]:
    return {
        "id": "TD_QE" if tdx else "QE",
        "version": 2,
        "issueDate": iso(NOW - DAY),
        "nextUpdate": iso(NOW + 28 * DAY),
        "tcbEvaluationDataNumber": 19,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": sha256(b"qe signer").hex().upper(),
        "isvprodid": 2 if tdx else 1,
        "tcbLevels": [
            svn_level(6, "UpToDate"),
            svn_level(4, "OutOfDate", advisoryIDs=["INTEL-SA-00615"]),
        ],
    }


def td_report(*, service: bool = False) -> TdReport:
    return TdReport(
        tee_tcb_svn=bytes(TEE_SVNS),
        mr_seam=sha384(b"tdx module"),
        mr_signer_seam=bytes(48),
        seam_attributes=bytes(8),
        td_attributes=(1 << 28).to_bytes(8, "little"),
        xfam=0x602E7.to_bytes(8, "little"),
        mr_td=sha384(b"firmware"),
        mr_config_id=sha384(b"configuration"),
        mr_owner=sha384(b"owner"),
        mr_owner_config=sha384(b"owner's configuration"),
        rtmr0=sha384(b"0"),
        rtmr1=sha384(b"1"),
        rtmr2=sha384(b"2"),
        rtmr3=bytes(48),
        report_data=b"\x5a" * 64,
        tee_tcb_svn2=bytes(TEE_SVNS) if service else None,
        mr_service_td=bytes(48) if service else None,
    )


def enclave_report() -> EnclaveReport:
    return EnclaveReport(
        cpu_svn=bytes(16),
        misc_select=bytes(4),
        isv_ext_prod_id=bytes(16),
        attributes=bytes.fromhex("0500000000000000e700000000000000"),
        mr_enclave=sha256(b"enclave"),
        mr_signer=sha256(b"signer"),
        config_id=bytes(64),
        isv_prod_id=7,
        isv_svn=3,
        config_svn=0,
        isv_family_id=bytes(16),
        report_data=b"\x5a" * 64,
    )


def qe_report(*, tdx: bool) -> EnclaveReport:
    return dataclasses.replace(
        enclave_report(),
        attributes=bytes.fromhex("1500000000000000e700000000000000"),
        mr_enclave=sha256(b"qe"),
        mr_signer=sha256(b"qe signer"),
        isv_prod_id=2 if tdx else 1,
        isv_svn=6,
        report_data=sha256(point(key("attestation")) + AUTH_DATA) + bytes(32),
    )


def pem(chain: list[bytes]) -> bytes:
    """PEM as Intel writes it, by other means than the verifier's."""
    parts = []
    for der in chain:
        body = base64.b64encode(der).decode()
        lines = [body[i : i + 64] for i in range(0, len(body), 64)]
        parts.append("-----BEGIN CERTIFICATE-----\n" + "\n".join(lines))
    return ("\n-----END CERTIFICATE-----\n".join([*parts, ""])).encode()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One quote with its collateral; see the module.

    Fields named ``…_patch`` change bytes before they are signed; ``signature``, ``document`` and
    ``items`` change what is there when everything is signed.
    """

    tdx: bool = True
    version: int = 4
    body: int = 2
    report: Mapping[str, Any] = field(default_factory=dict)
    header_patch: Patch = same
    descriptor_patch: Patch = same
    report_patch: Patch = same
    quote_key: str = "attestation"
    qe: Mapping[str, Any] = field(default_factory=dict)
    qe_patch: Patch = same
    qe_key: str = "pck"
    certificates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pck: Edit = unedited
    bare_pck: bool = False
    chain: Callable[[list[bytes]], list[bytes]] = list
    chain_pem: Patch = same
    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tcb: Edit = unedited
    tcb_patch: Patch = same
    identity: Edit = unedited
    identity_patch: Patch = same
    signature: Mapping[str, Any] = field(default_factory=dict)
    signature_data: Patch = same
    document: Patch = same
    items: Mapping[str, Any] = field(default_factory=dict)

    def cert(self, slot: str) -> bytes:
        """A certificate of this case's chains."""
        spec = dataclasses.replace(SPECS[slot], **self.certificates.get(slot, {}))
        if slot == "pck" and not self.bare_pck and spec.extension is None:
            fields = pck_fields()
            self.pck(fields)
            spec = dataclasses.replace(spec, extension=pck_extension(fields))
        return certificate(spec)

    def signed(self) -> bytes:
        """Header and report."""
        header = self.header_patch(
            self.version.to_bytes(2, "little")
            + (2).to_bytes(2, "little")
            + (0x81 if self.tdx else 0).to_bytes(4, "little")
            + bytes(4)
            + INTEL_QE_VENDOR
            + b"\x33" * 20
        )
        plain = td_report(service=self.body == 3) if self.tdx else enclave_report()
        report = self.report_patch(dataclasses.replace(plain, **self.report).encode())
        if self.version != 5:
            return header + report
        descriptor = self.body.to_bytes(2, "little") + len(report).to_bytes(4, "little")
        return header + self.descriptor_patch(descriptor) + report

    def quote(self) -> bytes:
        """The document."""
        signed = self.signed()
        report = self.qe_patch(dataclasses.replace(qe_report(tdx=self.tdx), **self.qe).encode())
        chain = self.chain([self.cert(slot) for slot in ("pck", "ca", "root")])
        fields: dict[str, Any] = {
            "signature": sign(key(self.quote_key), signed),
            "attestation_key": point(key("attestation")),
            "qe_report": report,
            "qe_signature": sign(key(self.qe_key), report),
            "qe_auth_data": AUTH_DATA,
            "pck_chain": self.chain_pem(pem(chain) + b"\0"),
        }
        fields |= {name: change(fields[name]) for name, change in self.signature.items()}
        data = self.signature_data(QuoteSignature(**fields).encode(self.version))
        return self.document(signed + len(data).to_bytes(4, "little") + data)

    def collateral(self) -> dict[str, bytes]:
        """The collateral's items."""
        tcb, identity = tcb_info(tdx=self.tdx), qe_identity(tdx=self.tdx)
        self.tcb(tcb)
        self.identity(identity)
        tcb_bytes = self.tcb_patch(json.dumps(tcb, separators=(",", ":")).encode())
        qe_bytes = self.identity_patch(json.dumps(identity, separators=(",", ":")).encode())
        signer = pem([self.cert("signer"), self.cert("root")])
        made = {
            "tcb_info": tcb_bytes,
            "tcb_info_signature": sign(key("signer"), tcb_bytes),
            "tcb_info_issuer_chain": signer,
            "qe_identity": qe_bytes,
            "qe_identity_signature": sign(key("signer"), qe_bytes),
            "qe_identity_issuer_chain": signer,
            "pck_crl_issuer_chain": pem([self.cert("ca"), self.cert("root")]),
            **{
                item: revocation_list(dataclasses.replace(spec, **self.lists.get(item, {})))
                for item, spec in CRLS.items()
            },
        }
        if made.keys() != ITEMS:
            raise AssertionError("the generator makes other items than the verifier wants")
        for item, change in self.items.items():
            changed = change(made.get(item, b""))
            if changed is None:
                del made[item]
            else:
                made[item] = changed
        return made
