"""What every provider backend is: it turns requests into bytes and bytes into answers.

Backends do no I/O and read no clock. The node's upstream runner sends what `build` made and
feeds back what came; so the bytes that a receipt binds are the bytes that were sent.

Three ways to fail, never mixed:
- `build` raises `UnsupportedParameterError`, naming the parameter, before anything is sent;
- `parse_reply` raises `ProtocolError` with code ``provider.protocol``;
- `parse_error` and `StreamParser.error` give a `ProviderFailure`, ready to be signed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, final

from opengradient.core.messages import Choice, Delta, ErrorReply, InferenceRequest, Usage
from opengradient.core.modes import ReceiptKind
from opengradient.wire.sse import Event

ProviderFailure: TypeAlias = ErrorReply
"""A provider's failure in the form that is signed: status for our client, code, message,
parameter, provider_status, retry_after. The message never holds a key."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRequest:
    """One HTTP request to a provider, ready to be sent.

    Attributes:
        method: HTTP method.
        url: Absolute URL; never holds a secret.
        headers: Every header to send, the secret ones included; names in lower case. They are
            not part of the repr.
        public_headers: Those headers that a receipt may show.
        body: The exact bytes to send.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    public_headers: Mapping[str, str]
    body: bytes = field(repr=False)


def is_refusal(choices: Iterable[Choice]) -> bool:
    """Whether every choice was refused, by the model or by the provider's filter.

    Both plain replies and accumulated streams are judged by this one function.
    """
    judged = [
        choice.refusal is not None or choice.finish_reason == "content_filter" for choice in choices
    ]
    return bool(judged) and all(judged)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedReply:
    """A provider's whole answer.

    Attributes:
        model_served: The model as the provider reports it; None where its protocol does not
            report one (Gemini's embeddings).
        choices: The answers, numbered from 0.
        usage: Tokens, where the provider counted.
        embeddings: One vector per input, in order.
        system_fingerprint: The provider's, where it gives one.
        provider_id: The provider's id of the answer, where it gives one.
    """

    model_served: str | None
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    embeddings: tuple[tuple[float, ...], ...] = ()
    system_fingerprint: str | None = None
    provider_id: str | None = None

    @property
    def refused(self) -> bool:
        """Whether the whole answer is a refusal."""
        return is_refusal(self.choices)


class StreamParser(Protocol):
    """Reads the events of one stream. `feed` never raises: a failure is kept in `error`.

    Feed it until the body ends: Gemini's protocol has no last event, so its `done` can only
    say that every choice has finished so far. A stream is whole if its body ended while `done`
    was true and `error` was None; otherwise it failed or was cut. Events after an error are
    ignored.
    """

    def feed(self, event: Event) -> list[Delta]:
        """Take one event and give the deltas in it (often one, sometimes none)."""

    @property
    def done(self) -> bool:
        """Whether the protocol's own end marker was seen."""

    @property
    def error(self) -> ProviderFailure | None:
        """The failure that ended the stream."""

    @property
    def model_served(self) -> str | None:
        """The model as the provider reports it, once it did."""

    @property
    def usage(self) -> Usage | None:
        """Tokens, once the provider counted them."""

    @property
    def system_fingerprint(self) -> str | None:
        """The provider's, where it gives one."""

    @property
    def provider_id(self) -> str | None:
        """The provider's id of the answer, where it gives one."""


class Backend(Protocol):
    """One provider, with its key and its address."""

    @property
    def name(self) -> str:
        """The prefix in ``provider/model``."""

    @property
    def origin(self) -> str:
        """Scheme, host and port that requests go to; receipts name it."""

    def supports(self, kind: ReceiptKind) -> bool:
        """Whether the provider has an endpoint for this kind."""

    def build(self, request: InferenceRequest, model: str) -> UpstreamRequest:
        """Translate a request.

        Nothing is dropped. Whatever is added is documented in the provider's module and shows
        in the body, which the receipt binds.

        Args:
            request: The validated request.
            model: The model's name without the provider's prefix.

        Raises:
            UnsupportedParameterError: The provider has no equal of a parameter, or the kind is
                not supported.
        """

    def parse_reply(self, kind: ReceiptKind, body: bytes) -> ParsedReply:
        """Read the body of a 2xx answer. Unknown fields are tolerated: providers add some.

        Raises:
            ProtocolError: A required field is missing or wrong (code ``provider.protocol``).
        """

    def new_stream(self, kind: ReceiptKind) -> StreamParser:
        """A parser for one stream of this kind."""

    def parse_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """Read the answer to a request that failed. Never raises, whatever the body holds.

        Args:
            status: The provider's HTTP status.
            headers: Its headers; names in any case.
            body: Its body, or the beginning of it.
        """
