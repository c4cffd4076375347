"""xAI: OpenAI's protocol with differences.

- It has fewer parameters, and takes no files or audio in chat.
- Reasoning effort is none, low, medium or high.
- It counts reasoning tokens beside the completion tokens, not within them.
- It answers 400 to a wrong key, with ``error`` as a string (see `_openai_shape.told`).

See https://docs.x.ai/docs/api-reference.
"""

from typing import Final

from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.llm_proxy_node.backends._openai_backend import Dialect, OpenAIBackend
from reference_nodes.llm_proxy_node.backends._requests import check_parameters, parts, refuse
from reference_nodes.llm_proxy_node.backends.base import Backend
from reference_nodes.llm_proxy_node.backends.config import Endpoint

_LABEL: Final = "xAI"
_SUPPORTED: Final = frozenset(
    {
        "echo",
        "frequency_penalty",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)
"""What xAI's API reference has of OpenAI's parameters and does not mark as unsupported."""

_EFFORTS: Final = frozenset({"none", "low", "medium", "high"})


def _check(request: InferenceRequest) -> None:
    check_parameters(request.body, supported=_SUPPORTED, neutral={}, label=_LABEL)
    if request.body.get("reasoning_effort", "none") not in _EFFORTS:
        raise refuse("reasoning_effort", _LABEL, "this value is not supported")
    for path, part in parts(request):
        if part["type"] in {"file", "input_audio"}:
            raise refuse(f"{path}.{part['type']}", _LABEL)


_DIALECT: Final = Dialect(
    name="xai",
    label=_LABEL,
    kinds=frozenset({ReceiptKind.CHAT, ReceiptKind.COMPLETION}),
    check=_check,
    reasoning_apart=True,
)


def backend(endpoint: Endpoint) -> Backend:
    """The backend for xAI at `endpoint`."""
    return OpenAIBackend(_DIALECT, endpoint)
