"""Where vendors keep collateral, and how their answers are read.

Intel: "Provisioning Certification Service API, version 4" (api.portal.trustedservices.intel.com).
AMD: publication 57230, "VCEK Certificate and KDS Interface Specification", chapter 4.
Nothing of the answers is believed here: each item is signed, and the verifiers check that.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import final
from urllib.parse import unquote_to_bytes

from cryptography import x509

from opengradient.errors import (
    CertificateChainError,
    ConfigurationError,
    MalformedError,
    ProtocolError,
)
from opengradient.transport.http import HttpResponse
from opengradient.verify._tbs import read_certificate
from opengradient.verify.attestation.intel_collateral import split_signed

Items = Mapping[str, bytes]

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")
_HEX = re.compile(rb"[0-9a-fA-F]+\s*")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing that a vendor's service has.

    Attributes:
        key: What it is, for caches.
        url: Where it is.
        read: Takes the items out of an answer.
        until: Until when items may be used, Unix milliseconds; raises where they do not say.
    """

    key: str
    url: str
    read: Callable[[HttpResponse], Items]
    until: Callable[[Items], int]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralServices:
    """The services, or mirrors of them. What they serve is signed, so a mirror cannot forge it.

    Attributes:
        intel_pcs: Base URL of Intel's Provisioning Certification Service, or of a PCCS.
        intel_root_crl: URL of the revocation list of Intel's root, as DER or (PCCS) as hex.
        amd_kds: Base URL of AMD's Key Distribution Service.
    """

    intel_pcs: str = "https://api.trustedservices.intel.com"
    intel_root_crl: str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    amd_kds: str = "https://kdsintf.amd.com"

    def __post_init__(self) -> None:
        """Refuse what is no URL of HTTP."""
        for url in (self.intel_pcs, self.intel_root_crl, self.amd_kds):
            if not url.startswith(("https://", "http://")) or "?" in url or "#" in url:
                raise ConfigurationError(f"not the URL of a collateral service: {url!r}")

    @classmethod
    def mirrored(
        cls, *, intel_pcs: str | None = None, amd_kds: str | None = None
    ) -> "CollateralServices":
        """The vendors themselves, but for those that have a mirror.

        Args:
            intel_pcs: Base URL of a PCCS, which also has the revocation list of Intel's root.
            amd_kds: Base URL of a mirror of AMD's service.
        """
        chosen = cls() if amd_kds is None else cls(amd_kds=amd_kds)
        if intel_pcs is None:
            return chosen
        root_crl = intel_pcs.rstrip("/") + "/sgx/certification/v4/rootcacrl"
        return replace(chosen, intel_pcs=intel_pcs, intel_root_crl=root_crl)


def intel_resources(
    services: CollateralServices, *, tee: str, fmspc: str, ca: str
) -> tuple[Resource, ...]:
    """What a TDX or SGX quote needs.

    Args:
        services: Where to ask.
        tee: ``"tdx"`` or ``"sgx"``.
        fmspc: Which platform, twelve hex digits, from the PCK certificate.
        ca: Which authority issued that: ``"platform"`` or ``"processor"``.
    """
    base = services.intel_pcs.rstrip("/")
    fmspc = fmspc.lower()
    return (
        Resource(
            key=f"intel/{tee}/tcb/{fmspc}",
            url=f"{base}/{tee}/certification/v4/tcb?fmspc={fmspc}",
            read=_signed("tcbInfo", "tcb_info", "tcb-info-issuer-chain"),
            until=_next_update("tcb_info"),
        ),
        Resource(
            key=f"intel/{tee}/qe",
            url=f"{base}/{tee}/certification/v4/qe/identity",
            read=_signed("enclaveIdentity", "qe_identity", "sgx-enclave-identity-issuer-chain"),
            until=_next_update("qe_identity"),
        ),
        Resource(
            key=f"intel/pckcrl/{ca}",
            url=f"{base}/sgx/certification/v4/pckcrl?ca={ca}&encoding=der",
            read=_pck_crl,
            until=_crl_until("pck_crl"),
        ),
        Resource(
            key="intel/rootcrl",
            url=services.intel_root_crl,
            read=lambda answer: {"root_ca_crl": _crl(answer)},
            until=_crl_until("root_ca_crl"),
        ),
    )


def amd_resources(
    services: CollateralServices, *, signer: str, product: str, chain_path: str, crl_path: str
) -> tuple[Resource, ...]:
    """What every SEV-SNP report of a product line needs: the issuer, and its revocation list.

    Args:
        services: Where to ask.
        signer: ``"vcek"`` or ``"vlek"``.
        product: The product line.
        chain_path: Path of the chain.
        crl_path: Path of the list.
    """
    base = services.amd_kds.rstrip("/")
    issuer = {"vcek": "ask", "vlek": "asvk"}[signer]
    return (
        Resource(
            key=f"amd/{signer}/{product}/chain",
            url=base + chain_path,
            read=lambda answer: {issuer: _first_of_chain(answer)},
            until=_certificate_until(issuer),
        ),
        Resource(
            key=f"amd/{signer}/{product}/crl",
            url=base + crl_path,
            read=lambda answer: {"crl": _crl(answer)},
            until=_crl_until("crl"),
        ),
    )


def amd_vcek(services: CollateralServices, path: str) -> Resource:
    """The certificate of one chip at one TCB: it never changes.

    Args:
        services: Where to ask.
        path: Path and query of it.
    """
    return Resource(
        key=f"amd{path}",
        url=services.amd_kds.rstrip("/") + path,
        read=lambda answer: {"vcek": answer.body},
        until=_certificate_until("vcek"),
    )


def _signed(member: str, name: str, header: str) -> Callable[[HttpResponse], Items]:
    """Reads ``{"tcbInfo":{…},"signature":"…"}``: the signature covers the member's exact text."""

    def read(answer: HttpResponse) -> Items:
        try:
            signed, signature = split_signed(answer.body, member)
        except MalformedError as error:
            raise malformed(error.message) from error
        return {
            name: signed,
            f"{name}_signature": signature,
            f"{name}_issuer_chain": _issuer_chain(answer, header),
        }

    return read


def _issuer_chain(answer: HttpResponse, header: str) -> bytes:
    """A chain in PEM, URL-encoded in a header."""
    value = answer.headers.get(header)
    chain = unquote_to_bytes(value) if value is not None else b""
    if _PEM.sub(b"", chain) or not chain:
        raise malformed(f"no certificates in the header {header}")
    return chain


def _pck_crl(answer: HttpResponse) -> Items:
    chain = _issuer_chain(answer, "sgx-pck-crl-issuer-chain")
    return {"pck_crl": _crl(answer), "pck_crl_issuer_chain": chain}


def _crl(answer: HttpResponse) -> bytes:
    """A revocation list, as DER or as hex of it."""
    data = answer.body
    if _HEX.fullmatch(data):
        try:
            data = bytes.fromhex(data.decode())
        except ValueError as error:
            raise malformed("a revocation list in half a byte") from error
    _next_of_crl(data)
    return data


def _first_of_chain(answer: HttpResponse) -> bytes:
    found = _PEM.findall(answer.body)
    if len(found) != 2 or _PEM.sub(b"", answer.body):
        raise malformed("no chain of two certificates in PEM")
    try:
        return base64.b64decode(b"".join(found[0].split()), validate=True)
    except binascii.Error as error:
        raise malformed("no certificate in PEM") from error


def _next_update(name: str) -> Callable[[Items], int]:
    def until(items: Items) -> int:
        try:
            value = json.loads(items[name])["nextUpdate"]
            moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise malformed(f"{name} has no nextUpdate") from error
        return int(moment.timestamp()) * 1000

    return until


def _certificate_until(name: str) -> Callable[[Items], int]:
    def until(items: Items) -> int:
        try:
            return read_certificate(items.get(name, b"")).until_ms
        except CertificateChainError as error:
            raise malformed(f"{name} is no certificate in DER") from error

    return until


def _crl_until(name: str) -> Callable[[Items], int]:
    return lambda items: _next_of_crl(items.get(name, b""))


def _next_of_crl(data: bytes) -> int:
    try:
        end = x509.load_der_x509_crl(data).next_update_utc
    except ValueError as error:
        raise malformed("no revocation list in DER") from error
    if end is None:
        raise malformed("a revocation list that does not say when the next one comes")
    return int(end.timestamp()) * 1000


def malformed(why: str) -> ProtocolError:
    """The error for an answer that is none."""
    return ProtocolError(
        f"a collateral service answered with something else: {why}", code="collateral.malformed"
    )
