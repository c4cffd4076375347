"""`opengradient version`: what is installed, for a report of a problem."""

import importlib.metadata
import platform
import sys

import click

from opengradient._version import __version__
from opengradient.cli import exits

_PACKAGES = ("anyio", "click", "coincurve", "cryptography", "httpx", "pydantic", "rich", "web3")


@click.command()
@exits.json_option
def version(json_: bool) -> None:  # noqa: FBT001
    """Show the versions of OpenGradient, Python and what it stands on."""
    found = {
        "opengradient": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        **{name: _version(name) for name in _PACKAGES},
    }
    if json_:
        exits.print_json(found)
    else:
        for name, value in found.items():
            click.echo(f"{name:<14}{value or 'not installed'}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
