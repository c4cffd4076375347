"""Providers' failures to ours: one table, and messages that hold no key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, final

from opengradient.core.canonical import load_foreign_json
from opengradient.errors import ProtocolError
from reference_nodes.llm_proxy_node.backends.base import ProviderFailure

_MAX_MESSAGE: Final = 1000
_MAX_WAIT: Final = 86_400.0
"""A provider that asks to wait for longer than a day is understood as: a day."""

_PASSED: Final = frozenset({400, 404, 413, 422})
_CREDENTIALS: Final = frozenset({401, 402, 403, 407})
_TIMEOUTS: Final = frozenset({408, 504})

_KEY_LIKE: Final = re.compile(
    r"\b(?:sk-[\w*-]{6,}|xai-[\w*-]{6,}|AIza[\w*-]{6,}|Bearer\s+\S+)|\S*\*{3,}\S*"
)
"""Shapes of the providers' keys, whole or masked as they echo them."""

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a provider's error body says, in the words of any of them.

    Attributes:
        message: For people.
        code: The provider's own code or type.
        parameter: The parameter at fault, where it names one.
        bad_key: Whether it means the key although the status does not say so.
        retry_after: Seconds, where the body says so.
    """

    message: str = ""
    code: str = ""
    parameter: str | None = None
    bad_key: bool = False
    retry_after: float | None = None


def protocol_error(provider: str, problem: str) -> ProtocolError:
    """The error for an answer that was not understood."""
    said = sanitise(problem, None)
    return ProtocolError(
        f"{provider}'s answer was not understood: {said}", code="provider.protocol"
    )


def protocol_failure(provider: str, problem: str) -> ProviderFailure:
    """The same for a stream, as a value."""
    error = protocol_error(provider, problem)
    return ProviderFailure(status=502, code=error.code, message=error.message)


def sanitise(message: str, key: str | None) -> str:
    """Make a provider's text safe to sign: no key, no control characters, bounded."""
    if key is not None:
        message = message.replace(key, "[key]")
    message = _KEY_LIKE.sub("[key]", message)
    message = "".join(letter if letter.isprintable() else " " for letter in message)
    return message[:_MAX_MESSAGE].strip()


def failure(
    provider: str, status: int, headers: Mapping[str, str], told: Told, key: str | None
) -> ProviderFailure:
    """Map a provider's error answer.

    Args:
        provider: Its name, for the message.
        status: Its HTTP status, or the nearest one for an error inside a stream.
        headers: Its headers; names in any case.
        told: What its body says.
        key: Our key there, to be kept out of the message.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    our_status, code = _mapped(status, told)
    if told.bad_key or status in _CREDENTIALS:
        # Even a masked key stays out: the provider's words are not repeated here.
        message = f"{provider} refused the node's credentials (status {status})"
    else:
        said = sanitise(told.message, key) or "no message"
        message = f"{provider} answered with status {status}: {said}"
    parameter = told.parameter if code == "provider.rejected" else None
    return ProviderFailure(
        status=our_status,
        code=code,
        message=message,
        parameter=sanitise(parameter, key)[:200] if parameter else None,
        provider_status=status,
        retry_after=told.retry_after if told.retry_after is not None else retry_after(lower),
    )


def _mapped(status: int, told: Told) -> tuple[int, str]:
    if told.bad_key or status in _CREDENTIALS:
        return 502, "provider.error"
    if status == 429:
        return 429, "node.rate_limited"
    if status == 404 and (told.code == "model_not_found" or "model" in told.message.lower()):
        return 404, "provider.unknown_model"
    if status in _PASSED:
        return status, "provider.rejected"
    if status in _TIMEOUTS:
        return 504, "provider.timeout"
    return 502, "provider.error"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from lower-case headers; None where they do not say.

    In order: ``retry-after-ms`` (OpenAI), ``retry-after`` (seconds or a date, RFC 9110
    10.2.3), then the reset times of the limits. A date is taken relative to the answer's own
    ``date`` header, so that no clock is read.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    plain = headers.get("retry-after")
    if plain is not None:
        seconds = _number(plain)
        return _bounded(seconds) if seconds is not None else _until(plain, headers)
    waits = [
        wait
        for name, value in headers.items()
        if (wait := _reset(name, value, headers)) is not None
    ]
    return max(waits) if waits else None


def _reset(name: str, value: str, headers: Mapping[str, str]) -> float | None:
    """OpenAI's and xAI's ``6m0s``; Anthropic's RFC 3339 times. Only of exhausted limits."""
    if name.startswith("x-ratelimit-reset-"):
        left = headers.get("x-ratelimit-remaining-" + name.removeprefix("x-ratelimit-reset-"))
        return duration(value) if left == "0" else None
    if name.startswith("anthropic-ratelimit-") and name.endswith("-reset"):
        left = headers.get(name.removesuffix("-reset") + "-remaining")
        return _until(value, headers) if left == "0" else None
    return None


def duration(value: str) -> float | None:
    """Seconds of a duration such as ``1s``, ``6m0s``, ``34.07s`` or ``120ms``."""
    pieces = _DURATION.findall(value)
    if "".join(number + unit for number, unit in pieces) != value or not pieces:
        return None
    return _bounded(sum(float(number) * _UNITS[unit] for number, unit in pieces))


def _number(value: str) -> float | None:
    return float(value) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", value.strip()) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), _MAX_WAIT)


def _until(moment: str, headers: Mapping[str, str]) -> float | None:
    then, now = _moment(moment), _moment(headers.get("date", ""))
    return _bounded((then - now).total_seconds()) if then and now else None


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
    return moment if moment.tzinfo else None


def error_object(body: bytes) -> Any:
    """The JSON of an error body, or None: error bodies are often HTML or cut."""
    try:
        return load_foreign_json(body)
    except ValueError:
        return None


def text_of(value: Any) -> str:
    """A string as it is; anything else as the empty string."""
    return value if isinstance(value, str) else ""
