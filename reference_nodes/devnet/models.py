"""Which model a devnet serves: a real provider's where there is a key, else the tiny one."""

from dataclasses import dataclass
from typing import Final, final

from opengradient.core.canonical import parse_json_object
from opengradient.errors import ConfigurationError, TransportError
from opengradient.transport import HttpTransport
from reference_nodes.devnet.config import DevnetConfig

TINY: Final = "og/tiny"
"""The model of `reference_nodes.tiny_llm_node`."""

_BY_KEY: Final = (
    ("OPENAI_API_KEY", "openai/gpt-4.1-mini"),
    ("ANTHROPIC_API_KEY", "anthropic/claude-haiku-4-5"),
    ("GOOGLE_API_KEY", "google/gemini-2.5-flash"),
    ("XAI_API_KEY", "x-ai/grok-4-fast"),
)
"""Per provider a model that is quick, cheap and on the public network's list."""

_URL: Final = "OPENGRADIENT_UPSTREAM_URL"
_KEY: Final = "OPENGRADIENT_UPSTREAM_API_KEY"


@final
@dataclass(frozen=True, slots=True)
class Served:
    """What answers.

    Attributes:
        models: Model ids, the one to try first in front.
        tiny: Whether the devnet starts the tiny model for it.
    """

    models: tuple[str, ...]
    tiny: bool

    @property
    def description(self) -> str:
        """For people."""
        return f"{self.models[0]} (our own tiny model)" if self.tiny else self.models[0]


async def choose_models(config: DevnetConfig) -> Served:
    """Look at the environment, and ask the server that OPENGRADIENT_UPSTREAM_URL names.

    Raises:
        ConfigurationError: That server cannot be reached, or lists no model.
    """
    variables = config.environment
    if config.models:
        return Served(config.models, tiny=not config.providers)
    if variables.get(_URL):
        return Served(await _listed(variables[_URL].rstrip("/"), variables.get(_KEY)), tiny=False)
    named = tuple(model for key, model in _BY_KEY if variables.get(key))
    return Served(named, tiny=False) if named else Served((TINY,), tiny=True)


async def _listed(url: str, key: str | None) -> tuple[str, ...]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        async with HttpTransport() as http:
            answer = await http.request("GET", f"{url}/models", headers=headers, timeout=10)
    except TransportError as error:
        raise ConfigurationError(f"{_URL}: the server does not answer: {error.message}") from error
    if answer.status != 200:
        raise ConfigurationError(f"{_URL}: GET /models answered with status {answer.status}")
    body = parse_json_object(answer.body, what="the list of models", max_bytes=1 << 22)
    entries = body.get("data")
    names = [
        entry["id"]
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    ]
    if not names:
        raise ConfigurationError(f"{_URL}: the server lists no model")
    return tuple(f"local/{name}" for name in names)
