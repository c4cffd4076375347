from pathlib import Path

import pytest

from opengradient.core.digests import sha256
from opengradient.errors import ConfigurationError
from reference_nodes.relay_node.config import Settings, load_token_digests

BASE = {"OPENGRADIENT_RELAY_NETWORK": "/n.json"}


def test_defaults_and_lists() -> None:
    settings = Settings.from_env({**BASE, "OPENGRADIENT_RELAY_NODES": "https://a/, https://b"})
    assert settings.nodes == ("https://a", "https://b")
    assert settings.tokens_file is None
    assert Settings.from_env(BASE).nodes == ()


def test_a_network_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="OPENGRADIENT_RELAY_NETWORK"):
        Settings.from_env({})


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000-secret"), ("BURST", "0"), ("LOG_LEVEL", "secret"), ("MAX_BODY_BYTES", "1")],
)
def test_wrong_values_are_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"OPENGRADIENT_RELAY_{name}") as caught:
        Settings.from_env({**BASE, f"OPENGRADIENT_RELAY_{name}": value})
    assert "secret" not in caught.value.message


def test_certificate_and_key_go_together() -> None:
    with pytest.raises(ConfigurationError, match="go together"):
        Settings.from_env({**BASE, "OPENGRADIENT_RELAY_TLS_KEY_FILE": "/k"})


def test_token_digests(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# of the users\n{sha256(b'a').hex()}\n\n{sha256(b'b').hex()}\n")
    assert load_token_digests(path) == (sha256(b"a"), sha256(b"b"))
    for content in (
        "",
        "# none\n",
        "a token\n",
        sha256(b"a").hex()[:-1],
        sha256(b"a").hex().upper(),
    ):
        path.write_text(content)
        with pytest.raises(ConfigurationError):
            load_token_digests(path)
    with pytest.raises(ConfigurationError):
        load_token_digests(tmp_path / "missing")
