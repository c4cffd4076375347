"""Sends one call and reads its answer, whole or as a stream."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final, final

from opengradient.core.canonical import JsonObject
from opengradient.core.legacy import TeeFields
from opengradient.core.messages import Choice, Reply
from opengradient.core.modes import ReceiptKind
from opengradient.errors import ProtocolError
from opengradient.llm.requests import Call
from opengradient.nodes.calls import headers_of
from opengradient.nodes.checking import Answer, Checker, read_json
from opengradient.nodes.receipt import HeldReceipt
from opengradient.nodes.sending import MAX_ANSWER_BYTES, REPLAYED, NodeFacts, Sender, facts_of
from opengradient.transport import AnswerStream
from opengradient.verify.legacy import verify_tee_fields
from opengradient.wire.legacy import decode_tee_fields
from opengradient.wire.openai_decode import decode_reply
from opengradient.wire.openai_reply import ATTACHMENT, LEGACY_FIELDS
from opengradient.wire.receipts import decode_attached

KINDS_OF: Final = {
    ReceiptKind.CHAT: frozenset({ReceiptKind.CHAT, ReceiptKind.REFUSAL}),
    ReceiptKind.COMPLETION: frozenset({ReceiptKind.COMPLETION, ReceiptKind.REFUSAL}),
    ReceiptKind.EMBEDDING: frozenset({ReceiptKind.EMBEDDING}),
}
"""Request kind to the receipt kinds that can answer it."""


@final
class Checked:
    """A verified answer with where it came from."""

    __slots__ = ("_checker", "node", "receipt", "reply", "session", "tee")

    def __init__(
        self, reply: Reply, receipt: HeldReceipt, tee: TeeFields | None, checker: Checker
    ) -> None:
        """Hold what the checker returned."""
        self.reply = reply
        self.receipt = receipt
        self.tee = tee
        self.node = checker.node
        self.session = checker.session
        self._checker = checker

    @property
    def facts(self) -> NodeFacts:
        """The node, for the reply."""
        return facts_of(self._checker)


@final
class Caller:
    """Sends chats, completions and texts to embed."""

    def __init__(self, sender: Sender) -> None:
        """Send through `sender`."""
        self._sender = sender

    async def whole(self, call: Call) -> Checked:
        """Send a call and return its verified answer."""

        async def send(checker: Checker) -> Checked:
            response = await checker.session.transport.request(
                "POST",
                checker.node.url + call.path,
                headers=headers_of(call),
                content=call.raw,
                timeout=self._sender.timeout(call),
                max_bytes=MAX_ANSWER_BYTES,
            )
            replayed = REPLAYED in response.headers
            body = read_json(response.body, response.status, checker)
            return await read_whole(call, body, response.status, checker, replayed=replayed)

        return await self._sender.run(call, send)

    async def open_stream(self, call: Call, stack: AsyncExitStack) -> tuple[Checker, AnswerStream]:
        """Send a call and return its stream, which `stack` closes."""

        async def send(checker: Checker) -> tuple[Checker, AnswerStream]:
            async with AsyncExitStack() as attempt:
                stream = await attempt.enter_async_context(
                    checker.session.transport.stream(
                        "POST",
                        checker.node.url + call.path,
                        headers=headers_of(call),
                        content=call.raw,
                        timeout=self._sender.timeout(call),
                    )
                )
                kind = stream.headers.get("content-type", "").partition(";")[0].strip()
                if stream.status != 200 or kind != "text/event-stream":
                    body = read_json(await stream.read(MAX_ANSWER_BYTES), stream.status, checker)
                    raise await checker.error_for(
                        body, http_status=stream.status, replayed=REPLAYED in stream.headers
                    )
                stack.push_async_exit(attempt.pop_all())
            return checker, stream

        return await self._sender.run(call, send)


async def read_whole(
    call: Call, body: JsonObject, status: int, checker: Checker, *, replayed: bool
) -> Checked:
    """Verify a whole answer.

    Raises:
        VerificationError: It is not what was signed.
        ProtocolError: It is no answer of a node of ours.
        OpenGradientError: What a signed error stands for.
    """
    if "error" in body or status != 200:
        if "error" not in body:
            raise ProtocolError(f"{checker.node.url}: status {status} without an error")
        raise await checker.error_for(body, http_status=status, replayed=replayed)
    rest, attachment, tee = split(body)
    if attachment is None:
        raise ProtocolError(f"{checker.node.url} answered without a receipt")
    kind = call.request.kind
    reply = decode_reply(rest, kind)
    answer = Answer(
        attached=decode_attached(attachment),
        response=reply.committed_fields(),
        kinds=KINDS_OF[kind],
        status=status,
        usage=usage_words(reply),
        replayed=replayed,
    )
    receipt = await checker.check(answer)
    return Checked(reply, receipt, checked_tee_fields(call, checker, tee, reply.choices), checker)


def checked_tee_fields(
    call: Call, checker: Checker, fields: TeeFields | None, choices: Sequence[Choice]
) -> TeeFields | None:
    """Check the ``tee_*`` fields beside a receipt.

    Returns:
        The fields; None where the node's evidence binds no key for them, so that nothing
        unchecked is shown.
    """
    key = checker.session.verified.legacy_key
    if fields is None or key is None:
        return None
    verify_tee_fields(
        fields,
        public_key=key,
        kind=call.request.kind,
        request=call.request.body,
        choices=choices,
        now_ms=None,
    )
    return fields


def split(body: JsonObject) -> tuple[JsonObject, JsonObject | None, TeeFields | None]:
    """Part an answer from its receipt and its ``tee_*`` fields."""
    fields = decode_tee_fields(body)
    rest = {k: v for k, v in body.items() if k != ATTACHMENT and k not in LEGACY_FIELDS}
    return rest, body.get(ATTACHMENT), fields


def usage_words(reply: Reply) -> tuple[int, int, int]:
    """The counts of a reply as its receipt has them."""
    if reply.usage is None:
        return (0, 0, 0)
    usage = reply.usage
    return (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens)
