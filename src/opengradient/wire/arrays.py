"""Tensors to and from numpy arrays. numpy is loaded by the first call."""

from typing import TYPE_CHECKING, Any

from opengradient.core.models import Dtype
from opengradient.core.tensors import Tensor
from opengradient.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np


def to_array(tensor: Tensor) -> "np.ndarray[Any, Any]":
    """A tensor as an array of its own; texts as an array of objects.

    Raises:
        ConfigurationError: Code ``inference.dtype``: numpy has no such type (bfloat16).
    """
    import numpy as np  # noqa: PLC0415

    if tensor.dtype == Dtype.STRING:
        texts = np.empty(len(tensor.texts()), dtype=object)
        texts[:] = tensor.texts()
        return texts.reshape(tensor.shape)
    if tensor.dtype == Dtype.BFLOAT16:
        raise ConfigurationError("numpy has no bfloat16", code="inference.dtype")
    kind = np.dtype(tensor.dtype.value).newbyteorder("<")
    native = np.frombuffer(tensor.data, dtype=kind).astype(kind.newbyteorder("="))
    return native.reshape(tensor.shape)


def from_array(value: Any, *, name: str = "the array") -> Tensor:
    """An array, or what numpy makes one of, as a tensor.

    Args:
        value: An array, a number, or nested lists of them.
        name: For messages.

    Raises:
        ConfigurationError: Code ``inference.dtype`` for what is no tensor of numbers, bools or
            texts, ``inference.not_finite`` for NaN and infinities.
    """
    import numpy as np  # noqa: PLC0415

    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise ConfigurationError(f"{name} is no array: {error}", code="inference.shape") from error
    if array.dtype.kind in "UO":
        if not all(isinstance(item, str) for item in array.flat):
            raise ConfigurationError(
                f"{name} holds objects that are neither numbers nor texts", code="inference.dtype"
            )
        return Tensor.of_texts([str(item) for item in array.flat], array.shape)
    if array.dtype.name not in Dtype.__members__.values():
        raise ConfigurationError(
            f"{name} is of type {array.dtype}, which no tensor has", code="inference.dtype"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        where = [int(index) for index in np.argwhere(~np.isfinite(array))[0]]
        raise ConfigurationError(
            f"{name} holds NaN or an infinity, first at {where}", code="inference.not_finite"
        )
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return Tensor(dtype=Dtype(array.dtype.name), shape=array.shape, data=little.tobytes())
