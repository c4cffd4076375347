"""OpenAI: chat, completions, embeddings.

Chat completions make no images (their ``modalities`` are text and audio), so ``image`` is
refused. See https://platform.openai.com/docs/api-reference/chat/create.
"""

from typing import Final

from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.llm_proxy_node.backends._openai_backend import Dialect, OpenAIBackend
from reference_nodes.llm_proxy_node.backends._requests import refuse
from reference_nodes.llm_proxy_node.backends.base import Backend
from reference_nodes.llm_proxy_node.backends.config import Endpoint

_LABEL: Final = "OpenAI"


def _check(request: InferenceRequest) -> None:
    if "image" in request.body.get("modalities", ()):
        raise refuse("modalities", _LABEL, "image output is not supported in chat")


_DIALECT: Final = Dialect(
    name="openai",
    label=_LABEL,
    kinds=frozenset({ReceiptKind.CHAT, ReceiptKind.COMPLETION, ReceiptKind.EMBEDDING}),
    check=_check,
)


def backend(endpoint: Endpoint) -> Backend:
    """The backend for OpenAI at `endpoint`."""
    return OpenAIBackend(_DIALECT, endpoint)
