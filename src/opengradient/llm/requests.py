"""From a call's arguments to the exact bytes that are sent, checked before anything leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject, compact_json
from opengradient.core.messages import InferenceRequest
from opengradient.errors import ConfigurationError
from opengradient.llm.options import (
    ChatOptions,
    CompletionOptions,
    EmbeddingOptions,
    ResponseFormat,
)
from opengradient.llm.schemas import is_model_class, schema_of
from opengradient.nodes.calls import checked_key, new_key, settlement_of, x402SettlementMode
from opengradient.wire.openai_request import (
    CHAT_PATH,
    COMPLETION_PATH,
    EMBEDDING_PATH,
    parse_request,
)

MAX_REQUEST_BYTES: Final = 20 * 1024 * 1024
"""What nodes accept unless their operator chose otherwise."""

_OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    CHAT_PATH: frozenset(ChatOptions.__annotations__),
    COMPLETION_PATH: frozenset(CompletionOptions.__annotations__),
    EMBEDDING_PATH: frozenset(EmbeddingOptions.__annotations__),
}
_CONTROL: Final = frozenset(
    {"settlement_mode", "x402_settlement_mode", "idempotency_key", "timeout"}
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, ready to be sent.

    Attributes:
        request: The validated request and its exact bytes.
        settlement: What of it reaches the ledger.
        key: Idempotency key.
        own_key: Whether the caller chose the key, so that an answer may be an earlier one.
        timeout: Seconds per attempt, or between two pieces of a stream; None for the client's.
        response_format: What the caller gave as response_format.
    """

    request: InferenceRequest
    settlement: x402SettlementMode
    key: str
    own_key: bool
    timeout: float | None
    response_format: Any = None

    @property
    def path(self) -> str:
        """HTTP path."""
        return self.request.path

    @property
    def raw(self) -> bytes:
        """The exact bytes of the body."""
        return self.request.raw

    @property
    def media_type(self) -> str:
        """What the body is."""
        return "application/json"

    @property
    def model(self) -> str:
        """Model as the caller named it."""
        return self.request.model

    @property
    def verification_mode(self) -> None:
        """Whatever the policy accepts."""
        return


def chat_call(
    model: str, messages: Sequence[Mapping[str, Any]], options: Mapping[str, Any], *, stream: bool
) -> Call:
    """Build a call of chat.

    Raises:
        TypeError: An option that chat does not have.
        ConfigurationError: A value that no node would accept.
    """
    if isinstance(messages, str | bytes):
        raise ConfigurationError("messages must be a list of messages", code="request.invalid")
    body: JsonObject = {"messages": [dict(message) for message in messages]}
    return _call(CHAT_PATH, model, body, options, stream=stream)


def completion_call(model: str, prompt: str, options: Mapping[str, Any]) -> Call:
    """Build a call of completion. Errors as in `chat_call`."""
    return _call(COMPLETION_PATH, model, {"prompt": prompt}, options, stream=False)


def embedding_call(model: str, texts: str | Sequence[str], options: Mapping[str, Any]) -> Call:
    """Build a call of embeddings. Errors as in `chat_call`."""
    body = {"input": texts if isinstance(texts, str) else list(texts)}
    return _call(EMBEDDING_PATH, model, body, options, stream=False)


def _call(
    path: str, model: str, body: JsonObject, options: Mapping[str, Any], *, stream: bool
) -> Call:
    unknown = sorted(set(options) - _OPTIONS[path])
    if unknown:
        raise TypeError(f"{path} has no option {unknown[0]!r}")
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(model, str):
        raise ConfigurationError("model must be a string", code="request.invalid")
    body = {"model": str(model), **body, **_parameters(given)}
    if stream:
        body["stream"] = True
    key = given.get("idempotency_key")
    return Call(
        request=parse_request(compact_json(body), path, max_bytes=MAX_REQUEST_BYTES),
        settlement=settlement_of(given),
        key=new_key() if key is None else checked_key(key),
        own_key=key is not None,
        timeout=given.get("timeout"),
        response_format=given.get("response_format"),
    )


def _parameters(given: Mapping[str, Any]) -> JsonObject:
    parameters = {name: value for name, value in given.items() if name not in _CONTROL}
    if "stop_sequence" in parameters:
        if "stop" in parameters:
            raise ConfigurationError("stop and stop_sequence are two names of one option")
        parameters["stop"] = parameters.pop("stop_sequence")
    if "response_format" in parameters:
        parameters["response_format"] = _response_format(parameters["response_format"])
    if parameters.pop("web_search", False):
        parameters.setdefault("web_search_options", {})
    return {name: _plain(value) for name, value in parameters.items()}


def _plain(value: Any) -> Any:
    """Tuples and other mappings as JSON knows them."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return list(value)
    return value


def _response_format(value: Any) -> Any:
    if is_model_class(value):
        return schema_of(value)
    return value.to_dict() if isinstance(value, ResponseFormat) else value
