"""Engines: one file per format, one line in the registry. They run in worker processes only."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from opengradient.errors import UnsupportedError
from reference_nodes.local_inference_node.backends.base import LoadedModel


def _onnx(data: bytes, threads: int) -> LoadedModel:
    from reference_nodes.local_inference_node.backends.onnx import load  # noqa: PLC0415

    return load(data, threads)


BACKENDS: Mapping[str, Callable[[bytes, int], LoadedModel]] = MappingProxyType({"onnx": _onnx})
"""Format of a model to what loads it from its checked bytes with a number of threads."""

WEIGHTS: Mapping[str, str] = MappingProxyType({"onnx": ".onnx"})
"""Format to the ending of the one file that holds the model."""


def backend_for(name: str) -> Callable[[bytes, int], LoadedModel]:
    """The loader of a format.

    Raises:
        UnsupportedError: Code ``inference.format``.
    """
    found = BACKENDS.get(name)
    if found is None:
        raise UnsupportedError(
            f"no engine here runs models of format {name!r}", code="inference.format"
        )
    return found


__all__ = ["BACKENDS", "WEIGHTS", "LoadedModel", "backend_for"]
