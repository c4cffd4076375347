"""What a simulator must know of one provider's protocol."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, final

from opengradient.core.canonical import JsonObject, compact_json
from opengradient.errors import MalformedError
from opengradient.testing.simulators.recorded import RecordedRequest
from opengradient.testing.simulators.scenario import Scenario

Kind = Literal["chat", "completion", "embedding"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that the provider accepts.

    Attributes:
        kind: What is asked for.
        model: The model.
        stream: Whether the answer is streamed.
        choices: How many answers.
        usage: Whether a stream reports usage.
        inputs: How many texts to embed.
        as_list: Whether the texts to embed came as a list.
        said: The text of the last message, for echoes.
    """

    kind: Kind
    model: str
    stream: bool = False
    choices: int = 1
    usage: bool = True
    inputs: int = 1
    as_list: bool = False
    said: str = ""


class Refused(Exception):  # noqa: N818 - not an error of ours: the provider says no
    """The provider refuses the request as it stands."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, parameter: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.parameter = parameter


class Dialect(Protocol):
    """One provider's protocol."""

    @property
    def variable(self) -> str:
        """The beginning of its environment variables, for example ``OPENAI``."""

    @property
    def base_path(self) -> str:
        """What its base URL has after the origin."""

    def read(self, request: RecordedRequest, key: str) -> Call:
        """Check a request as the provider does.

        Raises:
            Refused: The provider would answer with an error.
        """

    def whole(self, scenario: Scenario, call: Call) -> JsonObject:
        """The body of a plain answer."""

    def events(self, scenario: Scenario, call: Call) -> Iterable[bytes]:
        """The events of a stream, framed, its end marker included."""

    def error(
        self, status: int, message: str, code: str | None, parameter: str | None
    ) -> JsonObject:
        """The body of an error."""

    def error_event(self, scenario: Scenario) -> bytes:
        """An error within a stream, framed."""


def sse(data: Any, name: str | None = None) -> bytes:
    """Frame one event."""
    prefix = f"event: {name}\n".encode() if name else b""
    return prefix + b"data: " + compact_json(data) + b"\n\n"


def json_body(request: RecordedRequest) -> JsonObject:
    """The body as an object.

    Raises:
        Refused: 400, as every provider answers to something else.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "the content type must be application/json")
    try:
        return request.json()
    except MalformedError as error:
        raise Refused(400, f"could not parse the JSON body: {error.message}") from None


def wanted(body: JsonObject, required: Iterable[str]) -> None:
    """Require fields.

    Raises:
        Refused: 400, naming the first that is missing.
    """
    for name in required:
        if name not in body:
            raise Refused(
                400,
                f"Missing required parameter: '{name}'.",
                code="missing_parameter",
                parameter=name,
            )


def split_uri(uri: str) -> tuple[str, str]:
    """Media type and base64 text of a data: URI."""
    head, _, data = uri.removeprefix("data:").partition(",")
    return head.partition(";")[0], data


def parsed(arguments: str) -> JsonObject:
    """A scripted call's arguments as an object."""
    value: JsonObject = json.loads(arguments or "{}")
    return value


def vector(number: int) -> list[float]:
    """A small embedding that tells the inputs apart."""
    return [0.25, -0.5, float(number)]
