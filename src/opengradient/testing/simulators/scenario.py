"""What a simulator answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, final

PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY"
    "42YAAAAASUVORK5CYII="
)
"""A PNG of one pixel."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCall:
    """A tool call of the model.

    Attributes:
        id: Its id, where the provider gives ids.
        name: The function's name.
        pieces: Its arguments, JSON text in the pieces in which they are streamed.
    """

    id: str = "call_sim_0"
    name: str = "get_weather"
    pieces: tuple[str, ...] = ('{"ci', 'ty":"Par', 'is"}')

    @property
    def arguments(self) -> str:
        """The whole arguments."""
        return "".join(self.pieces)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One answer, in words that every provider's protocol has an equal of.

    Attributes:
        text: The answer, in the pieces in which it is streamed.
        reasoning: The reasoning that is shown, in pieces.
        refusal: A refusal; the finish reason should then be content_filter.
        tool_calls: The calls that the model makes.
        images: Images that it makes, as data: URIs.
        finish_reason: stop, length, tool_calls or content_filter.
        input_tokens: Tokens of the request, the cached ones included.
        output_tokens: Tokens of the answer, the reasoning included.
        cached_tokens: Tokens of the request that came from a cache.
        reasoning_tokens: Tokens of the reasoning.
        logprobs: Whether every text piece comes with its log probability.
        model: The model that the provider says it served; None for the requested one.
        status: HTTP status; 400 and above make it an error.
        message: The error's message.
        code: The error's code in the provider's words; None for the usual one of the status.
        headers: Further headers of the answer, for example ``retry-after``.
        cut_after: Close the socket after so many events of a stream.
        hang_after: Never say more after so many events; 0 never answers at all.
        error_after: Send an error event after so many events of a stream.
        malformed: Break the body's JSON, or the stream's framing.
        pause: Seconds between the events of a stream.
        echo: Answer with the text of the last message instead of `text`.
    """

    text: tuple[str, ...] = ("Hello", " from", " the", " simulator", ".")
    reasoning: tuple[str, ...] = ()
    refusal: str | None = None
    tool_calls: tuple[ScriptedCall, ...] = ()
    images: tuple[str, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = "stop"
    input_tokens: int = 11
    output_tokens: int = 7
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    logprobs: bool = False
    model: str | None = None
    status: int = 200
    message: str = "simulated failure"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    hang_after: int | None = None
    error_after: int | None = None
    malformed: Literal["json", "sse"] | None = None
    pause: float = 0.0
    echo: bool = False


def _status(number: str, wait: str | None) -> Scenario:
    headers = {"retry-after": wait} if wait else {}
    return Scenario(status=int(number), headers=headers)


_NAMED: Final[tuple[tuple[re.Pattern[str], Callable[..., Scenario]], ...]] = (
    (re.compile(r"sim-status-(\d{3})(?:-retry-(\d+))?"), _status),
    (re.compile(r"sim-cut-after-(\d+)"), lambda n: Scenario(cut_after=int(n))),
    (re.compile(r"sim-hang-after-(\d+)"), lambda n: Scenario(hang_after=int(n))),
    (re.compile(r"sim-error-after-(\d+)"), lambda n: Scenario(error_after=int(n))),
    (
        re.compile(r"sim-chunks-(\d+)"),
        lambda n: Scenario(text=tuple(f" w{i}" for i in range(int(n)))),
    ),
    (re.compile(r"sim-slow-(\d+)ms"), lambda n: Scenario(pause=int(n) / 1000)),
    (re.compile(r"sim-malformed-json"), lambda: Scenario(malformed="json")),
    (re.compile(r"sim-malformed-sse"), lambda: Scenario(malformed="sse")),
    (re.compile(r"sim-echo"), lambda: Scenario(echo=True)),
    (re.compile(r"sim-image"), lambda: Scenario(images=(PIXEL,))),
    (
        re.compile(r"sim-reasoning"),
        lambda: Scenario(reasoning=("Let me", " think."), reasoning_tokens=3),
    ),
    (
        re.compile(r"sim-refusal"),
        lambda: Scenario(text=(), refusal="I cannot help.", finish_reason="content_filter"),
    ),
    (
        re.compile(r"sim-tools"),
        lambda: Scenario(
            text=(),
            tool_calls=(
                ScriptedCall(),
                ScriptedCall(id="call_sim_1", name="get_time", pieces=()),
            ),
            finish_reason="tool_calls",
        ),
    ),
)


def scenario_of_model(model: str) -> Scenario:
    """The scenario that a model's name asks for; a plain answer for any other name.

    Names: ``sim-status-<code>[-retry-<seconds>]``, ``sim-cut-after-<n>``,
    ``sim-hang-after-<n>``, ``sim-error-after-<n>``, ``sim-chunks-<n>``, ``sim-slow-<n>ms``,
    ``sim-malformed-json``, ``sim-malformed-sse``, ``sim-echo``, ``sim-image``,
    ``sim-reasoning``, ``sim-refusal``, ``sim-tools``. (``sim-unknown`` is answered by the
    simulators as a model that does not exist.)
    """
    for pattern, make in _NAMED:
        match = pattern.fullmatch(model)
        if match:
            return make(*match.groups())
    return Scenario()
