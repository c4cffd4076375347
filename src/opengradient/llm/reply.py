"""Verified answers, with the names of the published client beside ours."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.legacy import TeeFields
from opengradient.core.messages import Choice, Delta, Reply, ToolCall, Usage
from opengradient.core.modes import ReceiptKind
from opengradient.errors import OutputError, UnsupportedError
from opengradient.llm.options import ResponseFormat
from opengradient.llm.schemas import is_model_class, validate
from opengradient.nodes.receipt import HeldReceipt
from opengradient.nodes.sending import NodeFacts
from opengradient.nodes.settlement import Settlement
from opengradient.verify.verdict import Verdict
from opengradient.wire.fields import to_base64, to_hex
from opengradient.wire.openai_reply import encode_reply, encode_usage

_EMPTY: Final = Choice()


@final
class ReplyUsage(Mapping[str, Any]):
    """Token counts: attributes by our names and by OpenAI's, items as in OpenAI's JSON."""

    __slots__ = ("_json", "_usage")

    def __init__(self, usage: Usage) -> None:
        """Show a verified usage."""
        self._usage = usage
        self._json = encode_usage(usage)

    @property
    def input_tokens(self) -> int:
        """Tokens read."""
        return self._usage.input_tokens

    @property
    def output_tokens(self) -> int:
        """Tokens written."""
        return self._usage.output_tokens

    @property
    def cached_input_tokens(self) -> int:
        """Tokens read from a cache."""
        return self._usage.cached_input_tokens

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of reasoning among those written."""
        return self._usage.reasoning_tokens

    @property
    def total_tokens(self) -> int:
        """Read and written."""
        return self._usage.total_tokens

    prompt_tokens = input_tokens
    completion_tokens = output_tokens

    def __getitem__(self, name: str) -> Any:
        """A member of OpenAI's ``usage`` object."""
        return self._json[name]

    def __iter__(self) -> Iterator[str]:
        """The members' names."""
        return iter(self._json)

    def __len__(self) -> int:
        """How many members."""
        return len(self._json)

    def __repr__(self) -> str:
        """The counts."""
        return f"ReplyUsage({self._usage!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReply:
    """What every verified answer has.

    Attributes:
        reply: The answer as our own value.
        node: The node that answered.
        held: The verified receipt; None for a node of the public network, which makes none.
        way: The receipt's way to the ledger; None without receipt.
        legacy: The claims about an answer without receipt; None with one.
        tee: The checked ``tee_*`` fields; None where the node signs none.
    """

    reply: Reply
    node: NodeFacts
    held: HeldReceipt | None = None
    way: Settlement | None = None
    legacy: Verdict | None = None
    tee: TeeFields | None = None

    @property
    def verdict(self) -> Verdict:
        """Claim by claim: proven, asserted or absent."""
        if self.legacy is not None:
            return self.legacy
        return self.receipt.verdict

    @property
    def receipt(self) -> HeldReceipt:
        """The verified receipt.

        Raises:
            UnsupportedError: The node speaks the public network's format and made none.
        """
        if self.held is None:
            raise UnsupportedError("this node makes no receipts: see .verdict and .tee_signature")
        return self.held

    @property
    def settlement(self) -> Settlement:
        """The receipt's way to the ledger.

        Raises:
            UnsupportedError: The node made no receipt.
        """
        if self.way is None:
            raise UnsupportedError("this node makes no receipts, so that none is settled here")
        return self.way

    @property
    def model(self) -> str:
        """The model that the provider says it served."""
        return self.reply.model

    @property
    def usage(self) -> ReplyUsage | None:
        """Tokens as the provider counted; None where it counted nothing."""
        return None if self.reply.usage is None else ReplyUsage(self.reply.usage)

    # The published client's names.

    @property
    def tee_signature(self) -> str | None:
        """The checked RSA-PSS signature in base64."""
        return None if self.tee is None else to_base64(self.tee.signature)

    @property
    def tee_timestamp(self) -> int | None:
        """Unix seconds of that signature."""
        return None if self.tee is None else self.tee.timestamp

    @property
    def tee_id(self) -> str:
        """The node's name: its ``tee_id`` where it signs that format, else its node id."""
        return to_hex(self.node.node_id) if self.tee is None else self.tee.tee_id

    @property
    def tee_endpoint(self) -> str:
        """The node's address."""
        return self.node.url

    @property
    def tee_payment_address(self) -> str | None:
        """Whom the node wants to be paid, from the registry."""
        return self.node.payee

    @property
    def payment_hash(self) -> None:
        """Always None: nothing was paid."""
        return

    @property
    def data_settlement_transaction_hash(self) -> str | None:
        """The transaction that anchored the batch; None until `settlement.wait` found it."""
        proof = None if self.way is None else self.way.proof
        return (
            None if proof is None or proof.anchor is None else to_hex(proof.anchor.transaction_hash)
        )

    @property
    def data_settlement_blob_id(self) -> str | None:
        """The content id of the batch data; None until `settlement.wait` found it."""
        proof = None if self.way is None else self.way.proof
        return None if proof is None else to_hex(proof.blob_id)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply(VerifiedReply):
    """A verified answer of chat or completion.

    Attributes:
        response_format: What the caller asked for as response_format.
    """

    response_format: Any = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All answers; more than one only where ``n`` asked for them."""
        return self.reply.choices

    @property
    def _first(self) -> Choice:
        return self.choices[0] if self.choices else _EMPTY

    @property
    def text(self) -> str:
        """What the model wrote; empty if it wrote nothing."""
        return self._first.text or ""

    @property
    def reasoning(self) -> str | None:
        """What the model shows of its reasoning."""
        return self._first.reasoning

    @property
    def refusal(self) -> str | None:
        """Its refusal, where the provider marks one."""
        return self._first.refusal

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the model asks for."""
        return self._first.tool_calls

    @property
    def images(self) -> tuple[str, ...]:
        """Images as ``data:`` URIs."""
        return self._first.images

    @property
    def finish_reason(self) -> str:
        """Why the model stopped."""
        return self._first.finish_reason

    @property
    def message(self) -> JsonObject:
        """The answer as a message, to be appended to the conversation as it is."""
        message = self._message()
        kept = ("role", "content", "refusal", "tool_calls")
        return {name: message[name] for name in kept if name in message}

    def _message(self) -> JsonObject:
        if self.reply.kind == ReceiptKind.COMPLETION:
            return {"role": "assistant", "content": self.text}
        encoded: list[JsonObject] = encode_reply(self.reply)["choices"]
        message: JsonObject = encoded[0]["message"] if encoded else {"role": "assistant"}
        return message

    @property
    def chat_output(self) -> JsonObject | None:
        """The message as a dict; None for a completion."""
        return None if self.reply.kind == ReceiptKind.COMPLETION else self._message()

    @property
    def completion_output(self) -> str | None:
        """The text of a completion; None for a chat."""
        return self.text if self.reply.kind == ReceiptKind.COMPLETION else None

    @property
    def parsed(self) -> Any:
        """The answer as the object that response_format asked for.

        Returns:
            An instance of the pydantic class, the parsed JSON, or None where no form was asked
            for or the model refused or called tools instead.

        Raises:
            OutputError: The answer is authentic, and not of that form.
        """
        form = _form_of(self.response_format)
        if form in (None, "text") or self._first.text is None or self.refusal is not None:
            return None
        try:
            if is_model_class(self.response_format):
                return validate(self.response_format, self.text)
            return json.loads(self.text)
        except ValueError as error:
            raise OutputError(
                f"the answer (finish reason {self.finish_reason}) is not of the form that was "
                f"asked for: {error}",
                reply=self,
            ) from error


def _form_of(response_format: Any) -> str | None:
    if isinstance(response_format, ResponseFormat):
        return response_format.type
    if isinstance(response_format, Mapping):
        return str(response_format.get("type"))
    return None if response_format is None else "class"


TextGenerationOutput = ChatReply
"""The published client's name."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingReply(VerifiedReply):
    """Verified embeddings."""

    @property
    def embeddings(self) -> tuple[tuple[float, ...], ...]:
        """One vector per input, in order."""
        return self.reply.embeddings


@final
@dataclass(frozen=True, slots=True)
class ChunkDelta:
    """A piece of one choice, with the published client's names."""

    content: str | None
    role: str
    tool_calls: tuple[JsonObject, ...]
    reasoning: str | None = None


@final
@dataclass(frozen=True, slots=True)
class ChunkChoice:
    """A piece of one choice of a stream."""

    delta: ChunkDelta
    index: int
    finish_reason: str | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChatChunk:
    """A piece of a stream. Only the last one, `is_final`, has been verified: it has `reply`.

    Attributes:
        deltas: The pieces as our own values.
        model: The model that the node names.
        reply: The whole verified answer, with the last piece.
    """

    deltas: tuple[Delta, ...]
    model: str
    reply: ChatReply | None = None

    @property
    def is_final(self) -> bool:
        """Whether this ends a verified stream."""
        return self.reply is not None

    @property
    def text(self) -> str:
        """New text of the first choice."""
        return "".join(delta.text or "" for delta in self.deltas if delta.index == 0)

    @property
    def choices(self) -> tuple[ChunkChoice, ...]:
        """The pieces, with the published client's names."""
        return tuple(
            ChunkChoice(
                ChunkDelta(
                    delta.text,
                    "assistant",
                    tuple(
                        {
                            "index": piece.index,
                            "id": piece.id,
                            "type": "function",
                            "function": {"name": piece.name, "arguments": piece.arguments},
                        }
                        for piece in delta.tool_calls
                    ),
                    delta.reasoning,
                ),
                delta.index,
                delta.finish_reason,
            )
            for delta in self.deltas
        )

    @property
    def images(self) -> tuple[str, ...]:
        """New images of the first choice."""
        return tuple(image for delta in self.deltas if delta.index == 0 for image in delta.images)

    @property
    def usage(self) -> ReplyUsage | None:
        """Tokens, with the last piece."""
        return None if self.reply is None else self.reply.usage

    @property
    def tee_signature(self) -> str | None:
        """As on the reply, with the last piece."""
        return None if self.reply is None else self.reply.tee_signature

    @property
    def tee_timestamp(self) -> int | None:
        """As on the reply, with the last piece."""
        return None if self.reply is None else self.reply.tee_timestamp

    @property
    def tee_id(self) -> str | None:
        """As on the reply, with the last piece."""
        return None if self.reply is None else self.reply.tee_id

    @property
    def tee_endpoint(self) -> str | None:
        """As on the reply, with the last piece."""
        return None if self.reply is None else self.reply.tee_endpoint

    @property
    def tee_payment_address(self) -> str | None:
        """As on the reply, with the last piece."""
        return None if self.reply is None else self.reply.tee_payment_address
