"""From what a caller has to the tensors that a model takes, where no value changes by it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from opengradient.core.models import Dtype, TensorSpec
from opengradient.core.signatures import check_tensors
from opengradient.core.tensors import Tensor
from opengradient.errors import ConfigurationError
from opengradient.wire.arrays import from_array

if TYPE_CHECKING:
    import numpy as np

_AS_THEY_ARE: Final = frozenset({Dtype.STRING, Dtype.BOOL, Dtype.BFLOAT16})
_NUMBERS: Final = "iuf"


def tensors_of(specs: Sequence[TensorSpec], values: Mapping[str, Any]) -> dict[str, Tensor]:
    """The inputs of a model, checked against its signature.

    Numbers become the model's type where each of them stays the same number. Lists of Python
    floats are rounded to the model's float type, as numpy rounds them; arrays never are.

    Args:
        specs: What the model takes.
        values: Arrays, or what numpy makes them of, by name.

    Raises:
        ConfigurationError: Code ``inference.names``, ``inference.dtype``, ``inference.shape`` or
            ``inference.not_finite``; the message says what is expected.
    """
    wanted = {spec.name: spec.dtype for spec in specs}
    tensors = {}
    for name, value in values.items():
        dtype = wanted.get(name)
        if dtype is not None and dtype not in _AS_THEY_ARE:
            value = _converted(value, dtype, name)  # noqa: PLW2901
        tensors[name] = from_array(value, name=f"input {name}")
    check_tensors(specs, tensors, what="input")
    return tensors


def _converted(value: Any, dtype: Dtype, name: str) -> Any:
    import numpy as np  # noqa: PLC0415

    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise ConfigurationError(
            f"input {name} is no array: {error}", code="inference.shape"
        ) from error
    target = np.dtype(dtype.value)
    if array.dtype == target or array.dtype.kind not in _NUMBERS or not array.size:
        return array if array.size else array.astype(target)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return array  # `from_array` says where
    literal = isinstance(value, list | tuple | float) and not isinstance(value, np.generic)
    rounding = literal and array.dtype.kind == "f" and target.kind == "f"
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(target) if _in_range(array, target) else None
        same = converted is not None and bool(
            np.isfinite(converted).all()
            and (rounding or np.array_equal(converted.astype(array.dtype), array))
        )
    if same:
        return converted
    raise ConfigurationError(
        f"input {name} is of type {array.dtype} and has values that {dtype} does not have; "
        "convert it first",
        code="inference.dtype",
    )


def _in_range(array: "np.ndarray[Any, Any]", target: "np.dtype[Any]") -> bool:
    """Whether a cast from or to integers is defined; compared as Python's exact numbers."""
    import numpy as np  # noqa: PLC0415

    low, high = array.min().item(), array.max().item()
    if target.kind != "f":
        bounds = np.iinfo(target)
        return bool(bounds.min <= low and high <= bounds.max)
    # Up to here every integer is a float of this type; some above are, and are refused as well.
    whole = 2 ** (np.finfo(target).nmant + 1)
    return array.dtype.kind == "f" or bool(-whole <= low and high <= whole)
