"""Verifying the saved file in a process of its own, and tampering with a copy."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import anyio

from opengradient.core.canonical import JsonObject, canonical_json, parse_json_object
from opengradient.core.commitments import Disclosed
from opengradient.errors import OpenGradientError
from opengradient.wire.receipts import MAX_FILE_BYTES, decode_bundle

ANSWER: Final = "choice.0.text"
_SECONDS: Final = 30


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """How a separate verification ended.

    Attributes:
        shown: The command, shortened, as a person would type it.
        status: Its exit status.
        report: What it printed.
    """

    shown: str
    status: int
    report: JsonObject


async def verify_again(file: Path, profile: Path) -> Outcome:
    """Run `opengradient verify` on a file, in a new process that cannot open a socket.

    Args:
        file: A receipt file.
        profile: The network's profile.

    Raises:
        OpenGradientError: Code ``demo.failed``: it printed no JSON.
    """
    arguments = ["verify", str(file), "--network", str(profile), "--offline", "--json"]
    with anyio.fail_after(_SECONDS):
        done = await anyio.run_process(
            [sys.executable, "-m", "opengradient", *arguments], check=False
        )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.decode("utf-8", "replace")[-2000:]
        raise OpenGradientError(f"verify printed no JSON: {said}", code="demo.failed") from None
    short = f"opengradient verify {shlex.quote(_relative(file))} --offline --json"
    return Outcome(short, done.returncode, report)


def _relative(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


@final
@dataclass(frozen=True, slots=True)
class Tampered:
    """A file with one byte changed.

    Attributes:
        data: Its bytes.
        offset: Where the change is.
        before: The byte that was there, as text.
        after: The byte that is there now.
    """

    data: bytes
    offset: int
    before: str
    after: str


def change_one_byte(data: bytes) -> Tampered:
    """Change one letter of the answer in a receipt file, and nothing else.

    Raises:
        OpenGradientError: Code ``demo.failed``: the file shows no answer with a plain letter.
    """
    field = decode_bundle(data).sections.get("response", {}).get(ANSWER)
    if not isinstance(field, Disclosed) or not isinstance(field.value, str):
        raise OpenGradientError("the receipt file shows no text to change", code="demo.failed")
    text = field.value
    for index, letter in enumerate(text):
        if letter.isascii() and letter.isalpha():
            other = "x" if letter != "x" else "y"
            return _compared(data, text[:index] + other + text[index + 1 :])
    raise OpenGradientError("the answer has no plain letter to change", code="demo.failed")


def write_tampered(file: Path) -> tuple[Tampered, Path]:
    """Write a copy of a receipt file with one byte changed, beside it. Errors as above."""
    changed = change_one_byte(file.read_bytes())
    copy = file.with_name(f"{file.stem}-tampered{file.suffix}")
    copy.write_bytes(changed.data)
    return changed, copy


def _compared(data: bytes, text: str) -> Tampered:
    file: Any = parse_json_object(data, what="the receipt file", max_bytes=MAX_FILE_BYTES)
    file["sections"]["response"][ANSWER]["text"] = text
    changed = canonical_json(file)
    pairs = enumerate(zip(data, changed, strict=False))
    offsets = [index for index, (old, new) in pairs if old != new]
    if len(offsets) != 1 or len(data) != len(changed):
        raise OpenGradientError(f"{len(offsets)} bytes differ, not one", code="demo.failed")
    at = offsets[0]
    return Tampered(changed, at, chr(data[at]), chr(changed[at]))
