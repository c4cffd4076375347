"""Reading a client's messages, for the providers whose messages are shaped differently."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.errors import MalformedError
from reference_nodes.llm_proxy_node.backends._requests import refuse


def split_system(
    messages: Sequence[JsonObject], label: str
) -> tuple[list[str], list[tuple[str, JsonObject]]]:
    """Part the instructions from the conversation.

    Returns:
        The texts of the leading system and developer messages, in order, and the other
        messages, each with its path.

    Raises:
        UnsupportedParameterError: An instruction stands within the conversation; moving it
            would change what the client said.
    """
    system: list[str] = []
    rest: list[tuple[str, JsonObject]] = []
    for number, message in enumerate(messages):
        path = f"messages[{number}]"
        if "name" in message:
            raise refuse(f"{path}.name", label)
        if message["role"] not in {"system", "developer"}:
            rest.append((path, message))
        elif rest:
            raise refuse(
                f"{path}.role", label, "instructions after the conversation began are not supported"
            )
        else:
            system.extend(texts(message["content"]))
    return system, rest


def texts(content: Any) -> list[str]:
    """The texts of a content that has only text and refusal parts, one by one."""
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    return [part["text" if part["type"] == "text" else "refusal"] for part in content]


def assistant_texts(message: JsonObject) -> list[str]:
    """What an assistant's message says. A refusal is what the assistant said, so it is text."""
    said = texts(message.get("content"))
    refusal = message.get("refusal")
    return [*said, refusal] if refusal is not None else said


def user_parts(path: str, message: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """The parts of a user's message, each with its path; a string is one text part."""
    content = message["content"]
    if isinstance(content, str):
        yield f"{path}.content", {"type": "text", "text": content}
        return
    for at, part in enumerate(content):
        yield f"{path}.content[{at}]", part


def data_uri(path: str, uri: str, label: str) -> tuple[str, str]:
    """Part a ``data:`` URI (RFC 2397) into media type and base64 text.

    Raises:
        UnsupportedParameterError: It has no media type, or parameters besides base64.
    """
    head, _, data = uri.removeprefix("data:").partition(",")
    media_type, _, mark = head.partition(";")
    if not media_type or mark != "base64":
        raise refuse(path, label, "a data: URI without a media type or with parameters is refused")
    return media_type.lower(), data


def image(path: str, part: JsonObject, label: str) -> tuple[str, str]:
    """Media type and base64 text of an image part.

    Raises:
        UnsupportedParameterError: It asks for a detail other than auto, or is no image.
    """
    given = part["image_url"]
    if given.get("detail", "auto") != "auto":
        raise refuse(f"{path}.image_url.detail", label)
    media_type, data = data_uri(f"{path}.image_url.url", given["url"], label)
    if not media_type.startswith("image/"):
        raise refuse(f"{path}.image_url.url", label, f"{media_type} is not an image; refused")
    return media_type, data


def call_arguments(path: str, call: JsonObject, label: str) -> JsonObject:
    """A tool call's arguments as the object that the provider wants.

    Raises:
        UnsupportedParameterError: They are not a JSON object, or hold a number too large for
            JSON.
    """
    where = f"{path}.function.arguments"
    text = call["function"]["arguments"]
    try:
        value = parse_json_object(text, what=where)
        json.dumps(value, allow_nan=False)
    except (MalformedError, ValueError):
        raise refuse(where, label, "anything but a JSON object is not supported") from None
    return value


def json_schema(response_format: JsonObject, label: str) -> JsonObject:
    """The schema of a ``json_schema`` response format.

    Its ``name`` is a label without effect at providers other than OpenAI, and stays behind;
    the schema is always enforced there, so ``strict`` may be true or absent.

    Raises:
        UnsupportedParameterError: A description, or an unenforced schema.
    """
    given = response_format["json_schema"]
    if "description" in given:
        raise refuse("response_format.json_schema.description", label)
    if given.get("strict") is False:
        raise refuse("response_format.json_schema.strict", label, "false is not supported")
    schema: JsonObject = given["schema"]
    return schema


def stop_sequences(stop: Any) -> list[str]:
    """``stop`` as a list; null is none."""
    if stop is None:
        return []
    return [stop] if isinstance(stop, str) else list(stop)
