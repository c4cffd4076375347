from pathlib import Path

import pytest

from opengradient.core.canonical import canonical_json
from opengradient.errors import ConfigurationError
from reference_nodes._kit.assembly import make_enclave
from reference_nodes._kit.clock import system_clock_ms
from reference_nodes._kit.settings import DEMO_DEFAULTS, LOCAL_SETTINGS
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings
from reference_nodes.llm_proxy_node.node import PACKAGE

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


def test_every_setting_is_attested_unless_it_is_on_the_list() -> None:
    settings = Settings.from_env(BASE)
    assert set(settings.attested()) | LOCAL_SETTINGS == set(Settings.model_fields)
    assert not set(settings.attested()) & LOCAL_SETTINGS
    assert set(Settings.model_fields) >= LOCAL_SETTINGS
    canonical_json(settings.attested())


def test_what_may_hold_a_key_is_not_attested() -> None:
    more = {
        "OPENGRADIENT_REGISTRY": "0x" + "cd" * 20,
        "OPENGRADIENT_RPC_URL": "https://user:secret@rpc.example/v2",
        "OPENGRADIENT_OPERATOR_KEY_FILE": "/secret/key",
    }
    settings = Settings.from_env({**BASE, **more})
    assert "secret" not in str(settings.attested())
    assert settings.attested()["registry"] == "0x" + "cd" * 20
    for name in ("FULL_NODES", "PUBLIC_URL"):
        with pytest.raises(ConfigurationError, match=name):
            Settings.from_env({**BASE, f"OPENGRADIENT_{name}": "https://user:secret@a.example"})


def test_providers_are_attested_by_address() -> None:
    providers = ProviderSettings.from_env({"OPENAI_API_KEY": "sk-secret"})
    assert providers.attested() == {"openai": "https://api.openai.com/v1"}


@pytest.mark.parametrize(
    ("rotation", "grace", "ohttp", "fits"),
    [
        ("43200", "1800", "1", True),
        ("84600", "1800", "1", True),
        ("84601", "1800", "1", False),
        ("0", "1800", "1", False),
        ("0", "1800", "0", True),
        ("1000000", "1800", "0", True),
    ],
)
def test_a_sealed_request_cannot_outlive_its_answer(
    rotation: str, grace: str, ohttp: str, fits: bool
) -> None:
    environ = {
        **BASE,
        "OPENGRADIENT_KEY_ROTATION_SECONDS": rotation,
        "OPENGRADIENT_KEY_GRACE_SECONDS": grace,
        "OPENGRADIENT_OHTTP": ohttp,
    }
    if fits:
        assert Settings.from_env(environ).rotation.every_ms == int(rotation) * 1000
    else:
        with pytest.raises(ConfigurationError, match="repeat a sealed request"):
            Settings.from_env(environ)


@pytest.mark.parametrize(
    ("enclave", "sealed"), [("nitro", True), ("tsm", True), ("software", False)]
)
def test_hardware_takes_keys_sealed_only(enclave: str, sealed: bool) -> None:
    environ = {**BASE, "OPENGRADIENT_ENCLAVE": enclave}
    assert Settings.from_env(environ).sealed_keys is sealed
    in_environment = {**environ, "OPENGRADIENT_PROVIDER_KEYS": "environment"}
    if sealed:
        with pytest.raises(ConfigurationError, match="sealed"):
            Settings.from_env(in_environment)
    else:
        assert not Settings.from_env(in_environment).sealed_keys


def test_evidence_is_not_replaced_too_seldom_or_too_often() -> None:
    for value in ("1799", "86401"):
        with pytest.raises(ConfigurationError, match="EVIDENCE_REFRESH_SECONDS"):
            Settings.from_env({**BASE, "OPENGRADIENT_EVIDENCE_REFRESH_SECONDS": value})


def test_the_enclave_that_is_named_must_be_there(tmp_path: Path) -> None:
    environ = {**BASE, "OPENGRADIENT_ENCLAVE": "tsm", "OPENGRADIENT_TSM_DIR": str(tmp_path / "no")}
    with pytest.raises(ConfigurationError) as caught:
        make_enclave(Settings.from_env(environ), PACKAGE, system_clock_ms)
    assert caught.value.code == "enclave.unavailable"
