"""Puts the two contracts on a ledger."""

from dataclasses import dataclass
from typing import final

from opengradient.chain.abi import NODE_REGISTRY, SETTLEMENT, contract
from opengradient.chain.calls import Call, RegistryCalls, SettlementCalls
from opengradient.chain.messages import RegistryDomain
from opengradient.chain.sender import TransactionSender
from opengradient.chain.values import TransactionReceipt
from opengradient.errors import ChainError


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where the contracts are.

    Attributes:
        chain_id: EIP-155 id.
        registry: Address of NodeRegistry, 20 bytes.
        settlement: Address of Settlement, 20 bytes.
        first_block: Block of the first of the two: no event is older.
    """

    chain_id: int
    registry: bytes
    settlement: bytes
    first_block: int

    @property
    def registry_domain(self) -> RegistryDomain:
        """The domain of what nodes sign for the registry."""
        return RegistryDomain(chain_id=self.chain_id, registry=self.registry)


async def deploy(
    sender: TransactionSender,
    *,
    owner: bytes | None = None,
    submitters: tuple[bytes, ...] = (),
    measurements: tuple[bytes, ...] = (),
) -> Deployment:
    """Deploy both contracts and set them up.

    Args:
        sender: Pays. Must be the owner where submitters or measurements are given.
        owner: Governs both contracts; the sender's address if None.
        submitters: Addresses that may anchor.
        measurements: Code that nodes may run.

    Raises:
        ChainError: A transaction was not mined or was reverted.
    """
    governor = owner or sender.address
    registry_code = contract(NODE_REGISTRY).creation_code(governor)
    registry, first_block = _created(await sender.execute(Call(None, registry_code)))
    settlement_code = contract(SETTLEMENT).creation_code(governor, registry)
    settlement, _ = _created(await sender.execute(Call(None, settlement_code)))
    deployment = Deployment(
        chain_id=sender.rpc.chain_id,
        registry=registry,
        settlement=settlement,
        first_block=first_block,
    )
    registry_calls = RegistryCalls(deployment.registry_domain)
    for measurement in measurements:
        await sender.execute(registry_calls.approve_measurement(measurement))
    for submitter in submitters:
        await sender.execute(SettlementCalls(settlement).authorise_submitter(submitter))
    return deployment


def _created(receipt: TransactionReceipt) -> tuple[bytes, int]:
    if receipt.contract_address is None:
        raise ChainError("a deploying transaction created no contract", code="chain.malformed")
    return receipt.contract_address, receipt.block_number
