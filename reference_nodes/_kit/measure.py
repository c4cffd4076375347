"""What a software enclave says it runs: hashes over source files.

These are honest hashes of dishonest standing: the process measures itself, so they show which
code an operator *says* is running, change when that code changes, and prove nothing. Hardware
enclaves are measured from outside. Neither the interpreter nor third-party packages are covered.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from opengradient.core.digests import sha384
from opengradient.errors import ConfigurationError

_IGNORED = frozenset({"__pycache__"})
_PCR_COUNT = 16


def measure_tree(root: Path) -> bytes:
    """SHA-384 over every file below a folder: names, order and content all count.

    Args:
        root: The folder. Hidden files and byte code are left out.

    Returns:
        SHA-384 over, per file in the order of its POSIX path as bytes: the length of the path in
        four bytes, the path, SHA-384 of the content.
    """
    files = sorted((path.relative_to(root).as_posix().encode(), path) for path in _files(root))
    return sha384(
        b"".join(len(name).to_bytes(4) + name + sha384(path.read_bytes()) for name, path in files)
    )


def measure_node(package: str) -> Mapping[int, bytes]:
    """Measure a node the way Nitro measures an image: 16 registers of 48 bytes.

    Args:
        package: Import name of the node's package, for example
            ``"reference_nodes.llm_proxy_node"``.

    Returns:
        PCR1: the library; PCR2: the node's package and the kit it stands on; PCR0: both. The
        others are zero, as on a host without them.

    Raises:
        ConfigurationError: There is no such package.
    """
    library = measure_tree(_folder("opengradient"))
    node = sha384(measure_tree(_folder("reference_nodes._kit")) + measure_tree(_folder(package)))
    registers = {0: sha384(library + node), 1: library, 2: node}
    return {index: registers.get(index, bytes(48)) for index in range(_PCR_COUNT)}


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"no package {package} to measure")
    return Path(spec.submodule_search_locations[0])


def _files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") or part in _IGNORED for part in parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield path
