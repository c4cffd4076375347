"""AMD's certificates of SEV-SNP: from a pinned ARK over ASK or ASVK to the key of a report.

The profile is AMD publication 57230: three certificates, each signed by RSASSA-PSS with SHA-384,
MGF1 with SHA-384 and a salt of 48 bytes, below keys of RSA-4096; the leaf's key is on P-384.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key

from opengradient.core.evidence import SNP
from opengradient.core.snp_report import VCEK, VLEK
from opengradient.core.snp_tcb import PRODUCTS
from opengradient.errors import CertificateChainError
from opengradient.verify._der import malformed
from opengradient.verify._tbs import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    BIT_STRING,
    BOOLEAN,
    KEY_USAGE,
    OCTET_STRING,
    SEQUENCE,
    SUBJECT_KEY_ID,
    CertificateFields,
    Signed,
    common_names,
    only,
    read_certificate,
    unsigned,
)
from opengradient.verify._x509 import Window
from opengradient.verify.policy import Root, TrustPolicy

MAX_CERTIFICATE_BYTES: Final = 4096
"""AMD's have at most some 1,700 bytes."""

_PSS_SHA384_48 = (
    "a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d0609608648016503040202"
    "0500a203020130"
)
PSS_ALGORITHMS: Final = frozenset(
    {
        bytes.fromhex("304606092a864886f70d01010a3039" + _PSS_SHA384_48 + "a303020101"),
        bytes.fromhex("304106092a864886f70d01010a3034" + _PSS_SHA384_48),
    }
)
"""The AlgorithmIdentifier whole: as AMD writes it, with the default trailer field spelled out,
and as DER wants it, without."""

_RSA_BITS, _RSA_EXPONENT = 4096, 65537
_MAX_SERIAL_BYTES = 20
_DIGITAL_SIGNATURE, _KEY_CERT_SIGN, _CRL_SIGN = 0x80, 0x04, 0x02
_KNOWN_CRITICAL = frozenset({BASIC_CONSTRAINTS, KEY_USAGE})
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


def read_amd_certificate(der: bytes) -> CertificateFields:
    """Read one certificate and check what can be checked without its neighbours.

    Raises:
        CertificateChainError: ``x509.malformed``, ``x509.algorithm``, ``x509.serial`` or
            ``x509.critical_extension``.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise malformed("larger than any of AMD's")
    fields = read_certificate(der)
    check_algorithm(fields.signed, "x509.algorithm")
    if fields.serial < 0 or fields.serial_bytes > _MAX_SERIAL_BYTES:
        raise CertificateChainError("a serial number is negative or too long", code="x509.serial")
    for oid, extension in fields.signed.extensions.items():
        if extension.critical and oid not in _KNOWN_CRITICAL:
            raise CertificateChainError(
                f"unknown critical extension {oid.hex()}", code="x509.critical_extension"
            )
    return fields


def check_algorithm(signed: Signed, code: str) -> None:
    """Require AMD's one algorithm, named alike inside and outside.

    Raises:
        CertificateChainError: With the given code.
    """
    same = signed.inner_algorithm == signed.outer_algorithm
    if not same or signed.outer_algorithm not in PSS_ALGORITHMS:
        raise CertificateChainError(
            "not signed by RSASSA-PSS with SHA-384 and a salt of 48 bytes",
            code=code,
            actual=signed.outer_algorithm.hex(),
        )


def leaf_key(leaf: CertificateFields) -> ec.EllipticCurvePublicKey:
    """The key that signs reports.

    Raises:
        CertificateChainError: ``x509.malformed`` or ``x509.key``.
    """
    key = _load(leaf)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise CertificateChainError("the leaf's key is not on P-384", code="x509.key")
    return key


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


def signed_by(issuer: CertificateFields, signed: Signed) -> bool:
    """Whether the issuer's key made this signature.

    Raises:
        CertificateChainError: ``x509.malformed`` or ``x509.key`` for the issuer's key.
    """
    key = _load(issuer)
    if not isinstance(key, rsa.RSAPublicKey):
        raise CertificateChainError("an issuer's key is not of RSA", code="x509.key")
    if key.key_size != _RSA_BITS or key.public_numbers().e != _RSA_EXPONENT:
        raise CertificateChainError("an issuer's key is not like AMD's", code="x509.key")
    pss = padding.PSS(mgf=padding.MGF1(SHA384()), salt_length=SHA384.digest_size)
    try:
        key.verify(signed.signature, signed.tbs, pss, SHA384())
    except InvalidSignature:
        return False
    return True


def may_sign_lists(authority: CertificateFields) -> bool:
    """Whether an authority may sign revocation lists."""
    return bool(_usage(authority) & _CRL_SIGN)


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
    constraints = authority.signed.extensions.get(BASIC_CONSTRAINTS)
    ca, limit = _constraints(authority)
    if constraints is None or not constraints.critical or not ca:
        raise CertificateChainError("an issuer is not a CA", code="x509.ca")
    if not _usage(authority) & _KEY_CERT_SIGN:
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
    if _constraints(leaf)[0]:
        raise CertificateChainError("the leaf is a CA", code="x509.leaf_ca")
    if KEY_USAGE not in leaf.signed.extensions:
        return
    usage = _usage(leaf)
    if not usage & _DIGITAL_SIGNATURE or usage & _KEY_CERT_SIGN:
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


def _load(fields: CertificateFields) -> object:
    try:
        return load_der_public_key(fields.spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise malformed("a key that cannot be read") from error


def _constraints(fields: CertificateFields) -> tuple[bool, int | None]:
    """Whether basicConstraints say CA, and the path length they allow."""
    extension = fields.signed.extensions.get(BASIC_CONSTRAINTS)
    if extension is None:
        return False, None
    content = only(extension.value, SEQUENCE)
    ca = content[:3] == bytes((BOOLEAN, 1, 0xFF))
    rest = content[3:] if ca else content
    return ca, unsigned(rest) if rest else None


def _usage(fields: CertificateFields) -> int:
    """The first eight bits of keyUsage; none without the extension."""
    extension = fields.signed.extensions.get(KEY_USAGE)
    if extension is None:
        return 0
    return int.from_bytes(only(extension.value, BIT_STRING)[1:2])
