"""What a simulator received."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from opengradient.core.canonical import JsonObject, parse_json_object


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request, exactly as it came over the socket.

    Attributes:
        method: HTTP method.
        target: Path with query.
        headers: Names in lower case; the last value wins.
        body: The raw bytes.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def json(self) -> JsonObject:
        """The body as a JSON object.

        Raises:
            MalformedError: It is not one.
        """
        return parse_json_object(self.body, what="the request body")
