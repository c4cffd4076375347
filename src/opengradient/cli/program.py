"""How this program is called on this machine, for hints that can be copied."""

import shlex
import shutil
import sys
from pathlib import Path


def program() -> str:
    """How this program is called here: by name if that finds it, else by its path."""
    found = shutil.which("opengradient")
    beside = Path(sys.executable).with_name("opengradient")
    if found is not None and Path(found).resolve() == beside.resolve():
        return "opengradient"
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m opengradient"
    here = Path.cwd()
    shown = beside.relative_to(here) if beside.is_relative_to(here) else beside
    return shlex.quote(str(shown))
