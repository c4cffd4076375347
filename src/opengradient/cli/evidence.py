"""`opengradient evidence`: attestation documents, checked or just read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from opengradient.cli import exits
from opengradient.cli.times import TIME, now_ms
from opengradient.errors import UnsupportedError, VerificationError

if TYPE_CHECKING:
    from opengradient.core.evidence import Evidence
    from opengradient.transport.collateral import CollateralEntry

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KIND = click.Choice(["nitro", "software", "tdx", "sgx", "snp", "gcp", "maa", "nvidia"])
_F = TypeVar("_F", bound=Callable[..., Any])

_TRUST: Final = (
    click.option("--policy", type=_FILE, help="Judge by this trust policy (JSON) alone."),
    click.option("--root", help="Root to trust: a file, or for example amd-milan."),
    click.option("--measurement", "measurements", multiple=True, help="Accept this code only."),
    click.option("--unsafe-any-measurement", "any_measurement", is_flag=True, help="Any code."),
    click.option("--allow-debug", is_flag=True, help="Accept debug enclaves (unsafe)."),
    click.option("--max-age", type=click.IntRange(min=0), help="Refuse older ones, in seconds."),
    click.option("--accept-status", "statuses", multiple=True, help="Accept this Intel TCB state."),
    click.option("--accept-advisory", "advisories", multiple=True, help="Accept this advisory."),
    click.option("--unsafe-without-crl", "without_crl", is_flag=True, help="AMD: no list needed."),
)
_BESIDE: Final = (
    click.option("--collateral", type=_FILE, multiple=True, help="Data signed by the vendor."),
    click.option("--chain", type=_FILE, multiple=True, help="Certificates (AMD's cert_chain)."),
    click.option("--runtime-data", type=_FILE, help="Keyset that is bound by its hash."),
    click.option("--nonce", help="Hex of the nonce that the document must answer."),
    click.option("--offline", is_flag=True, help="Any use of a socket is an error."),
    click.option("--intel-pcs", help="Mirror of Intel's service, its base URL."),
    click.option("--amd-kds", help="Mirror of AMD's service, its base URL."),
)


def _options(options: tuple[Callable[[Any], Any], ...]) -> Callable[[_F], _F]:
    def add(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group()
def evidence() -> None:
    """Attestation documents: what makes a node's signing key trustworthy."""


@evidence.command()
@click.argument("file", type=_FILE)
@click.option("--kind", type=_KIND, help="What FILE is; found out from its content if not given.")
@click.option("--at", "at_ms", type=TIME, help="Judge at this time; by default now.")
@_options(_BESIDE)
@_options(_TRUST)
@exits.json_option
def verify(file: Path, kind: str | None, at_ms: int | None, json_: bool, **given: Any) -> None:  # noqa: FBT001
    """Check an attestation document at a stated time, claim by claim.

    FILE is the document as the enclave gave it, its base64 or hex, or the JSON of a node's
    evidence endpoint. What its vendor signs beside it (Intel, AMD) is taken from --collateral and
    --chain; where there is none, the vendor is asked, unless --offline. Without --measurement the
    code that runs is shown but compared with nothing.

    Exit status: 0 accepted, 10 refused, 20 unsupported, 30 malformed.
    """
    from opengradient.cli.evidence_files import KINDS  # noqa: PLC0415
    from opengradient.cli.verify import forbid_sockets  # noqa: PLC0415

    if given["offline"]:
        if given["intel_pcs"] or given["amd_kds"]:
            raise click.UsageError("--offline and a service to ask exclude each other")
        forbid_sockets()
    when = now_ms() if at_ms is None else at_ms
    wanted = None if kind is None else KINDS[kind]
    try:
        _judge(file, wanted, when, given, json_=json_)
    except (VerificationError, UnsupportedError) as error:
        from opengradient.cli import evidence_claims  # noqa: PLC0415

        result, status = exits.judge(error)
        if json_:
            exits.print_json({"result": result, "at": when, "kind": kind, **exits.as_json(error)})
        else:
            evidence_claims.show_refusal(error, result)
        raise click.exceptions.Exit(status) from None


def _judge(
    file: Path,
    kind: str | None,
    when: int,
    given: dict[str, Any],
    *,
    json_: bool,
) -> None:
    from opengradient.cli import evidence_claims  # noqa: PLC0415
    from opengradient.cli.evidence_files import read_collateral, read_evidence  # noqa: PLC0415
    from opengradient.cli.evidence_policy import PolicyOptions  # noqa: PLC0415
    from opengradient.core.evidence import NVIDIA  # noqa: PLC0415
    from opengradient.verify.attestation import verify_device, verify_evidence  # noqa: PLC0415

    presented, detected = read_evidence(file.read_bytes(), kind)
    names = PolicyOptions.__dataclass_fields__
    policy = PolicyOptions(**{name: given[name] for name in names}).build(presented.kind)
    nonce = None if given["nonce"] is None else _hex(given["nonce"])
    beside = read_collateral((*given["collateral"], *given["chain"]), presented.kind)
    runtime = given["runtime_data"]
    presented = replace(
        presented,
        collateral=presented.collateral.merged(beside),
        runtime_data=presented.runtime_data if runtime is None else runtime.read_bytes(),
    )
    if presented.kind == NVIDIA:
        devices = verify_device(presented, policy=policy, now_ms=when, nonce=nonce)
        evidence_claims.report_devices(devices, at_ms=when, json_=json_)
        return
    entries: tuple[CollateralEntry, ...] = ()
    if not presented.collateral and not given["offline"]:
        presented, entries = exits.run(_completed, presented, given["intel_pcs"], given["amd_kds"])
    checked = verify_evidence(presented, policy=policy, now_ms=when, nonce=nonce)
    evidence_claims.report(
        checked,
        presented,
        at_ms=when,
        detected=detected,
        entries=entries,
        any_is_meant=given["any_measurement"] or given["policy"] is not None,
        json_=json_,
    )


async def _completed(
    presented: "Evidence", intel_pcs: str | None, amd_kds: str | None
) -> "tuple[Evidence, tuple[CollateralEntry, ...]]":
    """Ask the vendors, keep what they give, and say where it came from."""
    from opengradient.networks import config_home  # noqa: PLC0415
    from opengradient.transport import HttpTransport  # noqa: PLC0415
    from opengradient.transport.collateral import (  # noqa: PLC0415
        CollateralServices,
        VendorCollateral,
    )

    source = VendorCollateral(
        transports=lambda pin: HttpTransport(pin=pin),
        clock=now_ms,
        services=CollateralServices.mirrored(intel_pcs=intel_pcs, amd_kds=amd_kds),
        folder=config_home() / "collateral",
    )
    completed = await source.complete(presented)
    return completed, source.entries(completed)


@evidence.command()
@click.argument("file", type=_FILE)
@click.option("--kind", type=_KIND, help="What FILE is; found out from its content if not given.")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Where it goes.")
@click.option("--intel-pcs", help="Mirror of Intel's service, its base URL.")
@click.option("--amd-kds", help="Mirror of AMD's service, its base URL.")
@exits.json_option
def collateral(  # noqa: PLR0917  (one argument per option)
    file: Path,
    kind: str | None,
    out: Path,
    intel_pcs: str | None,
    amd_kds: str | None,
    json_: bool,  # noqa: FBT001
) -> None:
    """Fetch what the vendor signs beside a document, for `verify --collateral` without network."""
    from opengradient.cli.console import console, pairs, shortened  # noqa: PLC0415
    from opengradient.cli.evidence_files import (  # noqa: PLC0415
        KINDS,
        collateral_json,
        read_evidence,
    )

    presented, _ = read_evidence(file.read_bytes(), None if kind is None else KINDS[kind])
    completed, entries = exits.run(_completed, presented, intel_pcs, amd_kds)
    out.write_text(collateral_json(completed.collateral))
    ages = {entry.key: entry.age(now_ms()) for entry in entries}
    if json_:
        exits.print_json({"collateral": str(out), "fetched": ages})
        return
    rows = [("written", str(out)), *((shortened(key), age) for key, age in ages.items())]
    console().print(pairs(rows))


@evidence.command()
@click.argument("file", type=_FILE)
@click.option("--kind", type=_KIND, help="What FILE is; found out from its content if not given.")
@exits.json_option
def inspect(file: Path, kind: str | None, json_: bool) -> None:  # noqa: FBT001
    """Read a document without checking it: anybody can write what this shows."""
    from opengradient.cli.console import console, pairs, plain  # noqa: PLC0415
    from opengradient.cli.evidence_files import KINDS, read_evidence  # noqa: PLC0415

    try:
        found, detected = read_evidence(file.read_bytes(), None if kind is None else KINDS[kind])
        content = _read(found)
    except (VerificationError, UnsupportedError) as error:
        exits.report(error, click.get_current_context())
        raise click.exceptions.Exit(exits.judge(error)[1]) from None
    if json_:
        exits.print_json({"kind": found.kind, "kind_detected": detected, **content})
        return
    out = console()
    out.print(plain("NOT VERIFIED: this is what the document says of itself.", "bold yellow"))
    how = "by its content" if detected else "as you or the file say"
    rows = [("kind", f"{found.kind}, {how}")]
    rows += [(name, _flat(value)) for name, value in content.items() if name != "verified"]
    out.print(pairs(rows))


def _read(found: "Evidence") -> dict[str, Any]:
    from opengradient.verify.attestation import INSPECTORS  # noqa: PLC0415

    inspector = INSPECTORS.get(found.kind)
    if inspector is None:
        raise UnsupportedError(
            f"no reader for evidence of kind {found.kind!r}", code="attestation.kind"
        )
    return inspector(found.document)


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise click.BadParameter("not hex", param_hint="--nonce") from None


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {item}" for name, item in value.items())
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
