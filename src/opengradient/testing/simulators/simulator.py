"""A simulator: one provider's protocol on a socket, with a script."""

import itertools
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, final

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from opengradient.core.canonical import compact_json
from opengradient.testing.simulators import _http
from opengradient.testing.simulators._anthropic import AnthropicDialect
from opengradient.testing.simulators._dialect import Call, Dialect, Refused
from opengradient.testing.simulators._google import GoogleDialect
from opengradient.testing.simulators._openai import OpenAIDialect
from opengradient.testing.simulators.recorded import RecordedRequest
from opengradient.testing.simulators.scenario import Scenario, scenario_of_model

DIALECTS: Final[dict[str, Dialect]] = {
    "openai": OpenAIDialect(variable="OPENAI"),
    "xai": OpenAIDialect(variable="XAI", xai=True),
    "compatible": OpenAIDialect(variable="OPENGRADIENT_UPSTREAM", strict=False),
    "anthropic": AnthropicDialect(),
    "google": GoogleDialect(),
}

_JSON: Final = {"content-type": "application/json"}
_STREAM: Final = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}


@final
class ProviderSimulator:
    """A running simulator. Open one with `openai`, `anthropic`, `google`, `xai`, `compatible`.

    Attributes:
        provider: Its name.
        origin: Scheme, host and port.
        url: The base URL, as the provider's environment variable wants it.
        key: The only API key that it accepts.
        requests: Everything it received, in order.
        rate_limit: After so many answers, all further requests get 429; None for no limit.
    """

    def __init__(self, provider: str, origin: str, tasks: TaskGroup) -> None:
        """Use the class methods instead."""
        self._dialect = DIALECTS[provider]
        self._tasks = tasks
        self._script: deque[Scenario] = deque()
        self._answered = 0
        self._closing = anyio.Event()
        self.provider = provider
        self.origin = origin
        self.url = origin + self._dialect.base_path
        self.key = f"simulated-{provider}-key-7f3a9c51d2"
        self.requests: list[RecordedRequest] = []
        self.rate_limit: int | None = None

    @classmethod
    def openai(
        cls, *, tls: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager["ProviderSimulator"]:
        """Simulate OpenAI; with `tls`, over TLS."""
        return simulate("openai", tls=tls)

    @classmethod
    def anthropic(
        cls, *, tls: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager["ProviderSimulator"]:
        """Simulate Anthropic; with `tls`, over TLS."""
        return simulate("anthropic", tls=tls)

    @classmethod
    def google(
        cls, *, tls: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager["ProviderSimulator"]:
        """Simulate the Gemini API; with `tls`, over TLS."""
        return simulate("google", tls=tls)

    @classmethod
    def xai(
        cls, *, tls: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager["ProviderSimulator"]:
        """Simulate xAI; with `tls`, over TLS."""
        return simulate("xai", tls=tls)

    @classmethod
    def compatible(
        cls, *, tls: ssl.SSLContext | None = None
    ) -> AbstractAsyncContextManager["ProviderSimulator"]:
        """Simulate a server that speaks OpenAI's protocol; with `tls`, over TLS."""
        return simulate("compatible", tls=tls)

    def environ(self) -> dict[str, str]:
        """The environment variables that lead a node to this simulator."""
        prefix = self._dialect.variable
        where = "URL" if self.provider == "compatible" else "BASE_URL"
        return {f"{prefix}_API_KEY": self.key, f"{prefix}_{where}": self.url}

    def enqueue(self, *scenarios: Scenario) -> None:
        """Script the next answers; they come before what the model's name asks for."""
        self._script.extend(scenarios)

    def handle(self, exchange: _http.Exchange) -> None:
        """Answer one request."""
        self.requests.append(exchange.request)
        try:
            call = self._dialect.read(exchange.request, self.key)
            self._count()
        except Refused as refused:
            headers = {"retry-after": "1"} if refused.status == 429 else {}
            body = self._dialect.error(
                refused.status, refused.message, refused.code, refused.parameter
            )
            exchange.answer(refused.status, compact_json(body), {**_JSON, **headers})
            return
        scenario = self._script.popleft() if self._script else scenario_of_model(call.model)
        self._tasks.start_soon(self._answer, exchange, scenario, call)

    def _count(self) -> None:
        self._answered += 1
        if self.rate_limit is not None and self._answered > self.rate_limit:
            raise Refused(429, "Rate limit reached")

    async def _answer(self, exchange: _http.Exchange, scenario: Scenario, call: Call) -> None:
        if scenario.hang_after == 0:
            await self._closing.wait()
        elif scenario.status >= 400:
            body = self._dialect.error(scenario.status, scenario.message, scenario.code, None)
            exchange.answer(scenario.status, compact_json(body), {**_JSON, **scenario.headers})
        elif call.stream:
            await self._stream(exchange, scenario, call)
        else:
            whole = compact_json(self._dialect.whole(scenario, call))
            if scenario.malformed:
                whole = whole[: len(whole) // 2]
            headers = {**_JSON, **scenario.headers}
            if scenario.cut_after is None:
                exchange.answer(scenario.status, whole, headers)
                return
            size = {"content-length": str(len(whole))}
            exchange.write(_http.head(scenario.status, {**headers, **size}) + whole[:-1])
            exchange.cut()

    async def _stream(self, exchange: _http.Exchange, scenario: Scenario, call: Call) -> None:
        exchange.write(_http.head(scenario.status, {**_STREAM, **scenario.headers}))
        events = iter(self._dialect.events(scenario, call))
        for number in itertools.count():
            if number == scenario.cut_after:
                exchange.cut()
                return
            if number == scenario.hang_after:
                await self._closing.wait()
            if number == scenario.error_after:
                exchange.write(_http.chunk(self._dialect.error_event(scenario)))
                break
            event = next(events, None)
            if event is None:
                break
            exchange.write(_http.chunk(_broken(event, scenario) if number == 1 else event))
            await self._pause(scenario.pause)
        exchange.write(_http.LAST_CHUNK)
        exchange.finish()

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            await anyio.lowlevel.checkpoint()
            return
        with anyio.move_on_after(seconds):
            await self._closing.wait()

    def close(self) -> None:
        """Wake whatever hangs or pauses."""
        self._closing.set()


def _broken(event: bytes, scenario: Scenario) -> bytes:
    if scenario.malformed == "json":
        return event[: len(event) // 2] + b"\n\n"
    if scenario.malformed == "sse":
        return b"\x00\xff not an event\n\ndata\n\n: \xfe\n\ndata: \xff\xff\n\n"
    return event


@asynccontextmanager
async def simulate(
    provider: str, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ProviderSimulator]:
    """Run a simulator while the context is open.

    Args:
        provider: openai, anthropic, google, xai or compatible.
        port: The port on 127.0.0.1, or 0 for any free one.
        tls: Serve TLS with this context.
    """
    # The handler needs the simulator, which needs the port: requests only come later.
    running: list[ProviderSimulator] = []

    def handle(exchange: _http.Exchange) -> None:
        running[0].handle(exchange)

    async with anyio.create_task_group() as tasks, _http.serving(handle, port=port, tls=tls) as at:
        scheme = "http" if tls is None else "https"
        simulator = ProviderSimulator(provider, f"{scheme}://127.0.0.1:{at}", tasks)
        running.append(simulator)
        try:
            yield simulator
        finally:
            simulator.close()
            tasks.cancel_scope.cancel()
