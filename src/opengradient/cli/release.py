"""`opengradient release`: manifests of releases and lists of revocations, signed and checked."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from opengradient.cli import exits
from opengradient.cli.times import TIME, now_ms
from opengradient.errors import (
    ConfigurationError,
    UnsupportedError,
    VerificationError,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from opengradient.core.releases import ReleaseManifest
    from opengradient.core.revocations import RevocationList

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_OTHERS_MAY: Final = 0o077


@click.group()
def release() -> None:
    """Release manifests: which measurement is which build of which source commit."""


@release.command()
@click.argument("file", type=_OUT)
@exits.json_option
def keygen(file: Path, json_: bool) -> None:  # noqa: FBT001
    """Make a signing key in FILE, which only you can read, and show its public key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise ConfigurationError(f"{file} is there already; keys are not overwritten") from None
    file.write_bytes(pem)
    _show(json_, {"key": str(file), "public_key": _public(key).hex()})


@release.command()
@click.argument("file", type=_FILE)
@click.option("--key", "key_file", type=_FILE, required=True, help="Your Ed25519 key, PEM, 0600.")
@click.option("-o", "--out", type=_OUT, help="Where the signed form goes; by default into FILE.")
@click.option("--signatures", type=_OUT, help="Where signatures are; by default OUT.sig.")
@exits.json_option
def sign(
    file: Path,
    key_file: Path,
    out: Path | None,
    signatures: Path | None,
    json_: bool,  # noqa: FBT001
) -> None:
    """Sign a manifest, or a list of revocations, beside whoever signed it before.

    FILE may be written in any spelling of JSON; what is signed, and written, is its canonical
    form. Signatures of the same file that are there already are kept.
    """
    from opengradient.core.signed_files import (  # noqa: PLC0415
        KeySignature,
        Signatures,
        signing_bytes,
    )

    key = _read_key(key_file)
    content = _read_any(file.read_bytes(), canonical=False)
    payload, kind = content.encode(), content.PAYLOAD_TYPE
    out = out or file
    signatures = signatures or out.with_name(out.name + ".sig")
    before = Signatures(payload_type=kind, items=())
    if signatures.exists():
        before = Signatures.parse(signatures.read_bytes())
        _require_same(before, kind, payload, signatures)
    signature = key.sign(signing_bytes(kind, payload))
    after = before.added(KeySignature(key=_public(key), signature=signature))
    out.write_bytes(payload)
    signatures.write_bytes(after.encode())
    _show(
        json_,
        {
            "signed": str(out),
            "signatures": str(signatures),
            "number": content.number,
            "keys": [item.key.hex() for item in after.items],
        },
    )


@release.command()
@click.argument("file", type=_FILE)
@click.option("--signatures", type=_FILE, help="The signatures; by default FILE.sig.")
@click.option("--key", "keys", multiple=True, required=True, help="Public key in hex that counts.")
@click.option("--threshold", type=click.IntRange(min=1), help="How many must have signed; all.")
@click.option("--at", "at_ms", type=TIME, help="Judge at this time; by default now.")
@click.option("--last-seen", type=click.IntRange(min=0), help="Refuse a number below this.")
@exits.json_option
def verify(  # noqa: PLR0917  (one argument per option)
    file: Path,
    signatures: Path | None,
    keys: tuple[str, ...],
    threshold: int | None,
    at_ms: int | None,
    last_seen: int | None,
    json_: bool,  # noqa: FBT001
) -> None:
    """Check who signed a manifest or a list of revocations, and whether it is current.

    Exit status: 0 accepted, 10 refused, 20 unsupported, 30 malformed.
    """
    from opengradient.cli.evidence_claims import show_refusal  # noqa: PLC0415
    from opengradient.verify.releases import (  # noqa: PLC0415
        verify_releases,
        verify_revocations,
    )

    accepted = [_public_hex(text) for text in keys]
    beside = signatures or file.with_name(file.name + ".sig")
    if not beside.exists():
        raise click.UsageError(f"no signatures: {beside} is not there; pass --signatures")
    data = file.read_bytes()
    when = now_ms() if at_ms is None else at_ms
    try:
        check = verify_revocations if _is_revocations(data) else verify_releases
        checked = check(
            data,
            beside.read_bytes(),
            keys=accepted,
            threshold=len(set(accepted)) if threshold is None else threshold,
            now_ms=when,
            last_seen=last_seen,
        )
    except (VerificationError, UnsupportedError) as error:
        result, status = exits.judge(error)
        if json_:
            exits.print_json({"result": result, "at": when, **exits.as_json(error)})
        else:
            show_refusal(error, result)
        raise click.exceptions.Exit(status) from None
    signers = [key.hex() for key in checked.signed_by]
    found = {"result": "accepted", "code": None, "at": when, "signed_by": signers}
    _show(json_, found | _summary(_read_any(data, canonical=True)))


@release.command()
@click.argument("file", type=_FILE)
@exits.json_option
def show(file: Path, json_: bool) -> None:  # noqa: FBT001
    """Read a manifest or a list of revocations without checking who signed it."""
    try:
        content = _read_any(file.read_bytes(), canonical=False)
    except (VerificationError, UnsupportedError) as error:
        exits.report(error, click.get_current_context())
        raise click.exceptions.Exit(exits.judge(error)[1]) from None
    _show(json_, {"verified": False} | _summary(content))


def _show(json_: bool, values: dict[str, Any]) -> None:  # noqa: FBT001
    if json_:
        exits.print_json(values)
        return
    from opengradient.cli.console import at, console, pairs, plain  # noqa: PLC0415

    out = console()
    if values.get("verified") is False:
        out.print(plain("NOT VERIFIED: this is what the file says of itself.", "bold yellow"))
    if values.get("result") == "accepted":
        out.print(plain(f"ACCEPTED at {at(values['at'])}", "bold green"))
    rows = {k: v for k, v in values.items() if k not in {"verified", "result", "code", "at"}}
    for name in ("issued_at", "expires_at"):
        if name in rows:
            rows[name] = at(rows[name])
    out.print(pairs((name.replace("_", " "), _flat(value)) for name, value in rows.items()))


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_flat(item)}" for name, item in value.items() if item)
    return "\n".join(map(_flat, value)) if isinstance(value, list) else str(value)


def _summary(content: "ReleaseManifest | RevocationList") -> dict[str, Any]:
    from opengradient.core.canonical import parse_json_object  # noqa: PLC0415

    return parse_json_object(content.encode())


def _is_revocations(data: bytes) -> bool:
    from opengradient.core.canonical import parse_json_object  # noqa: PLC0415
    from opengradient.core.releases import MAX_MANIFEST_BYTES  # noqa: PLC0415
    from opengradient.core.revocations import REVOCATIONS_VERSION  # noqa: PLC0415

    raw = parse_json_object(data, what="the file", max_bytes=MAX_MANIFEST_BYTES)
    return bool(raw.get("version") == REVOCATIONS_VERSION)


def _read_any(data: bytes, *, canonical: bool) -> "ReleaseManifest | RevocationList":
    from opengradient.core.releases import ReleaseManifest  # noqa: PLC0415
    from opengradient.core.revocations import RevocationList  # noqa: PLC0415

    if _is_revocations(data):
        return RevocationList.parse(data, canonical=canonical)
    return ReleaseManifest.parse(data, canonical=canonical)


def _require_same(before: Any, kind: str, payload: bytes, path: Path) -> None:
    """Refuse to sign beside signatures of something else: they would all look wrong."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    from opengradient.core.signed_files import signing_bytes  # noqa: PLC0415

    try:
        for item in before.items:
            key = Ed25519PublicKey.from_public_bytes(item.key)
            key.verify(item.signature, signing_bytes(kind, payload))
    except InvalidSignature:
        raise ConfigurationError(
            f"{path} holds signatures of another file: remove it, or choose --signatures"
        ) from None


def _read_key(path: Path) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    if path.stat().st_mode & _OTHERS_MAY:
        raise ConfigurationError(f"others can read {path}: chmod 600 it, and consider a new key")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} holds no private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} holds another key than Ed25519")
    return key


def _public(key: "Ed25519PrivateKey") -> bytes:
    return key.public_key().public_bytes_raw()


def _public_hex(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise click.BadParameter("a public key is 64 hex digits", param_hint="--key")
    return key
