"""Arrays become tensors and back, and what is no tensor is refused before it is sent."""

import numpy as np
import pytest

from opengradient.core.models import Dtype
from opengradient.core.tensors import Tensor
from opengradient.errors import ConfigurationError
from opengradient.wire.arrays import from_array, to_array

KINDS = sorted(set(Dtype) - {Dtype.STRING, Dtype.BFLOAT16})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">", "F"])
def test_round_trip(kind, order):
    array = np.arange(6).reshape(2, 3).astype(np.dtype(kind.value))
    given = (
        np.asfortranarray(array) if order == "F" else array.astype(array.dtype.newbyteorder(order))
    )
    tensor = from_array(given)
    assert (tensor.dtype, tensor.shape) == (kind, (2, 3))
    back = to_array(tensor)
    assert np.array_equal(back, array)
    assert back.dtype == array.dtype
    back[0, 0] = 1  # it is the caller's own


def test_scalars_lists_and_texts():
    assert from_array(1.5) == Tensor(dtype=Dtype.FLOAT64, shape=(), data=np.float64(1.5).tobytes())
    assert from_array([[1, 2], [3, 4]]).shape == (2, 2)
    assert from_array([True]).dtype == Dtype.BOOL
    words = from_array(np.array([["a", "bc"]], dtype=object))
    assert (words.shape, words.texts()) == ((1, 2), ["a", "bc"])
    assert to_array(words).tolist() == [["a", "bc"]]
    assert from_array(np.array(["a", "bc"])).texts() == ["a", "bc"]
    assert to_array(from_array(np.empty((0, 3), np.float32))).shape == (0, 3)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("inference.not_finite", [1.0, float("nan")]),
        ("inference.not_finite", [[float("inf")]]),
        ("inference.not_finite", np.array(-np.inf, np.float16)),
        ("inference.shape", [[1, 2], [3]]),
        ("inference.dtype", [1, None]),
        ("inference.dtype", [{}]),
        ("inference.dtype", 1j),
        ("inference.dtype", np.array(["2020-01-01"], dtype="datetime64[D]")),
        ("inference.dtype", 1 << 70),
        ("inference.dtype", b"bytes"),
    ],
)
def test_what_is_no_tensor(code, value):
    with pytest.raises(ConfigurationError) as caught:
        from_array(value, name="input x")
    assert caught.value.code == code
    assert "input x" in caught.value.message


def test_bfloat16_has_no_array():
    with pytest.raises(ConfigurationError):
        to_array(Tensor(dtype=Dtype.BFLOAT16, shape=(1,), data=b"\0\0"))
