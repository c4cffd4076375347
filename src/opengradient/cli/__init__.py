"""The command line: `opengradient`, also `og`. One file per group of commands.

Nothing heavy is imported here: a command's module is loaded when the command runs, so that
`opengradient --help` answers at once.
"""


def main() -> None:
    """Run the command line and leave the process with its exit status."""
    from opengradient.cli.app import app  # noqa: PLC0415

    app(prog_name="opengradient")


__all__ = ["main"]
