"""Who serves a model."""

import pytest

from opengradient.errors import ConfigurationError, UnsupportedParameterError
from reference_nodes.llm_proxy_node.backends import Backends, Endpoint, ProviderSettings
from tests.unit.llm_proxy_node.backends.support import KEYS, backends

UPSTREAM = {"OPENGRADIENT_UPSTREAM_URL": "http://127.0.0.1:8000/v1"}


def only(*names):
    chosen = {name: value for name, value in KEYS.items() if name.startswith(names)}
    return Backends.from_settings(ProviderSettings.from_env(chosen))


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4.1", "openai", "gpt-4.1"),
        ("anthropic/claude-x", "anthropic", "claude-x"),
        ("google/gemini-x", "google", "gemini-x"),
        ("xai/grok-4", "xai", "grok-4"),
        ("x-ai/grok-4", "xai", "grok-4"),
        ("local/llama", "local", "llama"),
        ("local/openai/gpt-4.1", "local", "openai/gpt-4.1"),
        ("meta-llama/Llama-3", "local", "meta-llama/Llama-3"),
        ("gpt-4.1", "openai", "gpt-4.1"),
        ("o1", "openai", "o1"),
        ("o3-mini", "openai", "o3-mini"),
        ("o4-mini", "openai", "o4-mini"),
        ("claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("grok-4", "xai", "grok-4"),
    ],
)
def test_names(model, provider, name):
    backend, at_provider = backends().resolve(model)
    assert (backend.name, at_provider) == (provider, name)


@pytest.mark.parametrize(
    ("configured", "model", "code"),
    [
        (("OPENAI", "ANTHROPIC"), "mystery", "provider.unknown_model"),
        (("OPENAI",), "meta-llama/Llama-3", "provider.unknown_model"),
        (("OPENAI",), "openai/", "provider.unknown_model"),
        (("OPENAI",), "", "provider.unknown_model"),
        (("OPENAI",), "gpt 4", "provider.unknown_model"),
        (("OPENAI",), "gpt-é", "provider.unknown_model"),
        (("OPENAI",), "g" * 201, "provider.unknown_model"),
        (("OPENAI",), "anthropic/claude-x", "provider.no_key"),
        (("OPENAI",), "claude-x", "provider.no_key"),
        (("OPENAI",), "local/x", "provider.no_key"),
        # Never silently to another party than the one the model is named for.
        (("OPENGRADIENT",), "openai/gpt-4.1", "provider.no_key"),
        (("OPENAI", "OPENGRADIENT"), "claude-x", "provider.no_key"),
        ((), "gpt-4.1", "provider.no_key"),
        ((), "mystery", "provider.unknown_model"),
    ],
)
def test_nobody(configured, model, code):
    found = only(*configured) if configured else Backends({})
    with pytest.raises(UnsupportedParameterError) as caught:
        found.resolve(model)
    assert (caught.value.code, caught.value.parameter) == (code, "model")


def test_the_only_backend_takes_bare_names():
    assert only("OPENGRADIENT").resolve("gpt-oss-20b")[0].name == "local"
    assert only("OPENGRADIENT").resolve("mystery")[0].name == "local"
    assert only("OPENAI").resolve("ft:mystery")[0].name == "openai"


def test_settings():
    settings = ProviderSettings.from_env({**UPSTREAM, "OPENAI_API_KEY": "k", "XAI_API_KEY": ""})
    assert settings.openai == Endpoint(base_url="https://api.openai.com/v1", key="k")
    assert settings.compatible == Endpoint(base_url=UPSTREAM["OPENGRADIENT_UPSTREAM_URL"])
    assert (settings.anthropic, settings.google, settings.xai) == (None, None, None)
    moved = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "https://proxy.example/a/"}
    endpoint = ProviderSettings.from_env(moved).anthropic
    assert endpoint.base_url == "https://proxy.example/a"
    assert endpoint.origin == "https://proxy.example"
    with pytest.raises(ConfigurationError):
        ProviderSettings.from_env({"OPENGRADIENT_UPSTREAM_API_KEY": "k"})


def test_addresses_and_keys():
    for bad in ("", "api.openai.com", "https://", "https://x/v1/"):
        with pytest.raises(ConfigurationError):
            Endpoint(base_url=bad, key="k")
    with pytest.raises(ConfigurationError):
        Endpoint(base_url="https://x", key="")


def test_origins():
    origins = {name: backend.origin for name, backend in backends().configured.items()}
    assert origins == {
        "openai": "https://api.openai.com",
        "anthropic": "https://api.anthropic.com",
        "google": "https://generativelanguage.googleapis.com",
        "xai": "https://api.x.ai",
        "compatible": "http://127.0.0.1:9",
    }
