"""What a devnet is made of."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from opengradient.errors import ConfigurationError
from opengradient.networks import config_home

DEFAULT_NAME: Final = "devnet"
MAX_LLM_NODES: Final = 8
"""So many operators get money in the first block of a devnet's ledger."""

CHAIN_ID: Final = 31337
"""The id that development chains use (anvil's and Hardhat's default)."""

PROVIDER_KEYS: Final = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "XAI_API_KEY")
_PROVIDER_URLS: Final = tuple(name.replace("_API_KEY", "_BASE_URL") for name in PROVIDER_KEYS)
_UPSTREAM: Final = ("OPENGRADIENT_UPSTREAM_URL", "OPENGRADIENT_UPSTREAM_API_KEY")
PROVIDER_VARIABLES: Final = frozenset((*PROVIDER_KEYS, *_PROVIDER_URLS, *_UPSTREAM))
"""Every variable that says where models are; LLM proxy nodes get them, others do not."""

_ENGINES: Final = ("embedded", "anvil")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetConfig:
    """Settings of a devnet.

    Attributes:
        name: Name of the network; a devnet of the same name is the same network again.
        home: Folder of configuration; the devnet lives in ``devnet/<name>`` below it, its
            profile in ``networks/<name>.json``.
        llm_nodes: How many LLM proxy nodes.
        port_base: First port; None takes free ones and remembers them.
        fresh: Forget the chain, the keys and the ports of an earlier devnet of this name.
        models: Models that the nodes list, the one to try first in front; empty finds out.
        model_files: ONNX files that a local inference node runs, each under ``local/<stem>``; none
            starts no such node.
        engine: Ledger engine of the full node: ``embedded`` or ``anvil``.
        batch_age_ms: How long a receipt waits for others before its batch is anchored.
        confirmations: Blocks on an anchor before it is final.
        block_seconds: After so many idle seconds the embedded ledger adds a block.
        ready_seconds: How long one node may take until it serves.
        environment: Variables to look for providers in, and to start the nodes with.
    """

    name: str = DEFAULT_NAME
    home: Path = field(default_factory=config_home)
    llm_nodes: int = 1
    port_base: int | None = None
    fresh: bool = False
    models: tuple[str, ...] = ()
    model_files: tuple[Path, ...] = ()
    engine: str = "embedded"
    batch_age_ms: int = 400
    confirmations: int = 1
    block_seconds: float = 1.0
    ready_seconds: float = 60.0
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def __post_init__(self) -> None:
        """Refuse what could not run.

        Raises:
            ConfigurationError: A value is out of range.
        """
        if not _NAME.fullmatch(self.name) or self.name == "opengradient":
            raise ConfigurationError(f"not a name for a devnet: {self.name!r}")
        if not 1 <= self.llm_nodes <= MAX_LLM_NODES:
            raise ConfigurationError(f"a devnet has 1 to {MAX_LLM_NODES} LLM nodes")
        if self.engine not in _ENGINES:
            raise ConfigurationError("a devnet has a ledger of its own: embedded or anvil")
        if self.port_base is not None and not 1024 <= self.port_base <= 65_000:
            raise ConfigurationError("--port-base is from 1024 to 65000")

    @property
    def folder(self) -> Path:
        """Where everything of this devnet lies."""
        return self.home / "devnet" / self.name

    @property
    def profile(self) -> Path:
        """The profile that clients read."""
        return self.home / "networks" / f"{self.name}.json"

    @property
    def logs(self) -> Path:
        """One log per node."""
        return self.folder / "logs"

    @property
    def providers(self) -> tuple[str, ...]:
        """The variables that name a real model provider; empty: the tiny model serves."""
        names = (*PROVIDER_KEYS, "OPENGRADIENT_UPSTREAM_URL")
        return tuple(name for name in names if self.environment.get(name))

    def plain_environment(self) -> dict[str, str]:
        """What every node gets: no keys of providers, no settings of other OpenGradient parts."""
        return {
            name: value
            for name, value in self.environment.items()
            if not name.startswith("OPENGRADIENT_") and name not in PROVIDER_VARIABLES
        }

    def proxy_environment(self) -> dict[str, str]:
        """What the LLM proxy nodes get: the providers' keys and addresses as well."""
        chosen = {n: v for n, v in self.environment.items() if n in PROVIDER_VARIABLES and v}
        return {**self.plain_environment(), **chosen}
