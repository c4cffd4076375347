"""The providers that the node can reach, and which of them serves a model.

A new provider is one module with a ``backend(endpoint)`` function, a line in `_PROVIDERS`, and
its settings in `ProviderSettings`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import UnsupportedParameterError
from reference_nodes.llm_proxy_node.backends import anthropic, compatible, google, openai, xai
from reference_nodes.llm_proxy_node.backends.base import (
    Backend,
    ParsedReply,
    ProviderFailure,
    StreamParser,
    UpstreamRequest,
    is_refusal,
)
from reference_nodes.llm_proxy_node.backends.config import Endpoint, ProviderSettings

__all__ = [
    "Backend",
    "Backends",
    "Endpoint",
    "ParsedReply",
    "ProviderFailure",
    "ProviderSettings",
    "StreamParser",
    "UpstreamRequest",
    "is_refusal",
]


@final
@dataclass(frozen=True, slots=True)
class _Provider:
    setting: str
    make: Callable[[Endpoint], Backend]
    prefixes: tuple[str, ...]
    families: tuple[str, ...] = ()


_PROVIDERS: Final = (
    _Provider("openai", openai.backend, ("openai",), ("gpt-", "chatgpt-", "o1", "o3", "o4")),
    _Provider("anthropic", anthropic.backend, ("anthropic",), ("claude-",)),
    _Provider("google", google.backend, ("google",), ("gemini-",)),
    _Provider("xai", xai.backend, ("xai", "x-ai"), ("grok-",)),
    _Provider("compatible", compatible.backend, ("local",)),
)

_MODEL: Final = re.compile(r"[!-~]{1,200}")


@final
@dataclass(frozen=True, slots=True)
class Backends:
    """The backends that have been configured.

    Attributes:
        configured: By the name of their setting: openai, anthropic, google, xai, compatible.
    """

    configured: Mapping[str, Backend]

    @classmethod
    def from_settings(cls, settings: ProviderSettings) -> "Backends":
        """Make a backend for every provider that has an endpoint."""
        endpoints = ((entry, getattr(settings, entry.setting)) for entry in _PROVIDERS)
        return cls(
            {entry.setting: entry.make(where) for entry, where in endpoints if where is not None}
        )

    def resolve(self, model: str) -> tuple[Backend, str]:
        """Find who serves a model.

        In order: a provider's own prefix (``openai/``, ``anthropic/``, ``google/``, ``xai/`` or
        ``x-ai/``, ``local/``); the family of a bare name (``gpt-``, ``claude-`` and so on); the
        compatible server, for a name with any other prefix; the only backend there is. A model
        that one provider is named for is never sent to another.

        Args:
            model: As the client named it.

        Returns:
            The backend, and the model's name at that provider.

        Raises:
            UnsupportedParameterError: On ``model``: nobody serves it (``provider.unknown_model``)
                or the node has no key for the one who does (``provider.no_key``).
        """
        if not _MODEL.fullmatch(model):
            raise _unknown("model: must be 1 to 200 printable ASCII characters without spaces")
        prefix, slash, rest = model.partition("/")
        if slash:
            if not prefix or not rest:
                raise _unknown("model: write it as provider/model")
            for entry in _PROVIDERS:
                if prefix in entry.prefixes:
                    return self._of(entry), rest
            if "compatible" in self.configured:
                return self.configured["compatible"], model
            raise _unknown(f"model: no provider of this node has the prefix {prefix}/")
        return self._bare(model), model

    def _bare(self, model: str) -> Backend:
        entry = next((entry for entry in _PROVIDERS if model.startswith(entry.families)), None)
        if set(self.configured) == {"compatible"}:
            return self.configured["compatible"]
        if entry is not None:
            return self._of(entry)
        if len(self.configured) == 1:
            return next(iter(self.configured.values()))
        raise _unknown("model: several providers could serve it; write it as provider/model")

    def _of(self, entry: _Provider) -> Backend:
        backend = self.configured.get(entry.setting)
        if backend is None:
            raise UnsupportedParameterError(
                "model",
                f"model: this node has no key for {entry.prefixes[0]}/",
                code="provider.no_key",
            )
        return backend


def _unknown(message: str) -> UnsupportedParameterError:
    return UnsupportedParameterError("model", message, code="provider.unknown_model")
