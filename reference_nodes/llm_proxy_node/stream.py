"""One stream on its way through: provider's events in, our chunks out, everything bound."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

from opengradient.core.commitments import FieldValue
from opengradient.core.digests import sha256
from opengradient.core.messages import (
    Choice,
    Delta,
    ErrorReply,
    InferenceRequest,
    Reply,
    StreamAccumulator,
)
from opengradient.errors import MalformedError
from opengradient.wire.openai_reply import encode_chunk
from opengradient.wire.sse import EventDecoder, encode_event
from reference_nodes.llm_proxy_node.backends import ProviderFailure, StreamParser

CUT: Final = "cut"

_BROKEN: Final = ErrorReply(
    status=502,
    code="provider.protocol",
    message="the provider's stream ended before its end marker",
)


@final
class StreamRun:
    """Turns a provider's bytes into frames for the client. Does no I/O."""

    __slots__ = (
        "_accumulator",
        "_created",
        "_decoder",
        "_parser",
        "_problem",
        "_recorded",
        "_reply_id",
        "_request",
        "chunk_digests",
        "first_token_at",
    )

    def __init__(
        self,
        request: InferenceRequest,
        parser: StreamParser,
        *,
        reply_id: str,
        created: int,
        record: bool,
    ) -> None:
        """Begin.

        Args:
            request: What was asked.
            parser: Reads the provider's events.
            reply_id: The answer's id.
            created: Unix seconds.
            record: Whether to keep the frames, for a repeated request.
        """
        self._request = request
        self._parser = parser
        self._reply_id = reply_id
        self._created = created
        self._decoder = EventDecoder()
        self._accumulator = StreamAccumulator()
        self._recorded: list[bytes] | None = [] if record else None
        self._problem: ProviderFailure | None = None
        self.chunk_digests: list[bytes] = []
        self.first_token_at = 0

    @property
    def over(self) -> bool:
        """Whether nothing more of the provider's bytes matters."""
        return self._parser.done or self.failure is not None

    @property
    def failure(self) -> ProviderFailure | None:
        """Why the stream failed, if it did."""
        return self._problem or self._parser.error

    def feed(self, piece: bytes, *, now_ms: int) -> bytes:
        """Take bytes from the provider; give the frames to send, perhaps none."""
        frames: list[bytes] = []
        try:
            for event in self._decoder.feed(piece):
                for delta in self._parser.feed(event):
                    self._accumulator.add(delta)
                    if not delta.empty:
                        frames.append(self._frame(delta))
        except MalformedError as error:
            self._problem = replace(_BROKEN, message=f"the provider's stream: {error.message}")
        data = b"".join(frames)
        if data:
            self.first_token_at = self.first_token_at or now_ms
            if self._recorded is not None:
                self._recorded.append(data)
        return data

    def end(self) -> None:
        """The provider's bytes ended."""
        if not self.over:
            self._problem = _BROKEN

    def fail(self, problem: ErrorReply) -> None:
        """The stream ends here, for a reason that is not in the provider's bytes."""
        self._problem = self._problem or problem

    def recorded(self) -> bytes:
        """All frames so far; nothing where they are not kept."""
        return b"".join(self._recorded or ())

    @property
    def model(self) -> str:
        """The model that chunks name: as served where the provider said so by then."""
        return self._parser.model_served or self._request.model

    @property
    def model_served(self) -> str | None:
        """The model as the provider reports it."""
        return self._parser.model_served

    def reply(self) -> Reply:
        """The whole answer, after it ended without `failure`."""
        return Reply(
            id=self._reply_id,
            created=self._created,
            model=self.model,
            kind=self._request.kind,
            choices=self._accumulator.choices(),
            usage=self._parser.usage,
            system_fingerprint=self._parser.system_fingerprint,
        )

    def cut_fields(self, problem: ErrorReply) -> dict[str, FieldValue]:
        """The response section of a stream that failed: the error, and the parts so far."""
        fields = dict(problem.committed_fields())
        for choice in self._cut_choices():
            fields.update(choice.committed_fields())
        return fields

    def _cut_choices(self) -> Sequence[Choice]:
        if not self.chunk_digests:
            return ()
        # The client never saw a finish reason: those travel in the final frame only.
        return [replace(choice, finish_reason=CUT) for choice in self._accumulator.choices()]

    def _frame(self, delta: Delta) -> bytes:
        data = encode_chunk(
            delta,
            reply_id=self._reply_id,
            created=self._created,
            model=self.model,
            kind=self._request.kind,
        )
        self.chunk_digests.append(sha256(data))
        return encode_event(data)
