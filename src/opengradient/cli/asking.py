"""Asking a model from the command line: text as it comes, the verified reply at the end."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from opengradient.cli.console import printable

if TYPE_CHECKING:
    from opengradient.llm import LLM, ChatReply

Message = Mapping[str, Any]


async def ask(
    llm: "LLM", model: str, messages: Sequence[Message], on_text: Callable[[str], None]
) -> "ChatReply":
    """Ask, and hand on the text as it comes over the attested channel.

    Args:
        llm: The client.
        model: ``provider/model``.
        messages: The talk so far.
        on_text: Gets each piece of text. Nothing of it is verified as a whole before this
            function returns.

    Raises:
        VerificationError: The answer is not what was signed.
        TransportError: It did not arrive.
    """
    async with llm.stream(model, messages) as stream:
        async for chunk in stream:
            if chunk.text:
                on_text(chunk.text)
    return stream.reply


@final
class Flow:
    """Writes text that comes in pieces, wrapped at words, behind a margin."""

    def __init__(self, write: Callable[[str], None], *, width: int, margin: str = "") -> None:
        """Write through `write`, at most `width` columns, each line behind `margin`."""
        self._write = write
        self._width = max(width - len(margin), 20)
        self._margin = margin
        self._column = 0
        self._word = ""
        self._begun = False

    def feed(self, text: str) -> None:
        """Take a piece of text; its last word waits for its end."""
        for character in printable(text):
            if character == "\n":
                self._flush()
                self._line()
            elif character == " ":
                self._flush()
                if 0 < self._column < self._width:
                    self._write(" ")
                    self._column += 1
            else:
                self._word += character
                if len(self._word) >= self._width:
                    self._flush()

    def end(self) -> None:
        """Write what is left, and end the line."""
        self._flush()
        self._write("\n")

    def _flush(self) -> None:
        if not self._word:
            return
        if not self._begun:
            self._write(self._margin)
            self._begun = True
        if self._column and self._column + len(self._word) > self._width:
            self._line()
        self._write(self._word)
        self._column += len(self._word)
        self._word = ""

    def _line(self) -> None:
        self._write(f"\n{self._margin}")
        self._column = 0
        self._begun = True
