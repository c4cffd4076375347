"""OpenGradient: verifiable AI inference.

```python
import opengradient as og

async with og.LLM() as llm:
    reply = await llm.chat("openai/gpt-5-mini", [{"role": "user", "content": "Hello"}])
    print(reply.text, reply.verdict)
```

Everything is imported when it is first used, so that ``import opengradient`` is light.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from opengradient._version import __version__

if TYPE_CHECKING:
    from opengradient.alpha import Alpha, InferenceResult
    from opengradient.core.modes import VerificationMode as InferenceMode
    from opengradient.errors import (
        ConfigurationError,
        OpenGradientError,
        TransportError,
        UnsupportedParameterError,
        VerificationError,
    )
    from opengradient.llm import (
        LLM,
        TEE_LLM,
        ChatChunk,
        ChatReply,
        ChatStream,
        ConfidentialLLM,
        EmbeddingReply,
        HeldReceipt,
        ResponseFormat,
        Settlement,
        TextGenerationOutput,
        image,
        x402SettlementMode,
    )
    from opengradient.networks import Network, load_network
    from opengradient.offline import verify
    from opengradient.verify.policy import TrustPolicy
    from opengradient.verify.verdict import Claim, Status, Verdict

_HOMES: dict[str, str] = {
    "Alpha": "opengradient.alpha",
    "InferenceResult": "opengradient.alpha",
    "ConfigurationError": "opengradient.errors",
    "OpenGradientError": "opengradient.errors",
    "TransportError": "opengradient.errors",
    "UnsupportedParameterError": "opengradient.errors",
    "VerificationError": "opengradient.errors",
    "LLM": "opengradient.llm",
    "TEE_LLM": "opengradient.llm",
    "ChatChunk": "opengradient.llm",
    "ChatReply": "opengradient.llm",
    "ChatStream": "opengradient.llm",
    "ConfidentialLLM": "opengradient.llm",
    "EmbeddingReply": "opengradient.llm",
    "HeldReceipt": "opengradient.llm",
    "ResponseFormat": "opengradient.llm",
    "Settlement": "opengradient.llm",
    "TextGenerationOutput": "opengradient.llm",
    "image": "opengradient.llm",
    "x402SettlementMode": "opengradient.llm",
    "Network": "opengradient.networks",
    "load_network": "opengradient.networks",
    "TrustPolicy": "opengradient.verify.policy",
    "Claim": "opengradient.verify.verdict",
    "Status": "opengradient.verify.verdict",
    "Verdict": "opengradient.verify.verdict",
}
_RENAMED: dict[str, tuple[str, str]] = {
    "InferenceMode": ("opengradient.core.modes", "VerificationMode"),
}

__all__ = [
    "LLM",
    "TEE_LLM",
    "Alpha",
    "ChatChunk",
    "ChatReply",
    "ChatStream",
    "Claim",
    "ConfidentialLLM",
    "ConfigurationError",
    "EmbeddingReply",
    "HeldReceipt",
    "InferenceMode",
    "InferenceResult",
    "Network",
    "OpenGradientError",
    "ResponseFormat",
    "Settlement",
    "Status",
    "TextGenerationOutput",
    "TransportError",
    "TrustPolicy",
    "UnsupportedParameterError",
    "Verdict",
    "VerificationError",
    "__version__",
    "image",
    "load_network",
    "verify",
    "x402SettlementMode",
]


class _VerifyRoom(ModuleType):
    """The room `opengradient.verify`, which can be called: ``og.verify(receipt)``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Verify a receipt offline, see `opengradient.offline.verify`."""
        return import_module("opengradient.offline").verify(*args, **kwargs)


class _Package(ModuleType):
    """This package: the import of the room `verify` must not hide the function of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Make the room callable when the import system puts it here."""
        if name == "verify" and type(value) is ModuleType:
            value.__class__ = _VerifyRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "verify":
        return import_module("opengradient.verify")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, original = _RENAMED.get(name) or (_HOMES[name], name)
    value = getattr(import_module(home), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
