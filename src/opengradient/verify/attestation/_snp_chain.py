"""AMD's chains of SEV-SNP: from a pinned ARK over ASK or ASVK to the key of a report."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

from opengradient.core.evidence import SNP
from opengradient.core.snp_report import VCEK, VLEK
from opengradient.core.snp_tcb import PRODUCTS
from opengradient.errors import CertificateChainError
from opengradient.verify._tbs import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    OCTET_STRING,
    SEQUENCE,
    SUBJECT_KEY_ID,
    CertificateFields,
    common_names,
    only,
    read_certificate,
)
from opengradient.verify._x509 import Window
from opengradient.verify.attestation._snp_certificates import (
    DIGITAL_SIGNATURE,
    KEY_CERT_SIGN,
    constraints,
    read_amd_certificate,
    signed_by,
    usage,
)
from opengradient.verify.policy import Root, TrustPolicy

_LEAF_NAMES = {VCEK: "SEV-VCEK", VLEK: "SEV-VLEK"}
_ISSUER_NAMES = {VCEK: "SEV-", VLEK: "SEV-VLEK-"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AmdChain:
    """A chain that leads from a trusted ARK to the leaf.

    Attributes:
        root: The policy's root.
        ark: Its certificate.
        issuer: ASK or ASVK.
        product: The product line, by the names of ARK and issuer.
        window: When all three are valid.
    """

    root: Root
    ark: CertificateFields
    issuer: CertificateFields
    product: str
    window: Window

    @property
    def authorities_from_ms(self) -> int:
        """From when on both authorities are valid, Unix milliseconds.

        A leaf is issued when somebody asks for it, and its key is older.
        """
        return max(self.ark.signed.from_ms, self.issuer.signed.from_ms)


def verify_amd_chain(
    leaf: CertificateFields,
    issuer: CertificateFields,
    *,
    signer: str,
    policy: TrustPolicy,
    now_ms: int,
) -> AmdChain:
    """Check that the leaf descends from an ARK that the policy trusts.

    Args:
        leaf: VCEK or VLEK.
        issuer: ASK or ASVK.
        signer: Which of the two the report says, ``"vcek"`` or ``"vlek"``.
        policy: Names the ARKs.
        now_ms: The time to check at, Unix milliseconds.

    Raises:
        PolicyError: ``policy.no_trust``.
        CertificateChainError: ``x509.*`` or ``snp.chain.*``.
    """
    root = _find_root(issuer, policy)
    ark = read_amd_certificate(root.certificate)
    for authority, below in ((ark, 1), (issuer, 0)):
        _check_issuer(authority, cas_below=below)
    _check_leaf(leaf)
    for parent, child in pairwise((ark, issuer, leaf)):
        _check_link(parent, child)
    chain = (ark, issuer, leaf)
    window = Window(
        from_ms=max(c.signed.from_ms for c in chain), until_ms=min(c.until_ms for c in chain)
    )
    _check_window(window, now_ms)
    product = _product(ark, issuer, leaf, signer)
    return AmdChain(root=root, ark=ark, issuer=issuer, product=product, window=window)


def _find_root(issuer: CertificateFields, policy: TrustPolicy) -> Root:
    """The root that the issuer names; two may have one name, then the one that signed it.

    Where none has it, `TrustPolicy.root_for` says what the policy does name.
    """
    named = [
        root
        for root in policy.roots
        if root.kind == SNP and read_certificate(root.certificate).subject == issuer.signed.issuer
    ]
    for root in named[:-1]:
        if signed_by(read_amd_certificate(root.certificate), issuer.signed):
            return policy.root_for(SNP, root.certificate)
    return policy.root_for(SNP, named[-1].certificate if named else b"")


def _check_issuer(authority: CertificateFields, *, cas_below: int) -> None:
    if authority.serial == 0:
        raise CertificateChainError("an authority's serial number is zero", code="x509.serial")
    extension = authority.signed.extensions.get(BASIC_CONSTRAINTS)
    ca, limit = constraints(authority)
    if extension is None or not extension.critical or not ca:
        raise CertificateChainError("an issuer is not a CA", code="x509.ca")
    if not usage(authority) & KEY_CERT_SIGN:
        raise CertificateChainError("an issuer may not sign certificates", code="x509.key_usage")
    if limit is not None and cas_below > limit:
        raise CertificateChainError(
            "more authorities below an issuer than it allows",
            code="x509.path_length",
            expected=f"<= {limit}",
            actual=cas_below,
        )


def _check_leaf(leaf: CertificateFields) -> None:
    """AMD's leaves have neither extension; one that has must not be an authority."""
    if constraints(leaf)[0]:
        raise CertificateChainError("the leaf is a CA", code="x509.leaf_ca")
    if KEY_USAGE not in leaf.signed.extensions:
        return
    given = usage(leaf)
    if not given & DIGITAL_SIGNATURE or given & KEY_CERT_SIGN:
        raise CertificateChainError(
            "the leaf's key is not for signing data only", code="x509.leaf_key_usage"
        )


def _check_link(parent: CertificateFields, child: CertificateFields) -> None:
    if child.signed.issuer != parent.subject:
        raise CertificateChainError(
            "a certificate names another issuer",
            code="x509.name_chain",
            expected=parent.subject.hex(),
            actual=child.signed.issuer.hex(),
        )
    wanted = child.signed.extensions.get(AUTHORITY_KEY_ID)
    given = parent.signed.extensions.get(SUBJECT_KEY_ID)
    if wanted and given:
        key_id = only(given.value, OCTET_STRING)
        # By key identifier only, as AMD writes it: [0] around the same bytes (RFC 5280 4.2.1.1).
        if only(wanted.value, SEQUENCE) != bytes((0x80, len(key_id))) + key_id:
            raise CertificateChainError(
                "a certificate names another key of its issuer", code="x509.key_identifier"
            )
    if not signed_by(parent, child.signed):
        raise CertificateChainError("not signed by its issuer", code="x509.signature")


def _check_window(window: Window, now_ms: int) -> None:
    if now_ms < window.from_ms:
        raise CertificateChainError(
            "a certificate is not valid yet",
            code="x509.not_yet_valid",
            expected=f">= {window.from_ms} ms",
            actual=f"{now_ms} ms",
        )
    if now_ms > window.until_ms:
        raise CertificateChainError(
            "a certificate is no longer valid",
            code="x509.expired",
            expected=f"<= {window.until_ms} ms",
            actual=f"{now_ms} ms",
        )


def _product(
    ark: CertificateFields, issuer: CertificateFields, leaf: CertificateFields, signer: str
) -> str:
    """The product line that all three names say."""
    line = next((p for p in PRODUCTS if common_names(ark.subject) == (f"ARK-{p}",)), None)
    if line is None:
        raise CertificateChainError(
            "the root is the ARK of no known product line",
            code="snp.chain.product",
            expected=PRODUCTS,
            actual=common_names(ark.subject),
        )
    expected = f"{_ISSUER_NAMES[signer]}{line}"
    if common_names(issuer.subject) != (expected,):
        raise CertificateChainError(
            f"the issuer is not {line}'s issuer of {signer} certificates",
            code="snp.chain.issuer",
            expected=expected,
            actual=common_names(issuer.subject),
        )
    if common_names(leaf.subject) != (_LEAF_NAMES[signer],):
        raise CertificateChainError(
            f"the leaf is no {signer} certificate",
            code="snp.chain.leaf",
            expected=_LEAF_NAMES[signer],
            actual=common_names(leaf.subject),
        )
    return line
