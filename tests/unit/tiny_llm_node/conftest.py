import httpx
import pytest

from reference_nodes.tiny_llm_node.app import create_app, load_service
from reference_nodes.tiny_llm_node.config import Config

NOW_MS = 1_700_000_000_123


@pytest.fixture(scope="session")
def config():
    return Config(max_body_bytes=20_000)


@pytest.fixture(scope="session")
def loaded(config):
    return load_service(config)


@pytest.fixture
def service(config, loaded):
    from reference_nodes.tiny_llm_node.service import TinyService

    return TinyService(loaded.model, loaded.tokenizer, max_callers=2)


@pytest.fixture(scope="session")
def model(loaded):
    return loaded.model


@pytest.fixture(scope="session")
def tokenizer(loaded):
    return loaded.tokenizer


@pytest.fixture
def app(service, config):
    return create_app(service, config, now_ms=lambda: NOW_MS)


@pytest.fixture
async def http(app):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:
        yield client
