"""From what a node presents to a channel that is known to end in its enclave."""

from dataclasses import InitVar, dataclass
from typing import Final, final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from opengradient.core.canonical import JsonObject
from opengradient.core.devices import VerifiedDevice
from opengradient.core.digests import ZERO32, equal, sha256
from opengradient.core.evidence import VerifiedEvidence
from opengradient.core.keyset import Keyset
from opengradient.core.modes import ChannelKind
from opengradient.core.node_evidence import NodeEvidence
from opengradient.core.receipts import ReceiptDomain
from opengradient.errors import AttestationError, FreshnessError, MalformedError, VerificationError
from opengradient.verify._x509 import PARSE_ERRORS
from opengradient.verify.attestation import require_key, verify_evidence
from opengradient.verify.attestation.configuration import check_configuration
from opengradient.verify.attestation.devices import verify_devices
from opengradient.verify.policy import TrustPolicy

_SEAL: Final = object()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNode:
    """A node whose keys are bound by evidence. Built by `verify_node` only.

    Attributes:
        keyset: Its keys.
        standing: The evidence that its receipts name.
        fresh: The evidence that answered our nonce.
        channel: Kind and binding of the channel to it.
        certificate: Its TLS certificate in DER; None without TLS.
        legacy_key: SubjectPublicKeyInfo of its RSA key; None where it signs no ``tee_*`` fields.
        domain: Where its receipts belong.
        devices: Its GPUs, whose evidence ties them to no CPU.
        configuration: The attested choices of its operator; None where it shows none.
    """

    keyset: Keyset
    standing: VerifiedEvidence
    fresh: VerifiedEvidence
    channel: tuple[ChannelKind, bytes]
    certificate: bytes | None
    legacy_key: bytes | None
    domain: ReceiptDomain
    devices: tuple[VerifiedDevice, ...]
    configuration: JsonObject | None
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse every builder but the verifier."""
        if seal is not _SEAL:
            raise TypeError("VerifiedNode is built by opengradient.verify only")

    @property
    def node_id(self) -> bytes:
        """keccak256 of its signing key."""
        return self.keyset.signing.node_id


def verify_node(
    presented: NodeEvidence,
    *,
    nonce: bytes,
    peer_certificate: bytes | None,
    policy: TrustPolicy,
    now_ms: int,
    domain: ReceiptDomain | None = None,
    confidential: bool = False,
) -> VerifiedNode:
    """Check what a node presents over a connection that nobody has vouched for yet.

    The steps:

    1. fresh evidence passes the policy and answers our nonce;
    2. standing evidence passes the policy and binds the same keys;
    3. the node id is that of the bound signing key;
    4. with TLS, the peer of this connection holds the bound TLS key, and the certificate that
       it names is the one that it showed; confidentially, the evidence binds an HPKE key
       to encrypt to, and whoever carried this answer proves nothing and needs to prove nothing;
    5. the RSA key of the ``tee_*`` fields, if it gives one, is the bound one;
    6. its receipts belong to the network;
    7. the configuration that it shows is the one that the evidence binds;
    8. its GPUs, where the policy trusts anybody to speak of them, were attested for its keys.

    Args:
        presented: The node's answer.
        nonce: The nonce that was sent.
        peer_certificate: DER of the certificate that the peer proved to hold; None without TLS.
        policy: Whom and what the caller trusts.
        now_ms: Unix milliseconds.
        domain: The network's; None where the caller does not know it.
        confidential: Whether requests are going to be encrypted to the attested HPKE key, through
            a relay. Then there is no peer certificate.

    Raises:
        VerificationError: A step failed; the code says which.
        UnsupportedError: Evidence of a kind or version that this release does not know.
    """
    if presented.fresh is None:
        raise FreshnessError("the node gave no evidence that answers our nonce")
    fresh = verify_evidence(presented.fresh, policy=policy, now_ms=now_ms, nonce=nonce)  # (1)
    standing = verify_evidence(presented.standing, policy=policy, now_ms=now_ms)  # (2)
    keyset = fresh.keyset
    if keyset is None or standing.keyset != keyset:
        raise AttestationError(
            "the node's standing and fresh evidence bind different keys",
            code="attestation.binding",
            step="keyset",
        )
    if not equal(keyset.signing.node_id, presented.node_id):  # (3)
        raise AttestationError(
            "the node claims another id than that of its attested key",
            code="receipt.node_id",
            expected=keyset.signing.node_id.hex(),
            actual=presented.node_id.hex(),
        )
    _check_tls(presented, fresh, peer_certificate)  # (4)
    legacy_key = _check_legacy_key(presented, fresh)  # (5)
    if domain is not None and presented.domain != domain:  # (6)
        raise VerificationError(
            "the node's receipts belong to another network",
            code="receipt.domain",
            expected=f"chain {domain.chain_id}, 0x{domain.settlement_contract.hex()}",
            actual=f"chain {presented.domain.chain_id}, "
            f"0x{presented.domain.settlement_contract.hex()}",
        )
    check_configuration(presented.configuration, keyset)  # (7)
    devices = verify_devices(presented.devices, keyset, policy=policy, now_ms=now_ms)  # (8)
    return VerifiedNode(
        keyset=keyset,
        standing=standing,
        fresh=fresh,
        channel=_channel(keyset, peer_certificate, confidential=confidential),
        certificate=peer_certificate,
        legacy_key=legacy_key,
        domain=presented.domain,
        devices=devices,
        configuration=presented.configuration,
        seal=_SEAL,
    )


def certificate_spki(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate in DER.

    Raises:
        MalformedError: Not a certificate.
    """
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except PARSE_ERRORS as error:
        raise MalformedError("not a certificate", code="attestation.binding") from error
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _channel(
    keyset: Keyset, peer: bytes | None, *, confidential: bool
) -> tuple[ChannelKind, bytes]:
    if confidential:
        if keyset.hpke is None:
            raise AttestationError(
                "the evidence binds no HPKE key: nothing can be encrypted to this enclave",
                code="attestation.binding",
                step="hpke",
            )
        return ChannelKind.HPKE, keyset.hpke.digest()
    if peer is not None and keyset.tls_spki_sha256 is not None:
        return ChannelKind.TLS, keyset.tls_spki_sha256
    return ChannelKind.NONE, ZERO32


def _check_tls(presented: NodeEvidence, fresh: VerifiedEvidence, peer: bytes | None) -> None:
    if peer is None:
        return
    require_key(fresh, tls_spki_sha256=sha256(certificate_spki(peer)))
    if presented.tls_certificate is None:
        return
    try:
        named = x509.load_pem_x509_certificate(presented.tls_certificate.encode())
    except PARSE_ERRORS as error:
        raise MalformedError("tlsCertificate is not a certificate in PEM") from error
    if named.public_bytes(Encoding.DER) != peer:
        raise AttestationError(
            "the node names another TLS certificate than it showed",
            code="attestation.binding",
            step="tls",
        )


def _check_legacy_key(presented: NodeEvidence, fresh: VerifiedEvidence) -> bytes | None:
    if presented.legacy_signing_key is None:
        return None
    try:
        key = load_pem_public_key(presented.legacy_signing_key.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedError("legacySigningKey is not a public key in PEM") from error
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    require_key(fresh, legacy_rsa_spki_sha256=sha256(spki))
    return spki
