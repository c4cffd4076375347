"""A streamed answer: pieces as they come, and at the end a verified reply or an error."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import TracebackType
from typing import Self, final

import anyio

from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.core.digests import sha256
from opengradient.core.legacy import TeeFields
from opengradient.core.messages import Choice, Delta, Reply, StreamAccumulator
from opengradient.errors import (
    MalformedError,
    ProtocolError,
    TimedOutError,
    TransportError,
    VerificationError,
)
from opengradient.llm.calling import (
    KINDS_OF,
    Caller,
    Checked,
    checked_tee_fields,
    split,
    usage_words,
)
from opengradient.llm.reply import ChatChunk, ChatReply
from opengradient.llm.requests import Call
from opengradient.nodes.checking import Answer, Checker
from opengradient.nodes.sending import REPLAYED
from opengradient.transport import AnswerStream
from opengradient.wire.openai_decode import decode_chunk, decode_usage
from opengradient.wire.openai_reply import ATTACHMENT
from opengradient.wire.receipts import decode_attached
from opengradient.wire.sse import DONE, Event, EventDecoder

Opener = Callable[[AsyncExitStack], Awaitable[AsyncGenerator[ChatChunk, None]]]
"""Sends a request and gives its pieces; what must be closed is put on the stack."""


@final
class ChatStream:
    """The pieces of a streamed answer.

    ```python
    async with llm.stream(model, messages) as stream:
        async for chunk in stream:
            print(chunk.text, end="")
    print(stream.reply.verdict)
    ```

    Pieces are shown as they come over the attested channel; only when the last one, `is_final`,
    has come is the whole verified. A stream that ends otherwise raises. Leaving the block early
    closes the connection, and the node stops its provider. Without the block, call `aclose` if
    you leave the loop early.
    """

    def __init__(self, opener: Opener, key: str) -> None:
        """Made by `LLM.stream`; nothing is sent before it is entered or iterated."""
        self._opener = opener
        self._key = key
        self._stack = AsyncExitStack()
        self._pieces: AsyncGenerator[ChatChunk, None] | None = None
        self._reply: ChatReply | None = None
        self._closed = False

    @property
    def idempotency_key(self) -> str:
        """The key of this request: `LLM.receipt` finds its receipt, also if the stream is cut."""
        return self._key

    @property
    def reply(self) -> ChatReply:
        """The verified answer, after the last piece.

        Raises:
            ProtocolError: Code ``transport.stream_cut``: the stream was not read to its end.
        """
        if self._reply is None:
            raise ProtocolError(
                "the stream was not read to its verified end", code="transport.stream_cut"
            )
        return self._reply

    async def __aenter__(self) -> Self:
        """Send the request; returns when the answer begins.

        Raises:
            OpenGradientError: It could not be sent, or the node answered with an error.
        """
        async with self._closing_on_failure():
            await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.aclose()

    def __aiter__(self) -> Self:
        """The pieces; there is one pass only."""
        return self

    async def __anext__(self) -> ChatChunk:
        """The next piece.

        Raises:
            ProtocolError: Code ``transport.stream_cut``: it ended before its signed end.
            VerificationError: It is not what was signed.
            NodeError: The provider failed; the error is signed.
        """
        if self._closed:
            raise StopAsyncIteration
        async with self._closing_on_failure():
            chunk = await anext(await self._open())
        if chunk.reply is not None:
            self._reply = chunk.reply
        return chunk

    @asynccontextmanager
    async def _closing_on_failure(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.aclose)
            yield
            stack.pop_all()

    async def aclose(self) -> None:
        """Close the connection."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            if self._pieces is not None:
                await self._pieces.aclose()
            await self._stack.aclose()

    async def _open(self) -> AsyncGenerator[ChatChunk, None]:
        if self._pieces is None:
            self._pieces = await self._opener(self._stack)
        return self._pieces


def receipt_opener(caller: Caller, call: Call, finish: Callable[[Checked], ChatReply]) -> Opener:
    """Opens streams of nodes that sign receipts.

    Args:
        caller: Sends the call.
        call: The call.
        finish: Makes the reply of what was verified.
    """

    async def opener(stack: AsyncExitStack) -> AsyncGenerator[ChatChunk, None]:
        checker, stream = await caller.open_stream(call, stack)
        reader = StreamReader(call, checker, replayed=REPLAYED in stream.headers)
        return _read(reader, stream, call, finish)

    return opener


async def _read(
    reader: "StreamReader",
    stream: AnswerStream,
    call: Call,
    finish: Callable[[Checked], ChatReply],
) -> AsyncGenerator[ChatChunk, None]:
    async with aclosing(read_events(stream)) as events:
        async for event in events:
            if event.data == DONE:
                break
            body = parse_frame(event)
            if "error" in body or ATTACHMENT in body:
                checked, deltas = await reader.finish(body)
                await expect_end(events)
                reply = finish(checked)
                yield ChatChunk(deltas=deltas, model=reply.model, reply=reply)
                return
            yield reader.chunk(event, body)
    raise stream_cut(call)


def stream_cut(call: Call) -> ProtocolError:
    """The error for a stream that ended before its signed end."""
    return ProtocolError(
        f"the stream ended before its signed end; idempotency key {call.key}",
        code="transport.stream_cut",
    )


def parse_frame(event: Event) -> JsonObject:
    """The JSON object of a frame.

    Raises:
        ProtocolError: It is none.
    """
    try:
        return parse_json_object(event.data, what="a frame of the stream")
    except MalformedError as error:
        raise ProtocolError(error.message) from error


@final
class StreamReader:
    """Takes the frames of one stream and verifies the whole at its end."""

    def __init__(self, call: Call, checker: Checker, *, replayed: bool) -> None:
        """Read the answer to the checker's call."""
        self._call = call
        self._checker = checker
        self._replayed = replayed
        self._kind = call.request.kind
        self._accumulator = StreamAccumulator()
        self._digests: list[bytes] = []

    def chunk(self, event: Event, body: JsonObject) -> ChatChunk:
        """Take a frame with content."""
        deltas = decode_chunk(body, self._kind)
        if any(delta.finish_reason is not None for delta in deltas):
            raise ProtocolError("a finish reason came before the signed end of the stream")
        self._digests.append(sha256(event.data))
        for delta in deltas:
            self._accumulator.add(delta)
        return ChatChunk(deltas=tuple(deltas), model=body["model"])

    async def finish(self, body: JsonObject) -> tuple[Checked, tuple[Delta, ...]]:
        """Take the last frame and verify everything.

        Raises:
            VerificationError: The stream is not what was signed.
            OpenGradientError: What a signed error stands for.
        """
        digests = tuple(self._digests)
        if "error" in body:
            raise await self._checker.error_for(
                body,
                http_status=None,
                parts=self._cut_parts(),
                chunk_digests=digests,
                replayed=self._replayed,
            )
        rest, attachment, tee = split(body)
        deltas = tuple(decode_chunk(rest, self._kind))
        for delta in deltas:
            self._accumulator.add(delta)
        reply = Reply(
            id=rest["id"],
            created=rest["created"],
            model=rest["model"],
            kind=self._kind,
            choices=self._accumulator.choices(),
            usage=decode_usage(rest.get("usage")),
            system_fingerprint=rest.get("system_fingerprint"),
        )
        receipt = await self._checker.check(
            Answer(
                attached=decode_attached(attachment),
                response=reply.committed_fields(),
                kinds=KINDS_OF[self._kind],
                status=None,
                usage=usage_words(reply),
                chunk_digests=digests,
                replayed=self._replayed,
            )
        )
        return Checked(reply, receipt, self._tee(tee, reply.choices), self._checker), deltas

    def _tee(self, fields: TeeFields | None, choices: tuple[Choice, ...]) -> TeeFields | None:
        return checked_tee_fields(self._call, self._checker, fields, choices)

    def _cut_parts(self) -> dict[str, object]:
        """The parts so far, as the receipt of a broken stream binds them."""
        parts: dict[str, object] = {}
        for choice in self._accumulator.choices() if self._digests else ():
            parts.update(choice.committed_fields())
        return parts


async def read_events(stream: AnswerStream) -> AsyncGenerator[Event, None]:
    """The events of a stream, its end marker included."""
    decoder = EventDecoder()
    try:
        async with aclosing(aiter(stream)) as pieces:
            async for piece in pieces:
                for event in decoder.feed(piece):
                    yield event
    except TimedOutError:
        raise
    except TransportError as error:
        raise ProtocolError(
            f"the stream broke off: {error.message}", code="transport.stream_cut"
        ) from error


async def expect_end(events: AsyncIterator[Event]) -> None:
    """Nothing but the end marker may follow the signed end.

    A connection that breaks here has lost nothing: the signed end was there.
    """
    try:
        async for event in events:
            if event.data != DONE:
                raise VerificationError(
                    "something follows the signed end of the stream", code="receipt.stream"
                )
    except TransportError:
        return
