"""Writes the documents that are made from code; `--check` fails if one is stale.

python scripts/generate.py            write them
python scripts/generate.py --check    compare only
"""

import re
import sys
from pathlib import Path

from checks_page import page as checks_page
from pydantic import BaseModel

from opengradient import errors
from opengradient.errors import CODES, OpenGradientError
from reference_nodes.full_node.config import _parser as full_node_parser
from reference_nodes.llm_proxy_node.config import Settings as ProxySettings
from reference_nodes.relay_node.config import Settings as RelaySettings

ROOT = Path(__file__).parent.parent


def errors_page() -> str:
    """docs/errors.md: the tree, and every code with what it means and what to do."""
    lines = [
        "# Errors",
        "",
        "Made from `opengradient.errors` by `make fix`; do not edit by hand.",
        "",
        "Every error the library raises is an `OpenGradientError` with a stable `.code`;",
        "`.diagnostics()` says what to do next. Nothing in `VerificationError` is ever retried.",
        "",
    ]
    tree = (errors.__doc__ or "").split("```")[1].strip("\n")
    lines += ["```text", tree, "```", "", "## Codes", ""]
    families: dict[str, list[str]] = {}
    for code in sorted(CODES):
        families.setdefault(code.split(".")[0], []).append(code)
    defaults = {
        cls.default_code: name
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, OpenGradientError)
    }
    for family, codes in families.items():
        lines += [f"### {family}", "", "| code | meaning | what to do |", "|---|---|---|"]
        for code in codes:
            entry = CODES[code]
            default = f" (default of `{defaults[code]}`)" if code in defaults else ""
            lines.append(f"| `{code}` | {entry.meaning}{default} | {entry.hint} |")
        lines.append("")
    return "\n".join(lines)


def _variables(title: str, settings: type[BaseModel], prefix: str) -> list[str]:
    said = "".join(base.__doc__ or "" for base in settings.__mro__ if issubclass(base, BaseModel))
    entries = re.findall(r"^        (\w+): (.+?)$", said, re.MULTILINE)
    lines = [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|"]
    meanings = dict(entries)
    for name, info in settings.model_fields.items():
        default = "required" if info.is_required() else f"`{info.default}`"
        lines.append(f"| `{prefix}{name.upper()}` | {default} | {meanings[name]} |")
    return [*lines, ""]


def settings_page() -> str:
    """docs/settings.md: what each node can be told."""
    lines = [
        "# Settings of the nodes",
        "",
        "Made from the nodes' `config.py` by `make fix`; do not edit by hand.",
        "",
        *_variables("LLM proxy node", ProxySettings, "OPENGRADIENT_"),
        *_variables("Relay", RelaySettings, "OPENGRADIENT_RELAY_"),
    ]
    lines += ["## Full node", "", "| option | default | meaning |", "|---|---|---|"]
    for action in full_node_parser()._actions:  # noqa: SLF001  argparse has no public list
        if action.dest != "help":
            default = "required" if action.required else f"`{action.default}`"
            lines.append(f"| `{action.option_strings[0]}` | {default} | {action.help} |")
    return "\n".join([*lines, ""])


PAGES = {
    "docs/errors.md": errors_page,
    "docs/settings.md": settings_page,
    "docs/checks.md": checks_page,
}


def main() -> int:
    """Write or check every page."""
    stale = []
    for name, make in PAGES.items():
        path = ROOT / name
        text = make()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and "--check" in sys.argv:
        print(f"stale, run `make fix`: {', '.join(stale)}")
        return 1
    print(f"{len(PAGES)} generated pages, {len(stale)} {'written' if stale else 'changed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
