"""Numbers become the model's type where they stay the same numbers, and nowhere else."""

import numpy as np
import pytest

from opengradient.alpha.inputs import tensors_of
from opengradient.core.models import Dtype, TensorSpec
from opengradient.errors import ConfigurationError
from opengradient.wire.arrays import to_array


def specs(dtype, shape=("n",)):
    return (TensorSpec(name="x", dtype=Dtype(dtype), shape=shape),)


def given(dtype, value, shape=("n",)):
    return to_array(tensors_of(specs(dtype, shape), {"x": value})["x"])


def refused(code, dtype, value, shape=("n",)):
    with pytest.raises(ConfigurationError) as caught:
        given(dtype, value, shape)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", [1, 2]),
        ("float32", np.array([1, 2], np.int64)),
        ("float32", np.array([0.5, 2.0])),
        ("float64", np.array([0.1], np.float32)),
        ("float16", [2048]),
        ("int64", np.array([1, 2], np.int32)),
        ("int64", [1.0, -3.0]),
        ("uint8", [0, 255]),
        ("int8", np.array([-128, 127], np.int64)),
        ("float64", [2**53, -(2**53)]),
        ("bool", [True, False]),
    ],
)
def test_exact_conversions(dtype, value):
    found = given(dtype, value)
    assert found.dtype == np.dtype(dtype)
    assert np.array_equal(found, np.asarray(value))


def test_python_floats_are_rounded_and_arrays_are_not():
    assert np.array_equal(given("float32", [0.1, 0.2]), np.array([0.1, 0.2], np.float32))
    assert given("float32", 0.1, ()).shape == ()
    refused("inference.dtype", "float32", np.array([0.1]))
    refused("inference.dtype", "float32", np.float64(0.1), ())


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", [-1]),
        ("uint8", [256]),
        ("int64", np.array([2**64 - 1], np.uint64)),
        ("uint64", np.array([-1], np.int64)),
        ("int32", [1.5]),
        ("int64", [1e30]),
        ("float32", [2**24 + 1]),
        ("float64", [2**53 + 1]),
        ("float64", np.array([2**64 - 1], np.uint64)),
        ("float16", [1e6]),
        ("float32", [1e300]),
        ("float32", [True]),
        ("bool", [0, 1]),
        ("float32", ["1.0"]),
        ("string", [1.0]),
        ("float32", [1 + 2j]),
        ("float32", [None]),
    ],
)
def test_values_that_would_change_are_refused(dtype, value):
    refused("inference.dtype", dtype, value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinities(bad):
    for dtype in ("float32", "float64", "int64"):
        error = refused("inference.not_finite", dtype, [1.0, bad])
        assert "first at [1]" in error.message


def test_shapes_and_names():
    refused("inference.shape", "float32", [[1.0], [1.0, 2.0]])
    refused("inference.shape", "float32", [[1.0]])
    refused("inference.shape", "float32", [1.0, 2.0, 3.0], (2,))
    for values in ({}, {"y": [1.0]}, {"x": [1.0], "y": [1.0]}):
        with pytest.raises(ConfigurationError) as caught:
            tensors_of(specs("float32"), values)
        assert caught.value.code == "inference.names"


def test_texts_and_empty_arrays():
    assert list(given("string", ["a", "ü"])) == ["a", "ü"]
    assert given("float32", []).shape == (0,)
    assert given("int64", np.zeros((0, 3), np.int64), ("n", 3)).shape == (0, 3)
