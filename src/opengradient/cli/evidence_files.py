"""What people have on disk: documents in every wrapping, and what belongs beside them."""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from opengradient.core.canonical import parse_json, parse_json_object
from opengradient.core.collateral import MAX_COLLATERAL_BYTES, Collateral
from opengradient.core.evidence import (
    GCP,
    MAA,
    MAX_DOCUMENT_BYTES,
    NITRO,
    NVIDIA,
    SGX,
    SNP,
    SOFTWARE,
    TDX,
    Evidence,
)
from opengradient.errors import CertificateChainError, ConfigurationError, MalformedError
from opengradient.verify._tbs import common_names, read_certificate
from opengradient.verify.attestation.intel_collateral import collateral_from_json, split_signed
from opengradient.verify.trust import SIMULATION_MARK
from opengradient.wire.settlement import decode_evidence

KINDS: Final = {
    "nitro": NITRO,
    "software": SOFTWARE,
    "tdx": TDX,
    "sgx": SGX,
    "snp": SNP,
    "gcp": GCP,
    "maa": MAA,
    "nvidia": NVIDIA,
}
"""What people type, and the kind of evidence that it means."""

_SNP_REPORT_BYTES: Final = 1184
_HEX = re.compile(rb"[0-9a-fA-F]+")
_TOKEN = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_TEES: Final = {(3, 0): SGX, (4, 0x81): TDX, (5, 0x81): TDX}
"""Version and TEE type, where a quote of Intel's starts."""


def read_evidence(data: bytes, kind: str | None) -> tuple[Evidence, bool]:
    """Evidence from a file: the document, its base64 or hex, or the JSON of a node's endpoint.

    Args:
        data: The file.
        kind: What the caller says it is; None finds it out.

    Returns:
        The evidence, and whether its kind was found out from its content.

    Raises:
        MalformedError: None of these, or of another kind than `kind`.
    """
    text = data.strip()
    if text.startswith(b"{"):
        limit = 4 * (MAX_DOCUMENT_BYTES + MAX_COLLATERAL_BYTES)
        value = parse_json_object(text, what="the evidence", max_bytes=limit)
        if "evidence_list" in value and kind in (None, NVIDIA):
            return Evidence(kind=NVIDIA, document=text), kind is None
        found = decode_evidence(value)
        if kind is not None and found.kind != kind:
            raise MalformedError(
                "the file holds evidence of another kind", expected=kind, actual=found.kind
            )
        return found, False
    document = _unwrapped(data, text)
    if kind is not None:
        return Evidence(kind=kind, document=document), False
    detected = detect_kind(document)
    if detected is None:
        raise MalformedError(
            "the file looks like no kind of evidence that is known; name it with --kind",
            code="evidence.malformed",
        )
    return Evidence(kind=detected, document=document), True


def detect_kind(document: bytes) -> str | None:
    """Guess the kind of a document from how it starts. A guess proves nothing.

    Args:
        document: The document itself.

    Returns:
        The kind; None where it is like none that is known.
    """
    if document[:1] == b"\x84" or document[:2] == b"\xd2\x84":
        return SOFTWARE if SIMULATION_MARK in document else NITRO
    if len(document) == _SNP_REPORT_BYTES:
        return SNP
    head = int.from_bytes(document[:2], "little"), int.from_bytes(document[4:8], "little")
    if len(document) > 48 and head in _TEES:
        return _TEES[head]
    if document.lstrip()[:1] == b"[":
        return NVIDIA
    return _kind_of_token(document.strip())


def _kind_of_token(document: bytes) -> str | None:
    if not _TOKEN.fullmatch(document):
        return None
    payload = document.split(b".")[1]
    try:
        claims = parse_json(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (binascii.Error, MalformedError):
        return None
    if not isinstance(claims, dict):
        return None
    if "x-ms-attestation-type" in claims:
        return MAA
    if any(name.startswith("x-nvidia-") for name in claims):
        return NVIDIA
    return GCP if "confidentialcomputing" in str(claims.get("iss")) else None


def _unwrapped(data: bytes, text: bytes) -> bytes:
    joined = b"".join(text.split())
    if _HEX.fullmatch(joined) and len(joined) % 2 == 0:
        return bytes.fromhex(joined.decode())
    if _TOKEN.fullmatch(text):
        return text
    try:
        return base64.b64decode(joined, validate=True)
    except binascii.Error:
        return data


def read_collateral(paths: Iterable[Path], kind: str) -> Collateral:
    """Collateral from files, each known by its content.

    Taken are: collateral as JSON (names to base64, or the form that dcap-qvl writes); the bodies
    that Intel's service answers; certificates and chains, in PEM or DER; revocation lists in DER
    or hex.

    Args:
        paths: The files.
        kind: Kind of the evidence that it belongs to.

    Raises:
        ConfigurationError: A file is none of these.
    """
    items: dict[str, bytes] = {}
    for path in paths:
        try:
            found = _items(path.read_bytes(), kind)
        except MalformedError as error:
            raise ConfigurationError(f"{path}: {error.message}", code=error.code) from error
        if not found:
            raise ConfigurationError(f"{path} is no collateral that evidence of {kind} has")
        items |= found
    return Collateral.of(items)


def _items(data: bytes, kind: str) -> dict[str, bytes]:
    text = data.strip()
    if text.startswith(b"{"):
        return _items_of_json(text)
    if text.startswith(b"-----BEGIN CERTIFICATE"):
        return _items_of_chain(certificates(text), text + b"\n", kind)
    der = bytes.fromhex(text.decode()) if _is_hex(text) else data
    try:
        read_certificate(der)
    except CertificateChainError:
        return _item_of_list(der)
    return _items_of_chain([der], b"", kind)


def _items_of_json(text: bytes) -> dict[str, bytes]:
    raw = parse_json_object(text, what="collateral", max_bytes=4 * MAX_COLLATERAL_BYTES)
    for member, name in (("tcbInfo", "tcb_info"), ("enclaveIdentity", "qe_identity")):
        if member in raw:
            signed, signature = split_signed(text, member)
            return {name: signed, f"{name}_signature": signature}
    if str(raw.get("tcb_info", "")).startswith("{"):
        return dict(collateral_from_json(text).items)
    try:
        return {name: base64.b64decode(value, validate=True) for name, value in raw.items()}
    except (binascii.Error, TypeError, ValueError) as error:
        raise MalformedError(f"not collateral in JSON: {error}") from error


def certificates(text: bytes) -> list[bytes]:
    """The certificates in PEM text, as DER.

    Raises:
        MalformedError: What stands between the marks is not base64.
    """
    try:
        return [
            base64.b64decode(b"".join(body.split()), validate=True) for body in _PEM.findall(text)
        ]
    except binascii.Error as error:
        raise MalformedError("not certificates in PEM") from error


def _items_of_chain(chain: list[bytes], pem: bytes, kind: str) -> dict[str, bytes]:
    names = [_subject(der) for der in chain]
    if kind == SNP:
        found = ((_amd_item(name), der) for name, der in zip(names, chain, strict=True))
        return {item: der for item, der in found if item is not None}
    joined = " ".join(names)
    if "TCB Signing" in joined:
        return {"tcb_info_issuer_chain": pem, "qe_identity_issuer_chain": pem}
    return {"pck_crl_issuer_chain": pem} if " PCK " in joined else {}


def _amd_item(name: str) -> str | None:
    """The item that an AMD certificate is, by its subject; None for an ARK, which is a root."""
    if name in ("SEV-VCEK", "SEV-VLEK"):
        return name.removeprefix("SEV-").lower()
    if name.startswith("SEV-VLEK-"):
        return "asvk"
    return "ask" if name.startswith("SEV-") else None


def _subject(der: bytes) -> str:
    try:
        return " ".join(common_names(read_certificate(der).subject))
    except CertificateChainError as error:
        raise MalformedError(error.message) from error


def _item_of_list(der: bytes) -> dict[str, bytes]:
    """A revocation list, known by the name of its issuer."""
    head = der[:256]
    for mark, item in (
        (b"Intel SGX PCK", "pck_crl"),
        (b"Intel SGX Root", "root_ca_crl"),
        (b"ARK-", "crl"),
    ):
        if mark in head:
            return {item: der}
    return {}


def _is_hex(text: bytes) -> bool:
    return len(text) % 2 == 0 and _HEX.fullmatch(text) is not None


def collateral_json(collateral: Collateral) -> str:
    """Collateral as JSON, as `read_collateral` reads it."""
    encoded: dict[str, Any] = {
        name: base64.b64encode(data).decode() for name, data in collateral.items
    }
    return json.dumps(encoded, indent=1)
