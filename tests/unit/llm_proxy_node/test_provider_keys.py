"""Which nodes take keys from where, before one runs."""

from pathlib import Path

import pytest

from opengradient.errors import ConfigurationError
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from reference_nodes.llm_proxy_node.provider_keys import refuse_environment_keys

BASE = {
    "OPENGRADIENT_DATA_DIR": "/d",
    "OPENGRADIENT_CHAIN_ID": "5",
    "OPENGRADIENT_SETTLEMENT_CONTRACT": "0x" + "ab" * 20,
}


def settings(**more: str) -> Settings:
    return Settings.from_env(
        {**BASE, **{"OPENGRADIENT_" + name.upper(): value for name, value in more.items()}}
    )


def test_hardware_takes_sealed_keys_by_default_and_no_others() -> None:
    assert settings().sealed_keys
    assert settings(provider_keys="sealed").sealed_keys
    with pytest.raises(ConfigurationError, match="sealed where the enclave is nitro"):
        settings(provider_keys="environment")


def test_software_takes_either() -> None:
    assert not settings(enclave="software").sealed_keys
    assert settings(enclave="software", provider_keys="sealed").sealed_keys
    assert not settings(enclave="software", provider_keys="environment").sealed_keys


def test_the_attested_configuration_says_which_and_whose() -> None:
    operator = "0x" + "cd" * 20
    shown = settings(operator=operator).attested()
    assert (shown["provider_keys"], shown["operator"]) == ("sealed", operator)
    assert settings(enclave="software").attested()["provider_keys"] == "environment"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "XAI_API_KEY", "OPENGRADIENT_UPSTREAM_API_KEY"])
def test_keys_in_the_environment_are_refused_and_not_shown(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        ProviderSettings.addresses_from_env({name: "secret-1"})
    assert caught.value.code == "keys.environment"
    assert "secret-1" not in str(caught.value)


def test_addresses_without_keys() -> None:
    found = ProviderSettings.addresses_from_env(
        {"OPENAI_BASE_URL": "https://other/v1", "OPENGRADIENT_UPSTREAM_URL": "http://10.0.0.1/v1"}
    )
    refuse_environment_keys(found)
    assert found.attested() == {
        "openai": "https://other/v1",
        "anthropic": "https://api.anthropic.com",
        "google": "https://generativelanguage.googleapis.com",
        "xai": "https://api.x.ai/v1",
        "compatible": "http://10.0.0.1/v1",
    }


def test_settings_with_keys_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        refuse_environment_keys(ProviderSettings.from_env({"OPENAI_API_KEY": "secret-1"}))
    assert caught.value.code == "keys.environment"


@pytest.mark.parametrize("more", [{}, {"operator": "0x" + "cd" * 20, "ohttp": False}])
async def test_sealed_keys_need_an_operator_and_a_key(
    tmp_path: Path, more: dict[str, object]
) -> None:
    from reference_nodes._kit.settings import DEMO_DEFAULTS
    from reference_nodes.llm_proxy_node.node import running

    chosen = Settings.from_env(
        {}, **{**DEMO_DEFAULTS, "data_dir": tmp_path, "provider_keys": "sealed", "port": 0, **more}
    )
    with pytest.raises(ConfigurationError) as caught:
        async with running(chosen, ProviderSettings()):
            pass
    assert caught.value.code == "keys.no_operator"
