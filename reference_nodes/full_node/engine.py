"""The ledger that a full node runs or talks to, by its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opengradient.chain.engines import EmbeddedLedger, EmbeddedSettings, LedgerEngine
from opengradient.errors import ConfigurationError
from reference_nodes.full_node.config import EMBEDDED, FullNodeConfig
from reference_nodes.full_node.network import FUNDS_WEI, Genesis, load_or_create_genesis


@asynccontextmanager
async def open_engine(config: FullNodeConfig, *, submitter: bytes) -> AsyncIterator[LedgerEngine]:
    """The engine that `config` names, running while the block runs.

    Args:
        config: The node's settings.
        submitter: Address that anchors; an embedded ledger gives it money.
    """
    if config.engine != EMBEDDED:
        raise ConfigurationError(f"the engine {config.engine} is not built in yet")
    wanted = Genesis(chain_id=config.chain_id, funded=(submitter, *config.funded))
    genesis = load_or_create_genesis(config.data_dir, wanted)
    settings = EmbeddedSettings(
        folder=config.data_dir / "ledger",
        chain_id=genesis.chain_id,
        funded=dict.fromkeys(genesis.funded, FUNDS_WEI),
        block_interval_s=config.block_interval_s,
    )
    async with EmbeddedLedger(settings) as ledger:
        yield ledger
