"""`opengradient storage`: blobs by their id."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from opengradient.cli import exits

if TYPE_CHECKING:
    from opengradient.storage import StoredBlob

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, writable=True, path_type=Path)
_SHARDS = click.option(
    "--shards", type=int, default=1000, show_default=True, help="The network's number of shards."
)


@click.group()
def storage() -> None:
    """Blobs on Walrus: ids are computed here, and every byte that is read is checked."""


@storage.command("blob-id")
@click.argument("file", type=_FILE)
@_SHARDS
@exits.json_option
def blob_id(file: Path, shards: int, json_: bool) -> None:  # noqa: FBT001
    """Compute the blob id of FILE, offline."""
    found, size = exits.run(_blob_id, file, shards)
    if json_:
        exits.print_json({"blob_id": found, "size": size, "shards": shards})
    else:
        click.echo(found)


@storage.command()
@click.argument("file", type=_FILE)
@click.option("--publisher", multiple=True, required=True, help="Where to store (repeatable).")
@click.option("--epochs", type=click.IntRange(min=1), default=1, show_default=True)
@_SHARDS
@exits.json_option
def put(
    file: Path,
    publisher: tuple[str, ...],
    epochs: int,
    shards: int,
    json_: bool,  # noqa: FBT001
) -> None:
    """Store FILE; the publisher's id must be the one computed here."""
    stored = exits.run(_put, file, publisher, epochs, shards)
    if json_:
        exits.print_json(
            {
                "blob_id": str(stored.blob_id),
                "size": stored.size,
                "end_epoch": stored.end_epoch,
                "newly_created": stored.newly_created,
                "cost": stored.cost,
            }
        )
        return
    word = "stored" if stored.newly_created else "was there already"
    click.echo(f"{stored.blob_id}  {word}, {stored.size} bytes, until epoch {stored.end_epoch}")


@storage.command()
@click.argument("blob_id")
@click.option("--aggregator", multiple=True, required=True, help="Where to read (repeatable).")
@click.option("--output", "-o", type=_NEW, required=True, help="File.")
@_SHARDS
@exits.json_option
def get(
    blob_id: str,
    aggregator: tuple[str, ...],
    output: Path,
    shards: int,
    json_: bool,  # noqa: FBT001
) -> None:
    """Read a blob, check it, and write it to a file; what does not fit its id is not written."""
    size = exits.run(_get, blob_id, aggregator, output, shards)
    if json_:
        exits.print_json({"blob_id": blob_id, "size": size, "file": str(output)})
    else:
        click.echo(f"{output}: {size} bytes, every one checked against {blob_id}")


async def _blob_id(file: Path, shards: int) -> tuple[str, int]:
    from anyio import to_thread  # noqa: PLC0415

    from opengradient.cli.console import fraction_bar  # noqa: PLC0415
    from opengradient.storage import compute_blob_id  # noqa: PLC0415

    data = await to_thread.run_sync(file.read_bytes)
    with fraction_bar("hashing") as progress:
        found = compute_blob_id(data, n_shards=shards, progress=progress)
    return str(found), len(data)


async def _put(file: Path, publishers: tuple[str, ...], epochs: int, shards: int) -> "StoredBlob":
    from anyio import to_thread  # noqa: PLC0415

    from opengradient.cli.console import fraction_bar  # noqa: PLC0415
    from opengradient.storage import Walrus  # noqa: PLC0415

    data = await to_thread.run_sync(file.read_bytes)
    async with Walrus(aggregators=(), publishers=publishers, n_shards=shards) as walrus:
        with fraction_bar("hashing") as progress:
            return await walrus.put(data, epochs=epochs, progress=progress)


async def _get(blob_id: str, aggregators: tuple[str, ...], output: Path, shards: int) -> int:
    from anyio import to_thread  # noqa: PLC0415

    from opengradient.cli.console import fraction_bar  # noqa: PLC0415
    from opengradient.storage import Walrus  # noqa: PLC0415

    async with Walrus(aggregators=aggregators, n_shards=shards) as walrus:
        with fraction_bar("checking") as progress:
            data = await walrus.get(blob_id, progress=progress)
    await to_thread.run_sync(output.write_bytes, data)
    return len(data)
