from pathlib import Path

import pytest

from opengradient.errors import ConfigurationError
from reference_nodes.llm_proxy_node.config import DEMO_DEFAULTS, Settings

BASE = {
    "OPENGRADIENT_DATA_DIR": "/d",
    "OPENGRADIENT_CHAIN_ID": "5",
    "OPENGRADIENT_SETTLEMENT_CONTRACT": "0x" + "aB" * 20,
}


def test_defaults_are_safe() -> None:
    settings = Settings.from_env(BASE)
    assert settings.tls
    assert settings.enclave == "nitro"
    assert settings.domain.chain_id == 5
    assert settings.domain.settlement_contract == b"\xab" * 20
    assert settings.max_body_bytes == 20 * 1024 * 1024


def test_lists_and_switches() -> None:
    settings = Settings.from_env(
        {
            **BASE,
            "OPENGRADIENT_FULL_NODES": "http://a:1, https://b",
            "OPENGRADIENT_LEGACY_SIGNATURES": "0",
            "OPENGRADIENT_TLS": "",
            "OTHER": "x",
        }
    )
    assert settings.full_nodes == ("http://a:1", "https://b")
    assert not settings.legacy_signatures
    assert settings.tls


@pytest.mark.parametrize("missing", sorted(BASE))
def test_what_has_no_default_is_asked_for(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        Settings.from_env({name: value for name, value in BASE.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000-secret"),
        ("SETTLEMENT_CONTRACT", "0x12-secret"),
        ("FULL_NODES", "ftp://secret"),
        ("ENCLAVE", "secret"),
        ("TLS", "secret"),
        ("MAX_BODY_BYTES", "1"),
        ("UPSTREAM_TOTAL_SECONDS", "100000"),
        ("LOG_LEVEL", "secret"),
    ],
)
def test_wrong_values_are_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({**BASE, "OPENGRADIENT_" + name: value})
    assert "OPENGRADIENT_" + name in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.__suppress_context__


def test_the_registry_needs_all_of_its_settings() -> None:
    with pytest.raises(ConfigurationError):
        Settings.from_env({**BASE, "OPENGRADIENT_REGISTRY": "0x" + "11" * 20})


def test_the_environment_comes_before_the_demo() -> None:
    settings = Settings.from_env({"OPENGRADIENT_PORT": "1"}, **DEMO_DEFAULTS)
    assert (settings.port, settings.enclave) == (1, "software")
    assert settings.data_dir == Path(".demo")
