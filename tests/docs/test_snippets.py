"""Every snippet of the documentation runs, against a real network on this machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from opengradient.networks import write_profile
from opengradient.testing.local_network import LocalNetwork
from opengradient.testing.simulators import Scenario
from tests.support import ROOT

EXAMPLES = ROOT / "docs" / "examples"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CITY = '{"name": "Paris", "population": 2100000}'


async def run(name: str, folder: Path) -> str:
    environment = {
        **os.environ,
        "OPENGRADIENT_HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }
    done = await anyio.run_process(
        [sys.executable, str(EXAMPLES / name)], cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.anyio
async def test_first_program_stream_and_file(tmp_path):
    async with LocalNetwork(tiny_model=True) as net:
        write_profile(net.network, tmp_path / "networks" / "devnet.json")
        first = await run("first_program.py", tmp_path)
        streamed = await run("stream.py", tmp_path)
        sealed = await run("confidential.py", tmp_path)
    assert "Paris" in first
    assert "proven    signature" in first
    assert "settled under root" in first
    assert "none missing or added" in streamed
    assert sealed.endswith("Oblivious HTTP to the attested key\n")
    checked = await run("verify_file.py", tmp_path)
    assert "simulated enclave" in checked
    assert "signature" in checked


@pytest.mark.anyio
async def test_structured_output(tmp_path):
    async with LocalNetwork(providers=("openai",)) as net:
        write_profile(net.network, tmp_path / "networks" / "devnet.json")
        net.simulators["openai"].enqueue(Scenario(text=(CITY,)))
        assert "Paris 2100000" in await run("structured.py", tmp_path)


@pytest.mark.anyio
async def test_storage(tmp_path):
    computed, stored, equal = (await run("storage.py", tmp_path)).split()
    assert (computed, equal) == (stored, "True")


@pytest.mark.anyio
async def test_alpha(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs the extra opengradient[models]")
    pytest.importorskip("onnx", reason="needs the extra opengradient[models]")
    said = await run("alpha.py", tmp_path)
    assert "local/churn" in said
    assert "weights asserted the node; no hardware" in said
    assert "settled under root" in said


@pytest.mark.anyio
async def test_policy(tmp_path):
    assert "False" in await run("policy.py", tmp_path)


def test_every_example_is_shown_and_every_python_fence_is_an_example():
    shown = set()
    for page in PAGES:
        for code in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
            include = re.fullmatch(r'--8<-- "docs/examples/(\w+\.py)"\n', code)
            if include:
                shown.add(include[1])
                continue
            same = [path.name for path in EXAMPLES.glob("*.py") if path.read_text() == code]
            assert same, f"a snippet of {page.name} is no file of docs/examples"
            shown.update(same)
    assert shown == {path.name for path in EXAMPLES.glob("*.py")}


def test_the_commands_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[\w-]+)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_commands_in_the_docs_are_commands():
    """Every `opengradient ...` line of the pages names a command that there is."""
    names = set()
    for page in PAGES:
        for line in re.findall(
            r"^(?:\.venv/bin/)?opengradient ([a-z]+)", page.read_text(), re.MULTILINE
        ):
            names.add(line)
    for name in sorted(names):
        done = subprocess.run(
            [sys.executable, "-m", "opengradient", name, "--help"],
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        )
        assert done.returncode == 0, name
