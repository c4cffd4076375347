"""Answers rendered beforehand, for benchmarks: the simulator must not be what is measured.

It looks only at whether a stream is asked for.
"""

import json
from typing import Final, final

from opengradient.core.canonical import compact_json
from opengradient.testing.simulators import _http
from opengradient.testing.simulators._dialect import Call, Dialect
from opengradient.testing.simulators.scenario import Scenario

EVENTS_PER_WRITE: Final = 10
"""So a stream of 100 events arrives in ten pieces, as a fast provider's would."""


@final
class FastAnswers:
    """Answers every chat request alike.

    Args:
        dialect: Renders the answers; its own model name stands in all of them.
        chunks: Text chunks of a stream.
    """

    def __init__(self, dialect: Dialect, chunks: int) -> None:
        scenario = Scenario(text=tuple(f" word{number}" for number in range(chunks)))
        call = Call(kind="chat", model="sim-fast")
        body = compact_json(dialect.whole(scenario, call))
        size = {"content-type": "application/json", "content-length": str(len(body))}
        self._whole = _http.head(200, size) + body
        events = [_http.chunk(event) for event in dialect.events(scenario, call)]
        head = _http.head(
            200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        )
        pieces = [head, *events, _http.LAST_CHUNK]
        self._stream = [
            b"".join(pieces[at : at + EVENTS_PER_WRITE])
            for at in range(0, len(pieces), EVENTS_PER_WRITE)
        ]

    def handle(self, exchange: _http.Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        stream = "stream" in request.path or (
            b'"stream"' in request.body and bool(json.loads(request.body).get("stream"))
        )
        if stream:
            exchange.write_in_turns(self._stream)
        else:
            exchange.write(self._whole)
            exchange.finish()
