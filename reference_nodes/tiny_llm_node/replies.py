"""Replies and stream chunks in OpenAI's format."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opengradient.core.messages import InferenceRequest
from opengradient.core.modes import ReceiptKind
from reference_nodes.tiny_llm_node.generation import FinishReason, Piece, TokenScore
from reference_nodes.tiny_llm_node.service import Answer

JsonObject = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class ReplyWriter:
    """Writes the reply to one chat or completion request, whole or in chunks.

    Attributes:
        request: What is answered.
        reply_id: The answer's id.
        created: Unix seconds.
        fingerprint: Says which weights answered.
        prompt_tokens: Tokens of the request.
    """

    request: InferenceRequest
    reply_id: str
    created: int
    fingerprint: str
    prompt_tokens: int
    _written: int = 0

    @property
    def _chat(self) -> bool:
        return self.request.kind is ReceiptKind.CHAT

    def whole(self, answer: Answer) -> JsonObject:
        """Return the reply to a request that does not stream."""
        choice: JsonObject = {"index": 0}
        if self._chat:
            choice["message"] = {"role": "assistant", "content": answer.text}
        else:
            choice["text"] = answer.text
        choice["logprobs"] = self._logprobs(answer.scores)
        choice["finish_reason"] = answer.finish
        kind = "chat.completion" if self._chat else "text_completion"
        return {**self._head(kind), "choices": [choice], "usage": self._usage(answer.tokens)}

    def opening(self) -> list[JsonObject]:
        """Return the chunks before the first piece: a chat says who speaks."""
        return [self._chunk({"role": "assistant", "content": ""}, (), None)] if self._chat else []

    def chunks(self, piece: Piece) -> list[JsonObject]:
        """Return the chunks of one piece; the last piece also brings the usage, if asked for."""
        chunks: list[JsonObject] = []
        if piece.text or piece.scores:
            chunks.append(self._chunk({"content": piece.text}, piece.scores, None))
        if piece.finish is not None:
            chunks.append(self._chunk({}, (), piece.finish))
            if self._usage_wanted:
                head = self._head(self._chunk_kind)
                chunks.append({**head, "choices": [], "usage": self._usage(piece.tokens)})
        return chunks

    @property
    def _usage_wanted(self) -> bool:
        return bool((self.request.body.get("stream_options") or {}).get("include_usage"))

    @property
    def _chunk_kind(self) -> str:
        return "chat.completion.chunk" if self._chat else "text_completion"

    def _chunk(
        self, delta: JsonObject, scores: Sequence[TokenScore], finish: FinishReason | None
    ) -> JsonObject:
        choice: JsonObject = {"index": 0}
        if self._chat:
            choice["delta"] = delta
        else:
            choice["text"] = delta.get("content", "")
        choice["logprobs"] = self._logprobs(scores) if scores else None
        choice["finish_reason"] = finish
        chunk = {**self._head(self._chunk_kind), "choices": [choice]}
        return {**chunk, "usage": None} if self._usage_wanted else chunk

    def _head(self, kind: str) -> JsonObject:
        return {
            "id": self.reply_id,
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "system_fingerprint": self.fingerprint,
        }

    def _usage(self, written: int) -> JsonObject:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }

    def _logprobs(self, scores: Sequence[TokenScore]) -> JsonObject | None:
        wanted = self.request.body.get("logprobs")
        if self._chat:
            return (
                {"content": [_chat_score(score) for score in scores], "refusal": None}
                if wanted
                else None
            )
        if wanted is None:
            return None
        offsets = []
        for score in scores:
            offsets.append(self._written)
            self._written += len(_text(score.value))
        return {
            "tokens": [_text(score.value) for score in scores],
            "token_logprobs": [score.logprob for score in scores],
            "top_logprobs": [
                {_text(value): other for value, other in score.others} for score in scores
            ],
            "text_offset": offsets,
        }


def embedding_reply(
    request: InferenceRequest, vectors: Sequence[Sequence[float]], tokens: int
) -> JsonObject:
    """Return the reply to an embedding request."""
    data = [
        {"object": "embedding", "index": index, "embedding": list(vector)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def _chat_score(score: TokenScore) -> JsonObject:
    return {
        **_named(score.value, score.logprob),
        "top_logprobs": [_named(value, logprob) for value, logprob in score.others],
    }


def _named(value: bytes, logprob: float) -> JsonObject:
    return {"token": _text(value), "logprob": logprob, "bytes": list(value)}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
