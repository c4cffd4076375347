"""Runs the model beside the event loop, for a bounded number of callers at a time."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

import anyio
import anyio.to_thread
import numpy as np

from opengradient.errors import NodeError
from reference_nodes.tiny_llm_node.generation import (
    FinishReason,
    Generation,
    Piece,
    TokenScore,
    generate,
)
from reference_nodes.tiny_llm_node.model import Model, embed
from reference_nodes.tiny_llm_node.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer.

    Attributes:
        text: What the model wrote.
        scores: Its tokens, if they were asked for.
        finish: Why it ended.
        tokens: How many tokens it has.
    """

    text: str
    scores: tuple[TokenScore, ...]
    finish: FinishReason
    tokens: int


class TinyService:
    """The model as a service.

    Each token is computed in a worker thread and the event loop goes on meanwhile; between two
    tokens a caller can leave, and the work for it stops there.

    Args:
        model: The weights.
        tokenizer: Their tokenizer.
        max_callers: So many are served at a time; more are refused.
        threads: So many tokens are computed at a time.
    """

    def __init__(
        self, model: Model, tokenizer: Tokenizer, *, max_callers: int = 16, threads: int = 1
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._max_callers = max_callers
        self._callers = 0
        self._threads = anyio.CapacityLimiter(threads)

    @property
    def callers(self) -> int:
        """How many are being served now."""
        return self._callers

    async def stream(self, generation: Generation) -> AsyncGenerator[Piece]:
        """Yield the pieces of an answer as they are written.

        Close the generator when the caller leaves (`contextlib.aclosing`).

        Raises:
            NodeError: ``node.overloaded``: too many callers.
        """
        with self._place():
            pieces = generate(self.model, self.tokenizer, generation)
            finished = False
            while not finished:
                piece = await anyio.to_thread.run_sync(next, pieces, limiter=self._threads)
                finished = piece.finish is not None
                if piece.text or piece.scores or finished:
                    yield piece

    async def complete(self, generation: Generation) -> Answer:
        """Return a whole answer.

        Raises:
            NodeError: ``node.overloaded``: too many callers.
        """
        text: list[str] = []
        scores: list[TokenScore] = []
        async with aclosing(self.stream(generation)) as pieces:
            async for piece in pieces:
                text.append(piece.text)
                scores += piece.scores
                if piece.finish is not None:
                    return Answer(
                        text="".join(text),
                        scores=tuple(scores),
                        finish=piece.finish,
                        tokens=piece.tokens,
                    )
        raise AssertionError("a generation ends with a finish reason")

    async def embed(self, inputs: Sequence[tuple[int, ...]]) -> list[list[float]]:
        """Return an embedding of length one for each list of tokens.

        Raises:
            NodeError: ``node.overloaded``: too many callers.
        """
        with self._place():
            vectors: list[list[float]] = []
            for tokens in inputs:
                vector = await anyio.to_thread.run_sync(
                    embed, self.model, list(tokens), limiter=self._threads
                )
                vectors.append(np.asarray(vector, np.float64).tolist())
            return vectors

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._callers >= self._max_callers:
            raise NodeError(
                f"{self._callers} callers are being served, which is the most at a time",
                status=503,
                code="node.overloaded",
            )
        self._callers += 1
        try:
            yield
        finally:
            self._callers -= 1
