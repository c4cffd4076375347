"""What a caller can choose, under the names that users of the published client know."""

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, final

from opengradient.core.canonical import JsonObject
from opengradient.errors import ConfigurationError
from opengradient.nodes.calls import x402SettlementMode


@final
@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form of the answer.

    Attributes:
        type: Free text, any JSON object, or JSON of a schema.
        json_schema: With ``json_schema``: name, schema, strict, as in OpenAI's API.
    """

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse a schema without its type, and the other way round."""
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ConfigurationError("json_schema is given exactly with type 'json_schema'")

    def to_dict(self) -> JsonObject:
        """As it stands in a request."""
        if self.json_schema is None:
            return {"type": self.type}
        return {"type": self.type, "json_schema": dict(self.json_schema)}


class Message(TypedDict, total=False):
    """One message of a conversation, in OpenAI's shape."""

    role: str
    content: str | Sequence[Mapping[str, Any]] | None
    name: str
    refusal: str | None
    tool_calls: Sequence[Mapping[str, Any]]
    tool_call_id: str


class SamplingOptions(TypedDict, total=False):
    """Options of chat and completion. Only what is given is sent."""

    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    n: int | None
    seed: int | None
    stop: str | Sequence[str] | None
    stop_sequence: str | Sequence[str] | None
    presence_penalty: float | None
    frequency_penalty: float | None
    logit_bias: Mapping[str, float] | None
    user: str | None
    settlement_mode: x402SettlementMode | str | None
    x402_settlement_mode: x402SettlementMode | str | None
    idempotency_key: str | None
    timeout: float | None


class ChatOptions(SamplingOptions, total=False):
    """Options of chat."""

    max_completion_tokens: int | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: ResponseFormat | Mapping[str, Any] | type | None
    logprobs: bool | None
    top_logprobs: int | None
    reasoning_effort: str | None
    verbosity: str | None
    modalities: Sequence[str] | None
    metadata: Mapping[str, str] | None
    service_tier: str | None
    store: bool | None
    prediction: Mapping[str, Any] | None
    prompt_cache_key: str | None
    safety_identifier: str | None
    web_search: bool | None
    web_search_options: Mapping[str, Any] | None


class CompletionOptions(SamplingOptions, total=False):
    """Options of completion."""

    suffix: str | None
    echo: bool | None
    best_of: int | None
    logprobs: int | None


class EmbeddingOptions(TypedDict, total=False):
    """Options of embeddings."""

    dimensions: int | None
    user: str | None
    settlement_mode: x402SettlementMode | str | None
    x402_settlement_mode: x402SettlementMode | str | None
    idempotency_key: str | None
    timeout: float | None


_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def image(
    source: str | os.PathLike[str] | bytes, *, detail: Literal["auto", "low", "high"] | None = None
) -> JsonObject:
    """A content part that holds an image.

    Args:
        source: The bytes, the path of a file, or a ``data:`` URI. Addresses of the web are
            refused, because a receipt binds the bytes of every attachment.
        detail: How closely the model should look.

    Raises:
        ConfigurationError: Not a PNG, JPEG, GIF or WebP image, or an address.
    """
    if isinstance(source, str) and source.startswith("data:"):
        uri = source
    else:
        data = source if isinstance(source, bytes) else _read(source)
        uri = f"data:{_media_type(data)};base64,{base64.b64encode(data).decode()}"
    part: JsonObject = {"type": "image_url", "image_url": {"url": uri}}
    if detail is not None:
        part["image_url"]["detail"] = detail
    return part


def _read(source: str | os.PathLike[str]) -> bytes:
    if isinstance(source, str) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", source):
        raise ConfigurationError(
            "an image is given by its bytes or its file: the receipt binds the bytes"
        )
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the image cannot be read: {error}") from error


def _media_type(data: bytes) -> str:
    for signature, media_type in _SIGNATURES:
        if data.startswith(signature):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise ConfigurationError("the image is no PNG, JPEG, GIF or WebP")
