"""Makes the manifest of a file and adds it to a library."""

from pathlib import Path

import anyio.to_thread

from opengradient.core.chunks import FileDigests, tree_root
from opengradient.core.models import ModelFile, ModelManifest
from opengradient.errors import ConfigurationError, UnsupportedError
from reference_nodes.local_inference_node.backends import WEIGHTS
from reference_nodes.local_inference_node.library import Library, pieces_of
from reference_nodes.local_inference_node.pool import (
    PoolLimits,
    WeightsFile,
    WorkerPool,
    worker_pool,
)


async def add_model(path: Path, folder: Path, *, name: str, version: str, licence: str) -> bytes:
    """Add a model of one file to a library.

    Args:
        path: The file.
        folder: The library's folder.
        name: ``owner/name``.
        version: The owner's name of the version.
        licence: SPDX identifier, or ``other``.

    Returns:
        The model root.

    Raises:
        OpenGradientError: The model cannot be loaded or added; the code says why.
    """
    library = await anyio.to_thread.run_sync(Library, folder)
    file = await anyio.to_thread.run_sync(describe, path, path.name)
    async with worker_pool(PoolLimits(workers=1)) as pool:
        manifest = await manifest_of(file, path, pool, name=name, version=version, licence=licence)
    await anyio.to_thread.run_sync(library.add, manifest, {file.path: path})
    return manifest.root


def describe(path: Path, name: str) -> ModelFile:
    """The entry of a file for a manifest.

    Args:
        path: The file.
        name: Its path in the manifest.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        digests = FileDigests.of(pieces_of(path))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    return ModelFile(
        path=name,
        size=digests.size,
        sha256=digests.sha256,
        chunk_root=tree_root(digests.chunks),
    )


async def manifest_of(
    file: ModelFile, path: Path, pool: WorkerPool, *, name: str, version: str, licence: str
) -> ModelManifest:
    """The manifest of a model of one file, its signature read by loading it in a worker.

    Raises:
        UnsupportedError: Code ``inference.format``: no engine for such files.
        OpenGradientError: It cannot be loaded; the code says why.
    """
    for kind, ending in WEIGHTS.items():
        if file.path.endswith(ending):
            weights = WeightsFile(root=file.sha256, format=kind, path=path, sha256=file.sha256)
            info = await pool.inspect(weights)
            return ModelManifest(
                name=name,
                version=version,
                format=kind,
                licence=licence,
                files=(file,),
                inputs=info.inputs,
                outputs=info.outputs,
            )
    raise UnsupportedError(f"no engine here runs {file.path}", code="inference.format")
