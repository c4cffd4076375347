"""Intel's two revocation lists: the root's own, and that of the PCK's authority."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from opengradient.errors import CertificateChainError
from opengradient.verify._crl import RevocationList, open_crl
from opengradient.verify._pem import read_pem_chain
from opengradient.verify._x509 import (
    ECDSA_P256_SHA256,
    Certificate,
    Window,
    check_link,
    parse_certificate,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationLists:
    """Both lists, genuine and current.

    Attributes:
        root: The root certificate.
        ca: The PCK's authority.
        of_root: What the root revoked.
        of_ca: What the PCK's authority revoked.
    """

    root: Certificate
    ca: Certificate
    of_root: RevocationList
    of_ca: RevocationList

    @classmethod
    def open(
        cls, items: Mapping[str, bytes], root_der: bytes, ca: Certificate, now_ms: int
    ) -> Self:
        """Read both lists.

        Args:
            items: The collateral.
            root_der: The trusted root.
            ca: The PCK's authority, whose chain was verified.
            now_ms: The time to check at, Unix milliseconds.

        Raises:
            MalformedError: ``dcap.pem.*`` or ``dcap.crl.malformed``.
            CertificateChainError: ``dcap.crl.*`` or ``x509.*``.
        """
        root = parse_certificate(root_der, ECDSA_P256_SHA256)
        _check_issuer_chain(items["pck_crl_issuer_chain"], root_der, root, ca)
        return cls(
            root=root,
            ca=ca,
            of_root=open_crl(
                items["root_ca_crl"],
                root,
                profile=ECDSA_P256_SHA256,
                now_ms=now_ms,
                what="the root's revocation list",
            ),
            of_ca=open_crl(
                items["pck_crl"],
                ca,
                profile=ECDSA_P256_SHA256,
                now_ms=now_ms,
                what="the PCK authority's revocation list",
            ),
        )

    @property
    def windows(self) -> tuple[Window, Window]:
        """When the lists may be used."""
        return (self.of_root.window, self.of_ca.window)

    def check_platform(self, pck: Certificate) -> None:
        """Require that nothing between the root and the platform was revoked.

        Raises:
            CertificateChainError: ``dcap.root.revoked``, ``dcap.pck_ca.revoked`` or
                ``dcap.pck.revoked``.
        """
        _check(self.of_root, self.root, "dcap.root.revoked")
        _check(self.of_root, self.ca, "dcap.pck_ca.revoked")
        _check(self.of_ca, pck, "dcap.pck.revoked")

    def check_signer(self, signer: Certificate) -> None:
        """Require that the root did not revoke a signer of TCB data.

        Raises:
            CertificateChainError: ``dcap.tcb_signer.revoked``.
        """
        _check(self.of_root, signer, "dcap.tcb_signer.revoked")


def _check(revoked: RevocationList, certificate: Certificate, code: str) -> None:
    if revoked.lists(certificate):
        raise CertificateChainError(f"a certificate was revoked: {certificate}", code=code)


def _check_issuer_chain(pem: bytes, root_der: bytes, root: Certificate, ca: Certificate) -> None:
    """Require that the chain that came with the list is about the authority that signed it.

    The list itself is checked with the key of the quote's own, verified, authority; its
    certificate may have been renewed since, so only name and key are compared, and the root must
    have issued it.
    """
    issuer_der, top = read_pem_chain(pem, count=2, what="the list's issuer chain")
    issuer = parse_certificate(issuer_der, ECDSA_P256_SHA256)
    same = issuer.shape.subject == ca.shape.subject and issuer.key == ca.key
    if top != root_der or not same:
        raise CertificateChainError(
            "the revocation list came with the chain of another authority",
            code="dcap.crl.issuer_chain",
        )
    check_link(root, issuer, ECDSA_P256_SHA256)
