"""The image's tree is the same wherever and whenever it is made, and a node imports from it."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts import build_image_tree as builder
from tests.support import ROOT

SETTINGS = ROOT / "deploy" / "nitro" / "node.env"
LOCK = ROOT / "deploy" / "requirements.lock"


def built(root: Path, out: Path, **environment: str) -> bytes:
    """Run the builder of a checkout, as a person would."""
    subprocess.run(
        [
            *(sys.executable, root / "scripts" / "build_image_tree.py"),
            *("--settings", root / "deploy" / "nitro" / "node.env", "--out", out),
        ],
        check=True,
        capture_output=True,
        cwd=out.parent,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}", **environment},
        umask=int(environment.get("UMASK", "022"), 8),
    )
    return out.read_bytes()


def test_two_builds_are_one(tmp_path: Path) -> None:
    """Another folder, umask, time, time zone, locale and hash seed; and rubbish lying about."""
    first = built(ROOT, tmp_path / "first.tar", PYTHONHASHSEED="1")
    other = tmp_path / "elsewhere" / "checkout"
    for part in ("src", "reference_nodes", "scripts", "deploy"):
        shutil.copytree(ROOT / part, other / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in other.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1, 1))
    package = other / "src" / "opengradient"
    (package / ".hidden").write_text("x")
    (package / "core" / "__pycache__").mkdir(exist_ok=True)
    (package / "core" / "__pycache__" / "x.cpython-312.pyc").write_bytes(b"x")
    second = built(
        other, tmp_path / "second.tar", PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C", UMASK="077"
    )
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


@pytest.fixture(scope="module")
def tree() -> builder.Files:
    return builder.collect(SETTINGS, None, LOCK)


def test_the_archive_says_nothing_of_this_machine(tree: builder.Files) -> None:
    with tarfile.open(fileobj=io.BytesIO(builder.archive_of(tree))) as archive:
        members = archive.getmembers()
        assert [m.name for m in members] == sorted(m.name for m in members)
        for member in members:
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (
                *(0, 0, 0),
                *("", ""),
            )
            assert member.isdir() or member.isfile()
            assert member.mode == (
                0o755 if member.isdir() or member.name == builder.INIT else 0o644
            )
        content = {m.name: archive.extractfile(m).read() for m in members if m.isfile()}
    assert content == tree


def test_the_manifest_names_every_file(tree: builder.Files) -> None:
    manifest = json.loads(tree[builder.MANIFEST])
    rest = {name: data for name, data in tree.items() if name != builder.MANIFEST}
    assert manifest["files"] == {n: hashlib.sha256(d).hexdigest() for n, d in sorted(rest.items())}
    assert manifest["complete"] is False


def test_a_node_imports_from_the_tree_alone(tree: builder.Files, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(builder.archive_of(tree))) as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(tmp_path)
    program = (
        "import opengradient, reference_nodes._kit.vsock_bridge;"
        "import reference_nodes.llm_proxy_node.__main__; print(opengradient.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={"PYTHONPATH": str(tmp_path / builder.SITE), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


def test_the_first_process_is_a_shell_script_and_drops_the_environment(
    tree: builder.Files,
) -> None:
    script = tree[builder.INIT]
    subprocess.run(["sh", "-n"], input=script, check=True)
    assert b"exec env -i " in script


def test_the_enclave_reaches_its_hosts_and_no_others(tree: builder.Files) -> None:
    hosts = tree[builder.HOSTS].decode().split()
    assert hosts[1::2] == sorted(hosts[1::2])
    assert set(hosts[1::2]) == {
        "api.anthropic.com",
        "api.openai.com",
        "api.x.ai",
        "generativelanguage.googleapis.com",
    }
    arguments = tree[builder.BRIDGE].decode().split()
    assert arguments.count("--reach") == 4
    from reference_nodes._kit.vsock_bridge import parse_routes

    pairs = list(zip(arguments[1::2], arguments[2::2], strict=True))
    serve = tuple(value for name, value in pairs if name == "--serve")
    reach = tuple(value for name, value in pairs if name == "--reach")
    assert len(parse_routes(serve, reach)) == 5


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("OPENAI_API_KEY=sk-1", "sealed"),
        ("OPENGRADIENT_PROVIDER_KEYS=environment", "two|one plain|sealed"),
        ("OPENGRADIENT_X=$(id)", "plain"),
        ("export A=1", "plain"),
        ("OPENGRADIENT_PORT=8443", "plain"),
    ],
)
def test_settings_that_no_image_may_have(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "node.env"
    path.write_text(SETTINGS.read_text() + line + "\n")
    with pytest.raises(Exception, match=why) as caught:
        builder.settings_files(path)
    assert "sk-1" not in str(caught.value)


def test_settings_without_an_operator(tmp_path: Path) -> None:
    path = tmp_path / "node.env"
    lines = SETTINGS.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "OPERATOR" not in line))
    with pytest.raises(builder.BuildError, match="operator"):
        builder.settings_files(path)


def wheel(folder: Path, name: str, *members: str) -> str:
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, member)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_wheels_are_the_locked_ones_and_unpacked(tmp_path: Path) -> None:
    digest = wheel(tmp_path, "a", "a/x.py", "a-1.data/purelib/b.py", "a-1.data/scripts/run")
    found = dict(builder.wheel_files(tmp_path, {digest: "a==1"}))
    assert set(found) == {f"{builder.SITE}/a/x.py", f"{builder.SITE}/b.py"}
    with pytest.raises(builder.BuildError, match="not in the lock"):
        dict(builder.wheel_files(tmp_path, {}))
    with pytest.raises(builder.BuildError, match="missing: b==2"):
        dict(builder.wheel_files(tmp_path, {digest: "a==1", "0" * 64: "b==2"}))


@pytest.mark.parametrize("member", ["../x.py", "/x.py", "a/../../x", "a\\..\\x"])
def test_wheels_stay_in_their_place(tmp_path: Path, member: str) -> None:
    digest = wheel(tmp_path, "a", member)
    with pytest.raises(builder.BuildError, match="out of its place"):
        dict(builder.wheel_files(tmp_path, {digest: "a==1"}))


def test_the_lock_is_well_formed_and_has_what_a_node_needs() -> None:
    locked = builder.read_lock(LOCK)
    names = {entry.partition("==")[0] for entry in locked.values()}
    assert {"anyio", "cryptography", "coincurve", "pyhpke", "uvicorn", "uvloop"} <= names
    assert len(names) == len(locked)


def test_the_lock_has_everything_that_a_node_imports() -> None:
    program = (
        "import sys, importlib.metadata as m; names = m.packages_distributions();"
        "import reference_nodes.llm_proxy_node.__main__, uvloop, opengradient.transport.sealed_keys;"
        "import opengradient.transport.ohttp._hpke, pyhpke, rich, eth_abi;"
        "loaded = {module.partition('.')[0] for module in sys.modules};"
        "print(' '.join({d for name in loaded for d in names.get(name, [])}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    used = {name.lower().replace("_", "-") for name in done.stdout.split()}
    locked = {entry.partition("==")[0] for entry in builder.read_lock(LOCK).values()}
    assert used - {"opengradient", "setuptools"} <= locked


def test_two_sources_for_one_file(tmp_path: Path) -> None:
    digest = wheel(tmp_path, "a", "opengradient/__init__.py")
    lock = tmp_path / "lock"
    lock.write_text(f"a==1 --hash=sha256:{digest}\n")
    with pytest.raises(builder.BuildError, match="two places"):
        builder.collect(SETTINGS, tmp_path, lock)


def test_the_settings_of_a_confidential_vm_need_no_bridge() -> None:
    files = builder.settings_files(ROOT / "deploy" / "tdx" / "node.env")
    assert files.keys() == {builder.SETTINGS}
    assert b"OPENGRADIENT_ENCLAVE=tsm\n" in files[builder.SETTINGS]
