"""What a relay says for itself, outside every seal. Nobody vouches for it."""

from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.canonical import parse_json_object
from opengradient.errors import ConnectError, MalformedError, RelayError, TransportError

MAX_PROBLEM_BYTES: Final = 64 * 1024

KEY_PROBLEM: Final = "https://iana.org/assignments/http-problem-types#ohttp-key"
"""The node does not accept the key (RFC 9458 section 5.3); nothing was processed."""
PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

_LONGEST_DETAIL: Final = 200


def relay_error(what: str, status: int, headers: Mapping[str, str], body: bytes) -> TransportError:
    """The error for an answer that is not sealed and has another status than 200.

    Three of them say that the node processed nothing, and are ConnectErrors: it does not know
    the key, the relay does not know the node, the relay could not connect to it. A relay that
    lies about that can make a request run twice, and learns nothing.

    Args:
        what: Where the request went.
        status: HTTP status.
        headers: Names in lower case.
        body: What it said.
    """
    said = _said(headers, body)
    if 400 <= status < 500 and said.get("type") == KEY_PROBLEM:
        return ConnectError(
            f"{what}: the node does not have the key that the request is sealed to",
            code="channel.key_unknown",
        )
    message = f"{what}: the relay itself answered with status {status}{_detail(said)}"
    if status == 404:
        return ConnectError(message, code="channel.no_node")
    if status == 503:
        return ConnectError(message, code="channel.node_unreachable")
    return RelayError(
        message,
        status=status,
        body=body.decode("utf-8", "replace"),
        retry_after=_seconds(headers.get("retry-after")),
        code=_code(status),
    )


def _code(status: int) -> str:
    if status == 429:
        return "channel.relay_rate_limited"
    return "channel.relay" if status >= 500 else "channel.relay_refused"


def _said(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (PROBLEM_MEDIA_TYPE, "application/json") or len(body) > MAX_PROBLEM_BYTES:
        return {}
    try:
        return parse_json_object(body, what="a relay's answer")
    except MalformedError:
        return {}


def _detail(said: Mapping[str, Any]) -> str:
    error = said.get("error")
    text = error.get("message") if isinstance(error, dict) else said.get("detail")
    if not isinstance(text, str):
        return ""
    shown = "".join(c for c in text if c.isprintable())
    return f": {shown[:_LONGEST_DETAIL]!r}"


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isascii() and value.isdigit() else None
