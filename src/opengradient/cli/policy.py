"""`opengradient policy`: what a trust policy accepts, in words; and whether a file is one."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opengradient.cli import exits
from opengradient.cli.times import now_ms

if TYPE_CHECKING:
    from opengradient.verify.policy import TrustPolicy

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def policy() -> None:
    """Trust policies: whom and what a verdict rests on."""


@policy.command()
@click.argument("file", type=_FILE)
@exits.json_option
def show(file: Path, json_: bool) -> None:  # noqa: FBT001
    """Say in words what the policy in FILE accepts."""
    from opengradient.cli.console import console, pairs, plain  # noqa: PLC0415

    found = _read(file)
    if json_:
        exits.print_json({"policy": found.to_json(), "warnings": list(weaknesses(found))})
        return
    out = console()
    out.print(pairs(in_words(found)))
    for weakness in weaknesses(found):
        out.print(plain(f"! {weakness}", "yellow"), soft_wrap=True)


@policy.command()
@click.argument("file", type=_FILE)
@click.option("--strict", is_flag=True, help="Status 10 where the policy is weak.")
@exits.json_option
def check(file: Path, strict: bool, json_: bool) -> None:  # noqa: FBT001
    """Say whether FILE is a policy, and what about it is weak.

    Exit status: 0 it is one; 1 it is none; with --strict 10 where something is weak.
    """
    from opengradient.cli.console import console, plain  # noqa: PLC0415

    found = list(weaknesses(_read(file)))
    if json_:
        exits.print_json({"policy": str(file), "valid": True, "warnings": found})
    else:
        out = console()
        out.print(plain(f"{file} is a trust policy", "bold green"))
        for weakness in found:
            out.print(plain(f"! {weakness}", "yellow"), soft_wrap=True)
    if strict and found:
        raise click.exceptions.Exit(exits.REFUSED)


def _read(file: Path) -> "TrustPolicy":
    from opengradient.cli.console import banner_instead_of_warnings  # noqa: PLC0415
    from opengradient.cli.trust import read_policy  # noqa: PLC0415

    with banner_instead_of_warnings():
        return read_policy(file)


def in_words(policy: "TrustPolicy") -> Iterator[tuple[str, str]]:
    """What a policy accepts, line by line."""
    yield "roots", "\n".join(f"{r.kind}: {r.name}, {r.fingerprint}" for r in policy.roots) or "none"
    yield "code", _code(policy)
    for register in policy.registers:
        of = f" of {register.kind}" if register.kind else ""
        yield f"{register.name}{of}", "\n".join(sorted(register.values))
    for platform in policy.platforms:
        settings = platform.to_json().items()
        yield platform.kind, "\n".join(f"{name}: {_short(value)}" for name, value in settings)
    yield "age of evidence", f"at most {policy.max_evidence_age_ms // 1000} s"
    yield "clock skew", f"at most {policy.clock_skew_ms // 1000} s"
    yield "debug enclaves", "accepted" if policy.allow_debug else "refused"
    yield "proofs of execution", ", ".join(sorted(mode.name for mode in policy.modes))
    yield "models", "any" if policy.models is None else ", ".join(sorted(policy.models))
    yield "revoked keys", _list(policy.revoked_keys)
    yield "revoked code", _list(policy.revoked_measurements)
    yield "revoked product lines", _list(policy.revoked_products)


def _code(policy: "TrustPolicy") -> str:
    from opengradient.verify.policy import UnsafeAnyMeasurement  # noqa: PLC0415
    from opengradient.verify.releases import VerifiedReleases  # noqa: PLC0415

    accepted = policy.measurements
    if isinstance(accepted, UnsafeAnyMeasurement):
        return "any (UNSAFE)"
    if isinstance(accepted, VerifiedReleases):
        manifest = accepted.manifest
        head = f"the releases of manifest {manifest.number}, signed by {len(accepted.signed_by)}"
        named = [f"{release.name}: {release.source}" for release in manifest.releases]
        return "\n".join([f"{head} of {len(accepted.keys)} keys", *named])
    return _list(accepted)


def weaknesses(policy: "TrustPolicy") -> Iterator[str]:
    """What about a policy its owner should know."""
    from opengradient.cli.console import at  # noqa: PLC0415
    from opengradient.verify.policy import UnsafeAnyMeasurement  # noqa: PLC0415
    from opengradient.verify.releases import VerifiedReleases  # noqa: PLC0415
    from opengradient.verify.trust import UnsafeSimulatedRoot, amd_ark  # noqa: PLC0415

    accepted = policy.measurements
    if isinstance(accepted, UnsafeAnyMeasurement):
        yield "any code is accepted: whoever runs an enclave decides what it does"
    elif isinstance(accepted, VerifiedReleases):
        if not policy.is_current(now_ms()):
            yield f"its release manifest expired at {at(accepted.expires_at_ms)}"
    elif not accepted:
        yield "no measurement is listed: every enclave is refused"
    if policy.allow_debug:
        yield "debug enclaves are accepted: their host can read their memory"
    if not policy.roots and not any(getattr(p, "keys", ()) for p in policy.platforms):
        yield "no root and no key is named: everything is refused"
    if any(isinstance(root, UnsafeSimulatedRoot) for root in policy.roots):
        yield "software enclaves are accepted: they prove nothing about hardware"
    if any(root.certificate == amd_ark("Milan").certificate for root in policy.roots):
        yield "AMD Milan is accepted: that its reports can be forged by software is published"


def _list(values: frozenset[str]) -> str:
    return "\n".join(sorted(values)) or "none"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "..."
