"""What an enclave of an image will measure, computed from the image: no hardware is asked.

    python scripts/pcr.py eif IMAGE.eif
    python scripts/pcr.py rtmr --event-log LOG.json [--mrtd HEX]
    python scripts/pcr.py extend HEX [HEX ...]

`eif` prints PCR0 to PCR2 of a Nitro image and the measurement id that a policy lists. `rtmr`
replays a log of a TDX domain (the JSON of dstack's guest agent) and, with MRTD, prints the
measurement id. `extend` adds SHA-384 digests to a register that starts at zero.
"""

import json
import sys
from pathlib import Path

import click

from opengradient.core.digests import keccak256
from opengradient.core.eif import parse_eif
from opengradient.core.rtmr import replay
from opengradient.errors import OpenGradientError
from opengradient.verify.attestation.event_log import parse_event_log, replay_event_log

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Compute expected measurements."""


@main.command()
@click.argument("image", type=_FILE)
def eif(image: Path) -> None:
    """Registers of a Nitro enclave image."""
    parsed = parse_eif(image.read_bytes())
    found = {name: value.hex() for name, value in parsed.registers().items()}
    show({**found, "measurement": parsed.measurement()})


@main.command()
@click.option("--event-log", type=_FILE, required=True)
@click.option("--mrtd", help="Hex of MRTD, from the firmware's measurement.")
def rtmr(event_log: Path, mrtd: str | None) -> None:
    """Registers of a TDX domain after a log."""
    events = parse_event_log(event_log.read_bytes())
    values = [replay_event_log(events, number) for number in range(4)]
    found = {f"RTMR{number}": value.hex() for number, value in enumerate(values)}
    if mrtd is not None:
        whole = bytes.fromhex(mrtd) + b"".join(values)
        found["measurement"] = "0x" + keccak256(whole).hex()
    show(found)


@main.command()
@click.argument("digests", nargs=-1, required=True)
def extend(digests: tuple[str, ...]) -> None:
    """A register after these digests."""
    show({"register": replay(bytes.fromhex(digest) for digest in digests).hex()})


def show(values: dict[str, str]) -> None:
    click.echo(json.dumps(values, indent=2))


if __name__ == "__main__":
    try:
        main()
    except (OpenGradientError, ValueError) as error:
        sys.exit(f"error: {error}")
