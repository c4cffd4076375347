"""The relay's settings: everything that its operator can choose, from the environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from opengradient.errors import ConfigurationError
from reference_nodes._kit.environment import read_environment

_PREFIX: Final = "OPENGRADIENT_RELAY_"


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(item.strip().rstrip("/") for item in value.split(",") if item.strip())
    return value


class Settings(BaseModel):
    """Read from ``OPENGRADIENT_RELAY_<NAME>``.

    Attributes:
        host: Address to listen on.
        port: Port; 0 for any free one.
        network: File with the profile of the network: its registry, its nodes, whom it trusts.
        nodes: URLs of nodes to carry to, separated by commas; unset for all of the network.
        tls_certificate_file: PEM chain for the relay's name; unset where something ends TLS for it.
        tls_key_file: The key to it.
        tokens_file: Hex SHA-256 of one user's token per line; unset to serve everybody.
        requests_per_second: Of one user, or of one address where everybody is served.
        burst: How many may come at once.
        max_concurrent: Requests at once, of all.
        max_body_bytes: Largest sealed request.
        silence_seconds: Longest pause of a node.
        total_seconds: Longest time of one answer.
        look_seconds: How often the network is looked through for nodes.
        drain_seconds: How long running answers may take at shutdown.
        log_level: DEBUG, INFO, WARNING or ERROR.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8440, ge=0, le=65535)
    network: Path
    nodes: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    tls_certificate_file: Path | None = None
    tls_key_file: Path | None = None
    tokens_file: Path | None = None
    requests_per_second: float = Field(default=50.0, gt=0)
    burst: int = Field(default=200, ge=1)
    max_concurrent: int = Field(default=2000, ge=1)
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    silence_seconds: float = Field(default=150.0, gt=0)
    total_seconds: float = Field(default=1200.0, gt=0)
    look_seconds: float = Field(default=30.0, gt=0)
    drain_seconds: int = Field(default=20, ge=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file go together")
        return self

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **defaults: object) -> "Settings":
        """Read the environment. An empty variable counts as absent.

        Args:
            environ: The environment.
            defaults: Values for what the environment does not say.

        Raises:
            ConfigurationError: Names the variables that are wrong, without their values.
        """
        return read_environment(cls, environ, _PREFIX, defaults)


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def load_token_digests(path: Path) -> tuple[bytes, ...]:
    """Read the digests of the users' tokens.

    Raises:
        ConfigurationError: It cannot be read, is empty, or a line is no hex SHA-256.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read as a file of token digests") from error
    digests = [line for line in lines if line and not line.startswith("#")]
    if not digests or not all(_DIGEST.fullmatch(line) for line in digests):
        raise ConfigurationError(f"{path} has one hex SHA-256 per line, and at least one")
    return tuple(map(bytes.fromhex, digests))
