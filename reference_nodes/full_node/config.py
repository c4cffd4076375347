"""The settings of a full node, from its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from opengradient.errors import ConfigurationError
from opengradient.transport.collateral import CollateralServices
from reference_nodes.full_node.anchorer import AnchorPolicy
from reference_nodes.full_node.batcher import BatchPolicy

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""A thousand receipts have two megabytes; one receipt file may have 64 (wire.receipts)."""

EMBEDDED: Final = "embedded"
ANVIL: Final = "anvil"
RPC: Final = "rpc"

_CONFIRMATIONS: Final = {EMBEDDED: 0, ANVIL: 0, RPC: 12}
"""A chain that nobody else extends does not reorganise by itself; others get a dozen blocks."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FullNodeConfig:
    """How a full node runs.

    Attributes:
        data_dir: Everything that it keeps: store, blobs, submitter key, embedded ledger, facts.
        host: Address to listen at.
        port: TCP port; 0 takes a free one.
        engine: ``embedded``, ``anvil`` or ``rpc``.
        rpc_url: URL of the ledger where the engine is ``rpc``.
        chain_id: Chain that a new network gets, or that the RPC must serve.
        policy: File with the trust policy (`TrustPolicy.to_json`) that evidence is judged by.
        measurements: Code that the network's registry admits, besides what it admits already.
        funded: Addresses that a new embedded ledger gives money to, besides the submitter.
        block_interval_s: Seconds after which an idle embedded ledger adds an empty block.
        workers: Processes that verify; 0 verifies in the main process.
        max_body_bytes: Larger requests are refused unread.
        batches: When a batch is closed.
        anchors: How batches are sent and watched.
        collateral: Where to ask for what Intel and AMD sign beside the evidence of TDX and SEV-SNP
            nodes; None judges it with what the nodes deliver.
    """

    data_dir: Path
    host: str
    port: int
    engine: str
    rpc_url: str | None
    chain_id: int
    policy: Path
    measurements: tuple[bytes, ...]
    funded: tuple[bytes, ...]
    block_interval_s: float | None
    workers: int
    max_body_bytes: int
    batches: BatchPolicy
    anchors: AnchorPolicy
    collateral: CollateralServices | None


def parse_arguments(arguments: Sequence[str] | None = None) -> FullNodeConfig:
    """Read the command line.

    Raises:
        ConfigurationError: A value that no full node can run with.
    """
    given = _parser().parse_args(arguments)
    engine, rpc_url = _engine(given.engine)
    confirmations = given.confirmations
    return FullNodeConfig(
        data_dir=given.data_dir,
        host=given.host,
        port=given.port,
        engine=engine,
        rpc_url=rpc_url,
        chain_id=given.chain_id,
        policy=given.policy,
        measurements=tuple(_hex(value, 32) for value in given.measurement),
        funded=tuple(_hex(value, 20) for value in given.fund),
        block_interval_s=given.block_interval,
        workers=given.workers,
        max_body_bytes=given.max_body_bytes,
        batches=BatchPolicy(size=given.batch_size, max_age_ms=given.batch_age_ms),
        anchors=AnchorPolicy(
            confirmations=_CONFIRMATIONS[engine] if confirmations is None else confirmations,
            poll_s=given.poll,
        ),
        collateral=_services(given),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference_nodes.full_node", description="An OpenGradient full node."
    )
    add = parser.add_argument
    add("--data-dir", type=Path, required=True, help="folder of everything the node keeps")
    add("--policy", type=Path, required=True, help="trust policy (JSON) that evidence must meet")
    add("--host", default="127.0.0.1", help="address to listen at")
    add("--port", type=int, default=8545, help="TCP port; 0 takes a free one")
    add("--engine", default=EMBEDDED, help="embedded, anvil, or rpc:URL of any EVM chain")
    add("--chain-id", type=int, default=31337, help="chain id of a new network, or of the RPC")
    add("--measurement", action="append", default=[], help="code that the registry admits (hex)")
    add("--fund", action="append", default=[], help="address that a new embedded ledger funds")
    add("--block-interval", type=float, help="seconds until an idle embedded ledger adds a block")
    add("--batch-size", type=int, default=1000, help="receipts in a full batch")
    add("--batch-age-ms", type=int, default=10_000, help="how long a receipt waits for its batch")
    add("--confirmations", type=int, help="blocks on an anchor before it is final")
    add("--poll", type=float, default=1.0, help="seconds between two looks at open anchors")
    add("--workers", type=int, default=1, help="verifying processes; 0 verifies in the main one")
    add("--max-body-bytes", type=int, default=MAX_BODY_BYTES, help="largest request body")
    add("--intel-pcs", help="mirror of Intel's service (PCCS), its base URL")
    add("--amd-kds", help="mirror of AMD's service, its base URL")
    add("--offline-collateral", action="store_true", help="ask no vendor; nodes deliver it")
    return parser


def _services(given: argparse.Namespace) -> CollateralServices | None:
    mirrors = {"intel_pcs": given.intel_pcs, "amd_kds": given.amd_kds}
    if not given.offline_collateral:
        return CollateralServices.mirrored(**mirrors)
    if any(mirrors.values()):
        raise ConfigurationError("--offline-collateral asks no vendor, and no mirror either")
    return None


def _engine(value: str) -> tuple[str, str | None]:
    if value in (EMBEDDED, ANVIL):
        return value, None
    kind, _, url = value.partition(":")
    if kind != RPC or not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"the engine is embedded, anvil or rpc:URL, not {value!r}")
    return RPC, url


def _hex(value: str, size: int) -> bytes:
    try:
        data = bytes.fromhex(value.removeprefix("0x"))
    except ValueError:
        data = b""
    if len(data) != size:
        raise ConfigurationError(f"{value!r} is not {size} bytes of hex")
    return data
