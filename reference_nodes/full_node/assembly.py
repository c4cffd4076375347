"""Puts a full node together from its settings: files, ledger, contracts, service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from opengradient.chain.calls import SettlementCalls
from opengradient.chain.deploy import Deployment
from opengradient.chain.engines import LedgerEngine
from opengradient.chain.registry import NodeRegistryReader
from opengradient.chain.rpc import RpcClient
from opengradient.chain.sender import TransactionSender
from opengradient.chain.settlement import SettlementReader
from opengradient.core.canonical import parse_json_object
from opengradient.errors import ConfigurationError
from opengradient.transport import HttpTransport
from opengradient.transport.collateral import (
    CollateralSource,
    NoCollateral,
    VendorCollateral,
)
from opengradient.verify.policy import TrustPolicy
from reference_nodes._kit.clock import Clock, system_clock_ms
from reference_nodes.full_node.anchorer import Ledger
from reference_nodes.full_node.app import Post
from reference_nodes.full_node.blobs import LocalBlobs
from reference_nodes.full_node.checking import CheckSettings
from reference_nodes.full_node.config import RPC, FullNodeConfig
from reference_nodes.full_node.engine import open_engine
from reference_nodes.full_node.keys import KeyBook
from reference_nodes.full_node.network import load_or_create_key, load_or_deploy
from reference_nodes.full_node.service import FullNode
from reference_nodes.full_node.store import SqliteStore


@asynccontextmanager
async def assemble(config: FullNodeConfig) -> AsyncIterator[tuple[FullNode, Post | None]]:
    """A full node whose parts are open while the block runs.

    Yields:
        The service, and what answers JSON-RPC where it runs the ledger itself.

    Raises:
        ConfigurationError: A setting or file that the node cannot run with.
        ChainError: The ledger does not answer at the start.
    """
    config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    policy = load_policy(config.policy)
    signer = load_or_create_key(config.data_dir)
    async with (
        SqliteStore(config.data_dir / "full_node.sqlite") as store,
        open_engine(config, submitter=signer.public_key.address) as engine,
    ):
        rpc = RpcClient(engine.post, chain_id=engine.chain_id)
        sender = TransactionSender(rpc, signer)
        network = await load_or_deploy(config.data_dir, sender, measurements=config.measurements)
        ledger = connect(rpc, sender, network)
        node = FullNode(
            store=store,
            blobs=LocalBlobs(config.data_dir / "blobs"),
            ledger=ledger,
            settings=CheckSettings(
                domain=ledger.reader.domain, policy=policy, max_body_bytes=config.max_body_bytes
            ),
            batches=config.batches,
            anchors=config.anchors,
            workers=config.workers,
            collateral=_collateral(config),
        )
        yield node, _served(engine, config)


def _collateral(config: FullNodeConfig) -> CollateralSource:
    if config.collateral is None:
        return NoCollateral()
    return VendorCollateral(
        transports=lambda pin: HttpTransport(pin=pin),
        clock=system_clock_ms,
        services=config.collateral,
        folder=config.data_dir / "collateral",
    )


def _served(engine: LedgerEngine, config: FullNodeConfig) -> Post | None:
    return None if config.engine == RPC else engine.post


def connect(
    rpc: RpcClient,
    sender: TransactionSender,
    network: Deployment,
    *,
    clock_ms: Clock = system_clock_ms,
) -> Ledger:
    """The contracts of a network, read through `rpc` and written by `sender`."""
    return Ledger(
        reader=SettlementReader(rpc, network.settlement, first_block=network.first_block),
        calls=SettlementCalls(network.settlement),
        sender=sender,
        keys=KeyBook(NodeRegistryReader(rpc, network.registry), clock_ms),
    )


def load_policy(path: Path) -> TrustPolicy:
    """Read a trust policy.

    Raises:
        ConfigurationError: There is no such file.
        MalformedError: It is not a policy.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the policy {path} cannot be read: {error}") from error
    return TrustPolicy.from_json(parse_json_object(data, what="the policy", max_bytes=1 << 20))
