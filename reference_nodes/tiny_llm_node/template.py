"""How a talk is laid out in tokens; training and serving both use this."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reference_nodes.tiny_llm_node.tokenizer import ASSISTANT, BEGIN, END, SYSTEM, USER, Tokenizer


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


_MARKS = {Role.SYSTEM: SYSTEM, Role.USER: USER, Role.ASSISTANT: ASSISTANT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a talk."""

    role: Role
    text: str


def message_tokens(tokenizer: Tokenizer, message: Message) -> list[int]:
    """Return the tokens of one message: its mark, its text without outer spaces, the end."""
    return [_MARKS[message.role], *tokenizer.encode(message.text.strip()), END]


def chat_prompt(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """Return the tokens of a talk, up to where the assistant starts to speak."""
    tokens = [BEGIN]
    for message in messages:
        tokens += message_tokens(tokenizer, message)
    return [*tokens, ASSISTANT]


def text_prompt(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the tokens of plain text that the model is to continue."""
    return [BEGIN, *tokenizer.encode(text)]
