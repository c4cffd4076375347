"""Sends one call: to which node, and what to do when that fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar, final

import anyio

from opengradient.errors import (
    ConnectError,
    OpenGradientError,
    RateLimitedError,
    RelayError,
    TransportError,
    VerificationError,
)
from opengradient.nodes.calls import Call
from opengradient.nodes.checking import Attempts, Checker
from opengradient.nodes.environment import Environment
from opengradient.nodes.node import Node, Session
from opengradient.nodes.pool import NodePool
from opengradient.nodes.trust import Trust
from opengradient.transport.retry import NOTHING_DONE

_T = TypeVar("_T")

REPLAYED: Final = "x-opengradient-replayed"
"""Header of an answer that was given to an earlier call."""

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_OTHER_KEYS: Final = frozenset({"transport.tls_pin", "channel.key_unknown"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """The node that answered.

    Attributes:
        url: Its address.
        node_id: keccak256 of its signing key; for a legacy node its tee_id.
        payee: Whom it wants to be paid, from the registry; None if unknown.
    """

    url: str
    node_id: bytes
    payee: str | None = None


@final
class Sender:
    """Carries calls to nodes.

    A request that surely did not reach a node goes to another one. A request that may have
    reached a node goes to that node only, with the same idempotency key: it answers with the
    first answer. What a node signed as an error is the answer, unless it says that nothing was
    done.
    """

    def __init__(self, pool: NodePool, trust: Trust, environment: Environment) -> None:
        """Choose nodes from `pool`."""
        self._pool = pool
        self._trust = trust
        self._environment = environment

    def timeout(self, call: Call) -> float:
        """Seconds that one attempt may take."""
        return call.timeout or self._environment.timeout

    async def run(
        self,
        call: Call,
        send: Callable[[Checker], Awaitable[_T]],
        *,
        exclude: frozenset[str] = frozenset(),
    ) -> _T:
        """Send a call.

        Args:
            call: The call.
            send: Sends it to the checker's node, and has the answer checked.
            exclude: Addresses of nodes that cannot serve it.

        Raises:
            OpenGradientError: What `send` raised last, or why no node could be reached.
        """
        attempts = Attempts()
        tried: dict[str, OpenGradientError] = {}
        bound: Node | None = None
        sent_error: OpenGradientError | None = None
        tries = rounds = 0
        while True:
            node = bound or await self._pool.pick(exclude.union(tried))
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
        if len(errors) == 1 or (
            errors and all(isinstance(error, VerificationError) for error in errors)
        ):
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


def facts_of(checker: Checker) -> NodeFacts:
    """The node that answered."""
    node, session = checker.node, checker.session
    return NodeFacts(url=node.url, node_id=session.verified.node_id, payee=node.payee)
