"""A relay and the gateway behind it in one, on a real socket; what it does in between is a test's."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from anyio.abc import ByteStream

from opengradient.errors import ChannelError
from opengradient.transport import HttpTransport
from opengradient.transport.ohttp import (
    AnswerSealer,
    Exchange,
    GatewayKey,
    OhttpTransport,
    open_sealed_request,
    seal_answer,
)
from opengradient.transport.ohttp._relay_errors import KEY_PROBLEM
from opengradient.wire.bhttp import BinaryRequest, BinaryResponse, ResponseHead
from tests.net.server import RawServer, raw_server

NODE_ID = bytes.fromhex("ab" * 32)
SEALED = "message/ohttp-chunked-res"
OK = ResponseHead(status=200, headers=(("content-type", "text/plain"), ("a", "1"), ("a", "2")))


def http(
    status: int, body: bytes, kind: str, more: str = "", *, length: int | None = None
) -> bytes:
    size = len(body) if length is None else length
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-length: {size}\r\ncontent-type: {kind}\r\n{more}"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Gateway:
    """Answers sealed requests.

    Attributes:
        keys: What it opens requests with.
        answer: The answer to a request; a list of pieces is a stream.
        meddle: What the relay makes of the sealed answer.
        raw: What the relay says instead of all that.
    """

    keys: dict[int, GatewayKey]
    answer: Callable[[BinaryRequest], BinaryResponse | list[bytes]]
    meddle: Callable[[bytes], bytes] = bytes
    raw: list[bytes] = field(default_factory=list)
    seen: list[BinaryRequest] = field(default_factory=list)
    outer: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    async def __call__(self, stream: ByteStream, request: bytes) -> None:
        self.outer.append(request)
        if self.raw:
            await stream.send(self.raw.pop(0))
            return
        try:
            inner, exchange = open_sealed_request(request.partition(b"\r\n\r\n")[2], self.keys)
        except ChannelError:
            body = f'{{"type": "{KEY_PROBLEM}", "title": "unknown key"}}'.encode()
            await stream.send(http(400, body, "application/problem+json"))
            return
        self.seen.append(inner)
        sealed = self._sealed(exchange, inner)
        self.answers.append(sealed)
        await stream.send(http(200, self.meddle(sealed), SEALED))

    def _sealed(self, exchange: Exchange, inner: BinaryRequest) -> bytes:
        answer = self.answer(inner)
        if isinstance(answer, BinaryResponse):
            return seal_answer(exchange, answer)
        sealer = AnswerSealer(exchange, OK)
        return b"".join(map(sealer.content, answer)) + sealer.end()


@asynccontextmanager
async def channel(
    gateway: Gateway, key: GatewayKey | None = None, **settings
) -> AsyncIterator[tuple[OhttpTransport, RawServer]]:
    """A transport through the relay, sealed to its first key."""
    async with raw_server(gateway) as server:
        chosen = key or next(iter(gateway.keys.values()))
        transport = OhttpTransport(
            HttpTransport(),
            relay_url=server.url,
            node_id=NODE_ID,
            key=chosen.public,
            owns_relay=True,
            **settings,
        )
        try:
            yield transport, server
        finally:
            await transport.aclose()
