"""The keys of a node, made at boot and held in memory only, and the evidence that binds them.

Nothing here is ever written to disk but public evidence: a restarted node is a new node, with a
new id. What its old keys signed stays checkable, because receipts name their evidence by digest
and `earlier_evidence` still has it.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, final

import anyio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from opengradient.core import cbor, cose
from opengradient.core.digests import ZERO32, sha256
from opengradient.core.evidence import Evidence
from opengradient.core.keys import CURVE_ORDER, MemorySigner
from opengradient.core.keyset import Keyset
from opengradient.core.modes import ChannelKind
from opengradient.core.nitriding import encode_user_data
from opengradient.core.nitro_document import parse_document
from opengradient.errors import ConfigurationError, MalformedError
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.enclave import Enclave
from reference_nodes._kit.legacy import LegacySigner
from reference_nodes._kit.outbox import Outbox

REFRESH_AFTER_MS: Final = 60 * 60 * 1000
"""An hour: clients accept evidence for three (`TrustPolicy.max_evidence_age_ms`)."""

RESERVE_MS: Final = 25 * 60 * 1000
"""How long before the end of its certificates evidence is replaced: requests that began under it
have 20 minutes at most (`Settings.upstream_total_seconds`)."""

_CERTIFICATE_LIFETIME: Final = timedelta(days=365)
_NAME: Final = "localhost"
"""The public network's nodes carry this name too; clients pin the key, not the name."""


@final
@dataclass(frozen=True, slots=True)
class TlsCredentials:
    """A TLS key with its self-signed certificate."""

    key_pem: bytes
    certificate_pem: str
    certificate_der: bytes
    spki_sha256: bytes

    def __repr__(self) -> str:
        """Never the key."""
        return f"TlsCredentials(spki_sha256={self.spki_sha256.hex()})"


def make_tls_credentials(*, now_ms: int) -> TlsCredentials:
    """Make a P-256 key and a certificate for it.

    Args:
        now_ms: The time, Unix milliseconds.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    start = datetime.fromtimestamp(now_ms // 1000, UTC) - timedelta(minutes=5)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _CERTIFICATE_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .sign(key, SHA256())
    )
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TlsCredentials(
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode(),
        certificate_der=certificate.public_bytes(Encoding.DER),
        spki_sha256=sha256(spki),
    )


def ends_at_ms(evidence: Evidence) -> int:
    """When the first of a document's certificates ends, Unix milliseconds.

    Raises:
        MalformedError: Not a document in Nitro's format.
    """
    envelope = cbor.decode(evidence.document.removeprefix(cose.TAG))
    payload = envelope[2] if isinstance(envelope, tuple) and len(envelope) == 4 else None
    if not isinstance(payload, bytes):
        raise MalformedError("not an attestation document", code="nitro.cose.structure")
    document = parse_document(payload)
    ends = [
        x509.load_der_x509_certificate(der).not_valid_after_utc
        for der in (document.certificate, *document.cabundle)
    ]
    return int(min(ends).timestamp() * 1000)


def new_signer() -> MemorySigner:
    """A fresh secp256k1 key."""
    return MemorySigner((secrets.randbelow(CURVE_ORDER - 1) + 1).to_bytes(32))


@final
@dataclass(frozen=True, slots=True)
class Standing:
    """Evidence that receipts name, with its digest; times in Unix milliseconds."""

    evidence: Evidence
    digest: bytes
    made_at_ms: int
    ends_at_ms: int


@final
class NodeIdentity:
    """The keys of one running node. Make it with `create`, inside the enclave."""

    def __init__(
        self,
        *,
        enclave: Enclave,
        outbox: Outbox,
        clock: Clock,
        tls: TlsCredentials | None,
        legacy: LegacySigner | None,
    ) -> None:
        """Take the parts; use `create`."""
        self._enclave = enclave
        self._outbox = outbox
        self._clock = clock
        self.signer = new_signer()
        self.tls = tls
        self.legacy = legacy
        self.keyset = Keyset(
            signing=self.signer.public_key,
            tls_spki_sha256=tls.spki_sha256 if tls else None,
            legacy_rsa_spki_sha256=sha256(legacy.public_der) if legacy else None,
        )
        self._standing: Standing | None = None

    @classmethod
    async def create(
        cls,
        *,
        enclave: Enclave,
        outbox: Outbox,
        clock: Clock,
        with_tls: bool = True,
        with_legacy: bool = True,
    ) -> "NodeIdentity":
        """Make every key and the first evidence.

        Args:
            enclave: Makes the evidence.
            outbox: Keeps it.
            clock: The node's clock.
            with_tls: Whether the node ends TLS itself.
            with_legacy: Whether it signs the public network's fields.
        """
        identity = cls(
            enclave=enclave,
            outbox=outbox,
            clock=clock,
            tls=make_tls_credentials(now_ms=clock()) if with_tls else None,
            legacy=await anyio.to_thread.run_sync(LegacySigner) if with_legacy else None,
        )
        await identity.refresh()
        return identity

    @property
    def node_id(self) -> bytes:
        """The 32-byte id of the signing key."""
        return self.signer.public_key.node_id

    @property
    def channel(self) -> tuple[ChannelKind, bytes]:
        """What protects connections to this node, and the key that does."""
        if self.tls is None:
            return ChannelKind.NONE, ZERO32
        return ChannelKind.TLS, self.tls.spki_sha256

    @property
    def standing(self) -> Standing:
        """The evidence that new receipts name.

        Raises:
            ConfigurationError: Code ``enclave.unavailable``: it ended, and no new one could be
                made. A receipt under it would not verify.
        """
        if self._standing is None or self._clock() >= self._standing.ends_at_ms:
            raise ConfigurationError("the node's evidence has ended", code="enclave.unavailable")
        return self._standing

    async def refresh(self) -> None:
        """Make new standing evidence, durable before any receipt names it."""
        now_ms = self._clock()
        evidence = await self._attest(None)
        await self._outbox.keep_evidence(evidence, now_ms=now_ms)
        self._standing = Standing(evidence, evidence.digest(), now_ms, ends_at_ms(evidence))

    async def refresh_if_due(self) -> bool:
        """Refresh the standing evidence where it is time; say whether it was."""
        old, now_ms = self._standing, self._clock()
        if old is not None:
            due = min(old.made_at_ms + REFRESH_AFTER_MS, old.ends_at_ms - RESERVE_MS)
            if now_ms < due:
                return False
        await self.refresh()
        return True

    async def fresh(self, nonce: bytes) -> Evidence:
        """Evidence that answers a nonce; it binds the same keys as the standing one."""
        return await self._attest(nonce)

    async def earlier_evidence(self, digest: bytes) -> Evidence | None:
        """Standing evidence of this node's past, also of its earlier keys."""
        return await self._outbox.evidence(digest)

    async def _attest(self, nonce: bytes | None) -> Evidence:
        user_data = None
        if self.tls is not None and self.legacy is not None:
            user_data = encode_user_data(self.tls.certificate_der, self.legacy.public_der)
        return await self._enclave.attest(keyset=self.keyset, user_data=user_data, nonce=nonce)
