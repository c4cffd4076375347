"""Carries sealed requests to nodes and their sealed answers back. No HTTP server here."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, final

from opengradient.errors import (
    ConnectError,
    NodeError,
    TransportError,
    VerificationError,
)
from opengradient.transport import AnswerStream
from reference_nodes.relay_node.directory import Directory, KnownNode
from reference_nodes.relay_node.payer import RelayPayer

GATEWAY_PATH: Final = "/v1/ohttp"
REQUEST_TYPES: Final = frozenset({"message/ohttp-req", "message/ohttp-chunked-req"})
ANSWER_TYPES: Final = frozenset({"message/ohttp-res", "message/ohttp-chunked-res"})
PROBLEM_TYPE: Final = "application/problem+json"
"""What a node says in clear: that it does not have the key (RFC 9458 section 5.3)."""

MAX_PROBLEM_BYTES: Final = 4096
_USER_AGENT: Final = "opengradient-relay"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A node's answer on its way back.

    Attributes:
        status: HTTP status.
        media_type: Of a sealed answer, or of a problem.
        stream: Its bytes as they come.
    """

    status: int
    media_type: str
    stream: AnswerStream


@final
class RelayService:
    """Carries what it cannot read."""

    def __init__(self, directory: Directory, payer: RelayPayer, *, silence: float) -> None:
        """Take the nodes and who pays them.

        Args:
            directory: The nodes.
            payer: Pays them.
            silence: Longest pause of a node, in seconds.
        """
        self._directory = directory
        self._payer = payer
        self._silence = silence

    @asynccontextmanager
    async def carry(self, node_id: bytes, media_type: str, sealed: bytes) -> AsyncIterator[Carried]:
        """Carry a request to a node and yield the answer as it comes.

        The node learns nothing about the user: it gets the sealed bytes, their media type, and
        what the payer adds.

        Raises:
            NodeError: Codes ``relay.*``: nothing of it is the node's answer.
            PaymentError: The payer does not pay for this one.
        """
        if media_type not in REQUEST_TYPES:
            raise NodeError("not a sealed request", status=415, code="relay.media_type")
        node = self._directory.find(node_id)
        paid = await self._payer.headers(node_id=node_id, sealed_bytes=len(sealed))
        headers = {**paid, "content-type": media_type, "user-agent": _USER_AGENT}
        async with AsyncExitStack() as stack:
            try:
                answer = await self._send(stack, node, headers, sealed)
                yield _carried(answer)
            except TransportError as error:
                raise _own(error) from error

    async def evidence(self, node_id: bytes, nonce: str) -> bytes:
        """What a node says about itself, for the user to check.

        Raises:
            NodeError: It did not answer, or not with 200.
        """
        node = self._directory.find(node_id)
        try:
            response = await self._directory.evidence(node.url, nonce)
        except TransportError as error:
            raise _own(error) from error
        if response.status != 200:
            raise NodeError("the node gave no evidence", status=502, code="relay.answer")
        return response.body

    async def _send(
        self, stack: AsyncExitStack, node: KnownNode, headers: dict[str, str], sealed: bytes
    ) -> AnswerStream:
        try:
            return await self._open(stack, node, headers, sealed)
        except ConnectError as error:
            if error.code != "transport.tls_pin":
                raise
        # It shows another certificate and got nothing: its evidence decides who it is.
        try:
            node = await self._directory.meet_again(node)
        except VerificationError as error:
            raise ConnectError(f"the node does not pass: {error.code}") from error
        return await self._open(stack, node, headers, sealed)

    async def _open(
        self, stack: AsyncExitStack, node: KnownNode, headers: dict[str, str], sealed: bytes
    ) -> AnswerStream:
        return await stack.enter_async_context(
            node.transport.stream(
                "POST",
                node.url + GATEWAY_PATH,
                headers=headers,
                content=sealed,
                timeout=self._silence,
            )
        )


def _own(error: TransportError) -> TransportError:
    """The relay's error for one on the way to a node; it names no address."""
    if isinstance(error, NodeError) and error.code.startswith("relay."):
        return error
    if isinstance(error, ConnectError):
        return NodeError("the node cannot be reached", status=503, code="relay.unreachable")
    return NodeError(f"no answer of the node: {error.code}", status=502, code="relay.lost")


def _carried(answer: AnswerStream) -> Carried:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    sealed = answer.status == 200 and kind in ANSWER_TYPES
    problem = 400 <= answer.status < 500 and kind == PROBLEM_TYPE
    if not sealed and not problem:
        raise NodeError(
            f"the node answered with status {answer.status}, unsealed",
            status=502,
            code="relay.answer",
        )
    return Carried(status=answer.status, media_type=kind, stream=answer)
