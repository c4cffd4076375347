"""A receipt's way to the ledger, as its holder follows and checks it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, final

import anyio

from opengradient.chain.rpc import RpcClient
from opengradient.chain.settlement import SettlementReader
from opengradient.chain.values import BatchStatus
from opengradient.core.canonical import parse_json
from opengradient.core.modes import SettlementMode
from opengradient.core.settlement import InclusionProof, SettlementState
from opengradient.errors import (
    ChainError,
    ConfigurationError,
    InclusionError,
    NotFinalError,
    SettlementError,
    TransportError,
)
from opengradient.networks import Network
from opengradient.nodes.environment import Environment, RpcPost
from opengradient.nodes.receipt import HeldReceipt
from opengradient.transport import Transport
from opengradient.verify.inclusion import verify_inclusion
from opengradient.wire.fields import to_hex
from opengradient.wire.nodes import SettlementStatus, decode_settlement_status

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_REQUEST_SECONDS: Final = 20.0
_MAX_ANSWER: Final = 1024 * 1024


@final
@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    connect: Callable[[], Transport]


@final
class Settlement:
    """Where a receipt stands, and the proof that it settled.

    It opens connections of its own, so that it can be asked after the client was closed.
    """

    def __init__(
        self,
        receipt: HeldReceipt,
        *,
        network: Network,
        environment: Environment,
        node: tuple[str, Callable[[], Transport]],
    ) -> None:
        """Follow `receipt`.

        Args:
            receipt: The receipt; the proof is added to it.
            network: Says which full nodes and which ledger.
            environment: Pauses and transports.
            node: Address of the node that made the receipt, and what connects to it: its outbox
                is asked while no full node knows the receipt.
        """
        self._receipt = receipt
        self._network = network
        self._environment = environment
        self._full_nodes = tuple(_Server(url, self._plain) for url in network.full_node_urls)
        self._node = _Server(*node)
        self._proof: InclusionProof | None = None

    @property
    def mode(self) -> SettlementMode:
        """What of the inference reaches the ledger."""
        return SettlementMode(self._receipt.receipt.settlement_mode)

    @property
    def proof(self) -> InclusionProof | None:
        """The checked proof, once `wait` returned it."""
        return self._proof

    async def state(self) -> SettlementState:
        """Ask how far the receipt has come. This is the nodes' word; `wait` gives the proof.

        Raises:
            TransportError: No node answered.
        """
        if self.mode == SettlementMode.PRIVATE:
            return SettlementState.PRIVATE
        return (await self._ask()).state

    async def wait(self, timeout: float | None = None) -> InclusionProof:
        """Wait until the receipt is proven to be under a root that the ledger holds.

        The Merkle proof is checked here, and the root is looked up in the settlement contract
        over the network's RPC, under its confirmation depth. A full node or a ledger that is
        down only delays. The proof is added to `reply.receipt`.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Raises:
            SettlementError: PRIVATE (``settlement.private``), refused by the full node
                (``settlement.refused``), or not in time (``settlement.timeout``).
            InclusionError: A full node gave a proof that does not hold.
            ConfigurationError: The network names no full node.
        """
        if self.mode == SettlementMode.PRIVATE:
            raise SettlementError("a PRIVATE inference is never settled", code="settlement.private")
        if self._proof is not None:
            return self._proof
        if not self._full_nodes:
            raise ConfigurationError(f"network {self._network.name} names no full node")
        last = "no node was asked yet"
        with anyio.move_on_after(timeout):
            pause = _FIRST_PAUSE
            while True:
                try:
                    proof = await self._try()
                except (TransportError, NotFinalError, ChainError) as error:
                    last = error.message
                else:
                    if proof is not None:
                        return proof
                    last = "the full nodes have no proof yet"
                await self._environment.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        raise SettlementError(
            f"the receipt was not settled in {timeout} s: {last}", code="settlement.timeout"
        )

    async def _try(self) -> InclusionProof | None:
        status = await self._ask()
        if status.state == SettlementState.REFUSED:
            raise SettlementError(f"the full node refused the receipt: {status.reason}")
        if status.inclusion is None:
            return None
        verify_inclusion(self._receipt.bundle.signed, status.inclusion)
        inclusion, proven = await self._on_ledger(status.inclusion)
        self._receipt.settled(inclusion, proven=proven, now_ms=self._environment.clock())
        self._proof = inclusion
        return inclusion

    async def _on_ledger(self, inclusion: InclusionProof) -> tuple[InclusionProof, bool]:
        """The inclusion with the ledger's own record of the batch, and whether it was seen."""
        network = self._network
        if network.rpc_url is None or network.settlement is None:
            if inclusion.anchor is None:
                raise NotFinalError("the batch is not anchored yet")
            return inclusion, False
        async with _closing(self._plain()) as transport:
            post = RpcPost(transport, network.rpc_url, timeout=_REQUEST_SECONDS)
            rpc = RpcClient(post, chain_id=network.chain_id)
            reader = SettlementReader(rpc, network.settlement, first_block=network.first_block)
            batch = await reader.batch(inclusion.root)
            if batch is None:
                raise NotFinalError("the root is not on the ledger yet")
            if batch.status is not BatchStatus.ANCHORED:
                raise SettlementError(f"the ledger marks the batch as {batch.status.name}")
            told = (inclusion.size, inclusion.blob_id, inclusion.submitter)
            if told != (batch.size, batch.blob_id, batch.submitter):
                raise InclusionError(
                    "the full node tells of another batch than the ledger has under this root",
                    code="settlement.not_anchored",
                )
            await reader.check_final(batch.anchor, confirmations=network.confirmations)
        return replace(inclusion, anchor=batch.anchor), True

    async def _ask(self) -> SettlementStatus:
        """The first full node that knows the receipt, else the node that made it."""
        failures: list[str] = []
        for server in (*self._full_nodes, self._node):
            try:
                status = await self._ask_one(server)
            except TransportError as error:
                failures.append(error.message)
                continue
            if status is not None:
                return status
            failures.append(f"{server.url} does not know the receipt")
        raise TransportError("; ".join(failures))

    async def _ask_one(self, server: _Server) -> SettlementStatus | None:
        digest = self._receipt.digest
        async with _closing(server.connect()) as transport:
            answer = await transport.request(
                "GET",
                f"{server.url}/v1/settlement/{to_hex(digest)}",
                timeout=_REQUEST_SECONDS,
                max_bytes=_MAX_ANSWER,
            )
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise TransportError(f"{server.url} answered with status {answer.status}")
        value: Any = parse_json(answer.body, what="the settlement status")
        status = decode_settlement_status(value)
        if status.digest != digest:
            raise InclusionError("a node tells of another receipt than was asked for")
        return status

    def _plain(self) -> Transport:
        """Connections under the system's authorities: what they bring is proven otherwise."""
        return self._environment.transports(None)


@asynccontextmanager
async def _closing(transport: Transport) -> AsyncIterator[Transport]:
    try:
        yield transport
    finally:
        await transport.aclose()
