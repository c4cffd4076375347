"""`opengradient evidence`: attestation documents, checked or just read."""

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from opengradient.cli import exits
from opengradient.cli.times import TIME, now_ms
from opengradient.errors import (
    ConfigurationError,
    MalformedError,
    UnsupportedError,
    VerificationError,
)

if TYPE_CHECKING:
    from opengradient.core.evidence import Evidence
    from opengradient.verify.policy import TrustPolicy

_KINDS: Final = {"nitro": "aws-nitro", "software": "software-enclave"}
_NO_BOUND_MS: Final = 2**53
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def evidence() -> None:
    """Attestation documents: what makes a node's signing key trustworthy."""


@evidence.command()
@click.argument("file", type=_FILE)
@click.option("--kind", type=click.Choice(list(_KINDS)), required=True, help="Format of FILE.")
@click.option("--at", "at_ms", type=TIME, help="Judge at this time; by default now.")
@click.option("--max-age", type=click.IntRange(min=0), help="Refuse documents older in seconds.")
@click.option("--root", type=_FILE, help="PEM or DER of the root to trust; Nitro's is built in.")
@click.option("--measurement", multiple=True, help="Accept code with this id only (repeatable).")
@click.option("--unsafe-any-measurement", is_flag=True, help="Say that any code will do.")
@click.option("--allow-debug", is_flag=True, help="Accept debug enclaves (unsafe).")
@click.option("--nonce", help="Hex of the nonce that the document must answer.")
@exits.json_option
def verify(  # noqa: PLR0917  (one argument per option)
    file: Path,
    kind: str,
    at_ms: int | None,
    max_age: int | None,
    root: Path | None,
    measurement: tuple[str, ...],
    unsafe_any_measurement: bool,  # noqa: FBT001
    allow_debug: bool,  # noqa: FBT001
    nonce: str | None,
    json_: bool,  # noqa: FBT001
) -> None:
    """Check an attestation document, offline, at a stated time.

    FILE is the document as the enclave gave it, its base64, or the JSON of a node's evidence
    endpoint. Without --measurement the code that runs is shown but compared with nothing.
    Without --max-age the windows of the certificates (three hours) decide alone.

    Exit status: 0 accepted, 10 refused, 20 unsupported, 30 malformed.
    """
    from opengradient.cli import evidence_claims  # noqa: PLC0415
    from opengradient.verify.attestation import verify_evidence  # noqa: PLC0415

    if measurement and unsafe_any_measurement:
        raise click.UsageError("--measurement and --unsafe-any-measurement exclude each other")
    wanted = _hex(nonce) if nonce is not None else None
    when = now_ms() if at_ms is None else at_ms
    try:
        policy = _policy(_KINDS[kind], root, measurement, allow_debug=allow_debug)
        policy = _with_age(policy, max_age)
        presented = read_evidence(file.read_bytes(), _KINDS[kind])
        checked = verify_evidence(presented, policy=policy, now_ms=when, nonce=wanted)
    except (VerificationError, UnsupportedError) as error:
        result, status = exits.judge(error)
        if json_:
            exits.print_json({"result": result, "at": when, "kind": kind, **exits.as_json(error)})
        else:
            evidence_claims.show_refusal(error, result)
        raise click.exceptions.Exit(status) from None
    if json_:
        exits.print_json(evidence_claims.as_json(checked, at_ms=when))
    else:
        evidence_claims.show(checked, at_ms=when, any_is_meant=unsafe_any_measurement)


@evidence.command()
@click.argument("file", type=_FILE)
@exits.json_option
def inspect(file: Path, json_: bool) -> None:  # noqa: FBT001
    """Read a document without checking it: anybody can write what this shows."""
    from opengradient.cli.console import console, pairs, plain  # noqa: PLC0415
    from opengradient.verify.attestation import inspect_nitro  # noqa: PLC0415

    try:
        content = inspect_nitro(read_evidence(file.read_bytes(), None).document)
    except (VerificationError, UnsupportedError) as error:
        exits.report(error, click.get_current_context())
        raise click.exceptions.Exit(exits.judge(error)[1]) from None
    if json_:
        exits.print_json(content)
        return
    out = console()
    out.print(plain("NOT VERIFIED: this is what the document says of itself.", "bold yellow"))
    out.print(pairs((name, _flat(value)) for name, value in content.items() if name != "verified"))


def read_evidence(data: bytes, kind: str | None) -> "Evidence":
    """Evidence from a file: the document itself, its base64, or a node's JSON.

    Args:
        data: The file.
        kind: What the caller says it is; None takes Nitro's format.

    Raises:
        MalformedError: None of these, or of another kind than `kind`.
    """
    from opengradient.core.canonical import parse_json_object  # noqa: PLC0415
    from opengradient.core.evidence import MAX_DOCUMENT_BYTES, NITRO, Evidence  # noqa: PLC0415
    from opengradient.wire.settlement import decode_evidence  # noqa: PLC0415

    text = data.strip()
    if text.startswith(b"{"):
        value = parse_json_object(text, what="the evidence", max_bytes=4 * MAX_DOCUMENT_BYTES)
        found = decode_evidence(value)
        if kind is not None and found.kind != kind:
            raise MalformedError(
                "the file holds evidence of another kind", expected=kind, actual=found.kind
            )
        return found
    return Evidence(kind=kind or NITRO, document=_unwrapped(data, text))


def _unwrapped(data: bytes, text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return data


def _policy(
    kind: str, root: Path | None, measurements: tuple[str, ...], *, allow_debug: bool
) -> "TrustPolicy":
    from opengradient.cli.console import banner_instead_of_warnings  # noqa: PLC0415
    from opengradient.core.evidence import SOFTWARE  # noqa: PLC0415
    from opengradient.verify.policy import TrustPolicy, UnsafeAnyMeasurement  # noqa: PLC0415
    from opengradient.verify.trust import (  # noqa: PLC0415
        TrustedRoot,
        UnsafeSimulatedRoot,
        aws_nitro_root,
    )

    trusted: TrustedRoot | UnsafeSimulatedRoot
    if kind == SOFTWARE:
        if root is None:
            raise click.UsageError("software enclaves have no built-in root: pass --root")
        trusted = UnsafeSimulatedRoot(name=root.name, certificate=_certificate(root))
    elif root is None:
        trusted = aws_nitro_root()
    else:
        trusted = TrustedRoot(kind=kind, name=root.name, certificate=_certificate(root))
    with banner_instead_of_warnings():  # the verdict shows that nothing was compared
        accepted = frozenset(measurements) or UnsafeAnyMeasurement()
    return TrustPolicy(roots=(trusted,), measurements=accepted, allow_debug=allow_debug)


def _with_age(policy: "TrustPolicy", max_age: int | None) -> "TrustPolicy":
    from dataclasses import replace  # noqa: PLC0415

    if max_age is None:
        return replace(policy, max_evidence_age_ms=_NO_BOUND_MS, clock_skew_ms=_NO_BOUND_MS)
    return replace(policy, max_evidence_age_ms=max_age * 1000)


def _certificate(path: Path) -> bytes:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    data = path.read_bytes()
    if not data.lstrip().startswith(b"-----"):
        return data
    try:
        return x509.load_pem_x509_certificate(data).public_bytes(Encoding.DER)
    except ValueError as error:
        raise ConfigurationError(f"{path} holds no PEM certificate: {error}") from error


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise click.BadParameter("not hex", param_hint="--nonce") from None


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {item}" for name, item in value.items())
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
