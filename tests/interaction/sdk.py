"""The client against a real node, with somebody in between who changes what comes."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import opengradient as og
from opengradient.networks import Network
from opengradient.transport import HttpResponse, HttpTransport, TlsPin
from opengradient.wire.sse import EventDecoder
from tests.interaction.proxy import Node

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Say hello."}]
MODEL = "openai/gpt-4.1-mini"


def network_of(*nodes: Node, **changes: Any) -> Network:
    """The network of running nodes."""
    first = nodes[0]
    return Network(
        **{
            "name": "test",
            "chain_id": first.settings.domain.chain_id,
            "settlement": first.settings.domain.settlement_contract,
            "trust": first.policy,
            "node_urls": tuple(node.url for node in nodes),
            **changes,
        }
    )


@asynccontextmanager
async def client(*nodes: Node, **settings: Any) -> AsyncIterator[og.LLM]:
    """A client of these nodes."""
    chosen = {"network": network_of(*nodes), "max_retries": 0, **settings}
    async with og.LLM(**chosen) as llm:
        yield llm


Change = Callable[[Any], Any]


@dataclass
class Tamper:
    """Makes transports over which somebody changes answers. He speaks for the real node: what he
    cannot do is sign.

    Attributes:
        json: Path (without query) to what changes its JSON answer.
        raw: Path to what changes its bytes.
        frames: Changes the list of a stream's data frames.
        head: Changes the headers of answers to inference.
        fail: Path to the error that is raised instead of an answer, after the request was sent.
        refuse: URLs that cannot be connected to.
        requests: Every request: method, URL, headers, body.
    """

    json: dict[str, Change] = field(default_factory=dict)
    raw: dict[str, Change] = field(default_factory=dict)
    frames: Change | None = None
    fail: dict[str, list[Exception | None]] = field(default_factory=dict)
    before: dict[str, list[Exception | None]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, pin: TlsPin | None) -> "TamperedTransport":
        return TamperedTransport(self, HttpTransport(pin=pin))


class TamperedTransport:
    """A real transport, tampered with."""

    def __init__(self, tamper: Tamper, inner: HttpTransport) -> None:
        self._tamper = tamper
        self._inner = inner

    def _path(self, url: str) -> str:
        return "/" + url.split("://", 1)[1].partition("/")[2].partition("?")[0]

    def _note(self, method: str, url: str, headers: Mapping[str, str] | None, content: bytes):
        self._tamper.requests.append((method, url, dict(headers or {}), content))
        self._raise(self._tamper.before, url)

    def _raise(self, table: dict[str, list[Exception | None]], url: str) -> None:
        queue = table.get(self._path(url)) or table.get(url)
        if queue:
            error = queue.pop(0)
            if error is not None:
                raise error

    async def request(
        self, method: str, url: str, *, headers=None, content=b"", timeout=None, max_bytes=2**26
    ) -> HttpResponse:
        self._note(method, url, headers, content)
        answer = await self._inner.request(
            method, url, headers=headers, content=content, timeout=timeout, max_bytes=max_bytes
        )
        self._raise(self._tamper.fail, url)
        path = self._path(url)
        if path in self._tamper.raw:
            body = self._tamper.raw[path](answer.body)
            return HttpResponse(answer.status, answer.headers, body, answer.peer_certificate)
        change = self._tamper.json.get(path) or self._tamper.json.get(path.rpartition("/")[0] + "/")
        if change is None or answer.status != 200:
            return answer
        changed = change(json.loads(answer.body))
        body = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        return HttpResponse(answer.status, answer.headers, body, answer.peer_certificate)

    @asynccontextmanager
    async def stream(self, method: str, url: str, *, headers=None, content=b"", timeout=None):
        self._note(method, url, headers, content)
        async with self._inner.stream(
            method, url, headers=headers, content=content, timeout=timeout
        ) as stream:
            self._raise(self._tamper.fail, url)
            if self._tamper.frames is None or stream.status != 200:
                yield stream
            else:
                yield _Changed(stream, self._tamper.frames)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Changed:
    def __init__(self, inner: Any, change: Change) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._inner = inner
        self._change = change

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        data = b"".join([piece async for piece in self._inner])
        frames = [event.data for event in EventDecoder().feed(data)]
        for frame in self._change(frames):
            if isinstance(frame, Exception):
                raise frame
            yield b"data: " + frame + b"\n\n"

    async def read(self, max_bytes: int = 2**26) -> bytes:
        return await self._inner.read(max_bytes)


async def read(llm: og.LLM, seen: list[og.ChatChunk] | None = None, **options: Any) -> og.ChatReply:
    """Read a stream to its end."""
    async with llm.stream(MODEL, HELLO, **options) as stream:
        async for chunk in stream:
            if seen is not None:
                seen.append(chunk)
    return stream.reply
