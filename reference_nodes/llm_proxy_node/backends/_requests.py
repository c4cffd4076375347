"""What all backends need to build requests: refusals by name, and the frame of the HTTP call."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from opengradient.errors import UnsupportedParameterError
from reference_nodes.llm_proxy_node.backends.base import UpstreamRequest


def refuse(parameter: str, label: str, why: str = "is not supported") -> UnsupportedParameterError:
    """The error for one parameter that a provider does not have."""
    return UnsupportedParameterError(parameter, f"{parameter}: {why} by {label}")


def refuse_kind(kind: ReceiptKind, label: str) -> UnsupportedParameterError:
    """The error for a kind of request that a provider has no endpoint for."""
    return UnsupportedParameterError(
        "model", f"{label} has no endpoint for requests of the kind {kind.name.lower()}"
    )


def check_parameters(
    body: Mapping[str, Any],
    *,
    supported: frozenset[str],
    neutral: Mapping[str, Any],
    label: str,
) -> None:
    """Refuse every parameter that is neither supported nor says what the provider does anyway.

    Args:
        body: The client's body.
        supported: Parameters that the backend translates.
        neutral: Parameters that it need not translate when they have this very value, because
            it is what the provider always does (one choice, no log probabilities).
        label: The provider's name.

    Raises:
        UnsupportedParameterError: Names the first one.
    """
    for name, value in body.items():
        if name not in supported and not (name in neutral and value == neutral[name]):
            raise refuse(name, label)


def parts(request: InferenceRequest) -> Iterator[tuple[str, JsonObject]]:
    """Every content part of every message that has parts, with its path."""
    for number, message in enumerate(request.body.get("messages", ())):
        content = message.get("content")
        if isinstance(content, list):
            for at, part in enumerate(content):
                yield f"messages[{number}].content[{at}]", part


def json_request(
    url: str,
    body: bytes,
    *,
    secret: Mapping[str, str],
    stream: bool,
    extra: Mapping[str, str] | None = None,
) -> UpstreamRequest:
    """A POST of JSON.

    Args:
        url: Absolute URL, without secrets.
        body: The bytes to send.
        secret: Headers that a receipt may not show.
        stream: Whether the answer is a stream of server-sent events.
        extra: Further public headers.
    """
    public = {
        "content-type": "application/json",
        "accept": _ACCEPT[stream],
        **(extra or {}),
    }
    return UpstreamRequest(
        method="POST", url=url, headers={**public, **secret}, public_headers=public, body=body
    )


_ACCEPT: Final = {True: "text/event-stream", False: "application/json"}
