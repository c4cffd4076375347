"""AMD's revocation list: signed by the ARK, and current.

AMD publishes one per product line as a file without nonce or session, so it can be fetched once,
kept beside the certificates and carried in a receipt file: the default policy requires it.
"""

from opengradient.core.snp_report import VLEK
from opengradient.errors import CertificateChainError
from opengradient.verify._tbs import CertificateFields, RevocationList, read_revocation_list
from opengradient.verify._x509 import Window
from opengradient.verify.attestation._snp_certificates import (
    CRL_SIGN,
    check_algorithm,
    signed_by,
    usage,
)
from opengradient.verify.attestation._snp_chain import AmdChain
from opengradient.verify.platforms.snp import SnpPolicy


def check_revocation(
    der: bytes | None,
    chain: AmdChain,
    leaf: CertificateFields,
    *,
    signer: str,
    settings: SnpPolicy,
    now_ms: int,
) -> Window | None:
    """Require a list that the ARK signed, that is current and revokes nothing of the chain.

    AMD's lists name what the ARK issued, ASK and ASVK. A VLEK whose serial number stands there is
    refused too: it costs nothing and errs on the safe side. VCEKs all have serial number 0.

    Args:
        der: The list; None where the evidence came without.
        chain: The chain, verified.
        leaf: Its leaf.
        signer: ``"vcek"`` or ``"vlek"``.
        settings: Whether a list is required, and how old it may be.
        now_ms: The time to check at, Unix milliseconds.

    Returns:
        When the list counts; None where there is none and none is required.

    Raises:
        CertificateChainError: ``snp.crl.*``.
    """
    if der is None:
        if settings.require_crl:
            raise _refused("missing", "the evidence came without AMD's revocation list")
        return None
    try:
        found = read_revocation_list(der)
    except CertificateChainError as error:
        raise _refused("malformed", f"the revocation list cannot be read: {error}") from error
    check_algorithm(found.signed, "snp.crl.algorithm")
    if found.signed.issuer != chain.ark.subject:
        raise _refused("issuer", "the revocation list is not of the chain's ARK")
    if any(extension.critical for extension in found.signed.extensions.values()):
        raise _refused("critical_extension", "the list has a critical extension: it is partial")
    if not usage(chain.ark) & CRL_SIGN:
        raise _refused("key_usage", "the ARK may not sign revocation lists")
    if not signed_by(chain.ark, found.signed):
        raise _refused("signature", "the revocation list is not signed by the ARK")
    window = _check_time(found, settings, now_ms)
    if chain.issuer.serial in found.serials:
        raise _refused("revoked", "AMD revoked the certificate that issued the leaf")
    if signer == VLEK and leaf.serial in found.serials:
        raise _refused("revoked_leaf", "AMD revoked the VLEK")
    return window


def _check_time(found: RevocationList, settings: SnpPolicy, now_ms: int) -> Window:
    start, end = found.signed.from_ms, found.signed.until_ms
    if end is None:
        raise _refused("next_update", "the revocation list does not say until when it counts")
    if now_ms < start:
        raise _refused("not_yet_valid", "the revocation list is from the future")
    if now_ms > end:
        raise _refused("expired", "the revocation list is out of date")
    limit = end if settings.max_crl_age_ms is None else start + settings.max_crl_age_ms
    if now_ms > limit:
        raise _refused("stale", "the revocation list is older than the policy allows")
    return Window(from_ms=start, until_ms=min(end, limit))


def _refused(what: str, why: str) -> CertificateChainError:
    return CertificateChainError(why, code=f"snp.crl.{what}")
