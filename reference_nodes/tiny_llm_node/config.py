"""Settings of the node, from its command line and its environment."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opengradient.errors import ConfigurationError

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        model_id: Name under which the model is served.
        weights: Folder with model.safetensors and tokenizer.json.
        max_callers: So many are served at a time; more are refused with status 503.
        max_body_bytes: Largest request body.
    """

    host: str = "127.0.0.1"
    port: int = 0
    model_id: str = "og/tiny"
    weights: Path = WEIGHTS
    max_callers: int = 16
    max_body_bytes: int = 256 * 1024


def parse_config(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Config:
    """Return the settings.

    Args:
        arguments: The command line without the program's name.
        environment: OPENGRADIENT_MAX_BODY_BYTES is read from it.

    Raises:
        ConfigurationError: A value is out of range.
    """
    default = Config()
    parser = argparse.ArgumentParser(
        prog="python -m reference_nodes.tiny_llm_node",
        description="Serve the tiny language model over OpenAI's protocol; no key, no download.",
    )
    parser.add_argument("--host", default=default.host, help="address to listen on")
    parser.add_argument("--port", type=int, default=default.port, help="0 takes a free port")
    parser.add_argument("--model-id", default=default.model_id, help="name of the model")
    parser.add_argument("--weights", type=Path, default=default.weights, help="folder of weights")
    parser.add_argument("--max-callers", type=int, default=default.max_callers)
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65_535:
        raise ConfigurationError("--port must be from 0 to 65535")
    if options.max_callers < 1:
        raise ConfigurationError("--max-callers must be at least 1")
    size = environment.get("OPENGRADIENT_MAX_BODY_BYTES", str(default.max_body_bytes))
    if not size.isdecimal() or int(size) < 1:
        raise ConfigurationError("OPENGRADIENT_MAX_BODY_BYTES must be a whole number above 0")
    return Config(**vars(options), max_body_bytes=int(size))
