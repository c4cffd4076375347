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


def refuse_all(body: Mapping[str, Any], unsupported: frozenset[str], label: str) -> None:
    """Refuse the first parameter of `body` that stands in `unsupported`.

    Raises:
        UnsupportedParameterError: Names it.
    """
    for name in body:
        if name in unsupported:
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
