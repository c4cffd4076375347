"""The network in torch, for training; `reference_nodes/tiny_llm_node/model.py` is the same in numpy."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference_nodes.tiny_llm_node.model import EPSILON, ROPE_BASE, Shape


class Block(nn.Module):
    """One layer: attention with rotary positions, then a gated feed-forward part."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.norm_1 = nn.Parameter(torch.ones(shape.width))
        self.norm_2 = nn.Parameter(torch.ones(shape.width))
        self.qkv = nn.Parameter(torch.empty(shape.width, 3 * shape.width))
        self.out = nn.Parameter(torch.empty(shape.width, shape.width))
        self.up = nn.Parameter(torch.empty(shape.width, 2 * shape.hidden))
        self.down = nn.Parameter(torch.empty(shape.hidden, shape.width))
        for matrix in (self.qkv, self.up):
            nn.init.normal_(matrix, std=shape.width**-0.5)
        for matrix in (self.out, self.down):
            nn.init.normal_(matrix, std=matrix.shape[0] ** -0.5 / (2 * shape.layers) ** 0.5)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Map hidden states of (rows, length, width) to the same shape."""
        rows, length, width = x.shape
        split = (rows, length, 3, self.shape.heads, self.shape.head_width)
        query, key, value = (norm(x, self.norm_1) @ self.qkv).view(split).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            rotate(query, cos, sin), rotate(key, cos, sin), value, is_causal=True
        )
        x = x + mixed.transpose(1, 2).reshape(rows, length, width) @ self.out
        gate, up = (norm(x, self.norm_2) @ self.up).chunk(2, dim=-1)
        return x + (functional.silu(gate) * up) @ self.down


class Network(nn.Module):
    """The whole model; the input and output embeddings are one matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Parameter(
            torch.randn(shape.vocabulary, shape.width) * shape.width**-0.5
        )
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))
        half = shape.head_width // 2
        frequencies = ROPE_BASE ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.outer(torch.arange(shape.context, dtype=torch.float64), frequencies)
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Return the last hidden states of (rows, length) token ids."""
        x = functional.embedding(tokens, self.embedding)
        length = tokens.shape[1]
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length])
        return norm(x, self.norm)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the next token at each place."""
        return self.hidden(tokens) @ self.embedding.T


def norm(x: Tensor, weight: Tensor) -> Tensor:
    """Scale to a root mean square of one, then by the weight."""
    return functional.rms_norm(x, (x.shape[-1],), weight, EPSILON)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of halves by the angle of its place."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)
