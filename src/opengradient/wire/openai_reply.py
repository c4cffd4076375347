"""Replies and stream chunks written in OpenAI's format."""

from typing import Final

from opengradient.core.canonical import JsonObject, compact_json
from opengradient.core.messages import (
    Choice,
    Delta,
    Reply,
    ToolCallDelta,
    Usage,
)
from opengradient.core.modes import ReceiptKind

ATTACHMENT: Final = "opengradient"
"""The member that carries the receipt; it is not part of what the receipt binds."""

LEGACY_FIELDS: Final = (
    "tee_signature",
    "tee_request_hash",
    "tee_output_hash",
    "tee_timestamp",
    "tee_id",
)
"""The public network's fields, beside the receipt and checked on their own."""

_OBJECTS: Final = {ReceiptKind.CHAT: "chat.completion", ReceiptKind.COMPLETION: "text_completion"}


def encode_usage(usage: Usage) -> JsonObject:
    """Usage in OpenAI's shape."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _images(images: tuple[str, ...]) -> list[JsonObject]:
    return [{"type": "image_url", "image_url": {"url": image}} for image in images]


def _message(choice: Choice) -> JsonObject:
    message: JsonObject = {"role": "assistant", "content": choice.text}
    if choice.reasoning is not None:
        message["reasoning_content"] = choice.reasoning
    if choice.refusal is not None:
        message["refusal"] = choice.refusal
    if choice.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in choice.tool_calls
        ]
    if choice.images:
        message["images"] = _images(choice.images)
    if choice.annotations is not None:
        message["annotations"] = choice.annotations
    return message


def _encode_choice(choice: Choice, kind: ReceiptKind) -> JsonObject:
    encoded: JsonObject = {"index": choice.index}
    if kind == ReceiptKind.COMPLETION:
        encoded["text"] = choice.text or ""
    else:
        encoded["message"] = _message(choice)
    encoded["finish_reason"] = choice.finish_reason
    if choice.logprobs is not None:
        encoded["logprobs"] = choice.logprobs
    return encoded


def encode_reply(reply: Reply) -> JsonObject:
    """A whole reply as the JSON object that goes out (without the receipt)."""
    if reply.kind == ReceiptKind.EMBEDDING:
        body: JsonObject = {
            "id": reply.id,
            "object": "list",
            "created": reply.created,
            "model": reply.model,
            "data": [
                {"object": "embedding", "index": index, "embedding": list(vector)}
                for index, vector in enumerate(reply.embeddings)
            ],
        }
    else:
        body = {
            "id": reply.id,
            "object": _OBJECTS[reply.kind],
            "created": reply.created,
            "model": reply.model,
            "choices": [_encode_choice(choice, reply.kind) for choice in reply.choices],
        }
    if reply.usage is not None:
        body["usage"] = encode_usage(reply.usage)
    if reply.system_fingerprint is not None:
        body["system_fingerprint"] = reply.system_fingerprint
    return body


def encode_chunk(
    delta: Delta,
    *,
    reply_id: str,
    created: int,
    model: str,
    kind: ReceiptKind,
) -> bytes:
    """One data chunk of a stream. Finish reasons travel in the final frame, not here."""
    choice: JsonObject = {"index": delta.index}
    if kind == ReceiptKind.COMPLETION:
        choice["text"] = delta.text or ""
    else:
        choice["delta"] = _encode_delta(delta)
    choice["finish_reason"] = None
    if delta.logprobs is not None:
        choice["logprobs"] = delta.logprobs
    return compact_json(
        {
            "id": reply_id,
            "object": "text_completion"
            if kind == ReceiptKind.COMPLETION
            else "chat.completion.chunk",
            "created": created,
            "model": model,
            "choices": [choice],
        }
    )


def _encode_delta(delta: Delta) -> JsonObject:
    encoded: JsonObject = {}
    if delta.text is not None:
        encoded["content"] = delta.text
    if delta.reasoning is not None:
        encoded["reasoning_content"] = delta.reasoning
    if delta.refusal is not None:
        encoded["refusal"] = delta.refusal
    if delta.tool_calls:
        encoded["tool_calls"] = [_encode_call(piece) for piece in delta.tool_calls]
    if delta.images:
        encoded["images"] = _images(delta.images)
    if delta.annotations is not None:
        encoded["annotations"] = delta.annotations
    return encoded


def _encode_call(piece: ToolCallDelta) -> JsonObject:
    function: JsonObject = {"arguments": piece.arguments}
    if piece.name is not None:
        function["name"] = piece.name
    encoded: JsonObject = {"index": piece.index, "function": function}
    if piece.id is not None:
        encoded["id"] = piece.id
        encoded["type"] = "function"
    return encoded


def encode_final_frame(reply: Reply) -> JsonObject:
    """The last frame of a stream: empty deltas, finish reasons, usage (without the receipt)."""
    empty: JsonObject = {"text": ""} if reply.kind == ReceiptKind.COMPLETION else {"delta": {}}
    body: JsonObject = {
        "id": reply.id,
        "object": "text_completion"
        if reply.kind == ReceiptKind.COMPLETION
        else "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "choices": [
            {"index": choice.index, **empty, "finish_reason": choice.finish_reason}
            for choice in reply.choices
        ],
    }
    if reply.usage is not None:
        body["usage"] = encode_usage(reply.usage)
    if reply.system_fingerprint is not None:
        body["system_fingerprint"] = reply.system_fingerprint
    return body
