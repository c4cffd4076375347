"""Settings for every test."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, which the library is made for."""
    return "asyncio"
