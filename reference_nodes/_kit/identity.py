"""The keys of a node, held in memory only, how they rotate, and the evidence that binds them.

Nothing here is ever written to disk but public evidence: a restarted node is a new node, with a
new id. The signing key lasts as long as the process. The keys of its channels, TLS and HPKE,
rotate: each rotation makes a new keyset with evidence of its own, and that evidence is durable
before one of its keys is used. What came in under earlier keys is answered under these, with a
receipt that names the evidence that binds them.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Final, final

import anyio
from cryptography import x509

from opengradient.core import cbor, cose
from opengradient.core.digests import ZERO32, equal, sha256
from opengradient.core.evidence import SNP, TDX, Evidence
from opengradient.core.keyset import Keyset
from opengradient.core.modes import ChannelKind
from opengradient.core.nitriding import encode_user_data
from opengradient.core.nitro_document import parse_document
from opengradient.errors import ConfigurationError, MalformedError, NodeError
from opengradient.transport.ohttp import GatewayKey
from reference_nodes._kit.app import Channel
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.credentials import (
    TlsCredentials,
    make_tls_credentials,
    new_signer,
)
from reference_nodes._kit.enclave import Enclave
from reference_nodes._kit.legacy import LegacySigner
from reference_nodes._kit.outbox import Outbox
from reference_nodes._kit.tls import LiveTls, tls_context

REFRESH_AFTER_MS: Final = 60 * 60 * 1000
"""An hour: clients accept evidence for three (`TrustPolicy.max_evidence_age_ms`)."""

TIMELESS: Final = frozenset({TDX, SNP})
"""Kinds whose documents say nothing of time: how long they stand is for the node to say."""

_TIMELESS_LIVES: Final = 3
"""So many times as long as until it is replaced does such evidence stand: what an hour is to the
three of a Nitro document's certificate, so that the kernel may fail to answer for as long."""

RESERVE_MS: Final = 25 * 60 * 1000
"""How long before the end of its certificates evidence is replaced: requests that began under it
have 20 minutes at most (`Settings.upstream_total_seconds`)."""

_EARLIER_KEYS: Final = 128
"""So many rotations are remembered; HPKE key ids have one byte, so 255 would be the most."""


@final
@dataclass(frozen=True, slots=True)
class Term:
    """For how long standing evidence serves, Unix milliseconds.

    Attributes:
        renew_at_ms: From when on it is to be replaced.
        ends_at_ms: From when on no receipt may name it.
    """

    renew_at_ms: int
    ends_at_ms: int


def term_of(evidence: Evidence, *, made_at_ms: int, timeless_ms: int) -> Term:
    """For how long evidence serves.

    Args:
        evidence: What the enclave made.
        made_at_ms: When, Unix milliseconds.
        timeless_ms: After how long evidence of a kind without time is replaced.

    Raises:
        MalformedError: Neither of such a kind, nor a document in Nitro's format.
    """
    if evidence.kind in TIMELESS:
        return Term(made_at_ms + timeless_ms, made_at_ms + _TIMELESS_LIVES * timeless_ms)
    ends = ends_at_ms(evidence)
    return Term(min(made_at_ms + REFRESH_AFTER_MS, ends - RESERVE_MS), ends)


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


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """When the keys of the channels change, in milliseconds.

    Attributes:
        every_ms: From one rotation to the next; 0 for never by itself.
        grace_ms: How long the previous HPKE key still opens requests.
    """

    every_ms: int = 12 * 60 * 60 * 1000
    grace_ms: int = 30 * 60 * 1000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKeys:
    """The keys of one rotation.

    Attributes:
        keyset: What evidence binds.
        tls: TLS key and certificate; None where the node does not end TLS.
        hpke: The key for Oblivious HTTP; None where it is not served, and after its time.
        made_at_ms: Unix milliseconds.
    """

    keyset: Keyset
    tls: TlsCredentials | None
    hpke: GatewayKey | None
    made_at_ms: int

    def without_tls_key(self) -> "ChannelKeys":
        """The same, when no new handshake needs the private TLS key any more."""
        if self.tls is None:
            return self
        return replace(self, tls=replace(self.tls, key_pem=b""))

    def binds(self, kind: ChannelKind, binding: bytes) -> bool:
        """Whether a channel's key is one of these."""
        if kind == ChannelKind.NONE:
            return self.tls is None and binding == ZERO32
        if kind == ChannelKind.TLS:
            return self.tls is not None and equal(self.tls.spki_sha256, binding)
        hpke = self.keyset.hpke
        return hpke is not None and equal(hpke.digest(), binding)


@final
@dataclass(frozen=True, slots=True)
class Standing:
    """Evidence that receipts name, with the keys that it binds; times in Unix milliseconds."""

    evidence: Evidence
    digest: bytes
    made_at_ms: int
    term: Term
    keys: ChannelKeys

    @property
    def ends_at_ms(self) -> int:
        """From when on no receipt may name it."""
        return self.term.ends_at_ms


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a request came in.

    Attributes:
        channel: What protected it, and the key that did.
        standing: The evidence that binds that key.
    """

    channel: Channel
    standing: Standing


@final
class NodeIdentity:
    """The keys of one running node. Make it with `create`, inside the enclave."""

    def __init__(
        self,
        *,
        enclave: Enclave,
        outbox: Outbox,
        clock: Clock,
        legacy: LegacySigner | None,
        rotation: Rotation,
        with_tls: bool,
        with_hpke: bool,
        config_digest: bytes | None,
        timeless_ms: int,
    ) -> None:
        """Take the parts; use `create`."""
        self._enclave = enclave
        self._outbox = outbox
        self._clock = clock
        self._rotation = rotation
        self._with_tls = with_tls
        self._with_hpke = with_hpke
        self._config_digest = config_digest
        self._timeless_ms = timeless_ms
        self._lock = anyio.Lock()
        self._rotated = anyio.Event()
        self._standing: Standing | None = None
        self._earlier: deque[Standing] = deque(maxlen=_EARLIER_KEYS)
        self.signer = new_signer()
        self.legacy = legacy
        self.live_tls: LiveTls | None = None

    @classmethod
    async def create(
        cls,
        *,
        enclave: Enclave,
        outbox: Outbox,
        clock: Clock,
        with_tls: bool = True,
        with_hpke: bool = True,
        with_legacy: bool = True,
        rotation: Rotation | None = None,
        config_digest: bytes | None = None,
        timeless_ms: int = REFRESH_AFTER_MS,
    ) -> "NodeIdentity":
        """Make every key and the first evidence.

        Args:
            enclave: Makes the evidence.
            outbox: Keeps it.
            clock: The node's clock.
            with_tls: Whether the node ends TLS itself.
            with_hpke: Whether it takes Oblivious HTTP.
            with_legacy: Whether it signs the public network's fields.
            rotation: When the keys of its channels change.
            config_digest: Digest of its configuration, for the evidence to bind.
            timeless_ms: After how long standing evidence of a kind without time (TDX, SEV-SNP)
                is replaced, milliseconds.
        """
        identity = cls(
            enclave=enclave,
            outbox=outbox,
            clock=clock,
            legacy=await anyio.to_thread.run_sync(LegacySigner) if with_legacy else None,
            rotation=rotation or Rotation(),
            with_tls=with_tls,
            with_hpke=with_hpke,
            config_digest=config_digest,
            timeless_ms=timeless_ms,
        )
        await identity.rotate()
        return identity

    @property
    def node_id(self) -> bytes:
        """The 32-byte id of the signing key."""
        return self.signer.public_key.node_id

    @property
    def keyset(self) -> Keyset:
        """The keys that are current."""
        return self._present.keys.keyset

    @property
    def tls(self) -> TlsCredentials | None:
        """The TLS key that new connections get."""
        return self._present.keys.tls

    @property
    def standing(self) -> Standing:
        """The evidence that binds the current keys.

        Raises:
            ConfigurationError: Code ``enclave.unavailable``: it ended, and no new one could be
                made. A receipt under it would not verify.
        """
        return self._unless_ended(self._present)

    def arrival(self, channel: Channel) -> Arrival:
        """The evidence for a request that came over a channel.

        Args:
            channel: What protected it, and the key that did.

        Raises:
            ConfigurationError: Code ``enclave.unavailable``: the evidence of these keys ended.
            NodeError: Code ``node.key_retired``: no evidence of ours binds that key any more.
        """
        for standing in (self._present, *self._earlier):
            if standing.keys.binds(*channel):
                return Arrival(channel=channel, standing=self._unless_ended(standing))
        raise NodeError(
            "the connection's key is no longer in use", status=421, code="node.key_retired"
        )

    def gateway_keys(self) -> dict[int, GatewayKey]:
        """The HPKE keys that open requests, by key id: the current one, earlier ones in grace."""
        self._forget()
        standings = (self._present, *self._earlier)
        keys = [s.keys.hpke for s in reversed(standings) if s.keys.hpke is not None]
        return {key.public.key_id: key for key in keys}

    async def rotate(self) -> None:
        """Make new keys for the channels. Their evidence is durable before one of them is used.

        Raises:
            ConfigurationError: The enclave makes no evidence now, or the TLS key cannot be used. The
                old keys stay.
            OpenGradientError: Code ``node.storage``. The old keys stay.
        """
        async with self._lock:
            old = self._standing
            if old is not None and old.ends_at_ms < self._clock() + self._grace_ms + RESERVE_MS:
                old = await self._attested(old.keys)
            keys = self._new_keys(old)
            context = tls_context(keys.tls) if self.live_tls and keys.tls else None
            new = await self._attested(keys)
            if old is not None:
                self._earlier.appendleft(replace(old, keys=old.keys.without_tls_key()))
            self._standing = new
            if self.live_tls is not None and context is not None:
                self.live_tls.use(context)
            elif keys.tls is not None:
                self.live_tls = LiveTls(keys.tls)
        self._forget()
        self._rotated.set()
        self._rotated = anyio.Event()

    async def refresh(self) -> None:
        """Make new standing evidence for the same keys, durable before any receipt names it."""
        async with self._lock:
            self._standing = await self._attested(self._present.keys)

    async def other_keys_than(self, keyset: Keyset) -> None:
        """Wait until the current keys are others than these."""
        while self.keyset == keyset:
            await self._rotated.wait()

    def ms_to_rotation(self) -> int | None:
        """Milliseconds until the keys are due to be replaced; None where they never are."""
        every = self._rotation.every_ms
        return max(0, self._present.keys.made_at_ms + every - self._clock()) if every else None

    async def refresh_if_due(self) -> bool:
        """Refresh the standing evidence where it is time; say whether it was."""
        if self._clock() < self._present.term.renew_at_ms:
            return False
        await self.refresh()
        return True

    async def fresh(self, nonce: bytes, standing: Standing | None = None) -> Evidence:
        """Evidence that answers a nonce.

        Args:
            nonce: The nonce.
            standing: Whose keys to bind; None for the current ones.
        """
        return await self._attest((standing or self._present).keys, nonce)

    async def earlier_evidence(self, digest: bytes) -> Evidence | None:
        """Standing evidence of this node's past, also of its earlier keys."""
        return await self._outbox.evidence(digest)

    @property
    def _present(self) -> Standing:
        if self._standing is None:
            raise AssertionError("an identity is made by `create`")
        return self._standing

    @property
    def _grace_ms(self) -> int:
        return self._rotation.grace_ms

    def _unless_ended(self, standing: Standing) -> Standing:
        if self._clock() >= standing.ends_at_ms:
            raise ConfigurationError("the node's evidence has ended", code="enclave.unavailable")
        return standing

    def _new_keys(self, old: Standing | None) -> ChannelKeys:
        now_ms = self._clock()
        known = None if old is None else old.keys.keyset.hpke
        tls = make_tls_credentials(now_ms=now_ms) if self._with_tls else None
        key_id = 0 if known is None else (known.key_id + 1) % 256
        hpke = GatewayKey.generate(key_id=key_id) if self._with_hpke else None
        keyset = Keyset(
            signing=self.signer.public_key,
            tls_spki_sha256=tls.spki_sha256 if tls else None,
            hpke=hpke.public if hpke else None,
            legacy_rsa_spki_sha256=sha256(self.legacy.public_der) if self.legacy else None,
            config_digest=self._config_digest,
        )
        return ChannelKeys(keyset=keyset, tls=tls, hpke=hpke, made_at_ms=now_ms)

    def _forget(self) -> None:
        """Drop the private HPKE keys whose grace is over."""
        replaced_at_ms = self._present.keys.made_at_ms
        now_ms = self._clock()
        for index, standing in enumerate(self._earlier):
            if now_ms >= replaced_at_ms + self._grace_ms and standing.keys.hpke is not None:
                keys = replace(standing.keys, hpke=None)
                self._earlier[index] = replace(standing, keys=keys)
            replaced_at_ms = standing.keys.made_at_ms

    async def _attested(self, keys: ChannelKeys) -> Standing:
        now_ms = self._clock()
        evidence = await self._attest(keys, None)
        await self._outbox.keep_evidence(evidence, now_ms=now_ms)
        term = term_of(evidence, made_at_ms=now_ms, timeless_ms=self._timeless_ms)
        return Standing(evidence, evidence.digest(), now_ms, term, keys)

    async def _attest(self, keys: ChannelKeys, nonce: bytes | None) -> Evidence:
        user_data = None
        if keys.tls is not None and self.legacy is not None:
            user_data = encode_user_data(keys.tls.certificate_der, self.legacy.public_der)
        return await self._enclave.attest(keyset=keys.keyset, user_data=user_data, nonce=nonce)
