"""What Oblivious HTTP adds to a call: sealing and opening, both sides."""

import time
from statistics import median

from benchmarks._table import Row, median_ms
from opengradient.transport.ohttp import (
    AnswerOpener,
    AnswerSealer,
    Exchange,
    GatewayKey,
    open_sealed_request,
    seal_answer,
    seal_request,
)
from opengradient.wire.bhttp import BinaryRequest, BinaryResponse, RequestHead, ResponseHead

_KEY = GatewayKey.generate(key_id=1)
_REQUEST = BinaryRequest(
    head=RequestHead(
        method="POST",
        scheme="https",
        authority="",
        path="/v1/chat/completions",
        headers=(("content-type", "application/json"), ("idempotency-key", "x" * 36)),
    ),
    content=bytes(4096),
)
_HEAD = ResponseHead(status=200, headers=(("content-type", "application/json"),))
_ANSWER = BinaryResponse(head=_HEAD, content=bytes(4096))
_EVENT = b"x" * 250


def _call() -> None:
    sealed, mine = seal_request(_KEY.public, _REQUEST)
    _, theirs = open_sealed_request(sealed, {1: _KEY})
    answer = seal_answer(theirs, _ANSWER)
    opener = AnswerOpener(mine)
    opener.feed(answer)
    opener.finish()


def _exchange() -> tuple[Exchange, Exchange]:
    sealed, mine = seal_request(_KEY.public, _REQUEST)
    return mine, open_sealed_request(sealed, {1: _KEY})[1]


def _events(count: int = 1000) -> float:
    mine, theirs = _exchange()
    sealer, opener = AnswerSealer(theirs, _HEAD), AnswerOpener(mine)
    times = []
    for _ in range(count):
        start = time.perf_counter()
        opener.feed(sealer.content(_EVENT))
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


def rows() -> list[Row]:
    """All rows of this page."""
    call, event = median_ms(_call), _events()
    return [
        Row(
            what="confidential channel: seal and open a request and an answer of 4 KiB",
            ours=f"{call:.2f} ms",
            bar="3 ms",
            met=call <= 3,
            note="both sides in one process, X25519 and ChaCha20-Poly1305, padding included",
        ),
        Row(
            what="confidential channel: seal and open one event of a stream",
            ours=f"{event:.2f} ms",
            note="250 bytes, padded to 512",
        ),
    ]
