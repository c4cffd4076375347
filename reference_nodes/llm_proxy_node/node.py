"""Puts the parts of the proxy together and runs them, in order, until it is stopped."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from opengradient.chain.values import NodeKind
from opengradient.errors import ConfigurationError
from reference_nodes._kit.assembly import assembled, running_node
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes._kit.http_client import HttpClient
from reference_nodes._kit.identity import NodeIdentity
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

PACKAGE: Final = "reference_nodes.llm_proxy_node"


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
    async with (
        assembled(
            settings,
            package=PACKAGE,
            attested={**settings.attested(), "providers": providers.attested()},
            legacy_signatures=settings.legacy_signatures,
            clock=clock,
        ) as parts,
        HttpClient() as to_providers,
    ):
        identity = parts.identity
        timeouts = UpstreamTimeouts(
            silence=settings.upstream_silence_seconds, total=settings.upstream_total_seconds
        )
        keys = key_source(settings, providers, identity, clock)
        service = ProxyService(
            keys=keys,
            upstream=Upstream(to_providers, timeouts),
            issuer=parts.issuer,
            store=parts.store,
            clock=clock,
            legacy=identity.legacy,
            limits=Limits(
                max_body_bytes=settings.max_body_bytes,
                max_concurrent=settings.max_concurrent,
                patience=settings.patience_seconds,
            ),
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
        app = proxy.app(parts.routes(lambda: keys.status))
        async with running_node(parts, app, kind=NodeKind.LLM_PROXY, demands=demands) as url:
            yield url
