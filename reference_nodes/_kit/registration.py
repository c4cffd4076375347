"""Keeps a node's entry in the on-chain registry: registration, evidence, heartbeats.

The registry is for discovery and history; nobody trusts a node because it stands there. So a
ledger that does not answer delays this, and never an inference.
"""

import logging
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import anyio

from opengradient.chain.calls import RegistryCalls
from opengradient.chain.messages import EvidenceUpdate, Heartbeat, Registration, RegistryDomain
from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import TransactionSender
from opengradient.chain.values import NodeKind
from opengradient.core.digests import ZERO32
from opengradient.core.keys import MemorySigner, Signer
from opengradient.errors import ChainError, ConfigurationError
from opengradient.transport import HttpTransport
from opengradient.verify.attestation import INSPECTORS
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.identity import NodeIdentity, Standing
from reference_nodes._kit.rpc import http_post

_log = logging.getLogger("opengradient.node")

HEARTBEAT_SECONDS: Final = 5 * 60.0
"""Six times as often as the registry asks for (30 minutes), so that a few may fail."""

RETRY_SECONDS: Final = 10.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """Where and as what a node registers.

    Attributes:
        rpc_url: JSON-RPC of the ledger.
        chain_id: EIP-155 id.
        registry: 20-byte address of the NodeRegistry.
        kind: What the node does.
        endpoint: The URL that clients use.
    """

    rpc_url: str
    chain_id: int
    registry: bytes
    kind: NodeKind
    endpoint: str


def load_operator_key(path: Path) -> MemorySigner:
    """Read the hex key of the account that owns the node's entry.

    Raises:
        ConfigurationError: It cannot be read, others can read it, or it is no key.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationError(f"{path} holds a key and must have mode 600")
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip().removeprefix("0x"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} is not a file with a hex key") from error
    return MemorySigner(secret)


@final
class Registrar:
    """The worker that keeps one node's entry."""

    def __init__(
        self,
        *,
        identity: NodeIdentity,
        operator: Signer,
        transport: HttpTransport,
        settings: RegistrySettings,
        clock: Clock,
    ) -> None:
        """Take what is registered, and who pays for it."""
        self._identity = identity
        self._settings = settings
        self._clock = clock
        rpc = RpcClient(http_post(transport, settings.rpc_url), chain_id=settings.chain_id)
        domain = RegistryDomain(chain_id=settings.chain_id, registry=settings.registry)
        self._reader = NodeRegistryReader(rpc, settings.registry)
        self._calls = RegistryCalls(domain)
        self._sender = TransactionSender(rpc, operator)
        self._valid_from = identity.standing.made_at_ms // 1000
        self._published = b""
        self._shown = identity.keyset

    async def run(self) -> None:
        """Register, then publish new keys, new evidence and heartbeats while the node runs."""
        registered = False
        while True:
            try:
                if not registered:
                    await self.register()
                    registered = True
                else:
                    await self.refresh()
            except ChainError as error:
                _log.warning("registry", extra={"code": error.code, "problem": error.message})
                await anyio.sleep(RETRY_SECONDS)
                continue
            with anyio.move_on_after(HEARTBEAT_SECONDS):
                await self._identity.other_keys_than(self._shown)

    async def register(self) -> None:
        """Register this key, unless an earlier try did.

        Raises:
            ChainError: The ledger did not answer or refused.
        """
        identity = self._identity
        known = await self._reader.find_node(identity.signer.public_key.address)
        if known is None:
            standing = identity.standing
            document = INSPECTORS[standing.evidence.kind](standing.evidence.document)
            owner = self._sender.address
            registration = Registration(
                owner=owner,
                payee=owner,
                kind=self._settings.kind,
                endpoint=self._settings.endpoint,
                public_key=identity.signer.public_key,
                keyset_digest=standing.keys.keyset.digest(),
                evidence_digest=standing.digest,
                evidence_blob_id=ZERO32,
                measurement=bytes.fromhex(document["measurement"][2:]),
                valid_from=self._valid_from,
                nonce=await self._reader.registration_nonce(owner),
                legacy_public_key=identity.legacy.public_der if identity.legacy else b"",
                tls_certificate=_certificate(standing),
            )
            await self._sender.execute(self._calls.register(registration, identity.signer))
            self._published, self._shown = standing.digest, standing.keys.keyset
            _log.info("registered", extra={"node": identity.node_id.hex()})
        else:
            self._published = known.evidence_digest

    async def refresh(self) -> None:
        """Publish new evidence where there is some, and a heartbeat.

        Raises:
            ChainError: The ledger did not answer or refused.
        """
        identity, now = self._identity, self._clock() // 1000
        standing = identity.standing
        if standing.digest != self._published:
            update = EvidenceUpdate(
                node_id=identity.node_id,
                keyset_digest=standing.keys.keyset.digest(),
                evidence_digest=standing.digest,
                tls_certificate=_certificate(standing),
                counter=now,
            )
            await self._sender.execute(self._calls.rotate_evidence(update, identity.signer))
            self._published = update.evidence_digest
        self._shown = standing.keys.keyset
        beat = Heartbeat(node_id=identity.node_id, counter=now, timestamp=now)
        await self._sender.execute(self._calls.heartbeat(beat, identity.signer))

    async def retire(self) -> None:
        """Close the entry: this key signs nothing more.

        Raises:
            ChainError: The ledger did not answer or refused.
        """
        if self._published:
            await self._sender.execute(self._calls.retire(self._identity.node_id))


def _certificate(standing: Standing) -> bytes:
    tls = standing.keys.tls
    return tls.certificate_der if tls else b""
