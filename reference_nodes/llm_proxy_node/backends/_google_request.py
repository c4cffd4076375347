"""Requests to the Gemini API, from requests in OpenAI's format."""

import re
from collections.abc import Mapping
from typing import Any, Final

from opengradient.core.canonical import JsonObject
from opengradient.core.messages import InferenceRequest
from reference_nodes.llm_proxy_node.backends import _content as content
from reference_nodes.llm_proxy_node.backends._requests import check_parameters, refuse

LABEL: Final = "Google"

SIGNATURE_MARK: Final = "~"
"""Parts a tool call's id from Gemini's thought signature (see `google`)."""

_MODEL: Final = re.compile(r"(?:models/|tunedModels/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_MAX_INT32: Final = 2**31 - 1

_SAMPLING: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "n": "candidateCount",
    "seed": "seed",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Parameters that Gemini has under another name."""

_CHAT: Final = frozenset(
    {
        *_SAMPLING,
        "messages",
        "modalities",
        "model",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream",
        # Usage always comes with Gemini's streams; the option is between client and node.
        "stream_options",
        "tool_choice",
        "tools",
    }
)
_CHAT_NEUTRAL: Final = {"parallel_tool_calls": True, "store": False}
_EMBEDDING: Final = frozenset({"model", "input", "dimensions"})
_EMBEDDING_NEUTRAL: Final = {"encoding_format": "float"}

_AUDIO: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_BUDGETS: Final = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576}
"""Thinking budgets of Gemini 2.5, from https://ai.google.dev/gemini-api/docs/openai."""
_LEVELS: Final = frozenset({"minimal", "low", "medium", "high"})
"""Thinking levels of Gemini 3 and later; thinking cannot be turned off there."""


def model_path(model: str) -> str:
    """The model as it stands in a URL.

    Raises:
        UnsupportedParameterError: The name could lead to another path.
    """
    if not _MODEL.fullmatch(model) or ".." in model:
        raise refuse("model", LABEL, "this name is not supported")
    return model if "/" in model else f"models/{model}"


def generate_body(request: InferenceRequest, model: str) -> JsonObject:
    """The body for ``generateContent`` and ``streamGenerateContent``.

    Raises:
        UnsupportedParameterError: Names what Gemini has no equal of.
    """
    given = request.body
    check_parameters(given, supported=_CHAT, neutral=_CHAT_NEUTRAL, label=LABEL)
    system, conversation = content.split_system(given["messages"], LABEL)
    body: JsonObject = {}
    if system:
        body["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    body["contents"] = _contents(conversation)
    if "tools" in given:
        body["tools"] = [{"functionDeclarations": _declarations(given["tools"])}]
    if "tool_choice" in given:
        body["toolConfig"] = {"functionCallingConfig": _calling(given["tool_choice"])}
    config = _generation_config(given, model)
    if config:
        body["generationConfig"] = config
    return body


def _generation_config(given: JsonObject, model: str) -> JsonObject:
    config: JsonObject = {
        theirs: given[ours] for ours, theirs in _SAMPLING.items() if ours in given
    }
    if abs(given.get("seed", 0)) > _MAX_INT32:
        raise refuse("seed", LABEL, "more than 32 bits are not supported")
    stop = content.stop_sequences(given.get("stop"))
    if stop:
        config["stopSequences"] = stop
    if "modalities" in given:
        config["responseModalities"] = [modality.upper() for modality in given["modalities"]]
    response_format = given.get("response_format", {"type": "text"})
    if response_format["type"] != "text":
        config["responseMimeType"] = "application/json"
    if response_format["type"] == "json_schema":
        config["responseJsonSchema"] = content.json_schema(response_format, LABEL)
    if "reasoning_effort" in given:
        config["thinkingConfig"] = _thinking(given["reasoning_effort"], model)
    return config


def _thinking(effort: str, model: str) -> JsonObject:
    if model.removeprefix("models/").startswith("gemini-2.5") and effort in _BUDGETS:
        return {"thinkingBudget": _BUDGETS[effort]}
    if effort in _LEVELS:
        return {"thinkingLevel": effort.upper()}
    raise refuse("reasoning_effort", LABEL, f"{effort} is not supported for this model")


def _declarations(tools: list[JsonObject]) -> list[JsonObject]:
    declarations: list[JsonObject] = []
    for number, tool in enumerate(tools):
        function = tool["function"]
        if function.get("strict"):
            raise refuse(f"tools[{number}].function.strict", LABEL)
        declaration: JsonObject = {"name": function["name"]}
        if "description" in function:
            declaration["description"] = function["description"]
        if "parameters" in function:
            declaration["parametersJsonSchema"] = function["parameters"]
        declarations.append(declaration)
    return declarations


def _calling(choice: Any) -> JsonObject:
    if isinstance(choice, str):
        return {"mode": _MODES[choice]}
    return {"mode": "ANY", "allowedFunctionNames": [choice["function"]["name"]]}


def _contents(conversation: list[tuple[str, JsonObject]]) -> list[JsonObject]:
    contents: list[JsonObject] = []
    names: dict[str, str] = {}
    responses: list[JsonObject] | None = None
    for path, message in conversation:
        if message["role"] == "tool":
            # The responses to parallel calls belong into one content.
            if responses is None:
                responses = []
                contents.append({"role": "user", "parts": responses})
            responses.append(_function_response(path, message, names))
            continue
        responses = None
        if message["role"] == "user":
            parts = [_part(where, part) for where, part in content.user_parts(path, message)]
            contents.append({"role": "user", "parts": parts})
        else:
            contents.append({"role": "model", "parts": _assistant(path, message, names)})
    return contents


def _part(path: str, part: JsonObject) -> JsonObject:
    kind = part["type"]
    if kind == "text":
        return {"text": part["text"]}
    if kind == "image_url":
        media_type, data = content.image(path, part, LABEL)
    elif kind == "input_audio":
        media_type, data = _AUDIO[part["input_audio"]["format"]], part["input_audio"]["data"]
    else:
        if "filename" in part["file"]:
            raise refuse(f"{path}.file.filename", LABEL)
        media_type, data = content.data_uri(
            f"{path}.file.file_data", part["file"]["file_data"], LABEL
        )
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _assistant(path: str, message: JsonObject, names: dict[str, str]) -> list[JsonObject]:
    parts: list[JsonObject] = [{"text": text} for text in content.assistant_texts(message)]
    for number, call in enumerate(message.get("tool_calls", ())):
        names[call["id"]] = call["function"]["name"]
        call_id, mark, signature = call["id"].partition(SIGNATURE_MARK)
        arguments = content.call_arguments(f"{path}.tool_calls[{number}]", call, LABEL)
        part: JsonObject = {
            "functionCall": {"id": call_id, "name": call["function"]["name"], "args": arguments}
        }
        if mark:
            part["thoughtSignature"] = signature
        parts.append(part)
    return parts


def _function_response(path: str, message: JsonObject, names: Mapping[str, str]) -> JsonObject:
    given = message["tool_call_id"]
    if given not in names:
        raise refuse(
            f"{path}.tool_call_id", LABEL, "an answer to a call that no message made is refused"
        )
    call_id = given.partition(SIGNATURE_MARK)[0]
    # The response must be an object there; "output" is its documented place for plain output.
    output = "".join(content.texts(message["content"]))
    return {
        "functionResponse": {"id": call_id, "name": names[given], "response": {"output": output}}
    }


def embedding_body(request: InferenceRequest, model: str) -> tuple[str, JsonObject]:
    """The method and the body for embeddings.

    Raises:
        UnsupportedParameterError: Names what Gemini has no equal of.
    """
    given = request.body
    check_parameters(given, supported=_EMBEDDING, neutral=_EMBEDDING_NEUTRAL, label=LABEL)

    def one(text: str) -> JsonObject:
        body: JsonObject = {"model": model_path(model), "content": {"parts": [{"text": text}]}}
        if "dimensions" in given:
            body["outputDimensionality"] = given["dimensions"]
        return body

    if isinstance(given["input"], str):
        return "embedContent", one(given["input"])
    return "batchEmbedContents", {"requests": [one(text) for text in given["input"]]}
