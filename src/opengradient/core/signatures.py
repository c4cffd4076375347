"""Whether tensors are what a model takes: names, types, shapes."""

from collections.abc import Mapping, Sequence

from opengradient.core.models import TensorSpec
from opengradient.core.tensors import Tensor
from opengradient.errors import ConfigurationError


def check_tensors(specs: Sequence[TensorSpec], tensors: Mapping[str, Tensor], *, what: str) -> None:
    """Require that tensors fit their specifications.

    Args:
        specs: What is expected. A named dimension may have any size, and the same one wherever
            its name stands.
        tensors: What is given, by name.
        what: ``"input"`` or ``"output"``, for the message.

    Raises:
        ConfigurationError: Code ``inference.names``, ``inference.dtype`` or ``inference.shape``;
            the message says what is expected.
    """
    expected = {spec.name for spec in specs}
    if tensors.keys() != expected:
        missing = ", ".join(sorted(expected - tensors.keys())) or "none"
        unknown = ", ".join(sorted(tensors.keys() - expected)) or "none"
        raise ConfigurationError(
            f"the model has the {what}s {', '.join(sorted(expected))}; missing: {missing}; "
            f"unknown: {unknown}",
            code="inference.names",
        )
    sizes: dict[str, int] = {}
    for spec in specs:
        tensor = tensors[spec.name]
        if tensor.dtype != spec.dtype:
            raise ConfigurationError(
                f"{what} {spec.name} is of type {spec.dtype}, not {tensor.dtype}; convert it first",
                code="inference.dtype",
            )
        if not _fits(spec, tensor.shape, sizes):
            raise ConfigurationError(
                f"{what} {spec.name} has shape {_shown(spec.shape)}, not {_shown(tensor.shape)}"
                + (f" (with {sizes})" if sizes else ""),
                code="inference.shape",
            )


def _fits(spec: TensorSpec, shape: tuple[int, ...], sizes: dict[str, int]) -> bool:
    if len(shape) != len(spec.shape):
        return False
    for wanted, given in zip(spec.shape, shape, strict=True):
        if isinstance(wanted, str):
            wanted = sizes.setdefault(wanted, given)  # noqa: PLW2901
        if wanted != given:
            return False
    return True


def _shown(shape: tuple[int | str, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"
