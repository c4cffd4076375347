"""What verified evidence says, claim by claim, for people and for machines."""

from opengradient.cli import console as show_on
from opengradient.cli.exits import as_json as error_as_json
from opengradient.core.evidence import VerifiedEvidence
from opengradient.errors import OpenGradientError
from opengradient.verify.attestation.configuration import configuration_claim
from opengradient.verify.verdict import Claim, Status, Verdict


def claims_of(checked: VerifiedEvidence) -> tuple[Claim, ...]:
    """Put what was checked into claims."""
    return (
        _origin(checked),
        Claim("document", Status.PROVEN, "signature by the chain's leaf", checked.module_id),
        Claim(
            "time",
            Status.PROVEN,
            "windows of the certificates",
            ("" if checked.issued_at_ms is None else f"issued {show_on.at(checked.issued_at_ms)}, ")
            + f"good until {show_on.at(checked.valid_until_ms)}",
        ),
        _code(checked),
        _nonce(checked),
        _keys(checked),
        configuration_claim(checked),
        *checked.claims,
    )


def _origin(checked: VerifiedEvidence) -> Claim:
    if checked.simulated:
        return Claim("enclave", Status.ASSERTED, "a software root", "SIMULATED: no hardware")
    detail = "debug mode: the host can read its memory" if checked.debug else "production mode"
    return Claim("enclave", Status.PROVEN, checked.root, detail)


def _code(checked: VerifiedEvidence) -> Claim:
    if checked.debug:
        return Claim("code", Status.ABSENT, "a debug enclave measures nothing", checked.measurement)
    if not checked.measurement_accepted:
        return Claim("code", Status.ASSERTED, "compared with nothing", checked.measurement)
    status = Status.ASSERTED if checked.simulated else Status.PROVEN
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


def show(checked: VerifiedEvidence, *, at_ms: int, any_is_meant: bool) -> None:
    """Print the verdict for a person."""
    out = show_on.console()
    if checked.simulated:
        out.print(show_on.simulated_banner())
    out.print(show_on.plain(f"ACCEPTED at {show_on.at(at_ms)}", "bold green"))
    out.print(show_on.claims_table(claims_of(checked)))
    if not (checked.measurement_accepted or any_is_meant or checked.debug):
        note = (
            f"The code was compared with nothing. Require it: --measurement {checked.measurement}"
        )
        out.print(show_on.plain(note, "yellow"), soft_wrap=True)


def show_refusal(error: OpenGradientError, result: str) -> None:
    """Print why a file was not accepted."""
    out = show_on.console()
    out.print(show_on.plain(f"{result.upper()}: {error.message}", "bold red"))
    shown = error_as_json(error)
    names = ("step", "code", "expected", "actual", "next")
    out.print(
        show_on.pairs(
            (name, value) for name in names if (value := shown.get(name)) not in (None, "")
        )
    )
