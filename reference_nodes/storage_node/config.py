"""Settings of the node, from its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opengradient.errors import ConfigurationError
from opengradient.storage import DEFAULT_SHARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings.

    Attributes:
        data_dir: Where blobs lie.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        n_shards: Shards of the network whose ids the node speaks.
        quota_bytes: How much it keeps.
        max_blob_bytes: Largest blob; Walrus' public publishers take 10 MiB.
        epoch_seconds: Length of a storage epoch; Walrus mainnet has 14 days.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    n_shards: int = DEFAULT_SHARDS
    quota_bytes: int = 10 << 30
    max_blob_bytes: int = 256 << 20
    epoch_seconds: int = 14 * 24 * 3600


def parse_config(arguments: Sequence[str]) -> Config:
    """Return the settings.

    Args:
        arguments: The command line without the program's name.

    Raises:
        ConfigurationError: A value is out of range.
    """
    default = Config(data_dir=Path())
    parser = argparse.ArgumentParser(
        prog="python -m reference_nodes.storage_node",
        description="Store and serve blobs over Walrus' HTTP API, in a folder of this machine.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="where blobs lie")
    parser.add_argument("--host", default=default.host, help="address to listen on")
    numbers = {
        "port": "0 takes a free port",
        "n_shards": "shards of the network whose ids it speaks",
        "quota_bytes": "how much it keeps",
        "max_blob_bytes": "largest blob",
        "epoch_seconds": "length of a storage epoch",
    }
    for name, meaning in numbers.items():
        parser.add_argument(
            "--" + name.replace("_", "-"), type=int, default=getattr(default, name), help=meaning
        )
    config = Config(**vars(parser.parse_args(arguments)))
    if not 0 <= config.port <= 65_535:
        raise ConfigurationError("--port must be from 0 to 65535")
    if min(config.n_shards, config.quota_bytes, config.max_blob_bytes, config.epoch_seconds) < 1:
        raise ConfigurationError("sizes, shards and seconds are above 0")
    return config
