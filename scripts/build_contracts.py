"""Builds the contracts into src/opengradient/chain/abi, or checks that the committed files are what they build to.

Needs Node.js and the pinned compiler: `npm install --no-package-lock` in contracts/. Only those who change a contract
need either; where they are absent, --check says so and passes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "src" / "opengradient" / "chain" / "abi"


def missing_tool() -> str | None:
    """Name what is missing for a build, or None."""
    node = shutil.which("node")
    if node is None:
        return "Node.js is not on PATH"
    probe = "require('module').createRequire(process.argv[1] + '/')('solc/package.json')"
    found = subprocess.run([node, "-e", probe, str(CONTRACTS)], capture_output=True, check=False)
    if found.returncode != 0:
        return (
            "npm package solc is not installed: run `npm install --no-package-lock` in contracts/"
        )
    return None


def build(output: Path) -> None:
    """Compile every contract and write its artifact to `output`."""
    subprocess.run(["node", "build.mjs", str(output)], cwd=CONTRACTS, env=os.environ, check=True)


def differing() -> list[str]:
    """Rebuild elsewhere and name the committed artifacts that differ by a byte."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        build(fresh)
        names = {path.name for path in (*fresh.glob("*.json"), *ARTIFACTS.glob("*.json"))}
        return sorted(name for name in names if _read(fresh / name) != _read(ARTIFACTS / name))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is committed")
    arguments = parser.parse_args()
    if reason := missing_tool():
        print(f"{'SKIPPED' if arguments.check else 'cannot build'}: {reason}")
        return 0 if arguments.check else 1
    if not arguments.check:
        build(ARTIFACTS)
        return 0
    if stale := differing():
        print(
            f"not what contracts/src builds to: {', '.join(stale)}. Run scripts/build_contracts.py"
        )
        return 1
    print("the committed artifacts are byte for byte what contracts/src builds to")
    return 0


if __name__ == "__main__":
    sys.exit(main())
