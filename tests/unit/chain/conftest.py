"""A fresh ledger for each test of this room."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.chain.world import World, open_world


@pytest.fixture
async def world(anyio_backend: str) -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
