"""Language models through attested nodes; every answer is verified before it is returned."""

from opengradient.llm.client import LLM
from opengradient.llm.confidential import ConfidentialLLM
from opengradient.llm.known_models import TEE_LLM
from opengradient.llm.options import (
    ChatOptions,
    CompletionOptions,
    EmbeddingOptions,
    Message,
    ResponseFormat,
    image,
    x402SettlementMode,
)
from opengradient.llm.pool import NodeView
from opengradient.llm.recall import Recalled
from opengradient.llm.receipt import HeldReceipt
from opengradient.llm.reply import (
    ChatChunk,
    ChatReply,
    EmbeddingReply,
    NodeFacts,
    ReplyUsage,
    TextGenerationOutput,
    VerifiedReply,
)
from opengradient.llm.settlement import Settlement
from opengradient.llm.streaming import ChatStream

__all__ = [
    "LLM",
    "TEE_LLM",
    "ChatChunk",
    "ChatOptions",
    "ChatReply",
    "ChatStream",
    "CompletionOptions",
    "ConfidentialLLM",
    "EmbeddingOptions",
    "EmbeddingReply",
    "HeldReceipt",
    "Message",
    "NodeFacts",
    "NodeView",
    "Recalled",
    "ReplyUsage",
    "ResponseFormat",
    "Settlement",
    "TextGenerationOutput",
    "VerifiedReply",
    "image",
    "x402SettlementMode",
]
