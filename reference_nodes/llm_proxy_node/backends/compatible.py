"""Any server that speaks OpenAI's protocol: vLLM, llama.cpp, Ollama, OpenRouter, another node.

What such a server supports cannot be known here, so every parameter goes to it unchanged, and
what it refuses comes back as its own error.
"""

from typing import Final

from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.llm_proxy_node.backends._openai_backend import Dialect, OpenAIBackend
from reference_nodes.llm_proxy_node.backends.base import Backend
from reference_nodes.llm_proxy_node.backends.config import Endpoint


def _check(_request: InferenceRequest) -> None:
    """Nothing is refused here."""


_DIALECT: Final = Dialect(
    name="local",
    label="The upstream server",
    kinds=frozenset({ReceiptKind.CHAT, ReceiptKind.COMPLETION, ReceiptKind.EMBEDDING}),
    check=_check,
)


def backend(endpoint: Endpoint) -> Backend:
    """The backend for the server at `endpoint`."""
    return OpenAIBackend(_DIALECT, endpoint)
