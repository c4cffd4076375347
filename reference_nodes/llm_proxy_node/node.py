"""Puts the parts of the proxy together and runs them, in order, until it is stopped."""

import logging
import random
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from opengradient._version import __version__
from opengradient.chain.values import NodeKind
from opengradient.core.canonical import JsonObject
from opengradient.core.configuration import CONFIGURATION_VERSION, configuration_digest
from opengradient.errors import ChainError, ConfigurationError
from opengradient.transport import HttpTransport
from reference_nodes._kit import answers, outbox
from reference_nodes._kit.answers import AnswerStore
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes._kit.delivery import Delivery
from reference_nodes._kit.enclave import Enclave, SoftwareEnclave
from reference_nodes._kit.http_client import HttpClient
from reference_nodes._kit.identity import NodeIdentity
from reference_nodes._kit.issuer import Issuer
from reference_nodes._kit.journal import Journal, Migrations
from reference_nodes._kit.measure import measure_node
from reference_nodes._kit.node_routes import NodeRoutes
from reference_nodes._kit.nsm import NitroEnclave
from reference_nodes._kit.outbox import Outbox
from reference_nodes._kit.registration import Registrar, RegistrySettings, load_operator_key
from reference_nodes._kit.rotation import rotating, rotating_on
from reference_nodes._kit.server import Bind, serving
from reference_nodes._kit.software_root import SoftwareRoot
from reference_nodes._kit.tsm import ConfigfsFiles, TsmEnclave
from reference_nodes.llm_proxy_node.app import ProxyRoutes
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from reference_nodes.llm_proxy_node.provider_keys import (
    EnvironmentKeys,
    KeySource,
    SealedVault,
)
from reference_nodes.llm_proxy_node.service import Limits, ProxyService
from reference_nodes.llm_proxy_node.upstream import Upstream, UpstreamTimeouts

_log = logging.getLogger("opengradient.node")

PACKAGE: Final = "reference_nodes.llm_proxy_node"
JOURNAL_FILE: Final = "journal.sqlite3"
MIGRATIONS: Final[Migrations] = ((*outbox.SCHEMA, *answers.SCHEMA),)
"""What brings the journal up to date; a later release adds an entry and changes none."""

_HOUSEKEEPING_SECONDS: Final = 60.0
_RETIRE_SECONDS: Final = 5.0


def make_enclave(settings: Settings, clock: Clock) -> Enclave:
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
    return SoftwareEnclave(root, measure_node(PACKAGE), clock_ms=clock)


def configuration_of(settings: Settings, providers: ProviderSettings) -> JsonObject:
    """What the operator chose, as the evidence binds it."""
    return {
        "version": CONFIGURATION_VERSION,
        "node": PACKAGE.rpartition(".")[2],
        "release": __version__,
        "settings": {**settings.attested(), "providers": providers.attested()},
    }


def key_source(
    settings: Settings, providers: ProviderSettings, identity: NodeIdentity, clock: Clock
) -> KeySource:
    """Where the providers' keys come from.

    Raises:
        ConfigurationError: Code ``keys.no_operator`` or ``keys.environment``.
    """
    if not settings.sealed_keys:
        return EnvironmentKeys(providers)
    if settings.operator is None or not settings.ohttp:
        raise ConfigurationError(
            "sealed keys need an operator and an HPKE key", code="keys.no_operator"
        )
    return SealedVault(
        providers=providers,
        identity=identity,
        domain=settings.domain,
        operator=bytes.fromhex(settings.operator[2:]),
        config_digest=identity.keyset.config_digest,
        clock=clock,
    )


@asynccontextmanager
async def running(
    settings: Settings,
    providers: ProviderSettings,
    *,
    clock: Clock = system_clock_ms,
    demands: AsyncIterable[object] | None = None,
) -> AsyncIterator[str]:
    """Run a node while the block runs.

    Args:
        settings: The operator's choices.
        providers: Where the providers are.
        clock: The node's clock.
        demands: Gives an item whenever the operator wants the keys replaced at once.

    Yields:
        The base URL.
    """
    path = Path(settings.data_dir) / JOURNAL_FILE
    configuration = configuration_of(settings, providers)
    async with (
        Journal(path, MIGRATIONS) as journal,
        HttpTransport(max_connections=4) as to_full_nodes,
        HttpTransport(max_connections=2) as to_ledger,
        HttpClient() as to_providers,
    ):
        queue = Outbox(journal)
        store = AnswerStore(journal)
        identity = await NodeIdentity.create(
            enclave=make_enclave(settings, clock),
            outbox=queue,
            clock=clock,
            with_tls=settings.tls,
            with_hpke=settings.ohttp,
            with_legacy=settings.legacy_signatures,
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
        timeouts = UpstreamTimeouts(
            silence=settings.upstream_silence_seconds, total=settings.upstream_total_seconds
        )
        keys = key_source(settings, providers, identity, clock)
        service = ProxyService(
            keys=keys,
            upstream=Upstream(to_providers, timeouts),
            issuer=issuer,
            store=store,
            clock=clock,
            legacy=identity.legacy,
            limits=Limits(
                max_body_bytes=settings.max_body_bytes,
                max_concurrent=settings.max_concurrent,
                patience=settings.patience_seconds,
            ),
        )
        common = NodeRoutes(
            identity=identity,
            domain=settings.domain,
            journal=journal,
            outbox=queue,
            store=store,
            clock=clock,
            version=__version__,
            configuration=configuration,
            status=lambda: keys.status,
        )
        proxy = ProxyRoutes(
            service=service,
            identity=identity,
            clock=clock,
            max_body_bytes=settings.max_body_bytes,
            models=settings.models,
            keys=keys,
            ohttp=settings.ohttp,
        )
        delivery = Delivery(
            outbox=queue,
            transport=to_full_nodes,
            full_nodes=settings.full_nodes,
            clock=clock,
            uniform=random.SystemRandom().random,
        )
        bind = Bind(host=settings.host, port=settings.port, drain_seconds=settings.drain_seconds)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(delivery.run)
            tasks.start_soon(_keep_house, identity, store, clock)
            tasks.start_soon(rotating, identity)
            if demands is not None:
                tasks.start_soon(rotating_on, demands, identity)
            async with serving(proxy.app(common), bind, identity.live_tls) as url:
                _log.info("serving", extra={"node": identity.node_id.hex()})
                registrar = _registrar(settings, identity, to_ledger, clock, url)
                if registrar is not None:
                    tasks.start_soon(registrar.run)
                yield url
            tasks.cancel_scope.cancel()
        if registrar is not None:
            await _retire(registrar)


def _registrar(
    settings: Settings, identity: NodeIdentity, to_ledger: HttpTransport, clock: Clock, url: str
) -> Registrar | None:
    if settings.registry is None or settings.rpc_url is None or settings.operator_key_file is None:
        return None
    return Registrar(
        identity=identity,
        operator=load_operator_key(settings.operator_key_file),
        transport=to_ledger,
        settings=RegistrySettings(
            rpc_url=settings.rpc_url,
            chain_id=settings.chain_id,
            registry=bytes.fromhex(settings.registry[2:]),
            kind=NodeKind.LLM_PROXY,
            endpoint=settings.public_url or url,
        ),
        clock=clock,
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
