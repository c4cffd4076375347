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
)
from opengradient.llm.reply import (
    ChatChunk,
    ChatReply,
    EmbeddingReply,
    ReplyUsage,
    TextGenerationOutput,
    VerifiedReply,
)
from opengradient.llm.streaming import ChatStream
from opengradient.nodes.calls import x402SettlementMode
from opengradient.nodes.pool import NodeView
from opengradient.nodes.recall import Recalled
from opengradient.nodes.receipt import HeldReceipt
from opengradient.nodes.sending import NodeFacts
from opengradient.nodes.settlement import Settlement

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
