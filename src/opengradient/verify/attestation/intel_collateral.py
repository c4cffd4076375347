"""Collateral of Intel quotes, from the forms in which it is served; and what to ask for."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from opengradient.core.canonical import parse_json_object
from opengradient.core.collateral import Collateral
from opengradient.core.tdx_quote import TEE_SGX, TEE_TDX, parse_quote
from opengradient.errors import MalformedError
from opengradient.verify._pem import read_pem_chain
from opengradient.verify._x509 import ECDSA_P256_SHA256, parse_certificate
from opengradient.verify.attestation._pck import pck_authority, read_pck_extension

MAX_RESPONSE_BYTES: Final = 128 * 1024

_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")
_TEXTS: Final = (
    "pck_crl_issuer_chain",
    "tcb_info_issuer_chain",
    "tcb_info",
    "qe_identity_issuer_chain",
    "qe_identity",
)
_HEX: Final = ("root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature")


def pck_facts(document: bytes) -> tuple[str, str]:
    """Say which collateral a quote needs. Nothing is verified.

    Args:
        document: A TDX or SGX quote.

    Returns:
        The FMSPC as 12 upper-case digits of hex, and the PCK's authority as Intel's service
        names it: ``"processor"`` or ``"platform"``.

    Raises:
        VerificationError: It is no quote, or its PCK certificate is not of Intel's form.
    """
    tee_type = TEE_TDX if document[4:8] == TEE_TDX.to_bytes(4, "little") else TEE_SGX
    quote = parse_quote(document, tee_type)
    chain = read_pem_chain(quote.signature.pck_chain, count=3, what="the PCK chain")
    pck, ca = (parse_certificate(der, ECDSA_P256_SHA256) for der in chain[:2])
    return read_pck_extension(pck).fmspc.hex().upper(), pck_authority(ca)


def collateral_from_intel(
    *,
    tcb_info: bytes,
    tcb_info_chain: str,
    qe_identity: bytes,
    qe_identity_chain: str,
    pck_crl: bytes,
    pck_crl_chain: str,
    root_ca_crl: bytes,
) -> Collateral:
    """Put together what Intel's Provisioning Certification Service v4 answers.

    Args:
        tcb_info: Body of ``/tcb``: ``{"tcbInfo":{…},"signature":"…"}``.
        tcb_info_chain: Its header ``TCB-Info-Issuer-Chain``, URL-encoded PEM.
        qe_identity: Body of ``/qe/identity``: ``{"enclaveIdentity":{…},"signature":"…"}``.
        qe_identity_chain: Its header ``SGX-Enclave-Identity-Issuer-Chain``.
        pck_crl: Body of ``/pckcrl?encoding=der``.
        pck_crl_chain: Its header ``SGX-PCK-CRL-Issuer-Chain``.
        root_ca_crl: Intel's root list in DER (``IntelSGXRootCA.der``).

    Raises:
        MalformedError: Code ``dcap.collateral.form``: a body is not of that form.
    """
    tcb, tcb_signature = split_signed(tcb_info, "tcbInfo")
    qe, qe_signature = split_signed(qe_identity, "enclaveIdentity")
    return Collateral.of(
        {
            "tcb_info": tcb,
            "tcb_info_signature": tcb_signature,
            "tcb_info_issuer_chain": unquote_to_bytes(tcb_info_chain),
            "qe_identity": qe,
            "qe_identity_signature": qe_signature,
            "qe_identity_issuer_chain": unquote_to_bytes(qe_identity_chain),
            "pck_crl": pck_crl,
            "pck_crl_issuer_chain": unquote_to_bytes(pck_crl_chain),
            "root_ca_crl": root_ca_crl,
        }
    )


def collateral_from_json(data: bytes) -> Collateral:
    """Read collateral in the JSON form of dcap-qvl: PEM and signed JSON as text, the rest as hex.

    Raises:
        MalformedError: Code ``dcap.collateral.form``, or ``format.*`` for what is no JSON.
    """
    raw = parse_json_object(data, what="collateral", max_bytes=2 * MAX_RESPONSE_BYTES)
    texts = {name: raw.get(name) for name in _TEXTS + _HEX}
    if not all(isinstance(value, str) and value.isascii() for value in texts.values()):
        raise _form("an item is missing, or is no text")
    try:
        return Collateral.of(
            {
                name: bytes.fromhex(str(value)) if name in _HEX else str(value).encode()
                for name, value in texts.items()
            }
        )
    except ValueError as error:
        raise _form("an item is not hex") from error


def split_signed(body: bytes, name: str) -> tuple[bytes, bytes]:
    """Cut the signed object out of a body, byte for byte: it must not be written anew.

    Args:
        body: What Intel's service answers, for example ``{"tcbInfo":{…},"signature":"…"}``.
        name: The object's name.

    Returns:
        The object as it stands, and its signature.

    Raises:
        MalformedError: Code ``dcap.collateral.form``, or ``format.*`` for what is no JSON.
    """
    raw = parse_json_object(body, what=name, max_bytes=MAX_RESPONSE_BYTES)
    signature = raw.get("signature")
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise _form(f"the body of {name} has no signature")
    head, tail = f'{{"{name}":'.encode(), f',"signature":"{signature}"}}'.encode()
    trimmed = body.strip()
    signed = trimmed[len(head) : -len(tail)]
    whole = head + signed + tail == trimmed and signed[:1] == b"{" and signed[-1:] == b"}"
    if not whole or raw.keys() != {name, "signature"}:
        raise _form(f"the body of {name} is not written as Intel writes it")
    return signed, bytes.fromhex(signature)


def _form(why: str) -> MalformedError:
    return MalformedError(f"not collateral: {why}", code="dcap.collateral.form")
