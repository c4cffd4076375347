"""What many tests need."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def vectors(folder: str) -> Path:
    """The folder of third-party vectors, or a skip with the reason."""
    base = Path(os.environ.get("OPENGRADIENT_VECTORS_DIR", ROOT.parent / "shared" / "vectors"))
    path = base / folder
    if not path.exists():
        pytest.skip(f"third-party vectors are not here: set OPENGRADIENT_VECTORS_DIR ({folder})")
    return path
