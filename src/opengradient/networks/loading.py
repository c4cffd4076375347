"""Which network is meant: the argument, the environment, the configuration file, or a devnet."""

import logging
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from opengradient.errors import ConfigurationError
from opengradient.networks.builtin import OPENGRADIENT, built_in
from opengradient.networks.network import Network
from opengradient.networks.profile import read_profile

_log = logging.getLogger("opengradient.networks")

HOME_VARIABLE: Final = "OPENGRADIENT_HOME"
NETWORK_VARIABLE: Final = "OPENGRADIENT_NETWORK"
DEVNET: Final = "devnet"


def config_home(environment: Mapping[str, str] | None = None) -> Path:
    """The folder of configuration: ``$OPENGRADIENT_HOME``, or ``~/.config/opengradient``."""
    chosen = (os.environ if environment is None else environment).get(HOME_VARIABLE)
    return Path(chosen) if chosen else Path.home() / ".config" / "opengradient"


def profile_path(name: str, environment: Mapping[str, str] | None = None) -> Path:
    """Where the profile of a network of that name lies, if it is installed."""
    return config_home(environment) / "networks" / f"{name}.json"


def known_networks(environment: Mapping[str, str] | None = None) -> list[str]:
    """Names of all networks that `load_network` finds by name."""
    installed = (path.stem for path in (config_home(environment) / "networks").glob("*.json"))
    return sorted({OPENGRADIENT, *installed})


def load_network(
    choice: str | os.PathLike[str] | Network | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Network:
    """Find the network that is meant; `Network.source` says why it is this one.

    In this order: `choice`; ``$OPENGRADIENT_NETWORK``; the line ``network = "..."`` in
    ``config.toml`` of the configuration folder; a devnet that was started on this machine.
    The public network is never chosen silently.

    Args:
        choice: A name, the path of a profile (ends in ``.json``), or a network.
        environment: Variables to look at; the process's if None.

    Raises:
        ConfigurationError: None is named and none can be found (``config.no_network``), the
            named one is unknown, or its profile is wrong.
    """
    if isinstance(choice, Network):
        return choice
    variables = os.environ if environment is None else environment
    if choice is not None:
        found = _find(choice, "given as an argument", variables)
    elif variables.get(NETWORK_VARIABLE):
        found = _find(variables[NETWORK_VARIABLE], f"from ${NETWORK_VARIABLE}", variables)
    elif configured := _configured(variables):
        found = _find(configured, f"from {config_home(variables) / 'config.toml'}", variables)
    elif (path := profile_path(DEVNET, variables)).is_file():
        found = read_profile(path, source=f"the devnet of this machine, {path}")
    else:
        raise ConfigurationError(
            "no network was chosen and no devnet runs here", code="config.no_network"
        )
    _log.info("network %s", found)
    return found


def _find(choice: str | os.PathLike[str], source: str, variables: Mapping[str, str]) -> Network:
    text = os.fspath(choice)
    if text.endswith(".json") or not isinstance(choice, str):
        return read_profile(Path(text), source=f"{source}: {text}")
    if os.sep in text or text.startswith("."):
        raise ConfigurationError(f"not a network name, nor the path of a profile: {text!r}")
    path = profile_path(text, variables)
    if path.is_file():
        return read_profile(path, source=f"{source}: {path}")
    network = built_in(text)
    if network is None:
        raise ConfigurationError(
            f"no network {text!r}; known are {', '.join(known_networks(variables))}",
            code="config.no_network",
        )
    return network.chosen(f"{source}: built in")


def _configured(variables: Mapping[str, str]) -> str | None:
    path = config_home(variables) / "config.toml"
    if not path.is_file():
        return None
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    unknown = sorted(set(settings) - {"network"})
    if unknown:
        raise ConfigurationError(f"{path}: unknown setting {unknown[0]!r}")
    name = settings.get("network")
    if name is not None and not isinstance(name, str):
        raise ConfigurationError(f"{path}: network must be a string")
    return name
