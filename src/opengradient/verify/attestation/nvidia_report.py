"""GPUs by their own reports: measurements that a GPU signed, under a certificate of NVIDIA's.

The document is what NVIDIA's tools call evidence and send to NVIDIA's service: ``{"arch",
"nonce", "evidence_list": [{"certificate", "evidence"}]}``, a chain in PEM and a report for each
GPU, both in base64. Here nobody's word is needed: the chain ends in NVIDIA's root, which the
policy names as a `TrustedRoot` of kind ``nvidia-gpu``.

What this does not tell: whether the measurements are those of good firmware, unless the policy
lists them (NVIDIA publishes references in another signed format, which is not read here); whether
the certificate was revoked (NVIDIA answers that online only); the mode of the GPU, which is part
of the measurements. A report has no time: it is fresh because it answers a nonce.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import NameOID

from opengradient.core.canonical import parse_json
from opengradient.core.claims import Status
from opengradient.core.devices import _SEAL, VerifiedDevice
from opengradient.core.digests import equal
from opengradient.core.evidence import NVIDIA, Evidence
from opengradient.core.spdm_report import DRIVER, FIRMWARE_ID, VBIOS, GpuReport, parse_report
from opengradient.errors import AttestationError, FreshnessError, MalformedError, SignatureError
from opengradient.verify._x509 import (
    NVIDIA_DEVICE,
    Certificate,
    parse_certificate,
    verify_chain,
)
from opengradient.verify.attestation._common import check_product
from opengradient.verify.platforms.nvidia import NvidiaPolicy
from opengradient.verify.policy import TrustPolicy
from opengradient.verify.signatures import verify_ecdsa_raw

MAX_GPUS: Final = 8
"""More do not fit into one document of 64 KiB; a node may show several documents."""

_ITEM: Final = {"certificate", "evidence"}
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----\n((?:[A-Za-z0-9+/]+={0,2}\n)+)-----END CERTIFICATE-----\n?"
)
_TCB_INFO: Final = x509.ObjectIdentifier("2.23.133.5.4.1")
_SHA384_FWID: Final = bytes.fromhex("06096086480165030402020430")
"""End of the extension: the OID of SHA-384 and the head of the 48 bytes behind it."""

_VERSION = re.compile(rb"[0-9A-Za-z._-]{1,31}\0?")


def verify_reports(
    evidence: Evidence, /, *, policy: TrustPolicy, now_ms: int, nonce: bytes | None = None
) -> tuple[VerifiedDevice, ...]:
    """Verify the reports of the GPUs of one machine.

    1. Nothing stands beside the document (``evidence.malformed``), which has chain and report for
       each of 1 to 8 GPUs (``gpu.structure``, ``gpu.spdm.certificates``, ``gpu.spdm.layout``).
    2. Every chain starts at a root that the policy trusts for GPUs (``policy.no_trust``,
       ``x509.root``) and leads to the GPU's certificate, valid now (``x509.*``).
    3. Every report is signed by that certificate's key (``gpu.spdm.signature_form``,
       ``gpu.spdm.signature``) and is of the firmware that the certificate was made for
       (``gpu.spdm.firmware_id``).
    4. Every report answers the nonce, where one was given (``gpu.nonce``).
    5. The measurements that the policy lists have its values (``gpu.spdm.measurement``).
    6. Every GPU has model and versions, and none stands twice (``gpu.identity``); they are those
       that the policy accepts (``gpu.model``, ``gpu.driver``, ``gpu.vbios``,
       ``attestation.revoked_product``).

    Args:
        evidence: The document.
        policy: What the caller accepts; it names NVIDIA's root.
        now_ms: The time to verify at, Unix milliseconds.
        nonce: The 32 bytes that the reports must answer; None compares them with nothing.

    Returns:
        The GPUs, named by their place in the list.

    Raises:
        VerificationError: A step failed; the code says which.
    """
    if evidence.collateral or evidence.runtime_data:
        raise MalformedError("a GPU's evidence is a document alone", code="evidence.malformed")
    check = _Check(evidence, policy, now_ms, nonce)
    devices = tuple(
        check.gpu(f"GPU-{place}", chain, report)
        for place, (chain, report) in enumerate(_parse(evidence.document))
    )
    if len({device.identity for device in devices}) != len(devices):
        raise AttestationError("one GPU stands under two names", code="gpu.identity")
    return devices


def inspect_reports(document: bytes) -> dict[str, Any]:
    """Read the reports without verifying them: anybody can write some.

    Args:
        document: The document as received.

    Returns:
        Nonce, measurements and versions of every GPU; ``verified`` is always False.

    Raises:
        VerificationError: It has not the form of such a document.
    """
    reports = [parse_report(report) for _, report in _parse(document)]
    return {
        "verified": False,
        "gpus": [
            {
                "nonce": report.nonce.hex(),
                "measurements": {str(i): value.hex() for i, value in report.blocks.items()},
                "opaque": {str(kind): value.hex() for kind, value in report.opaque.items()},
            }
            for report in reports
        ],
    }


def _parse(document: bytes) -> list[tuple[list[bytes], bytes]]:
    """Take the document apart: a chain in DER, the GPU's first, and a report for each GPU."""
    try:
        value = parse_json(document, what="GPU evidence")
    except MalformedError as error:
        raise _structure(error.message) from error
    match value:
        case {"arch": str(), "nonce": str(), "evidence_list": list(items)} if len(value) == 3:
            pass
        case _:
            raise _structure("not arch, nonce and evidence_list")
    if not 1 <= len(items) <= MAX_GPUS:
        raise _structure(f"not 1 to {MAX_GPUS} GPUs")
    return [_parse_item(item) for item in items]


def _parse_item(item: Any) -> tuple[list[bytes], bytes]:
    if not isinstance(item, dict) or item.keys() != _ITEM:
        raise _structure("a GPU has certificate and evidence")
    chain, report = (_decode(item[name]) for name in ("certificate", "evidence"))
    text = chain.decode("ascii", "replace")
    certificates = _PEM.findall(text)
    if not certificates or _PEM.sub("", text):
        raise MalformedError("not a chain in PEM", code="gpu.spdm.certificates")
    return [_der(body) for body in certificates], report


def _decode(text: Any) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (AttributeError, ValueError) as error:
        raise _structure("not base64") from error


def _der(body: str) -> bytes:
    try:
        return base64.b64decode(body.replace("\n", ""), validate=True)
    except binascii.Error as error:
        raise MalformedError("not a chain in PEM", code="gpu.spdm.certificates") from error


@dataclass(frozen=True, slots=True)
class _Check:
    evidence: Evidence
    policy: TrustPolicy
    now_ms: int
    nonce: bytes | None

    def gpu(self, name: str, chain: list[bytes], data: bytes) -> VerifiedDevice:
        """Steps 1 to 6 for one GPU."""
        report = parse_report(data)  # step 1
        root = self.policy.root_for(NVIDIA, chain[-1])  # step 2
        presented = [parse_certificate(der, NVIDIA_DEVICE) for der in reversed(chain[:-1])]
        window = verify_chain(
            root.certificate, presented, profile=NVIDIA_DEVICE, now_ms=self.now_ms
        )
        leaf = presented[-1]
        _check_signature(report, leaf.key)  # step 3
        _check_firmware_id(report, leaf)
        self._check_nonce(report)  # step 4
        settings = self.policy.platform(NvidiaPolicy)
        _check_blocks(report, settings)  # step 5
        device = VerifiedDevice(
            kind=NVIDIA,
            name=name,
            model=_model(leaf),
            identity=str(int.from_bytes(leaf.shape.serial)),
            versions=MappingProxyType({"driver": _driver(report), "vbios": _vbios(report)}),
            source=f"device certificate, root {root.name!r}",
            evidence_digest=self.evidence.digest(),
            issued_at_ms=None,
            valid_from_ms=window.from_ms,
            valid_until_ms=window.until_ms,
            nonce_checked=self.nonce is not None,
            status=Status.PROVEN,
            note=f"{len(settings.measurements)} of its measurements compared with the policy's",
            seal=_SEAL,
        )
        settings.check(device.name, device.model, device.versions)  # step 6
        check_product(NVIDIA, device.model, self.policy)
        return device

    def _check_nonce(self, report: GpuReport) -> None:
        if self.nonce is not None and not equal(report.nonce, self.nonce):
            raise FreshnessError(
                "the GPU's report does not answer the nonce",
                code="gpu.nonce",
                expected=self.nonce.hex(),
                actual=report.nonce.hex(),
            )


def _check_signature(report: GpuReport, key: ec.EllipticCurvePublicKey) -> None:
    try:
        verify_ecdsa_raw(key, report.signature, report.signed, hash_type=SHA384)
    except SignatureError as error:
        if error.code == "signature.range":
            raise MalformedError(
                "r or s is out of range", code="gpu.spdm.signature_form"
            ) from error
        raise AttestationError(
            "the report is not signed by the GPU's certificate", code="gpu.spdm.signature"
        ) from error


def _check_firmware_id(report: GpuReport, leaf: Certificate) -> None:
    reported = report.opaque.get(FIRMWARE_ID, b"")
    certified = b""
    for extension in leaf.extensions:
        if extension.oid == _TCB_INFO and isinstance(extension.value, x509.UnrecognizedExtension):
            certified = extension.value.value
    if len(reported) != 48 or not certified.endswith(_SHA384_FWID + reported):
        raise AttestationError(
            "the report is of other firmware than the GPU's certificate",
            code="gpu.spdm.firmware_id",
            expected=certified[-48:].hex(),
            actual=reported.hex(),
        )


def _check_blocks(report: GpuReport, settings: NvidiaPolicy) -> None:
    for index, accepted in settings.measurements:
        value = report.blocks.get(index, b"").hex()
        if value not in accepted:
            raise AttestationError(
                f"measurement {index} is not what the policy accepts",
                code="gpu.spdm.measurement",
                expected=sorted(accepted),
                actual=value,
            )


def _model(leaf: Certificate) -> str:
    """The name of the GPU's identity, which NVIDIA's service calls ``hwmodel``."""
    names = leaf.parsed.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str) or not names[0].value:
        raise _identity("its certificate names no model")
    return names[0].value


def _driver(report: GpuReport) -> str:
    value = report.opaque.get(DRIVER, b"")
    if not _VERSION.fullmatch(value):
        raise _identity("its report names no driver")
    return value.rstrip(b"\0").decode()


def _vbios(report: GpuReport) -> str:
    """Eight bytes, two little-endian words: 009f0096 01000000 is 96.00.9F.00.01."""
    value = report.opaque.get(VBIOS, b"")
    if len(value) != 8 or any(value[5:]):
        raise _identity("its report names no VBIOS")
    return ".".join(f"{byte:02X}" for byte in (*reversed(value[:4]), value[4]))


def _identity(why: str) -> MalformedError:
    return MalformedError(f"the GPU cannot be named: {why}", code="gpu.identity")


def _structure(why: str) -> MalformedError:
    return MalformedError(f"not the reports of GPUs: {why}", code="gpu.structure")
