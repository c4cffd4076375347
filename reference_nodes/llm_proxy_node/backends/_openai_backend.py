"""A backend for any provider that speaks OpenAI's protocol; providers differ by a `Dialect`.

Added to the client's body, and so visible in the receipt: ``model`` without our prefix, and
``stream_options: {"include_usage": true}`` on streams whose client gave no stream_options,
because otherwise the usage that the receipt binds would be missing. Everything else goes out
as it came, in the client's order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

from opengradient.core.canonical import compact_json
from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.llm_proxy_node.backends import _openai_shape as shape
from reference_nodes.llm_proxy_node.backends._failures import failure
from reference_nodes.llm_proxy_node.backends._requests import json_request, refuse_kind
from reference_nodes.llm_proxy_node.backends.base import (
    ParsedReply,
    ProviderFailure,
    UpstreamRequest,
)
from reference_nodes.llm_proxy_node.backends.config import Endpoint

_PATHS: Final = {
    ReceiptKind.CHAT: "/chat/completions",
    ReceiptKind.COMPLETION: "/completions",
    ReceiptKind.EMBEDDING: "/embeddings",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one provider differs from the protocol that all of them speak.

    Attributes:
        name: The prefix in ``provider/model``.
        label: The name for people.
        kinds: What it has endpoints for.
        check: Refuses the parameters that it does not have.
        reasoning_apart: See `_openai_shape.parse_usage`.
    """

    name: str
    label: str
    kinds: frozenset[ReceiptKind]
    check: Callable[[InferenceRequest], None]
    reasoning_apart: bool = False


@final
@dataclass(frozen=True, slots=True)
class OpenAIBackend:
    """One such provider. Implements `Backend`."""

    dialect: Dialect
    endpoint: Endpoint

    @property
    def name(self) -> str:
        """The prefix in ``provider/model``."""
        return self.dialect.name

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.endpoint.origin

    def supports(self, kind: ReceiptKind) -> bool:
        """Whether the provider has an endpoint for this kind."""
        return kind in self.dialect.kinds

    def build(self, request: InferenceRequest, model: str) -> UpstreamRequest:
        """Translate a request; see `Backend.build`."""
        if request.kind not in self.dialect.kinds:
            raise refuse_kind(request.kind, self.dialect.label)
        self.dialect.check(request)
        body = {**request.body, "model": model}
        if request.stream and "stream_options" not in body:
            body["stream_options"] = {"include_usage": True}
        key = self.endpoint.key
        return json_request(
            self.endpoint.base_url + _PATHS[request.kind],
            compact_json(body),
            secret={} if key is None else {"authorization": f"Bearer {key}"},
            stream=request.stream,
        )

    def parse_reply(self, kind: ReceiptKind, body: bytes) -> ParsedReply:
        """Read a whole reply; see `Backend.parse_reply`."""
        return shape.parse_reply(
            self.dialect.label, body, kind, reasoning_apart=self.dialect.reasoning_apart
        )

    def new_stream(self, kind: ReceiptKind) -> shape.OpenAIStream:
        """A parser for one stream."""
        return shape.OpenAIStream(
            self.dialect.label,
            kind,
            key=self.endpoint.key,
            reasoning_apart=self.dialect.reasoning_apart,
        )

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """Read a failure; see `Backend.parse_error`."""
        said = shape.parse_error_body(body)
        return failure(self.dialect.label, status, headers, said, self.endpoint.key)
