"""The ledger that a full node runs or talks to, by its settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from opengradient.chain.engines import (
    AnvilLedger,
    AnvilSettings,
    EmbeddedLedger,
    EmbeddedSettings,
    LedgerEngine,
    RpcLedger,
)
from opengradient.errors import ConfigurationError
from opengradient.transport.http import HttpTransport, Timeouts
from reference_nodes._kit.rpc import http_post
from reference_nodes.full_node.config import EMBEDDED, RPC, FullNodeConfig
from reference_nodes.full_node.network import FUNDS_WEI, Genesis, load_or_create_genesis

RPC_TIMEOUT_S = 30.0
"""Seconds for one answer of the ledger: a silent ledger is a ledger that is down."""


@asynccontextmanager
async def open_engine(config: FullNodeConfig, *, submitter: bytes) -> AsyncIterator[LedgerEngine]:
    """The engine that `config` names, running while the block runs.

    Args:
        config: The node's settings.
        submitter: Address that anchors; a ledger of our own gives it money.

    Raises:
        ChainError: It does not start, does not answer, or serves another chain.
    """
    timeouts = Timeouts(connect=10.0, silence=RPC_TIMEOUT_S, total=RPC_TIMEOUT_S)
    async with (
        HttpTransport(timeouts=timeouts) as transport,
        _engine(config, submitter, transport) as engine,
    ):
        yield engine


def _engine(config: FullNodeConfig, submitter: bytes, transport: HttpTransport) -> LedgerEngine:
    if config.engine == RPC:
        if config.rpc_url is None:
            raise ConfigurationError("the engine rpc needs a URL: rpc:https://...")
        return RpcLedger(http_post(transport, config.rpc_url), chain_id=config.chain_id)
    wanted = Genesis(chain_id=config.chain_id, funded=(submitter, *config.funded))
    genesis = load_or_create_genesis(config.data_dir, wanted)
    funded: Mapping[bytes, int] = dict.fromkeys(genesis.funded, FUNDS_WEI)
    folder = config.data_dir / "ledger"
    if config.engine == EMBEDDED:
        return EmbeddedLedger(
            EmbeddedSettings(
                folder=folder,
                chain_id=genesis.chain_id,
                funded=funded,
                block_interval_s=config.block_interval_s,
            )
        )
    interval = config.block_interval_s
    return AnvilLedger(
        AnvilSettings(
            folder=folder,
            chain_id=genesis.chain_id,
            funded=funded,
            block_interval_s=None if interval is None else max(1, round(interval)),
        ),
        lambda url: http_post(transport, url),
    )
