"""What a checked request asks of this model; parameters that it does not have are refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from opengradient.errors import UnsupportedParameterError
from reference_nodes.tiny_llm_node.generation import Generation
from reference_nodes.tiny_llm_node.sampling import Sampling
from reference_nodes.tiny_llm_node.template import Message, Role, chat_prompt, text_prompt
from reference_nodes.tiny_llm_node.tokenizer import Tokenizer

# What OpenAI's completions write when the request does not say how much.
_COMPLETION_TOKENS = 16
_SAMPLING = {"temperature", "top_p", "seed", "presence_penalty", "frequency_penalty"}
_COMMON = _SAMPLING | {"model", "n", "stop", "stream", "stream_options", "max_tokens", "user"}
_PARAMETERS: Mapping[ReceiptKind, frozenset[str]] = {
    ReceiptKind.CHAT: frozenset(
        _COMMON
        | {"messages", "max_completion_tokens", "logprobs", "top_logprobs", "response_format"}
    ),
    ReceiptKind.COMPLETION: frozenset(_COMMON | {"prompt", "logprobs"}),
    ReceiptKind.EMBEDDING: frozenset({"model", "input", "dimensions", "encoding_format", "user"}),
}
_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}


def refuse_unsupported(request: InferenceRequest) -> None:
    """Refuse parameters that OpenAI's protocol has and this model has not.

    Raises:
        UnsupportedParameterError: Names the first of them.
    """
    body = request.body
    for name in body:
        if name not in _PARAMETERS[request.kind]:
            raise _unsupported(name, "is not supported by this model")
    if body.get("n", 1) != 1:
        raise _unsupported("n", "this model gives one answer")
    if body.get("response_format", {"type": "text"})["type"] != "text":
        raise _unsupported("response_format", "this model answers in plain text only")
    if "top_logprobs" in body and not body.get("logprobs"):
        raise _invalid("top_logprobs", "needs logprobs to be true")
    if body.get("stream_options") and not body.get("stream"):
        raise _invalid("stream_options", "needs stream to be true")


def chat_generation(request: InferenceRequest, tokenizer: Tokenizer, context: int) -> Generation:
    """Return the generation that a chat request asks for.

    Args:
        request: A chat request.
        tokenizer: The model's.
        context: Most tokens that the model can see.

    Raises:
        UnsupportedParameterError: Not for this model, or too long.
    """
    refuse_unsupported(request)
    body = request.body
    messages = [_message(value, place) for place, value in enumerate(body["messages"])]
    _refuse_long([message.text for message in messages], tokenizer, context, "messages")
    prompt = _bounded(chat_prompt(tokenizer, messages), context, "messages")
    return Generation(
        prompt=prompt,
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        stop=_stop(body),
        sampling=_sampling(body),
        others=body.get("top_logprobs", 0) if body.get("logprobs") else None,
    )


def text_generation(request: InferenceRequest, tokenizer: Tokenizer, context: int) -> Generation:
    """Return the generation that a completion request asks for; see `chat_generation`."""
    refuse_unsupported(request)
    body = request.body
    _refuse_long([body["prompt"]], tokenizer, context, "prompt")
    return Generation(
        prompt=_bounded(text_prompt(tokenizer, body["prompt"]), context, "prompt"),
        max_tokens=body.get("max_tokens", _COMPLETION_TOKENS),
        stop=_stop(body),
        sampling=_sampling(body),
        others=body.get("logprobs"),
    )


def embedding_inputs(
    request: InferenceRequest, tokenizer: Tokenizer, context: int, width: int
) -> list[tuple[int, ...]]:
    """Return the tokens of each text to embed.

    Args:
        request: An embedding request.
        tokenizer: The model's.
        context: Most tokens that the model can see.
        width: The only number of dimensions there is.

    Raises:
        UnsupportedParameterError: Not for this model, or too long.
    """
    refuse_unsupported(request)
    if request.body.get("dimensions", width) != width:
        raise _unsupported("dimensions", f"this model's embeddings have {width} dimensions")
    texts = request.body["input"]
    if isinstance(texts, str):
        return [_embedding_input(texts, tokenizer, context, "input")]
    return [
        _embedding_input(text, tokenizer, context, f"input[{place}]")
        for place, text in enumerate(texts)
    ]


def _embedding_input(text: str, tokenizer: Tokenizer, context: int, name: str) -> tuple[int, ...]:
    _refuse_long([text], tokenizer, context, name)
    return _bounded(text_prompt(tokenizer, text), context, name)


def _message(value: Mapping[str, Any], place: int) -> Message:
    at = f"messages[{place}]"
    role = _ROLES.get(value["role"])
    if role is None:
        raise _unsupported(f"{at}.role", f"this model has no {value['role']} messages")
    for name in value:
        if name not in ("role", "content"):
            raise _unsupported(f"{at}.{name}", "is not supported by this model")
    content = value.get("content")
    if content is None:
        raise _invalid(f"{at}.content", "is required")
    if isinstance(content, str):
        return Message(role=role, text=content)
    for number, part in enumerate(content):
        if part["type"] != "text":
            raise _unsupported(f"{at}.content[{number}]", "this model reads text only")
    return Message(role=role, text="\n".join(part["text"] for part in content))


def _sampling(body: Mapping[str, Any]) -> Sampling:
    return Sampling(**{name: body[name] for name in _SAMPLING if name in body})


def _stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("stop")
    texts = (value,) if isinstance(value, str) else tuple(value or ())
    if not all(texts):
        raise _invalid("stop", "must not be empty")
    return texts


def _refuse_long(texts: Sequence[str], tokenizer: Tokenizer, context: int, name: str) -> None:
    """Refuse a text that cannot fit whatever its tokens are, before time goes into finding them."""
    size = sum(len(text.encode()) for text in texts)
    if size > context * tokenizer.longest:
        raise _too_long(size // tokenizer.longest, context, name)


def _bounded(tokens: list[int], context: int, name: str) -> tuple[int, ...]:
    # One place stays free for the first token of an answer.
    if len(tokens) >= context:
        raise _too_long(len(tokens), context, name)
    return tuple(tokens)


def _too_long(tokens: int, context: int, name: str) -> UnsupportedParameterError:
    return _invalid(
        name,
        f"{tokens} tokens or more do not fit: this model sees {context - 1} tokens of a request",
        code="request.too_long",
    )


def _invalid(name: str, problem: str, code: str = "request.invalid") -> UnsupportedParameterError:
    return UnsupportedParameterError(name, f"{name}: {problem}", code=code)


def _unsupported(name: str, problem: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(name, f"{name}: {problem}")
