"""Requests to Anthropic's Messages API, from requests in OpenAI's format."""

import base64
import binascii
from typing import Any, Final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import InferenceRequest
from reference_nodes.llm_proxy_node.backends import _content as content
from reference_nodes.llm_proxy_node.backends._requests import check_parameters, refuse

LABEL: Final = "Anthropic"

DEFAULT_MAX_TOKENS: Final = 4096
"""``max_tokens`` is obligatory at Anthropic; this is sent when the client gave none. Every
Claude model since 3 can write this much."""

_SUPPORTED: Final = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "stop",
        "stream",
        # Usage always comes with Anthropic's streams; the option is between client and node.
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "user",
    }
)
_NEUTRAL: Final = {
    "n": 1,
    "logprobs": False,
    "store": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "modalities": ["text"],
}
_SERVICE_TIERS: Final = {"auto": "auto", "default": "standard_only"}
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh"})
_TOOL_CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}


def messages_body(request: InferenceRequest, model: str) -> JsonObject:
    """The body for ``POST /v1/messages``.

    Raises:
        UnsupportedParameterError: Names what Anthropic has no equal of.
    """
    given = request.body
    check_parameters(given, supported=_SUPPORTED, neutral=_NEUTRAL, label=LABEL)
    system, conversation = content.split_system(given["messages"], LABEL)
    body: JsonObject = {
        "model": model,
        "max_tokens": given.get("max_tokens")
        or given.get("max_completion_tokens")
        or DEFAULT_MAX_TOKENS,
    }
    if system:
        body["system"] = [{"type": "text", "text": text} for text in system]
    body["messages"] = _messages(conversation)
    _add_sampling(body, given)
    _add_tools(body, given)
    _add_output(body, given)
    if request.stream:
        body["stream"] = True
    return body


def _add_sampling(body: JsonObject, given: JsonObject) -> None:
    if "temperature" in given:
        if given["temperature"] > 1:
            raise refuse("temperature", LABEL, "above 1 is not supported")
        body["temperature"] = given["temperature"]
    if "top_p" in given:
        body["top_p"] = given["top_p"]
    stop = content.stop_sequences(given.get("stop"))
    if stop:
        body["stop_sequences"] = stop
    if "user" in given:
        body["metadata"] = {"user_id": given["user"]}
    if "service_tier" in given:
        if given["service_tier"] not in _SERVICE_TIERS:
            raise refuse("service_tier", LABEL, "this tier is not supported")
        body["service_tier"] = _SERVICE_TIERS[given["service_tier"]]


def _add_output(body: JsonObject, given: JsonObject) -> None:
    output: JsonObject = {}
    effort = given.get("reasoning_effort")
    if effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif effort in _EFFORTS:
        body["thinking"] = {"type": "adaptive"}
        output["effort"] = effort
    elif effort is not None:
        raise refuse("reasoning_effort", LABEL, f"{effort} is not supported")
    response_format = given.get("response_format", {"type": "text"})
    if response_format["type"] == "json_object":
        raise refuse("response_format", LABEL, "json_object (use json_schema) is not supported")
    if response_format["type"] == "json_schema":
        schema = content.json_schema(response_format, LABEL)
        output["format"] = {"type": "json_schema", "schema": schema}
    if output:
        body["output_config"] = output


def _add_tools(body: JsonObject, given: JsonObject) -> None:
    if "tools" in given:
        body["tools"] = [_tool(tool["function"]) for tool in given["tools"]]
    choice = _tool_choice(given.get("tool_choice"))
    if given.get("parallel_tool_calls") is False:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":  # With no calls at all there are no parallel ones.
            choice["disable_parallel_tool_use"] = True
    if choice:
        body["tool_choice"] = choice


def _tool(function: JsonObject) -> JsonObject:
    tool: JsonObject = {"name": function["name"]}
    if "description" in function:
        tool["description"] = function["description"]
    # Obligatory at Anthropic; OpenAI defines a missing schema as one without parameters.
    tool["input_schema"] = function.get("parameters", {"type": "object", "properties": {}})
    if function.get("strict") is not None:
        tool["strict"] = function["strict"]
    return tool


def _tool_choice(choice: Any) -> JsonObject | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        return {"type": _TOOL_CHOICES[choice]}
    return {"type": "tool", "name": choice["function"]["name"]}


def _messages(conversation: list[tuple[str, JsonObject]]) -> list[JsonObject]:
    messages: list[JsonObject] = []
    results: list[JsonObject] | None = None
    for path, message in conversation:
        if message["role"] == "tool":
            # The results of parallel calls belong into one message.
            if results is None:
                results = []
                messages.append({"role": "user", "content": results})
            results.append(_tool_result(message))
            continue
        results = None
        if message["role"] == "user":
            messages.append({"role": "user", "content": _user(path, message)})
        else:
            messages.append({"role": "assistant", "content": _assistant(path, message)})
    return messages


def _user(path: str, message: JsonObject) -> Any:
    if isinstance(message["content"], str):
        return message["content"]
    return [_block(where, part) for where, part in content.user_parts(path, message)]


def _block(path: str, part: JsonObject) -> JsonObject:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    if part["type"] == "image_url":
        media_type, data = content.image(path, part, LABEL)
        return {
            "type": "image",
            "source": {"type": "base64", "media_type": media_type, "data": data},
        }
    if part["type"] == "file":
        return _document(path, part["file"])
    raise refuse(f"{path}.{part['type']}", LABEL)


def _document(path: str, file: JsonObject) -> JsonObject:
    where = f"{path}.file.file_data"
    media_type, data = content.data_uri(where, file["file_data"], LABEL)
    if media_type == "application/pdf":
        source = {"type": "base64", "media_type": media_type, "data": data}
    elif media_type == "text/plain":
        try:
            text = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise refuse(where, LABEL, "text that is not base64 of UTF-8 is refused") from None
        source = {"type": "text", "media_type": media_type, "data": text}
    else:
        raise refuse(where, LABEL, f"files of the type {media_type} are not supported")
    document: JsonObject = {"type": "document", "source": source}
    if "filename" in file:
        document["title"] = file["filename"]
    return document


def _assistant(path: str, message: JsonObject) -> Any:
    calls = message.get("tool_calls", ())
    if not calls and isinstance(message.get("content"), str) and message.get("refusal") is None:
        return message["content"]
    blocks: list[JsonObject] = [
        {"type": "text", "text": text} for text in content.assistant_texts(message)
    ]
    blocks.extend(
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": content.call_arguments(f"{path}.tool_calls[{number}]", call, LABEL),
        }
        for number, call in enumerate(calls)
    )
    return blocks


def _tool_result(message: JsonObject) -> JsonObject:
    # Text parts, the only ones that a result can have, have the same shape there.
    return {
        "type": "tool_result",
        "tool_use_id": message["tool_call_id"],
        "content": message["content"],
    }
