"""The models of a node: a folder each, named by its root, checked byte by byte when it is added."""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from opengradient.core.chunks import FileDigests, tree_root
from opengradient.core.digests import equal
from opengradient.core.models import MAX_MANIFEST_BYTES, ModelFile, ModelManifest
from opengradient.errors import (
    ConfigurationError,
    NotFoundError,
    UnsupportedError,
    VerificationError,
)
from reference_nodes.local_inference_node.backends import WEIGHTS
from reference_nodes.local_inference_node.pool import WeightsFile

MANIFEST: Final = "manifest.json"
FILES: Final = "files"
_PARTIAL: Final = ".partial-"
_READ_BYTES: Final = 1 << 20


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model in a library.

    Attributes:
        manifest: What it is.
        weights: The one file that an engine loads; it is hashed again when it is loaded.
    """

    manifest: ModelManifest
    weights: WeightsFile


@final
class Library:
    """A folder of models. Reading and writing block: call from a thread."""

    def __init__(self, folder: Path) -> None:
        """Read every manifest of the folder, which is made where there is none.

        Raises:
            ConfigurationError: A folder that is not under its model's root, or cannot be read.
            MalformedError: A manifest that is none.
            UnsupportedError: Code ``inference.format``: a model without one file of weights.
        """
        self._folder = folder
        self._models: dict[bytes, StoredModel] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                if not path.name.startswith(_PARTIAL):
                    self._read(path)
        except OSError as error:
            raise ConfigurationError(f"{folder} cannot be read: {error}") from error

    def _read(self, path: Path) -> None:
        file = path / MANIFEST
        if file.stat().st_size > MAX_MANIFEST_BYTES:
            raise ConfigurationError(f"{file} is too large for a manifest")
        manifest = ModelManifest.parse(file.read_bytes())
        if manifest.root.hex() != path.name:
            raise ConfigurationError(
                f"{path} has the manifest of {manifest.root.hex()}", code="model.malformed"
            )
        self._models[manifest.root] = _stored(manifest, path)

    @property
    def manifests(self) -> Sequence[ModelManifest]:
        """Every model, by name and version."""
        found = [stored.manifest for stored in self._models.values()]
        return sorted(found, key=lambda item: (item.name, item.version, item.root))

    def get(self, root: bytes) -> StoredModel:
        """A model.

        Raises:
            NotFoundError: Code ``inference.unknown_model``.
        """
        found = self._models.get(root)
        if found is None:
            raise NotFoundError(
                f"this node has no model {root.hex()}", status=404, code="inference.unknown_model"
            )
        return found

    def add(self, manifest: ModelManifest, sources: Mapping[str, Path]) -> StoredModel:
        """Copy a model's files in, each checked; nothing is added where one is not the named one.

        Args:
            manifest: What it is.
            sources: Path in the manifest to where the file lies now.

        Raises:
            VerificationError: Code ``model.bytes``.
            ConfigurationError: A file is missing or cannot be read, or the disk is full.
        """
        target = self._folder / manifest.root.hex()
        partial = self._folder / (_PARTIAL + secrets.token_hex(8))
        try:
            for file in manifest.files:
                if file.path not in sources:
                    raise ConfigurationError(f"{file.path} of the manifest is not given")
                copied = partial / FILES / file.path
                copied.parent.mkdir(parents=True, exist_ok=True)
                _copy_checked(sources[file.path], copied, file)
            (partial / MANIFEST).write_bytes(manifest.encode())
            stored = _stored(manifest, target)
            if not target.exists():
                partial.rename(target)
        except OSError as error:
            raise ConfigurationError(f"the model cannot be added: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._models[manifest.root] = stored
        return stored


def _stored(manifest: ModelManifest, folder: Path) -> StoredModel:
    ending = WEIGHTS.get(manifest.format)
    found = [file for file in manifest.files if ending and file.path.endswith(ending)]
    if len(found) != 1:
        raise UnsupportedError(
            f"model {manifest.root.hex()} of format {manifest.format!r} has not one file that an "
            "engine here loads",
            code="inference.format",
        )
    weights = WeightsFile(
        root=manifest.root,
        format=manifest.format,
        path=folder / FILES / found[0].path,
        sha256=found[0].sha256,
    )
    return StoredModel(manifest=manifest, weights=weights)


def pieces_of(path: Path) -> Iterator[bytes]:
    """A file, piece by piece."""
    with path.open("rb") as source:
        while piece := source.read(_READ_BYTES):
            yield piece


def _copy_checked(source: Path, target: Path, file: ModelFile) -> None:
    digests = FileDigests()
    with target.open("xb") as copy:
        for piece in pieces_of(source):
            digests.feed(piece)
            if digests.size > file.size:
                break
            copy.write(piece)
    same = (
        digests.size == file.size
        and equal(digests.sha256, file.sha256)
        and equal(tree_root(digests.chunks), file.chunk_root)
    )
    if not same:
        raise VerificationError(
            f"{file.path} does not have the bytes that the manifest names", code="model.bytes"
        )
