"""`opengradient verify`: the check of a receipt file, by anybody, with nothing but the file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from opengradient.cli import exits
from opengradient.cli.times import TIME, now_ms
from opengradient.errors import UnsupportedError, VerificationError

if TYPE_CHECKING:
    from opengradient.core.bundle import ReceiptBundle
    from opengradient.networks import Network
    from opengradient.verify.receipts import VerifiedReceipt

_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)

_OF_THE_CLOCK: Final = frozenset(
    {
        "x509.expired",
        "x509.not_yet_valid",
        "nitro.timestamp.stale",
        "nitro.timestamp.future",
        "dcap.crl.expired",
        "dcap.crl.not_yet_valid",
        "dcap.tcb_info.expired",
        "dcap.tcb_info.not_yet_valid",
        "dcap.qe_identity.expired",
        "dcap.qe_identity.not_yet_valid",
        "snp.crl.expired",
        "snp.crl.not_yet_valid",
        "jwt.time.expired",
        "jwt.time.not_yet_valid",
        "releases.expired",
        "releases.future",
    }
)
"""Refusals that may only say that the file is judged at another time than it was made for."""


@click.command()
@click.argument("file", type=_FILE)
@click.option("--network", "network_", help="Name or profile of the network it belongs to.")
@click.option("--policy", type=click.Path(exists=True, path_type=Path), help="Trust policy (JSON).")
@click.option("--at", "at_ms", type=TIME, help="Judge at this time; by default now.")
@click.option("--rpc", help="Also look at the ledger at this URL whether the root is anchored.")
@click.option("--offline", is_flag=True, help="Make sure of it: any use of a socket is an error.")
@exits.json_option
def verify(  # noqa: PLR0917  (one argument per option)
    file: Path,
    network_: str | None,
    policy: Path | None,
    at_ms: int | None,
    rpc: str | None,
    offline: bool,  # noqa: FBT001
    json_: bool,  # noqa: FBT001
) -> None:
    """Check a receipt file, claim by claim. Offline, unless --rpc is given.

    TIME is RFC 3339 (2026-01-03T21:00:00Z) or Unix seconds or milliseconds. Evidence expires
    after hours: to judge an archived receipt, name a time that you trust for other reasons.

    Exit status: 0 accepted, 10 refused, 20 unsupported, 30 malformed.
    """
    from opengradient.cli.trust import trust_for  # noqa: PLC0415
    from opengradient.cli.verdicts import show_accepted, show_refused  # noqa: PLC0415
    from opengradient.wire.receipts import decode_bundle  # noqa: PLC0415

    if offline:
        if rpc is not None:
            raise click.UsageError("--offline and --rpc exclude each other")
        forbid_sockets()
    when = now_ms() if at_ms is None else at_ms
    trusted, network = trust_for(network_, policy)
    head: dict[str, Any] = {
        "file": str(file),
        "at": when,
        "network": None if network is None else network.name,
    }
    bundle: ReceiptBundle | None = None
    try:
        bundle = decode_bundle(_read(file))
        checked = _check(bundle, trusted=trusted, network=network, when=when, rpc=rpc)
    except (VerificationError, UnsupportedError) as error:
        result, status = exits.judge(error)
        if json_:
            exits.print_json({"result": result, **head, **exits.as_json(error)})
        else:
            show_refused(error, result, bundle if error.code in _OF_THE_CLOCK else None)
        raise click.exceptions.Exit(status) from None
    if json_:
        exits.print_json({"result": "accepted", "code": None, **head, **summary(checked)})
    else:
        show_accepted(checked, at_ms=when, network=network)


def forbid_sockets() -> None:
    """From now on no code of this process can open, bind or connect a socket."""

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith("socket."):
            raise PermissionError(f"--offline: {event}")

    sys.addaudithook(refuse)


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    return file.read_bytes()


def _check(
    bundle: "ReceiptBundle", *, trusted: Any, network: "Network | None", when: int, rpc: str | None
) -> "VerifiedReceipt":
    from opengradient.offline import verify_bundle  # noqa: PLC0415

    roots: frozenset[bytes] = frozenset()
    if rpc is not None:
        from opengradient.cli.ledger import anchored_roots  # noqa: PLC0415

        roots = exits.run(anchored_roots, bundle, rpc)
    return verify_bundle(bundle, policy=trusted, now=when, network=network, anchored_roots=roots)


def summary(checked: "VerifiedReceipt") -> dict[str, object]:
    """What was accepted, for machines."""
    receipt = checked.receipt
    return {
        "digest": f"0x{checked.bundle.signed.digest.hex()}",
        "node_id": f"0x{receipt.node_id.hex()}",
        "finished_at": receipt.finished_at,
        **checked.verdict.as_json(),
    }
