"""Anthropic: the native Messages API, version 2023-06-01.

No message is injected and nothing is dropped. What is said in other words, all of it visible
in the body that the receipt binds:

- leading system and developer messages become ``system``; later ones are refused;
- ``max_tokens`` is obligatory there, so 4,096 is sent when the client gave no limit;
- a tool without ``parameters`` gets the empty schema, which OpenAI defines it to have;
- ``user`` becomes ``metadata.user_id``; ``service_tier`` ``default`` becomes
  ``standard_only``; ``parallel_tool_calls: false`` becomes ``disable_parallel_tool_use``;
- ``reasoning_effort`` becomes ``output_config.effort`` with adaptive thinking, and ``none``
  disables thinking; a JSON schema becomes ``output_config.format``;
- tool call arguments are an object there, so JSON text is parsed and written again.

See https://platform.claude.com/docs/en/api/messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.canonical import compact_json
from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.llm_proxy_node.backends import _anthropic_reply as reply
from reference_nodes.llm_proxy_node.backends._anthropic_request import LABEL, messages_body
from reference_nodes.llm_proxy_node.backends._failures import failure
from reference_nodes.llm_proxy_node.backends._requests import json_request, refuse_kind
from reference_nodes.llm_proxy_node.backends.base import (
    Backend,
    ParsedReply,
    ProviderFailure,
    UpstreamRequest,
)
from reference_nodes.llm_proxy_node.backends.config import Endpoint

API_VERSION: Final = "2023-06-01"


@final
@dataclass(frozen=True, slots=True)
class AnthropicBackend:
    """Anthropic at one address. Implements `Backend`."""

    endpoint: Endpoint

    @property
    def name(self) -> str:
        """The prefix in ``provider/model``."""
        return "anthropic"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.endpoint.origin

    def supports(self, kind: ReceiptKind) -> bool:
        """Chat only: Anthropic has no embeddings, and has retired its completions."""
        return kind == ReceiptKind.CHAT

    def build(self, request: InferenceRequest, model: str) -> UpstreamRequest:
        """Translate a request; see `Backend.build`."""
        if not self.supports(request.kind):
            raise refuse_kind(request.kind, LABEL)
        key = self.endpoint.key
        return json_request(
            f"{self.endpoint.base_url}/v1/messages",
            compact_json(messages_body(request, model)),
            secret={} if key is None else {"x-api-key": key},
            extra={"anthropic-version": API_VERSION},
            stream=request.stream,
        )

    def parse_reply(self, kind: ReceiptKind, body: bytes) -> ParsedReply:  # noqa: ARG002 - only chat
        """Read a whole message; see `Backend.parse_reply`."""
        return reply.parse_reply(body)

    def new_stream(self, kind: ReceiptKind) -> reply.AnthropicStream:  # noqa: ARG002 - only chat
        """A parser for one stream."""
        return reply.AnthropicStream(self.endpoint.key)

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """Read a failure; see `Backend.parse_error`."""
        return failure(LABEL, status, headers, reply.parse_error_body(body), self.endpoint.key)


def backend(endpoint: Endpoint) -> Backend:
    """The backend for Anthropic at `endpoint`."""
    return AnthropicBackend(endpoint)
