"""Make the file tree of a node's enclave image, byte for byte the same wherever it is made.

    python scripts/build_image_tree.py --settings deploy/nitro/node.env --wheels WHEELS --out tree.tar

The tree holds the library and the nodes, the third-party wheels unpacked, the measured settings
and a manifest with the SHA-256 of every file. Order, owners, modes and times are fixed; nothing of
the machine, its clock or its umask gets in. Wheels are those of deploy/requirements.lock, no more
and no fewer, each by its SHA-256.
"""

import hashlib
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import click

from opengradient._version import __version__
from opengradient.errors import ConfigurationError
from reference_nodes.llm_proxy_node.backends import ProviderSettings
from reference_nodes.llm_proxy_node.config import Settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "opengradient": ROOT / "src" / "opengradient",
    "reference_nodes": ROOT / "reference_nodes",
}
SITE = PurePosixPath("opt/opengradient/site-packages")
SETTINGS = "etc/opengradient/node.env"
MANIFEST = "etc/opengradient/manifest.json"
MTIME = 0
"""1970-01-01: an image has no time of its own."""

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=([^\s'\"\\$`]*)")
_LOCKED = re.compile(r"([a-z0-9.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})")
_IGNORED = {"__pycache__", "node_modules"}
_LEFT_OUT = {
    "opengradient": {"cli", "testing"},
    "reference_nodes": {
        "devnet",
        "full_node",
        "local_inference_node",
        "relay_node",
        "storage_node",
        "tiny_llm_node",
    },
}
"""Rooms that this node never enters: what is not in the image need not be trusted."""

INIT = "opt/opengradient/init.sh"
HOSTS = "etc/opengradient/hosts"
BRIDGE = "etc/opengradient/bridge.args"
PARENT_CID = 3
"""The parent instance, as Nitro Enclaves number it (AWS Nitro Enclaves User Guide)."""

FIRST_VSOCK_PORT = 8001

Files = dict[str, bytes]


class BuildError(Exception):
    """The inputs are not what an image may be made of."""


def package_files(name: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    """The files of one of our packages; caches, hidden files and byte code are left out."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_symlink():
            raise BuildError(f"{name}: {'/'.join(parts)} is a link")
        ignored = any(part.startswith(".") or part in _IGNORED for part in parts)
        ignored = ignored or parts[0] in _LEFT_OUT[name]
        if path.is_file() and not ignored and path.suffix != ".pyc":
            yield str(SITE / name / "/".join(parts)), path.read_bytes()


def read_lock(path: Path) -> Mapping[str, str]:
    """SHA-256 to ``name==version`` of every locked wheel."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            match = _LOCKED.fullmatch(line)
            if match is None:
                raise BuildError(f"{path.name}: not a locked wheel: {line}")
            found[match[3]] = f"{match[1]}=={match[2]}"
    return found


def wheel_files(folder: Path, locked: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The unpacked content of exactly the locked wheels."""
    missing = dict(locked)
    for path in sorted(folder.glob("*.whl")):
        data = path.read_bytes()
        if missing.pop(hashlib.sha256(data).hexdigest(), None) is None:
            raise BuildError(f"{path.name} is not in the lock, or there twice")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for item in archive.infolist():
                target = installed_path(item.filename)
                if target is not None and not item.is_dir():
                    yield str(SITE / target), archive.read(item)
    if missing:
        raise BuildError(f"wheels are missing: {', '.join(sorted(missing.values()))}")


def installed_path(name: str) -> PurePosixPath | None:
    """Where a wheel's file goes below site-packages; None for scripts, headers and data."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise BuildError(f"a wheel reaches out of its place: {name}")
    first = path.parts[0] if path.parts else ""
    if not first.endswith(".data"):
        return path
    if len(path.parts) > 2 and path.parts[1] in {"purelib", "platlib"}:
        return PurePosixPath(*path.parts[2:])
    return None


def settings_files(path: Path) -> Files:
    """The measured settings, sorted; what a node would not start with is refused here."""
    given: dict[str, str] = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or match[1] in given:
            raise BuildError(f"{path.name}: not one plain NAME=value: {line.partition('=')[0]}")
        given[match[1]] = match[2]
    settings = Settings.from_env(given)
    if not settings.sealed_keys or settings.operator is None:
        raise BuildError("an image takes sealed keys, and its settings name the operator")
    providers = ProviderSettings.addresses_from_env(given)
    files = {SETTINGS: "".join(f"{name}={given[name]}\n" for name in sorted(given)).encode()}
    if settings.enclave == "nitro":
        urls = [*providers.attested().values(), *settings.full_nodes, settings.rpc_url]
        files |= network_files(settings.port, [url for url in urls if url])
    return files


def network_files(port: int, urls: list[str]) -> Files:
    """How an enclave without a network reaches its hosts: loopback addresses that lead to vsock."""
    hosts: list[str] = []
    routes = ["--loopback", "--serve", f"{port}=127.0.0.1:{port}"]
    wanted = {urlsplit(url) for url in urls}
    places = sorted(
        {(u.hostname or "", u.port or (443 if u.scheme == "https" else 80)) for u in wanted}
    )
    for number, (host, target) in enumerate(places):
        address = f"127.0.0.{number + 2}"
        hosts.append(f"{address} {host}\n")
        vsock = f"{PARENT_CID}:{FIRST_VSOCK_PORT + number}"
        routes += ["--reach", f"{address}:{target}={vsock}"]
    return {HOSTS: "".join(hosts).encode(), BRIDGE: (" ".join(routes) + "\n").encode()}


def collect(settings: Path, wheels: Path | None, lock: Path) -> Files:
    """Every file of the tree."""
    files = {**settings_files(settings), INIT: (ROOT / "deploy" / "init.sh").read_bytes()}
    sources = [package_files(name, folder) for name, folder in PACKAGES.items()]
    if wheels is not None:
        sources.append(wheel_files(wheels, read_lock(lock)))
    for source in sources:
        for name, data in source:
            if name in files:
                raise BuildError(f"{name} comes from two places")
            files[name] = data
    manifest = {
        "version": "opengradient.image/1",
        "release": __version__,
        "complete": wheels is not None,
        "files": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }
    files[MANIFEST] = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    return files


def archive_of(files: Files) -> bytes:
    """The tree as an uncompressed tar: directories first by name, then nothing but content."""
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted({*files, *folders} - {"."}):
            info = tarfile.TarInfo(name)
            info.mtime, info.uid, info.gid, info.uname, info.gname = MTIME, 0, 0, "", ""
            if name in folders:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            else:
                info.size, info.mode = len(files[name]), 0o755 if name == INIT else 0o644
                archive.addfile(info, io.BytesIO(files[name]))
    return out.getvalue()


@click.command()
@click.option("--settings", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--wheels", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--lock", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(settings: Path, wheels: Path | None, lock: Path | None, out: Path) -> None:
    """Write the tree. Without --wheels it holds our own files only, and its manifest says so."""
    files = collect(settings, wheels, lock or ROOT / "deploy" / "requirements.lock")
    data = archive_of(files)
    out.write_bytes(data)
    click.echo(f"{hashlib.sha256(data).hexdigest()}  {out.name}  ({len(files)} files)")


if __name__ == "__main__":
    try:
        main()
    except (BuildError, ConfigurationError) as error:
        sys.exit(f"error: {error}")
