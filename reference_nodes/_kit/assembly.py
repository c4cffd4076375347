"""Puts together what every node with receipts stands on, and runs it until it is stopped."""

import logging
import random
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import anyio

from opengradient._version import __version__
from opengradient.chain.values import NodeKind
from opengradient.core.canonical import JsonObject
from opengradient.core.configuration import CONFIGURATION_VERSION, configuration_digest
from opengradient.errors import ChainError, ConfigurationError
from opengradient.transport import HttpTransport
from reference_nodes._kit import answers, outbox
from reference_nodes._kit.answers import AnswerStore
from reference_nodes._kit.clock import Clock
from reference_nodes._kit.delivery import Delivery
from reference_nodes._kit.enclave import Enclave, SoftwareEnclave
from reference_nodes._kit.identity import NodeIdentity
from reference_nodes._kit.issuer import Issuer
from reference_nodes._kit.journal import Journal, Migrations
from reference_nodes._kit.measure import measure_node
from reference_nodes._kit.node_routes import NodeRoutes
from reference_nodes._kit.nsm import NitroEnclave
from reference_nodes._kit.outbox import Outbox
from reference_nodes._kit.registration import Registrar, RegistrySettings, load_operator_key
from reference_nodes._kit.rotation import rotating, rotating_on
from reference_nodes._kit.server import AsgiApp, Bind, serving
from reference_nodes._kit.settings import NodeSettings
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes._kit.tsm import ConfigfsFiles, TsmEnclave

_log = logging.getLogger("opengradient.node")

JOURNAL_FILE: Final = "journal.sqlite3"
MIGRATIONS: Final[Migrations] = ((*outbox.SCHEMA, *answers.SCHEMA),)
"""What brings the journal up to date; a later release adds an entry and changes none."""

_HOUSEKEEPING_SECONDS: Final = 60.0
_RETIRE_SECONDS: Final = 5.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParts:
    """What a node stands on.

    Attributes:
        settings: The operator's choices.
        clock: The node's clock.
        configuration: What of the choices the evidence binds.
        journal: Stores receipts and answers.
        outbox: Receipts on their way to the full nodes.
        store: Answers for repeated calls.
        identity: Keys and evidence.
        issuer: Makes the receipts.
    """

    settings: NodeSettings
    clock: Clock
    configuration: JsonObject
    journal: Journal
    outbox: Outbox
    store: AnswerStore
    identity: NodeIdentity
    issuer: Issuer

    def routes(self, status: Callable[[], str] = lambda: "ok") -> NodeRoutes:
        """The routes that every node has; `status` is the word for /health."""
        return NodeRoutes(
            identity=self.identity,
            domain=self.settings.domain,
            journal=self.journal,
            outbox=self.outbox,
            store=self.store,
            clock=self.clock,
            version=__version__,
            configuration=self.configuration,
            status=status,
        )


def make_enclave(settings: NodeSettings, package: str, clock: Clock) -> Enclave:
    """The enclave that the settings name.

    Raises:
        ConfigurationError: Code ``enclave.unavailable``: this is no such machine.
    """
    if settings.enclave == "nitro":
        return NitroEnclave()
    if settings.enclave == "tsm":
        return TsmEnclave(ConfigfsFiles(settings.tsm_dir))
    folder = settings.software_root_dir or settings.data_dir
    root = SoftwareRoot.load_or_create(folder, settings.network_name, now_ms=clock())
    return SoftwareEnclave(root, measure_node(package), clock_ms=clock)


@asynccontextmanager
async def assembled(
    settings: NodeSettings,
    *,
    package: str,
    attested: JsonObject,
    legacy_signatures: bool,
    clock: Clock,
) -> AsyncIterator[NodeParts]:
    """Open the journal and make the node's identity.

    Args:
        settings: The operator's choices.
        package: Import name of the node's package, which a software enclave measures.
        attested: What of the choices the evidence binds.
        legacy_signatures: Whether to have a key for the public network's fields.
        clock: The node's clock.
    """
    configuration: JsonObject = {
        "version": CONFIGURATION_VERSION,
        "node": package.rpartition(".")[2],
        "release": __version__,
        "settings": attested,
    }
    async with Journal(Path(settings.data_dir) / JOURNAL_FILE, MIGRATIONS) as journal:
        queue, store = Outbox(journal), AnswerStore(journal)
        identity = await NodeIdentity.create(
            enclave=make_enclave(settings, package, clock),
            outbox=queue,
            clock=clock,
            with_tls=settings.tls,
            with_hpke=settings.ohttp,
            with_legacy=legacy_signatures,
            rotation=settings.rotation,
            config_digest=configuration_digest(configuration),
            timeless_ms=int(settings.evidence_refresh_seconds * 1000),
        )
        issuer = Issuer(
            identity=identity,
            domain=settings.domain,
            journal=journal,
            queue=queue,
            store=store,
            clock=clock,
        )
        yield NodeParts(
            settings=settings,
            clock=clock,
            configuration=configuration,
            journal=journal,
            outbox=queue,
            store=store,
            identity=identity,
            issuer=issuer,
        )


@asynccontextmanager
async def running_node(
    parts: NodeParts,
    app: AsgiApp,
    *,
    kind: NodeKind,
    demands: AsyncIterable[object] | None = None,
) -> AsyncIterator[str]:
    """Serve while the block runs: deliver receipts, replace keys, keep the registry's entry.

    Args:
        parts: The node.
        app: Its application.
        kind: As what it registers.
        demands: Gives an item whenever the operator wants the keys replaced at once.

    Yields:
        The base URL.
    """
    settings, identity, clock = parts.settings, parts.identity, parts.clock
    async with (
        HttpTransport(max_connections=4) as to_full_nodes,
        HttpTransport(max_connections=2) as to_ledger,
    ):
        delivery = Delivery(
            outbox=parts.outbox,
            transport=to_full_nodes,
            full_nodes=settings.full_nodes,
            clock=clock,
            uniform=random.SystemRandom().random,
        )
        bind = Bind(host=settings.host, port=settings.port, drain_seconds=settings.drain_seconds)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(delivery.run)
            tasks.start_soon(_keep_house, identity, parts.store, clock)
            tasks.start_soon(rotating, identity)
            if demands is not None:
                tasks.start_soon(rotating_on, demands, identity)
            async with serving(app, bind, identity.live_tls) as url:
                _log.info("serving", extra={"node": identity.node_id.hex()})
                registrar = _registrar(parts, kind, to_ledger, url)
                if registrar is not None:
                    tasks.start_soon(registrar.run)
                yield url
            tasks.cancel_scope.cancel()
        if registrar is not None:
            await _retire(registrar)


def _registrar(
    parts: NodeParts, kind: NodeKind, to_ledger: HttpTransport, url: str
) -> Registrar | None:
    settings = parts.settings
    if settings.registry is None or settings.rpc_url is None or settings.operator_key_file is None:
        return None
    return Registrar(
        identity=parts.identity,
        operator=load_operator_key(settings.operator_key_file),
        transport=to_ledger,
        settings=RegistrySettings(
            rpc_url=settings.rpc_url,
            chain_id=settings.chain_id,
            registry=bytes.fromhex(settings.registry[2:]),
            kind=kind,
            endpoint=settings.public_url or url,
        ),
        clock=parts.clock,
    )


async def _retire(registrar: Registrar) -> None:
    """Close the entry at an orderly end; a ledger that does not answer does not hold it up."""
    with anyio.move_on_after(_RETIRE_SECONDS):
        try:
            await registrar.retire()
        except ChainError as error:
            _log.warning("not retired", extra={"code": error.code})


async def _keep_house(identity: NodeIdentity, store: AnswerStore, clock: Clock) -> None:
    """Refresh what ages, forget what expired."""
    while True:
        await anyio.sleep(_HOUSEKEEPING_SECONDS)
        try:
            if await identity.refresh_if_due():
                _log.info("evidence refreshed", extra={"evidence": identity.standing.digest.hex()})
        except ConfigurationError as error:
            # The old evidence still serves for a while; `identity.standing` knows how long.
            _log.warning("evidence not refreshed", extra={"code": error.code})
        await store.forget_expired(now_ms=clock())
