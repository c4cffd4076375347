"""What verified evidence says, claim by claim, for people and for machines."""

from typing import TYPE_CHECKING, Final

from opengradient.cli import console as show_on
from opengradient.cli.exits import as_json as error_as_json
from opengradient.cli.exits import print_json
from opengradient.core.devices import VerifiedDevice
from opengradient.core.digests import sha256
from opengradient.core.evidence import Evidence, VerifiedEvidence
from opengradient.errors import OpenGradientError
from opengradient.verify.verdict import Claim, Status, Verdict

if TYPE_CHECKING:
    from opengradient.transport.collateral import CollateralEntry


HERE: Final = {
    "x509.root": "Roots that are built in can be named: --root amd-milan (trusted only by name, "
    "because forged reports of it are published), amd-genoa, amd-turin, intel-sgx, aws-nitro, nvidia-device.",
    "policy.no_trust": "Name the root: --root FILE, or a whole policy: --policy FILE.",
    "collateral.missing": "Pass it with --collateral and --chain, or leave out --offline.",
    "snp.crl.missing": "Pass AMD's list with --collateral, or go without: --unsafe-without-crl.",
    "dcap.tcb.status": "Accept this state: --accept-status and --accept-advisory, or --policy.",
    "dcap.tcb.advisory": "Accept the advisory: --accept-advisory, or --policy.",
    "x509.expired": "Judge at another time that you trust for other reasons: --at TIME.",
    "dcap.crl.expired": "Judge at another time that you trust for other reasons: --at TIME.",
    "dcap.tcb_info.expired": "Judge at another time that you trust for other reasons: --at TIME.",
    "dcap.qe_identity.expired": "Judge at another time that you trust for other reasons: --at.",
    "releases.expired": "Judge at another time that you trust for other reasons: --at TIME.",
}
"""Code to what the command line can do about it."""


def claims_of(checked: VerifiedEvidence) -> tuple[Claim, ...]:
    """Put what was checked into claims."""
    return (
        _origin(checked),
        Claim("document", Status.PROVEN, _signer(checked), checked.module_id),
        Claim(
            "time",
            Status.PROVEN,
            "times of the token" if checked.by_service else "windows of the certificates",
            ("" if checked.issued_at_ms is None else f"issued {show_on.at(checked.issued_at_ms)}, ")
            + f"good until {show_on.at(checked.valid_until_ms)}",
        ),
        _code(checked),
        _nonce(checked),
        _keys(checked),
        *checked.claims,
    )


def _signer(checked: VerifiedEvidence) -> str:
    return "signature by " + (checked.root if checked.by_service else "the chain's leaf")


def _origin(checked: VerifiedEvidence) -> Claim:
    if checked.simulated:
        return Claim("enclave", Status.ASSERTED, "a software root", "SIMULATED: no hardware")
    detail = "debug mode: the host can read its memory" if checked.debug else "production mode"
    status = Status.ASSERTED if checked.by_service else Status.PROVEN
    return Claim("enclave", status, checked.root, detail)


def _code(checked: VerifiedEvidence) -> Claim:
    if checked.debug:
        return Claim("code", Status.ABSENT, "a debug enclave measures nothing", checked.measurement)
    if not checked.measurement_accepted:
        return Claim("code", Status.ASSERTED, "compared with nothing", checked.measurement)
    status = Status.ASSERTED if checked.simulated or checked.by_service else Status.PROVEN
    return Claim("code", status, checked.measurement_source, checked.measurement)


def _nonce(checked: VerifiedEvidence) -> Claim:
    if checked.nonce is None:
        return Claim("nonce", Status.ABSENT, "the document has none")
    if checked.nonce_checked:
        return Claim("nonce", Status.PROVEN, "equal to yours", checked.nonce.hex())
    return Claim("nonce", Status.ASSERTED, "compared with nothing", checked.nonce.hex())


def _keys(checked: VerifiedEvidence) -> Claim:
    if checked.keyset is None:
        if checked.public_key is None:
            return Claim("keys", Status.ABSENT, "the document binds none")
        return Claim("keys", Status.PROVEN, "the document (foreign form)", checked.public_key.hex())
    key = checked.keyset.signing
    return Claim(
        "keys", Status.PROVEN, "the document", f"signing key of node 0x{key.node_id.hex()}"
    )


def as_json(checked: VerifiedEvidence, *, at_ms: int) -> dict[str, object]:
    """For machines."""
    keyset = checked.keyset
    return {
        "result": "accepted",
        "code": None,
        "at": at_ms,
        "kind": checked.kind,
        "simulated": checked.simulated,
        "debug": checked.debug,
        "root": checked.root,
        "module_id": checked.module_id,
        "issued_at": checked.issued_at_ms,
        "valid_from": checked.valid_from_ms,
        "valid_until": checked.valid_until_ms,
        "measurement": checked.measurement,
        "measurement_accepted": checked.measurement_accepted,
        "registers": dict(checked.measurements),
        "product": checked.product,
        "report_data": None if checked.report_data is None else checked.report_data.hex(),
        "nonce": None if checked.nonce is None else checked.nonce.hex(),
        "nonce_checked": checked.nonce_checked,
        "public_key": None if checked.public_key is None else checked.public_key.hex(),
        "user_data": None if checked.user_data is None else checked.user_data.hex(),
        "node_id": None if keyset is None else f"0x{keyset.signing.node_id.hex()}",
        "unknown_keys": list(checked.unknown_keys),
        "evidence_digest": checked.evidence_digest.hex(),
        "claims": Verdict(claims=claims_of(checked), simulated=checked.simulated).as_json()[
            "claims"
        ],
    }


def report(
    checked: VerifiedEvidence,
    presented: Evidence,
    *,
    at_ms: int,
    detected: bool,
    entries: "tuple[CollateralEntry, ...]",
    any_is_meant: bool,
    json_: bool,
) -> None:
    """Print the verdict.

    Args:
        checked: What the evidence says.
        presented: The evidence, with the collateral that it was judged with.
        at_ms: When it was judged, Unix milliseconds.
        detected: Whether its kind was found out from its content.
        entries: What was fetched for it.
        any_is_meant: Whether the caller knows that the code was compared with nothing.
        json_: For machines.
    """
    claims = (*claims_of(checked), *(_fetched(entry, at_ms) for entry in entries))
    if json_:
        shown = as_json(checked, at_ms=at_ms)
        items = presented.collateral.items
        shown["kind_detected"] = detected
        shown["collateral"] = {name: sha256(data).hex() for name, data in items}
        shown["claims"] = Verdict(claims=claims, simulated=checked.simulated).as_json()["claims"]
        print_json(shown)
        return
    out = show_on.console()
    if checked.simulated:
        out.print(show_on.simulated_banner())
    out.print(show_on.plain(f"ACCEPTED at {show_on.at(at_ms)}", "bold green"))
    if detected:
        note = f"{checked.kind}, found out from its content; --kind says it for sure"
        out.print(show_on.plain(note))
    out.print(show_on.claims_table(claims))
    if not (checked.measurement_accepted or any_is_meant or checked.debug):
        note = (
            f"The code was compared with nothing. Require it: --measurement {checked.measurement}"
        )
        out.print(show_on.plain(note, "yellow"), soft_wrap=True)


def _fetched(entry: "CollateralEntry", now_ms: int) -> Claim:
    return Claim(
        "collateral_fetched",
        Status.ASSERTED,
        "this machine",
        f"{entry.key}: fetched {entry.age(now_ms)}",
    )


def report_devices(devices: tuple[VerifiedDevice, ...], *, at_ms: int, json_: bool) -> None:
    """Print what evidence says about devices: never about a signing key."""
    claims = tuple(device.claim for device in devices)
    if json_:
        shown = Verdict(claims=claims, simulated=False).as_json()["claims"]
        print_json({"result": "accepted", "code": None, "at": at_ms, "claims": shown})
        return
    out = show_on.console()
    out.print(show_on.plain(f"ACCEPTED at {show_on.at(at_ms)}", "bold green"))
    out.print(show_on.claims_table(claims))


def show_refusal(error: OpenGradientError, result: str) -> None:
    """Print why a file was not accepted."""
    out = show_on.console()
    out.print(show_on.plain(f"{result.upper()}: {error.message}", "bold red"))
    shown = error_as_json(error)
    names = ("step", "code", "expected", "actual", "next", "here")
    shown["here"] = HERE.get(error.code)
    out.print(
        show_on.pairs(
            (name, value) for name in names if (value := shown.get(name)) not in (None, "")
        )
    )
