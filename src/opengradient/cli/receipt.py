"""`opengradient receipt`: look into a receipt file, or withhold parts of it before sharing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from opengradient.cli import exits
from opengradient.errors import UnsupportedError, VerificationError

if TYPE_CHECKING:
    from opengradient.core.bundle import ReceiptBundle
    from opengradient.core.commitments import Disclosed, Withheld

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOWN_CHARACTERS: Final = 400


@click.group()
def receipt() -> None:
    """Receipt files: what they say, and sharing less of them."""


@receipt.command()
@click.argument("file", type=_FILE)
@exits.json_option
def show(file: Path, json_: bool) -> None:  # noqa: FBT001
    """Show what a receipt file says, without checking any of it (see `opengradient verify`)."""
    from opengradient.cli.console import console, pairs, plain, table  # noqa: PLC0415

    bundle = read_bundle(file)
    if json_:
        exits.print_json(as_json(bundle))
        return
    out = console()
    out.print(plain("NOT VERIFIED: this is what the file says. Check it with:", "bold yellow"))
    out.print(plain(f"  opengradient verify {file}\n", "yellow"))
    out.print(pairs(_words(bundle)))
    for name, section in bundle.sections.items():
        if not section:
            continue
        rows = [(field, *_shown(value)) for field, value in section.items()]
        out.print(table(name, "value", "", rows=rows))


@receipt.command()
@click.argument("file", type=_FILE)
@click.option("--section", required=True, help="Section to withhold, for example request.")
@click.option("--field", "fields", multiple=True, help="Withhold only this field (repeatable).")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; FILE stays as it is.",
)
@exits.json_option
def redact(
    file: Path,
    section: str,
    fields: tuple[str, ...],
    output: Path,
    json_: bool,  # noqa: FBT001
) -> None:
    """Withhold a section, or fields of it, and write what is left: it still verifies."""
    from opengradient.wire.receipts import encode_bundle  # noqa: PLC0415

    if output.exists() and output.samefile(file):
        raise click.UsageError("write to another file: what is withheld cannot be brought back")
    try:
        smaller = read_bundle(file).redacted(section, *fields)
    except VerificationError as error:
        raise click.UsageError(error.message) from error
    output.write_bytes(encode_bundle(smaller))
    withheld = ", ".join(fields) or "all of it"
    if json_:
        exits.print_json({"written": str(output), "section": section, "withheld": list(fields)})
    else:
        click.echo(f"wrote {output}: {section} without {withheld}")


def read_bundle(file: Path) -> "ReceiptBundle":
    """Read a receipt file; one that cannot be read ends the command with its status."""
    from opengradient.wire.receipts import decode_bundle  # noqa: PLC0415

    try:
        return decode_bundle(file.read_bytes())
    except (VerificationError, UnsupportedError) as error:
        exits.report(error, click.get_current_context())
        raise click.exceptions.Exit(exits.judge(error)[1]) from None


def as_json(bundle: "ReceiptBundle") -> dict[str, object]:
    """What the file says, for machines; nothing of it is verified."""
    from opengradient.wire.receipts import encode_bundle  # noqa: PLC0415

    return {
        "verified": False,
        "digest": f"0x{bundle.signed.digest.hex()}",
        "summary": {name: str(value) for name, value in _words(bundle)},
        "file": json.loads(encode_bundle(bundle)),
    }


def _words(bundle: "ReceiptBundle") -> Iterator[tuple[str, object]]:
    from opengradient.cli.console import at  # noqa: PLC0415
    from opengradient.core.modes import (  # noqa: PLC0415
        ReceiptKind,
        SettlementMode,
        VerificationMode,
    )

    word = bundle.signed.receipt
    domain = bundle.signed.domain
    yield "receipt", f"0x{bundle.signed.digest.hex()}"
    yield "kind", ReceiptKind(word.kind).name.lower()
    yield "status", word.status
    yield "mode", VerificationMode(word.verification_mode).name
    yield "settlement", _settlement(bundle, SettlementMode(word.settlement_mode).name)
    yield "chain", f"{domain.chain_id}, contract 0x{domain.settlement_contract.hex()}"
    yield "node", f"0x{word.node_id.hex()}"
    yield "started", at(word.started_at)
    yield "finished", f"{at(word.finished_at)} ({word.finished_at - word.started_at} ms)"
    yield "tokens", f"{word.input_tokens} in, {word.output_tokens} out"
    yield "sequence", word.sequence
    yield "stream", f"{word.stream_chunks} chunks" if word.stream_chunks else "no"
    yield "evidence", bundle.evidence.kind if bundle.evidence else "not in the file"


def _settlement(bundle: "ReceiptBundle", mode: str) -> str:
    inclusion = bundle.inclusion
    if inclusion is None:
        return f"{mode}, no proof in the file"
    block = f", block {inclusion.anchor.block_number}" if inclusion.anchor else ""
    return f"{mode}, in a batch of {inclusion.size} under 0x{inclusion.root.hex()}{block}"


def _shown(field: "Disclosed | Withheld") -> tuple[str, str]:
    from opengradient.core.commitments import Withheld  # noqa: PLC0415

    if isinstance(field, Withheld):
        return f"0x{field.commitment.hex()}", "withheld"
    return _text(field.value), ""


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
