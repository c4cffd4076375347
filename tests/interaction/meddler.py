"""Somebody between a client and a server who changes what comes and goes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from reference_nodes._kit.server import Bind, serving


@dataclass
class Passing:
    """One exchange on its way.

    Attributes:
        method: HTTP method.
        path: Path and query.
        kind: Media type of the request.
        body: The request.
        answer: What the server said; None before it was asked.
    """

    method: str
    path: str
    kind: str
    body: bytes
    status: int = 0
    answer_kind: str = ""
    answer: bytes = b""


Meddling = Callable[[Passing], Awaitable[None] | None]


@dataclass
class Meddler:
    """Changes exchanges.

    Attributes:
        url: Where to connect instead.
        before: Changes a request; may set an answer (status), and then the server is not asked.
        after: Changes an answer.
        seen: Every exchange.
    """

    url: str = ""
    before: Meddling | None = None
    after: Meddling | None = None
    seen: list[Passing] = field(default_factory=list)

    @property
    def everything(self) -> bytes:
        """All that passed, both ways."""
        return b"\n".join(part for p in self.seen for part in (p.path.encode(), p.body, p.answer))

    @property
    def posts(self) -> list[Passing]:
        """What was posted."""
        return [passing for passing in self.seen if passing.method == "POST"]


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


@asynccontextmanager
async def meddling(target: str, *, tls: Any = None, **settings: Any) -> AsyncIterator[Meddler]:
    """Put a meddler in front of a server, which it believes whatever its certificate."""
    meddler = Meddler(**settings)
    async with httpx.AsyncClient(verify=False, timeout=30) as http:

        async def app(scope: Any, receive: Any, send: Any) -> None:
            query = scope["query_string"].decode()
            headers = dict(scope["headers"])
            passing = Passing(
                scope["method"],
                scope["path"] + (f"?{query}" if query else ""),
                headers.get(b"content-type", b"").decode(),
                await _body(receive),
            )
            meddler.seen.append(passing)
            if meddler.before is not None and (waiting := meddler.before(passing)) is not None:
                await waiting
            if not passing.status:
                answer = await http.request(
                    passing.method,
                    target + passing.path,
                    content=passing.body,
                    headers={"content-type": passing.kind},
                )
                passing.status, passing.answer = answer.status_code, answer.content
                passing.answer_kind = answer.headers.get("content-type", "")
            if meddler.after is not None and (waiting := meddler.after(passing)) is not None:
                await waiting
            head = [(b"content-type", passing.answer_kind.encode())]
            await send({"type": "http.response.start", "status": passing.status, "headers": head})
            await send({"type": "http.response.body", "body": passing.answer, "more_body": False})

        async with serving(app, Bind(drain_seconds=0), tls) as url:
            meddler.url = url
            yield meddler
