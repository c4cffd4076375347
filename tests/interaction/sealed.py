"""A client of the confidential channel that is nothing but the codec, and shows both sides of it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from opengradient.core.keyset import HpkeKey
from opengradient.core.modes import ChannelKind
from opengradient.transport.ohttp import (
    CHUNKED_REQUEST_MEDIA_TYPE,
    REQUEST_MEDIA_TYPE,
    AnswerOpener,
    encapsulate_request,
    open_response,
    seal_request,
)
from opengradient.verify.attestation import verify_evidence
from opengradient.wire.bhttp import (
    BinaryRequest,
    Content,
    Part,
    RequestHead,
    ResponseHead,
    decode_response,
    encode_request,
)
from opengradient.wire.settlement import decode_evidence
from reference_nodes._kit.clock import system_clock_ms
from tests.interaction.proxy import CHAT, Node

KEYED = {"idempotency-key": "key-1"}


@dataclass
class Sealed:
    """A way to a node under one of its HPKE keys.

    Attributes:
        node: Checks receipts, with this channel expected.
        key: The HPKE key.
        url: Where sealed requests go.
        outer: Headers of the outer requests.
        answers: The outer answers.
    """

    node: Node
    key: HpkeKey
    url: str
    outer: Mapping[str, str] = field(default_factory=dict)
    answers: list[httpx.Response] = field(default_factory=list)

    def request(
        self,
        body: Mapping[str, Any] | bytes = b"",
        *,
        path: str = CHAT,
        method: str = "POST",
        headers: Mapping[str, str] = KEYED,
    ) -> httpx.Request:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        # httpx writes the headers of a connection; only what is given is sealed.
        request = httpx.Request(method, f"https://node{path}", content=raw)
        request.headers = httpx.Headers(headers)
        return request

    def binary(self, request: httpx.Request) -> BinaryRequest:
        head = RequestHead(
            method=request.method,
            scheme="https",
            authority="",
            path=request.url.raw_path.decode(),
            headers=tuple(request.headers.multi_items()),
        )
        return BinaryRequest(head=head, content=request.content)

    async def send(self, request: httpx.Request, *, chunked: bool = True) -> httpx.Response:
        """Send a request whole, and read its answer whole."""
        if chunked:
            sealed, exchange = seal_request(self.key, self.binary(request))
        else:
            sealed, exchange = encapsulate_request(self.key, encode_request(self.binary(request)))
        kind = CHUNKED_REQUEST_MEDIA_TYPE if chunked else REQUEST_MEDIA_TYPE
        outer = await self.node.http.post(
            self.url, content=sealed, headers={**self.outer, "content-type": kind}
        )
        self.answers.append(outer)
        assert outer.status_code == 200, (outer.status_code, outer.content)
        if not chunked:
            answer = decode_response(open_response(exchange, outer.content))
            return _response(answer.head, answer.content, request)
        opener = AnswerOpener(exchange)
        return _gathered(opener.feed(outer.content) + opener.finish(), request)

    async def post(self, body: Mapping[str, Any] | bytes = b"", **more: Any) -> httpx.Response:
        chunked = more.pop("chunked", True)
        return await self.send(self.request(body, **more), chunked=chunked)

    @asynccontextmanager
    async def stream(self, request: httpx.Request) -> AsyncIterator[AsyncIterator[Part]]:
        """Send a request, and give the parts of its answer as they come."""
        sealed, exchange = seal_request(self.key, self.binary(request))
        headers = {"content-type": CHUNKED_REQUEST_MEDIA_TYPE}
        async with self.node.http.stream(
            "POST", self.url, content=sealed, headers=headers
        ) as outer:

            async def parts() -> AsyncIterator[Part]:
                opener = AnswerOpener(exchange)
                async for piece in outer.aiter_raw():
                    for part in opener.feed(piece):
                        yield part
                for part in opener.finish():
                    yield part

            yield parts()


async def sealed_way(node: Node, *, relay: str | None = None) -> Sealed:
    """The way to a node under its present HPKE key, straight or through a relay."""
    async with httpx.AsyncClient(verify=False) as bootstrap:
        seen = (await bootstrap.get(node.url + "/v1/evidence")).json()
    standing = decode_evidence(seen["standing"])
    keyset = verify_evidence(standing, policy=node.policy, now_ms=system_clock_ms()).keyset
    assert keyset is not None
    assert keyset.hpke is not None
    channel = (ChannelKind.HPKE, keyset.hpke.digest())
    url = node.url + "/v1/ohttp" if relay is None else f"{relay}/v1/relay/{seen['nodeId']}"
    return Sealed(replace(node, standing=standing, channel=channel), keyset.hpke, url)


def _gathered(parts: list[Part], request: httpx.Request) -> httpx.Response:
    heads = [part for part in parts if isinstance(part, ResponseHead)]
    content = b"".join(part.data for part in parts if isinstance(part, Content))
    return _response(heads[-1], content, request)


def _response(head: ResponseHead, content: bytes, request: httpx.Request) -> httpx.Response:
    return httpx.Response(head.status, headers=list(head.headers), content=content, request=request)
