"""Sends one call: to which node, and what to do when that fails."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final, TypeVar, final

import anyio

from opengradient.core.canonical import JsonObject, parse_json_object
from opengradient.core.legacy import TeeFields
from opengradient.core.messages import Reply
from opengradient.core.modes import ReceiptKind
from opengradient.errors import (
    ConnectError,
    MalformedError,
    OpenGradientError,
    PaymentError,
    ProtocolError,
    RateLimitedError,
    RelayError,
    TransportError,
    VerificationError,
)
from opengradient.llm.checking import Answer, Attempts, Checker, split
from opengradient.llm.environment import Environment
from opengradient.llm.node import Node, Session
from opengradient.llm.pool import NodePool
from opengradient.llm.receipt import HeldReceipt
from opengradient.llm.reply import NodeFacts
from opengradient.llm.requests import Call
from opengradient.llm.trust import Trust
from opengradient.transport import AnswerStream
from opengradient.transport.retry import NOTHING_DONE
from opengradient.wire.openai_decode import decode_reply
from opengradient.wire.receipts import decode_attached

_T = TypeVar("_T")

REPLAYED: Final = "x-opengradient-replayed"
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_OTHER_KEYS: Final = frozenset({"transport.tls_pin", "channel.key_unknown"})
KINDS_OF: Final = {
    ReceiptKind.CHAT: frozenset({ReceiptKind.CHAT, ReceiptKind.REFUSAL}),
    ReceiptKind.COMPLETION: frozenset({ReceiptKind.COMPLETION, ReceiptKind.REFUSAL}),
    ReceiptKind.EMBEDDING: frozenset({ReceiptKind.EMBEDDING}),
}
"""Request kind to the receipt kinds that can answer it."""


@final
class Checked:
    """A verified answer with where it came from."""

    __slots__ = ("node", "receipt", "reply", "session", "tee")

    def __init__(
        self, reply: Reply, receipt: HeldReceipt, tee: TeeFields | None, checker: Checker
    ) -> None:
        """Hold what the checker returned."""
        self.reply = reply
        self.receipt = receipt
        self.tee = tee
        self.node = checker.node
        self.session = checker.session

    @property
    def facts(self) -> NodeFacts:
        """The node, for the reply."""
        return NodeFacts(
            url=self.node.url, node_id=self.session.verified.node_id, payee=self.node.payee
        )


@final
class Caller:
    """Carries calls to nodes.

    A request that surely did not reach a node goes to another one. A request that may have
    reached a node goes to that node only, with the same idempotency key: it answers with the
    first answer. What a node signed as an error is the answer, unless it says that no provider
    did the work.
    """

    def __init__(self, pool: NodePool, trust: Trust, environment: Environment) -> None:
        """Choose nodes from `pool`."""
        self._pool = pool
        self._trust = trust
        self._environment = environment

    async def whole(self, call: Call) -> Checked:
        """Send a call and return its verified answer."""

        async def send(checker: Checker) -> Checked:
            request = call.request
            response = await checker.session.transport.request(
                "POST",
                checker.node.url + request.path,
                headers=call.headers(),
                content=request.raw,
                timeout=call.timeout or self._environment.timeout,
                max_bytes=MAX_ANSWER_BYTES,
            )
            replayed = REPLAYED in response.headers
            body = read_json(response.body, response.status, checker)
            return await read_whole(body, response.status, checker, replayed=replayed)

        return await self._run(call, send)

    async def open_stream(self, call: Call, stack: AsyncExitStack) -> tuple[Checker, AnswerStream]:
        """Send a call and return its stream, which `stack` closes."""

        async def send(checker: Checker) -> tuple[Checker, AnswerStream]:
            async with AsyncExitStack() as attempt:
                stream = await attempt.enter_async_context(
                    checker.session.transport.stream(
                        "POST",
                        checker.node.url + call.request.path,
                        headers=call.headers(),
                        content=call.request.raw,
                        timeout=call.timeout or self._environment.timeout,
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

        return await self._run(call, send)

    async def _run(self, call: Call, send: Callable[[Checker], Awaitable[_T]]) -> _T:
        attempts = Attempts()
        tried: dict[str, OpenGradientError] = {}
        bound: Node | None = None
        sent_error: OpenGradientError | None = None
        tries = rounds = 0
        while True:
            node = bound or await self._pool.pick(tried)
            if node is None:
                rounds += 1
                await self._rest_or_give_up(tried, rounds)
                tried = {}
                continue
            try:
                return await self._once(call, attempts, node, send)
            except _NotSentError as failure:
                if bound is None:
                    tried[node.url] = failure.error
                    continue
                error: OpenGradientError = failure.error
            except TransportError as failure:
                error = sent_error = failure
                bound = None if failure.code in NOTHING_DONE else node
            tries += 1
            if not self._environment.retry.may_repeat(error, attempt=tries, has_key=True):
                # Not that the node is gone now, but that the request may have been processed.
                raise error if sent_error is None else sent_error
            await self._pause(tries, error)

    async def _once(
        self,
        call: Call,
        attempts: Attempts,
        node: Node,
        send: Callable[[Checker], Awaitable[_T]],
    ) -> _T:
        session = await self._session(node)
        try:
            return await self._sent(call, attempts, node, session, send)
        except ConnectError as error:
            if error.code not in _OTHER_KEYS:
                raise self._not_sent(node, error) from error
        # The node has other keys than it had: it may have replaced them, or restarted. Nothing
        # was processed; its evidence decides.
        node.distrust(session)
        session = await self._session(node)
        try:
            return await self._sent(call, attempts, node, session, send)
        except ConnectError as error:
            raise self._not_sent(node, error) from error

    async def _session(self, node: Node) -> Session:
        try:
            return await node.session()
        except OpenGradientError as error:
            raise self._not_sent(node, error) from error

    def _not_sent(self, node: Node, error: OpenGradientError) -> "_NotSentError":
        node.health.failed(self._environment.clock())
        if error.code == "channel.no_node":
            self._pool.read_again()
        return _NotSentError(error)

    async def _sent(
        self,
        call: Call,
        attempts: Attempts,
        node: Node,
        session: Session,
        send: Callable[[Checker], Awaitable[_T]],
    ) -> _T:
        checker = Checker(
            call=call,
            attempts=attempts,
            node=node,
            session=session,
            trust=self._trust,
            environment=self._environment,
        )
        node.health.running += 1
        begun = anyio.current_time()
        try:
            result = await send(checker)
        except ConnectError:
            attempts.unsent()
            raise
        except (TransportError, VerificationError):
            node.health.failed(self._environment.clock())
            raise
        finally:
            node.health.running -= 1
        node.health.served(anyio.current_time() - begun)
        return result

    async def _rest_or_give_up(self, tried: dict[str, OpenGradientError], rounds: int) -> None:
        """Pause before all nodes are tried again, or say why none could serve."""
        retry = self._environment.retry
        errors = list(tried.values())
        again = [error for error in errors if retry.may_repeat(error, attempt=rounds, has_key=True)]
        if again:
            await self._pause(rounds, again[0])
            return
        if len(errors) == 1 or all(isinstance(error, VerificationError) for error in errors):
            raise errors[0]
        listed = "; ".join(f"{url}: {error.message}" for url, error in tried.items())
        raise ConnectError(f"no node could be reached: {listed}", code="transport.no_node")

    async def _pause(self, attempt: int, error: OpenGradientError) -> None:
        asked = error.retry_after if isinstance(error, RateLimitedError | RelayError) else None
        environment = self._environment
        seconds = environment.retry.pause(
            max(attempt, 1), retry_after=asked, uniform=environment.uniform
        )
        await environment.sleep(seconds)


class _NotSentError(Exception):
    """The request did not leave: the node failed before. Never leaves this file."""

    def __init__(self, error: OpenGradientError) -> None:
        self.error = error
        super().__init__(error.message)


def read_json(body: bytes, status: int, checker: Checker) -> JsonObject:
    """The JSON object of an answer.

    Raises:
        PaymentError: The node asks to be paid.
        ProtocolError: Not the JSON of a node.
    """
    where = checker.node.url
    if status == 402:
        raise PaymentError(f"{where} asks for a payment, which this release does not make")
    try:
        return parse_json_object(body, what=f"the answer of {where}")
    except MalformedError as error:
        raise ProtocolError(f"{where} answered with status {status}: {error.message}") from error


async def read_whole(body: JsonObject, status: int, checker: Checker, *, replayed: bool) -> Checked:
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
    kind = checker.call.request.kind
    reply = decode_reply(rest, kind)
    answer = Answer(
        attached=decode_attached(attachment),
        response=reply.committed_fields(),
        kinds=KINDS_OF[kind],
        status=status,
        reply=reply,
        replayed=replayed,
    )
    receipt = await checker.check(answer)
    return Checked(reply, receipt, checker.check_tee_fields(tee, reply.choices), checker)
