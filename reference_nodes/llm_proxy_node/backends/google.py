"""Google: the Gemini API, v1beta.

No message is injected and nothing is dropped. What is said in other words, all of it visible
in the URL and the body that the receipt binds:

- leading system and developer messages become ``systemInstruction``; later ones are refused;
- a tool's result becomes ``{"output": text}``, since a function's response must be an object;
- ``reasoning_effort`` becomes a thinking level, or for Gemini 2.5 the thinking budget that
  Google documents for it;
- tool call arguments are an object there, so JSON text is parsed and written again.

Gemini 3 refuses a conversation whose tool calls lack the ``thoughtSignature`` that it gave
with them, and OpenAI's format has no place for one. So the signature travels in the call's id,
after a ``~``: the client gives the id back, and `build` parts them again. Calls for which Gemini
gives no id are named ``call_0``, ``call_1`` and so on, in the order of the stream.

See https://ai.google.dev/api/generate-content and https://ai.google.dev/api/embeddings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from opengradient.core.canonical import compact_json
from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.llm_proxy_node.backends import _google_reply as reply
from reference_nodes.llm_proxy_node.backends._failures import failure
from reference_nodes.llm_proxy_node.backends._google_request import (
    LABEL,
    embedding_body,
    generate_body,
    model_path,
)
from reference_nodes.llm_proxy_node.backends._requests import json_request, refuse_kind
from reference_nodes.llm_proxy_node.backends.base import (
    Backend,
    ParsedReply,
    ProviderFailure,
    UpstreamRequest,
)
from reference_nodes.llm_proxy_node.backends.config import Endpoint


@final
@dataclass(frozen=True, slots=True)
class GoogleBackend:
    """The Gemini API at one address. Implements `Backend`."""

    endpoint: Endpoint

    @property
    def name(self) -> str:
        """The prefix in ``provider/model``."""
        return "google"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.endpoint.origin

    def supports(self, kind: ReceiptKind) -> bool:
        """Chat and embeddings."""
        return kind in {ReceiptKind.CHAT, ReceiptKind.EMBEDDING}

    def build(self, request: InferenceRequest, model: str) -> UpstreamRequest:
        """Translate a request; see `Backend.build`."""
        if not self.supports(request.kind):
            raise refuse_kind(request.kind, LABEL)
        path = model_path(model)
        if request.kind == ReceiptKind.EMBEDDING:
            method, body = embedding_body(request, model)
        else:
            body = generate_body(request, model)
            method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        key = self.endpoint.key
        return json_request(
            f"{self.endpoint.base_url}/v1beta/{path}:{method}",
            compact_json(body),
            secret={} if key is None else {"x-goog-api-key": key},
            stream=request.stream,
        )

    def parse_reply(self, kind: ReceiptKind, body: bytes) -> ParsedReply:
        """Read a whole reply; see `Backend.parse_reply`."""
        return reply.parse_reply(kind, body)

    def new_stream(self, kind: ReceiptKind) -> reply.GoogleStream:  # noqa: ARG002 - only chat
        """A parser for one stream."""
        return reply.GoogleStream(self.endpoint.key)

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """Read a failure; see `Backend.parse_error`."""
        return failure(LABEL, status, headers, reply.parse_error_body(body), self.endpoint.key)


def backend(endpoint: Endpoint) -> Backend:
    """The backend for the Gemini API at `endpoint`."""
    return GoogleBackend(endpoint)
