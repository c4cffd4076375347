"""Puts the parts of the relay together and runs them until it is stopped."""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from opengradient.core.digests import sha256
from opengradient.errors import ConfigurationError
from opengradient.networks import read_profile
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes._kit.credentials import TlsCredentials
from reference_nodes._kit.server import Bind, serving
from reference_nodes._kit.tls import LiveTls
from reference_nodes.relay_node.admission import Admission
from reference_nodes.relay_node.app import RelayRoutes
from reference_nodes.relay_node.config import Settings, load_token_digests
from reference_nodes.relay_node.directory import Directory
from reference_nodes.relay_node.payer import FreeRelay, RelayPayer
from reference_nodes.relay_node.service import RelayService

_log = logging.getLogger("opengradient.node")

FIRST_LOOK_SECONDS: Final = 0.5
"""How soon to look again while no node is known: relay and nodes may start together."""


@asynccontextmanager
async def running(
    settings: Settings, *, payer: RelayPayer | None = None, clock: Clock = system_clock_ms
) -> AsyncIterator[str]:
    """Run a relay while the block runs.

    Args:
        settings: The operator's choices.
        payer: Pays the nodes; None for nodes that are free.
        clock: Unix milliseconds.

    Yields:
        The base URL.

    Raises:
        ConfigurationError: A file cannot be read, or the address cannot be bound.
    """
    network = read_profile(settings.network, source="the relay's settings")
    tokens = () if settings.tokens_file is None else load_token_digests(settings.tokens_file)
    directory = Directory(
        network, only=settings.nodes, silence=settings.silence_seconds, clock=clock
    )
    routes = RelayRoutes(
        service=RelayService(directory, payer or FreeRelay(), silence=settings.silence_seconds),
        directory=directory,
        admission=Admission(
            tokens=tokens,
            per_second=settings.requests_per_second,
            burst=settings.burst,
            max_concurrent=settings.max_concurrent,
        ),
        max_body_bytes=settings.max_body_bytes,
        total_seconds=settings.total_seconds,
    )
    bind = Bind(host=settings.host, port=settings.port, drain_seconds=settings.drain_seconds)
    try:
        await directory.look()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_looking, directory, settings.look_seconds)
            async with serving(routes.app(), bind, _tls(settings)) as url:
                _log.info("serving", extra={"nodes": len(directory.ids())})
                yield url
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await directory.close()


async def _looking(directory: Directory, seconds: float) -> None:
    while True:
        await anyio.sleep(seconds if directory.ids() else min(FIRST_LOOK_SECONDS, seconds))
        await directory.look()


def _tls(settings: Settings) -> LiveTls | None:
    if settings.tls_certificate_file is None or settings.tls_key_file is None:
        return None
    try:
        chain = settings.tls_certificate_file.read_text(encoding="ascii")
        key_pem = settings.tls_key_file.read_bytes()
        certificate = x509.load_pem_x509_certificate(chain.encode())
        spki = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        return LiveTls(
            TlsCredentials(
                key_pem=key_pem,
                certificate_pem=chain,
                certificate_der=certificate.public_bytes(Encoding.DER),
                spki_sha256=sha256(spki),
            )
        )
    except (OSError, ValueError, ssl.SSLError) as error:
        raise ConfigurationError("the relay's TLS certificate or key cannot be read") from error
