"""A network's facts: contracts are deployed once, new code is admitted on every start."""

from pathlib import Path

import pytest

from opengradient.chain.registry import NodeRegistryReader
from opengradient.errors import RevertedError
from reference_nodes.full_node.network import load_facts, load_or_deploy
from tests.unit.full_node.kit import network

OLD, NEW = b"\x01" * 32, b"\x02" * 32


async def test_new_code_is_admitted_by_the_contracts_that_are_there(tmp_path: Path) -> None:
    async with network() as net:
        first = await load_or_deploy(tmp_path, net.sender, measurements=(OLD,))
        reader = NodeRegistryReader(net.rpc, first.registry)
        assert await reader.measurement_approved(OLD)
        assert not await reader.measurement_approved(NEW)

        again = await load_or_deploy(tmp_path, net.sender, measurements=(OLD, NEW))
        assert again == first == load_facts(tmp_path)
        assert await reader.measurement_approved(NEW)

        height = await net.rpc.block_number()
        await load_or_deploy(tmp_path, net.sender, measurements=(OLD, NEW))
        assert await net.rpc.block_number() == height


async def test_revoked_code_stays_revoked(tmp_path: Path) -> None:
    async with network() as net:
        facts = await load_or_deploy(tmp_path, net.sender, measurements=(OLD,))
        await net.sender.execute(
            net.registry.__class__(facts.registry_domain).revoke_measurement(OLD)
        )
        with pytest.raises(RevertedError):
            await load_or_deploy(tmp_path, net.sender, measurements=(OLD,))
