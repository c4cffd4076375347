"""The model in numpy: a transformer decoder with a key-value cache, in 32-bit floating point.

RMS norm, rotary positions, causal attention, a gated feed-forward part (SwiGLU), no biases, and
one matrix for the input and the output embeddings. `scripts/tiny_llm/network.py` is its twin in
torch, for training.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from opengradient.errors import ConfigurationError, UnsupportedError

FORMAT = "og-tiny-llm-1"
EPSILON = 1e-5
ROPE_BASE = 10_000.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes that make up the architecture.

    Attributes:
        vocabulary: Number of token ids.
        width: Numbers in a hidden state.
        layers: Number of blocks.
        heads: Attention heads per block.
        hidden: Width of the feed-forward part.
        context: Most tokens that the model can see, its own included.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    context: int

    @property
    def head_width(self) -> int:
        """Numbers in one attention head."""
        return self.width // self.heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The weights of one layer."""

    norm_1: Floats
    qkv: Floats
    out: Floats
    norm_2: Floats
    up: Floats
    down: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The weights, ready to compute with.

    Attributes:
        shape: The architecture.
        digest: SHA-256 of the weights file, in hexadecimal.
        created: When it was trained, in unix seconds, as its file says.
        centre: Mean of the pooled hidden states over the training text; embeddings are what is
            left when it is taken away.
    """

    shape: Shape
    digest: str
    created: int
    embedding: Floats
    blocks: tuple[Block, ...]
    norm: Floats
    centre: Floats
    cos: Floats
    sin: Floats

    @property
    def parameters(self) -> int:
        """The number of trained numbers."""
        arrays = [self.embedding, self.norm]
        for block in self.blocks:
            arrays += [block.norm_1, block.qkv, block.out, block.norm_2, block.up, block.down]
        return sum(array.size for array in arrays)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """Where new tokens stand (their rotation) and which tokens each of them must not see."""

    cos: Floats
    sin: Floats
    hidden: NDArray[np.bool_]


class Cache:
    """Keys and values of the tokens that the model has seen in one generation."""

    def __init__(self, shape: Shape) -> None:
        size = (shape.layers, shape.heads, shape.context, shape.head_width)
        self.keys = np.zeros(size, np.float32)
        self.values = np.zeros(size, np.float32)
        self.length = 0


def advance(model: Model, cache: Cache, tokens: list[int]) -> Floats:
    """Read tokens and return their hidden states, of shape (tokens, width).

    Args:
        model: The weights.
        cache: What was read before; it grows by these tokens.
        tokens: At least one id, and no more than the context has room for.
    """
    start, end = cache.length, cache.length + len(tokens)
    if not tokens or end > model.shape.context:
        raise AssertionError(f"{len(tokens)} tokens after {start} do not fit the context")
    return _norm(_read(model, cache, tokens, len(model.blocks)), model.norm)


def _read(model: Model, cache: Cache, tokens: list[int], depth: int) -> Floats:
    """Run the first blocks, so many as the depth says, over new tokens."""
    start, end = cache.length, cache.length + len(tokens)
    x = model.embedding[tokens]
    view = _View(
        cos=model.cos[start:end],
        sin=model.sin[start:end],
        hidden=np.arange(end)[None, :] > np.arange(start, end)[:, None],
    )
    for index, block in enumerate(model.blocks[:depth]):
        x = x + _attend(model, cache, index, _norm(x, block.norm_1), view)
        gate, up = np.split(_norm(x, block.norm_2) @ block.up, 2, axis=-1)
        x = x + (gate / (1 + np.exp(-gate)) * up) @ block.down
    cache.length = end
    return x


def logits(model: Model, hidden: Floats) -> Floats:
    """Return the scores of the next token after one hidden state, of shape (vocabulary,)."""
    return model.embedding @ hidden


def pool(model: Model, tokens: list[int]) -> Floats:
    """Return the mean hidden state of a text, from before the last block.

    The last block only serves to name the next token; what it puts out for the words of a question
    is never used in training, so it says nothing.
    """
    states = _read(model, Cache(model.shape), tokens, len(model.blocks) - 1)
    pooled: Floats = _norm(states, np.ones(model.shape.width, np.float32)).mean(axis=0)
    return pooled


def embed(model: Model, tokens: list[int]) -> Floats:
    """Return the embedding of a text: `pool`, centred, of length one."""
    pooled = pool(model, tokens) - model.centre
    pooled /= np.float32(max(float(np.linalg.norm(pooled)), 1e-12))
    return pooled


def _attend(model: Model, cache: Cache, index: int, x: Floats, view: _View) -> Floats:
    shape, count = model.shape, len(x)
    end = cache.length + count
    split = (x @ model.blocks[index].qkv).reshape(count, 3, shape.heads, shape.head_width)
    query, key, value = split.transpose(1, 2, 0, 3)
    keys, values = cache.keys[index], cache.values[index]
    keys[:, cache.length : end] = _rotate(key, view)
    values[:, cache.length : end] = value
    scores = _rotate(query, view) @ keys[:, :end].transpose(0, 2, 1)
    scores = np.where(view.hidden, np.float32(-np.inf), scores * np.float32(shape.head_width**-0.5))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ values[:, :end]
    attended: Floats = mixed.transpose(1, 0, 2).reshape(count, shape.width)
    return attended @ model.blocks[index].out


def _norm(x: Floats, weight: Floats) -> Floats:
    scale = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON))
    scaled: Floats = x / scale * weight
    return scaled


def _rotate(x: Floats, view: _View) -> Floats:
    cos, sin = view.cos, view.sin
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate((first * cos - second * sin, first * sin + second * cos), axis=-1)


def load_model(path: Path) -> Model:
    """Read a weights file.

    Raises:
        UnsupportedError: The file has another format.
        ConfigurationError: The file is damaged, or its tensors do not fit its shape.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors: dict[str, Floats] = {
                name: file.get_tensor(name).astype(np.float32)
                for name in file.keys()  # noqa: SIM118 - safe_open is no mapping
            }
    except (OSError, SafetensorError) as error:
        raise ConfigurationError(f"cannot read the weights {path.name}: {error}") from error
    if metadata.get("format") != FORMAT:
        raise UnsupportedError(f"{path.name} is not a model of format {FORMAT}")
    try:
        shape = Shape(**{name: int(metadata[name]) for name in Shape.__slots__})
        created = int(metadata["created"])
    except (KeyError, ValueError) as error:
        raise ConfigurationError(f"{path.name} does not say its shape: {error}") from error
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != tensor_shapes(shape):
        raise ConfigurationError(f"the tensors of {path.name} do not fit its shape")
    return _assemble(shape, tensors, digest, created)


def tensor_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return the name and size of each tensor in a weights file."""
    width, hidden = shape.width, shape.hidden
    block = {
        "norm_1": (width,),
        "qkv": (width, 3 * width),
        "out": (width, width),
        "norm_2": (width,),
        "up": (width, 2 * hidden),
        "down": (hidden, width),
    }
    names: dict[str, tuple[int, ...]] = {
        f"blocks.{index}.{name}": size
        for index in range(shape.layers)
        for name, size in block.items()
    }
    return names | {"embedding": (shape.vocabulary, width), "norm": (width,), "centre": (width,)}


def _assemble(shape: Shape, tensors: dict[str, Floats], digest: str, created: int) -> Model:
    half = shape.head_width // 2
    angles = np.outer(np.arange(shape.context), ROPE_BASE ** (-np.arange(half) / half))
    names = Block.__slots__
    return Model(
        shape=shape,
        digest=digest,
        created=created,
        embedding=tensors["embedding"],
        blocks=tuple(
            Block(**{name: tensors[f"blocks.{index}.{name}"] for name in names})
            for index in range(shape.layers)
        ),
        norm=tensors["norm"],
        centre=tensors["centre"],
        cos=np.cos(angles).astype(np.float32),
        sin=np.sin(angles).astype(np.float32),
    )
