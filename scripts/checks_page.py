"""docs/checks.md: every check of every verifier, from the verifiers' own words and codes."""

import inspect
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from opengradient.errors import CODES
from opengradient.verify.aci import verify_aci_receipt
from opengradient.verify.attestation import dcap, gcp, maa, nitro, nvidia, sgx, snp, tdx
from opengradient.verify.node import verify_node
from opengradient.verify.receipts import verify_receipt
from opengradient.verify.releases import verify_releases

ROOT = Path(__file__).parent.parent
VERIFIERS: dict[str, tuple[str, Any]] = {
    "aws-nitro": ("AWS Nitro", nitro.verify_nitro),
    "intel-tdx": ("Intel TDX", tdx.verify_tdx),
    "intel-sgx": ("Intel SGX", sgx.verify_sgx),
    "dcap": ("Intel's chain of trust, for TDX and SGX", dcap),
    "amd-sev-snp": ("AMD SEV-SNP", snp.verify_snp),
    "gcp-confidential-space": ("Google Confidential Space", gcp.verify_gcp),
    "azure-maa": ("Microsoft Azure Attestation", maa.verify_maa),
    "nvidia-gpu": ("NVIDIA GPUs", nvidia.verify_nvidia),
    "releases": ("Release manifests and revocation lists", verify_releases),
    "node": ("A node, before anything is sent to it", verify_node),
    "receipt": ("A receipt", verify_receipt),
    "aci": ("A receipt of the open format ACI", verify_aci_receipt),
}
_STEP = re.compile(r"^ *\d+\.? ")
_ELSEWHERE = re.compile(r"`([a-z_]+(?:\.[a-z0-9_]+)*\.?\*?)`")


def page() -> str:
    """The page."""
    lines = [
        "# Every check",
        "",
        "Made from the verifiers' docstrings, the table of codes and the test vectors by",
        "`make fix`; do not edit by hand. What each kind proves is in [Trust](trust.md).",
        "",
        "A check that fails has its own code. *Vectors* counts the documents of our own making, in",
        "`tests/vectors`, that are sound in everything but this one thing.",
        "",
    ]
    for kind, (title, verifier) in VERIFIERS.items():
        steps = _steps(inspect.getdoc(verifier) or "")
        counts = _vectors(kind)
        lines += [f"## {title}", "", *steps, ""]
        codes = sorted({*_codes("\n".join(steps)), *counts})
        if codes:
            lines += ["| code | what it means | vectors |", "|---|---|---|"]
        lines += [f"| `{code}` | {CODES[code].meaning} | {counts[code] or ''} |" for code in codes]
        lines.append("")
    return "\n".join(lines)


def _steps(text: str) -> list[str]:
    """The numbered list of a docstring, each step in one line, as Markdown."""
    steps: list[str] = []
    open_step = False
    for line in text.splitlines():
        if _STEP.match(line):
            steps.append(line.strip())
            open_step = True
        elif open_step and line.startswith("   "):
            steps[-1] += " " + line.strip()
        else:
            open_step = False
    return [re.sub(r"``([^`]+)``", r"`\1`", step) for step in steps]


def _codes(text: str) -> set[str]:
    """The codes that a text names, one by one or as a family with a star."""
    found: set[str] = set()
    for name in _ELSEWHERE.findall(text):
        prefix = name.removesuffix("*")
        found |= {c for c in CODES if c == name or (name.endswith("*") and c.startswith(prefix))}
    return found


def _vectors(kind: str) -> Counter[str]:
    """Code to how many vectors of this kind must give it."""
    counts: Counter[str] = Counter()
    for path in sorted((ROOT / "tests" / "vectors").rglob("*.json")):
        content = json.loads(path.read_text())
        if not isinstance(content, dict) or content.get("kind") is None:
            continue
        for vector in content["vectors"]:
            if vector.get("kind", content["kind"]) == kind and vector["expect"] != "accept":
                counts[vector["expect"]] += 1
    return counts
