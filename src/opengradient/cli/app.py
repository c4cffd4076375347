"""The root command and the table of all commands."""

from typing import Final

import click

from opengradient._version import __version__
from opengradient.cli._group import Entry, LazyGroup

_ENTRIES: Final = {
    "demo": Entry("opengradient.cli.demo:demo", "See all of it: ask, verify, settle, tamper."),
    "devnet": Entry("opengradient.cli.devnet:devnet", "Run a whole network on this machine."),
    "chat": Entry("opengradient.cli.chat:chat", "Ask a model; the answer is verified."),
    "models": Entry("opengradient.cli.models:models", "List the models that the network serves."),
    "nodes": Entry("opengradient.cli.nodes:nodes", "List the network's nodes."),
    "verify": Entry("opengradient.cli.verify:verify", "Check a receipt file, offline."),
    "receipt": Entry("opengradient.cli.receipt:receipt", "Look into a receipt file; withhold."),
    "evidence": Entry("opengradient.cli.evidence:evidence", "Check an attestation document."),
    "release": Entry("opengradient.cli.release:release", "Sign and check release manifests."),
    "policy": Entry("opengradient.cli.policy:policy", "Show and check a trust policy."),
    "network": Entry("opengradient.cli.network:network", "Show, list and choose networks."),
    "storage": Entry("opengradient.cli.storage:storage", "Store and read blobs by their id."),
    "version": Entry("opengradient.cli.version:version", "Show what is installed."),
}


@click.command(
    cls=LazyGroup,
    entries=_ENTRIES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `opengradient demo`. Exit status: 0 done, 1 failed, 2 wrong usage; "
    "verifying: 10 refused, 20 unsupported, 30 malformed.",
)
@click.version_option(__version__, prog_name="opengradient")
def app() -> None:
    """Verifiable AI inference: every answer is signed, checked, settled, and checkable again."""
